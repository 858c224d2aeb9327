/** Upgrades of databases from versions without modes: where only the sandbox was used, the rows move to test mode. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import type { Store } from '../../../src/ports/store.ts'
import { migratePostgres, migrations as ofPostgres } from '../../../src/storage/postgres/migrate.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { verifyPostgres } from '../../../src/storage/postgres/verify.ts'
import { migrate, migrations as ofSqlite } from '../../../src/storage/sqlite/migrate.ts'
import { openWriter } from '../../../src/storage/sqlite/open.ts'
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts'
import { verify } from '../../../src/storage/sqlite/verify.ts'
import { everything } from '../../kit/commits.ts'
import { type TempDir, tempDir } from '../../kit/folders.ts'
import { FORMER_WEBHOOKS, makeFormer, withFormerIds } from '../../kit/former-rows.ts'
import { fillSandboxBooks, LIVE, openBooks, TEST } from '../../kit/history.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { databases } from './postgres-support.ts'

/** The first migration of the version with modes. */
const FIRST = '_velocity_counters.sql'
/** Tables of that version: a former database has no row for them to move. */
const NEW_TABLES = ['access_keys', 'audit_log', 'velocity_counters']

const postgres = databases()
const before_ = <T extends { readonly name: string }>(all: readonly T[], name: string) =>
  all.slice(
    0,
    all.findIndex((step) => step.name.endsWith(name)),
  )

type Row = Record<string, string | number | null>
let dir: TempDir
/** A SQLite database of the former version. */
let former: string
/** Every row of it, by table. */
let rows: Record<string, Row[]>
let seen: Awaited<ReturnType<typeof everything>>

before(async () => {
  dir = tempDir()
  former = join(dir.path, 'former.db')
  const store = await openSqliteStore({ file: former, onFatal: assert.fail })
  await fillSandboxBooks(withFormerIds(store))
  seen = await everything(store, LIVE)
  // That version had no audit log, which has the authors.
  seen = { ...seen, ruleSet: seen.ruleSet && { ...seen.ruleSet, author: null } }
  await store.close()
  makeFormer(former, FIRST.slice(1, -'.sql'.length))
  const db = openWriter(former)
  const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all() as string[]
  rows = Object.fromEntries(
    tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all() as Row[]]),
  )
  db.close()
})
after(() => dir?.remove())

type Upgraded = {
  /** The number of rows of each mode, by table with the column `live`. */
  readonly modes: Record<string, { live: number; test: number }>
  readonly problem: string | undefined
  open(): Promise<Store>
}

let files = 0
async function onSqlite(change: string): Promise<Upgraded> {
  const file = join(dir.path, `${++files}.db`)
  copyFileSync(former, file)
  const db = openWriter(file)
  db.pragma('foreign_keys = OFF')
  db.exec(change)
  migrate(db, before_(ofSqlite(), '_modes.sql'))
  migrate(db, ofSqlite().slice(0, before_(ofSqlite(), '_modes.sql').length + 1))
  const tables = db
    .prepare(
      `SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'live'`,
    )
    .pluck()
    .all() as string[]
  const count = (table: string, live: number) =>
    db.prepare(`SELECT count(*) FROM ${table} WHERE live = ?`).pluck().get(live) as number
  const modes = Object.fromEntries(
    tables.map((name) => [name, { live: count(name, 1), test: count(name, 0) }]),
  )
  migrate(db)
  const { problem } = verify(db)
  db.close()
  return { modes, problem, open: () => openSqliteStore({ file, onFatal: assert.fail }) }
}

/** A PostgreSQL database of the former version with the same rows. */
async function formerPostgres(change: string): Promise<string> {
  const url = await postgres.server.createDatabase()
  await migratePostgres(url, before_(ofPostgres(), FIRST))
  await onDatabase(url, async (client) => {
    await client.query('DELETE FROM accounts; DELETE FROM epochs')
    for (const [table, all] of Object.entries(rows)) {
      if (table === 'long_texts') continue
      const whole = all.map((row) => (table === 'counters' ? { ...row, part: 0 } : row))
      const sql = `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`
      await client.query(sql, [JSON.stringify(whole)])
    }
    await client.query(`
      INSERT INTO sequences (account_id, live, event, transfer)
        SELECT 1, 1, (SELECT max(seq) FROM events), (SELECT max(seq) FROM ledger_transfers);
      SELECT setval(pg_get_serial_sequence('ledger_accounts', 'id'), (SELECT max(id) FROM ledger_accounts));
      SELECT setval(pg_get_serial_sequence('idempotency_keys', 'seq'), (SELECT max(seq) FROM idempotency_keys));
      ${change}`)
  })
  return url
}

