/**
 * The main action of each screen again, on PostgreSQL: from a click to what the API then says. One server of PostgreSQL and
 * one browser serve them all.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { migratePostgres } from '../src/storage/postgres/migrate.ts'
import { browserTest, shareBrowser } from './dashboard/browser.ts'
import { screenPatterns } from './dashboard/screens.ts'
import { databaseName, postgresServer } from './kit/postgres.ts'

/** Each file of `dashboard/` with the screens whose main action it tests. */
const SCREENS: Readonly<Record<string, readonly string[]>> = {
  operations: ['/unresolved', '/providers', '/disputes', '/alarms'],
  payments: ['/payments', '/payments/:id', '/refunds'],
  settings: ['/keys', '/audit', '/system', '/accounts'],
  webhooks: ['/webhooks', '/webhooks/:id', '/deliveries/:id', '/events', '/events/:id'],
  routing: ['/routing'],
  ledger: ['/ledger'],
  overview: ['/'],
  'sign-in': ['/sessions'],
}

const fileOf = (name: string) => fileURLToPath(new URL(`./dashboard/${name}.test.ts`, import.meta.url))
const SESSIONS = 'a person sees where the key is signed in'

/** Of the file about signing in, all but the screen of sessions: cookies and keys have tests on PostgreSQL of their own. */
function otherSignIns(): string[] {
  const names = readFileSync(fileOf('sign-in'), 'utf8').matchAll(/browserTest\(\s*'((?:[^'\\]|\\.)+)'/g)
  return [...names].map(([, name = '']) => name).filter((name) => !name.startsWith(SESSIONS))
}

test('each screen has a test of its main action on both engines', () => {
  assert.deepEqual(Object.values(SCREENS).flat().toSorted(), screenPatterns().toSorted())
  assert.ok(otherSignIns().length > 0)
})

browserTest('what people do on each screen is done on PostgreSQL, too', async (t) => {
  const [server, browser] = await Promise.all([postgresServer(), shareBrowser()])
  t.after(() => Promise.all([server.remove(), browser?.close()]))
  assert.ok(browser, 'No Chromium was found, and this environment requires the browser tests.')
  const template = await server.createDatabase()
  await migratePostgres(template)
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(
    process.execPath,
    [
      ...['--test', '--test-concurrency=2', '--test-reporter=spec'],
      ...otherSignIns().map((name) => `--test-skip-pattern=${name}`),
      ...Object.keys(SCREENS).map(fileOf),
    ],
    {
      env: {
        ...env,
        TEST_POSTGRES: server.url,
        TEST_POSTGRES_TEMPLATE: databaseName(template),
        TEST_BROWSER_AT: browser.address,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  t.after(() => child.kill())
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  assert.equal(code, 0, output.slice(output.indexOf('failing tests')))
  const passed = Number(/pass (\d+)/.exec(output)?.[1])
  assert.ok(passed >= Object.keys(SCREENS).length, output)
})
