/** The upgrade to totals by day: the worker makes those of the entries that are there, also after a kill in the middle. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { nodeRuntime } from '../../../src/runtime/node.ts'
import { type Engine, engineOf } from '../../../src/storage/engine.ts'
import { migratePostgres, migrations } from '../../../src/storage/postgres/migrate.ts'
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts'
import { startLedgerSlices } from '../../../src/workers/ledger-slices.ts'
import { type TempDir, tempDir } from '../../kit/folders.ts'
import { makeFormer } from '../../kit/former-rows.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { LIVE_SCOPE as scope } from '../../kit/scopes.ts'
import { until } from '../../kit/until.ts'
import { allEntries, assertDays, DAY, daysOf, fillSlices, SILENT } from './ledger-days.ts'
import { databases } from './postgres-support.ts'

const MIGRATION = 'ledger_days'
const PROGRAM = fileURLToPath(new URL('./die-in-slices.ts', import.meta.url))

const postgres = databases()
let dir: TempDir
/** A SQLite file of this version, with two slices. */
let file: string
before(async () => {
  dir = tempDir()
  file = join(dir.path, 'minipay.db')
  const store = await openSqliteStore({ file, onFatal: assert.fail })
  await fillSlices(store, scope)
  for (const slice of [1, 2]) assert.equal(await store.addLedgerSlice(scope, slice), true)
  await store.close()
})
after(() => dir?.remove())

/** The charges have no attempts, of which verify says so: at the end it may say nothing else. */
async function problemOf(database: string): Promise<string | undefined> {
  const { problem } = await (await engineOf(database)).verify()
  assert.doesNotMatch(problem ?? '', /slice|totals/)
  return problem
}

/**
 * Kills a process in the middle of the work, and lets another one end it. `sound` is what verify said before the upgrade;
 * `tamper` changes the days.
 */
async function assertFilled(
  database: string,
  sound: string | undefined,
  tamper: () => Promise<unknown>,
): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, database], { stdio: ['ignore', 'inherit', 'inherit'] })
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])

  const engine: Engine = await engineOf(database)
  const store = await engine.open({ onGroup() {}, onFatal: assert.fail, log: SILENT })
  const due = await store.ledgerSlicesDue(9)
  assert.notEqual(due[0]?.slice, 1, 'the first slice was stored')
  const entries = await allEntries(store, scope)
  // Until they are stored, the days of the rest are sums of its entries.
  await assertDays(store, scope, daysOf(entries), DAY)
  const worker = startLedgerSlices({ store, log: SILENT, runtime: nodeRuntime })
  await until('every slice is stored', async () => (await store.ledgerSlicesDue(9)).length === 0)
  await worker.stop()
  await assertDays(store, scope, daysOf(entries), DAY)
  await store.close()
  assert.equal((await engine.verify()).problem, sound)
  await tamper()
  assert.match((await engine.verify()).problem ?? '', /^The totals of /)
}

const TAMPERING = 'UPDATE ledger_days SET balance = balance + 1'

test('SQLite: an upgraded file gets the totals of all its days, also after a kill', async () => {
  const sound = await problemOf(file)
  makeFormer(file, MIGRATION)
  await assertFilled(file, sound, async () => {
    const { openWriter } = await import('../../../src/storage/sqlite/open.ts')
    const db = openWriter(file)
    assert.equal(db.prepare('SELECT count(*) FROM ledger_slices').pluck().get(), 2)
    db.exec(TAMPERING)
    db.close()
  })
})

/** Every row of a database, as JSON by table. */
async function rowsOf(url: string): Promise<ReadonlyMap<string, string>> {
  return onDatabase(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version'`,
    )
    const found = new Map<string, string>()
    for (const { name } of rows) {
      const all = await client.query(`SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${name} t`)
      found.set(name, all.rows[0]?.rows)
    }
    return found
  })
}

/** A database of the version before, with the rows of a database of this one. */
async function formerPostgres(current: string): Promise<string> {
  const url = await postgres.server.createDatabase()
  const all = migrations()
  await migratePostgres(
    url,
    all.slice(
      0,
      all.findIndex(({ name }) => name.endsWith(`_${MIGRATION}.sql`)),
    ),
  )
  const rows = await rowsOf(current)
  const tables = [...(await rowsOf(url)).keys()]
  await onDatabase(url, async (client) => {
    await client.query('SET session_replication_role = replica')
    for (const table of tables) {
      await client.query(`DELETE FROM ${table}`)
      const sql = `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`
      await client.query(sql, [rows.get(table)])
    }
  })
  return url
}

test('PostgreSQL: an upgraded database gets the totals of all its days, also after a kill', async (t) => {
  const current = await postgres.database(t)
  const store = await (await engineOf(current)).open({ onGroup() {}, onFatal: assert.fail, log: SILENT })
  await fillSlices(store, scope)
  for (const slice of [1, 2]) assert.equal(await store.addLedgerSlice(scope, slice), true)
  await store.close()
  const sound = await problemOf(current)
  const url = await formerPostgres(current)
  t.after(() => postgres.server.dropDatabase(url))
  const count = async (table: string) =>
    (await onDatabase(url, (client) => client.query(`SELECT count(*)::int AS n FROM ${table}`))).rows[0]?.n
  assert.equal(await count('ledger_slices'), 2)
  await migratePostgres(url)
  assert.equal(await count('ledger_slices'), 0)
  await assertFilled(url, sound, async () => {
    assert.equal(await count('ledger_slices'), 2)
    await onDatabase(url, (client) => client.query(TAMPERING))
  })
})