async function modesOf(url: string): Promise<Upgraded['modes']> {
  return onDatabase(url, async (client) => {
    const found = await client.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'live'`,
    )
    const modes: Upgraded['modes'] = {}
    for (const { name } of found.rows) {
      const counts = `SELECT count(*) FILTER (WHERE live = 1)::int AS live, count(*) FILTER (WHERE live = 0)::int AS test FROM ${name}`
      modes[name] = (await client.query<{ live: number; test: number }>(counts)).rows[0] ?? assert.fail()
    }
    return modes
  })
}

async function onPostgres(change: string): Promise<Upgraded> {
  const url = await formerPostgres(change)
  await migratePostgres(url, ofPostgres().slice(0, before_(ofPostgres(), '_modes.sql').length + 1))
  const modes = await modesOf(url)
  await migratePostgres(url)
  const { problem } = await verifyPostgres(url)
  return { modes, problem, open: () => openPostgresStore({ url, onFatal: assert.fail }) }
}

/** A copied file begins an epoch of its own. */
const withoutEpoch = ({ events, ...all }: typeof seen) => ({
  ...all,
  events: events.data,
  ...FORMER_WEBHOOKS,
})

const ENGINES = { SQLite: onSqlite, PostgreSQL: onPostgres }

for (const [engine, upgrade] of Object.entries(ENGINES)) {
  test(`a database that only used the sandbox moves every row of every table to test mode (${engine})`, async () => {
    const { modes, problem, open } = await upgrade('')
    assert.equal(problem, undefined)
    const left = Object.entries(modes).filter(([, { live }]) => live > 0)
    assert.deepEqual(left, [], 'a table that the migration forgot')
    // Epochs end with a restore, and these three are rows of real providers: the other tests have them.
    const empty = Object.entries(modes).filter(([, { test: moved }]) => moved === 0)
    const expected = ['alarms', 'disputes', 'epoch_ends', ...NEW_TABLES]
    assert.deepEqual(empty.map(([name]) => name).sort(), expected.sort())
    const store = await open()
    try {
      assert.deepEqual(withoutEpoch(await everything(store, TEST)), withoutEpoch(seen))
      const { charges, totals } = await everything(store, LIVE)
      assert.deepEqual([charges.data, totals], [[], []])
      // The next event follows those that moved.
      const books = openBooks(store, 'sandbox')
      const { id } = await books.charge(1_100, {}, TEST)
      const next = await store.events(TEST, { after: seen.events.data.length, limit: 9 })
      assert.deepEqual(
        next.data.map(({ type }) => type),
        ['payment.succeeded'],
      )
      assert.equal((await store.charge(TEST, id))?.amount, 1_100)
      const record = await store.idempotencyRecord(TEST, seen.charges.data[0]?.idempotencyKey ?? '')
      assert.ok(record)
    } finally {
      await store.close()
    }
  })

  test(`an epoch that ended before the upgrade has ended in test mode (${engine})`, async () => {
    const { modes } = await upgrade(`
      INSERT INTO epochs (first_seq, id, began_at, cause) VALUES (1000, 'ep_2', 5, 'requested');
      INSERT INTO epoch_ends VALUES (1000, 1, 1, 3)`)
    assert.deepEqual(modes['epoch_ends'], { live: 0, test: 1 })
  })

  for (const [what, change] of Object.entries({
    'a payment of another provider': `UPDATE charges SET provider = 'bank', provider_reference = 'pay_1' WHERE amount = 1002`,
    'a payment at a provider with the name of the sandbox': `UPDATE charges SET provider_reference = 'pay_1' WHERE amount = 1002`,
    'a reference of a provider that begins like those of the sandbox': `UPDATE attempts SET provider_reference = 'sandbox_1' WHERE kind = 'capture'`,
    'a charge that another provider declined': `UPDATE charges SET provider = 'bank' WHERE amount = 1001`,
    'an attempt whose outcome is unknown': `UPDATE attempts SET state = 'unknown', unknown_since = 1 WHERE kind = 'capture'`,
    'a call that was not sent': `UPDATE attempts SET state = 'not_sent' WHERE kind = 'capture'`,
    'a notification': `INSERT INTO notifications (id, provider, notification_id, about, state, tries, received_at)
      VALUES ('ntf_1', 'sandbox', 'n', 'nothing', 'done', 0, 1)`,
    'a dispute': `INSERT INTO disputes (account_id, live, id, transaction_id, provider, provider_reference, amount, currency,
      amount_booked, customer, status, created_at) VALUES (1, 1, 'dp_1', 'txn_1', 'sandbox', 'd', 1, 'usd', 0, 'c', 'open', 1)`,
  }))
    test(`a database stays live because of ${what} (${engine})`, async () => {
      const { modes } = await upgrade(change)
      for (const [table, { test: moved }] of Object.entries(modes)) assert.equal(moved, 0, table)
      assert.equal(modes['charges']?.live, rows['charges']?.length)
    })

  test(`a charge that found no provider at all does not keep the rows from moving (${engine})`, async () => {
    const { modes } = await upgrade(`UPDATE charges SET provider = 'none' WHERE amount = 1001`)
    assert.deepEqual(modes['charges'], { live: 0, test: rows['charges']?.length })
  })
}

test('the tables of both engines that have a mode are those of the former version, and the new ones', () => {
  const db = openWriter(join(dir.path, 'new.db'))
  migrate(db)
  const all = db
    .prepare(
      `SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'live'`,
    )
    .pluck()
    .all() as string[]
  db.close()
  const sql = ofSqlite().find(({ name }) => name.endsWith('_modes.sql'))?.sql ?? assert.fail()
  const before = new Set(
    Object.entries(rows).flatMap(([name, [row]]) => (row && 'live' in row ? [name] : [])),
  )
  for (const name of before) assert.match(sql, new RegExp(`UPDATE ${name} SET live = 0`), name)
  for (const name of NEW_TABLES) assert.ok(all.includes(name) && !before.has(name), name)
})

test('a charge that a node of the former version commits during the upgrade moves, too, and later ones fail', async () => {
  const url = await formerPostgres('')
  const steps = before_(ofPostgres(), '_modes.sql')
  await migratePostgres(url, steps)
  const node = new Client({ connectionString: url })
  await node.connect()
  const insert = (id: string) =>
    node.query(`
      INSERT INTO charges (account_id, live, id, version, amount, amount_captured, amount_refunded, amount_refund_pending,
        amount_disputed, currency, customer, status, capture, provider, provider_reference, idempotency_key, created_at)
      VALUES (1, 1, '${id}', 1, 10, 10, 0, 0, 0, 'usd', 'c', 'succeeded', 1, 'sandbox', 'sandbox_${id}', '${id}', 1)`)
  try {
    await node.query('BEGIN')
    await insert('txn_late')
    let isDone = false
    const upgrading = migratePostgres(url).then(() => {
      isDone = true
    })
    const isWaiting = async () => {
      const { rows: waiting } = await onDatabase(url, (client) =>
        client.query(`SELECT 1 FROM pg_locks WHERE NOT granted`),
      )
      return waiting.length > 0
    }
    while (!(await isWaiting())) assert.equal(isDone, false, 'the upgrade did not wait')
    await node.query('COMMIT')
    await upgrading
    const modes = await modesOf(url)
    assert.deepEqual(modes['charges'], { live: 0, test: (rows['charges']?.length ?? 0) + 1 })
    // As that version takes the numbers of a commit.
    const taking = node.query(`
      INSERT INTO sequences AS s (account_id, live, event, transfer) VALUES (1, 1, 1, 1)
      ON CONFLICT (account_id, live) DO UPDATE SET event = s.event + 1`)
    await assert.rejects(taking, /null value in column "audit"/)
  } finally {
    await node.end()
  }
})
