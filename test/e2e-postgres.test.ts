/** The end-to-end tests again, on PostgreSQL: the same answers, ledgers and events. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { migratePostgres } from '../src/storage/postgres/migrate.ts'
import { databaseName, postgresServer } from './kit/postgres.ts'

/** What a store decides: that clients find what was stored, in order and once, with races, restarts and odd texts. */
const FILES = [
  'canaries',
  'scopes',
  'system',
  'golden',
  'demo',
  'charges-refunds',
  'csv',
  'list-filters',
  'search',
  'seed-contract',
  'idempotency',
  'naughty-strings',
  'from-schemas',
  'long-texts',
  'webhooks',
  'retrying',
  'lifecycle',
  'races',
  'failover',
  'notifications',
  'disputes',
  'modes',
  'alarms',
  'odd-disputes',
  'contradictions',
  'routing-versions',
  'webhook-endpoints',
  'webhook-journey',
  'webhook-failures',
  'keyed-webhooks',
  'library',
]

/**
 * What MiniPay decides above the store, or the contract of stores and the cluster's tests check on PostgreSQL, too:
 * after a change of `storage/postgres/` run them with TEST_EVERY=1.
 */
const MORE = [
  'authentication',
  'bad-input',
  'cancel-wishes',
  'corrections',
  'dashboard-session-list',
  'dashboard-sessions',
  'documented-examples',
  'first-key',
  'in-between',
  'keys-command',
  'lagging-lookups',
  'me',
  'missing-providers',
  'own-words',
  'pauses',
  'public-server',
  'velocity',
  'webhook-refusals',
]

/** Those that reach into the SQLite file itself: they hold its write lock, or move its due times. */
const OF_SQLITE = [
  'a request waits for its twin',
  '5xx and a cut connection are retried after',
  'of very many that failed',
]

test('the end-to-end tests pass on PostgreSQL', { timeout: 1_800_000 }, async () => {
  const server = await postgresServer()
  try {
    const template = await server.createDatabase()
    await migratePostgres(template)
    const chosen = process.env['TEST_EVERY'] === undefined ? FILES : [...FILES, ...MORE]
    const files = chosen.map((name) => fileURLToPath(new URL(`./e2e/${name}.test.ts`, import.meta.url)))
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const options = [
      '--test',
      '--test-concurrency=2',
      ...OF_SQLITE.map((name) => `--test-skip-pattern=${name}`),
    ]
    const child = spawn(process.execPath, [...options, ...files], {
      env: { ...env, TEST_POSTGRES: server.url, TEST_POSTGRES_TEMPLATE: databaseName(template) },
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
