/** The end-to-end tests again, on PostgreSQL: the same answers, ledgers and events. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { postgresServer } from './kit/postgres.ts'

const FILES = [
  'authentication',
  'canaries',
  'first-key',
  'scopes',
  'golden',
  'me',
  'system',
  'demo',
  'charges-refunds',
  'seed-contract',
  'idempotency',
  'bad-input',
  'naughty-strings',
  'from-schemas',
  'long-texts',
  'webhooks',
  'retrying',
  'lifecycle',
  'races',
  'failover',
  'in-between',
  'own-words',
  'notifications',
  'lagging-lookups',
  'cancel-wishes',
  'disputes',
  'missing-providers',
  'modes',
  'keys-command',
  'public-server',
  'alarms',
  'odd-disputes',
  'contradictions',
  'corrections',
  'routing-versions',
  'velocity',
  'webhook-endpoints',
  'webhook-refusals',
  'webhook-journey',
  'webhook-failures',
  'documented-examples',
  'library',
]

/** Those that reach into the SQLite file itself: they hold its write lock, or move its due times. */
const OF_SQLITE = [
  'a request waits for its twin',
  '5xx and a cut connection are retried after',
  'of very many that failed',
]

test('the end-to-end tests pass on PostgreSQL', { timeout: 900_000 }, async () => {
  const server = await postgresServer()
  try {
    const files = FILES.map((name) => fileURLToPath(new URL(`./e2e/${name}.test.ts`, import.meta.url)))
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const options = [
      '--test',
      '--test-concurrency=2',
      ...OF_SQLITE.map((name) => `--test-skip-pattern=${name}`),
    ]
    const child = spawn(process.execPath, [...options, ...files], {
      env: { ...env, TEST_POSTGRES: server.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    assert.equal(code, 0, output.slice(output.indexOf('failing tests')))
    assert.match(output, /pass [1-9]/)
  } finally {
    await server.remove()
  }
})
