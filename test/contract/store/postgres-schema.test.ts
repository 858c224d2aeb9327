/** Which databases MiniPay accepts, and its messages about the others. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { NOUNS } from '../../../src/storage/columns.ts'
import { migratePostgres, migrations } from '../../../src/storage/postgres/migrate.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { onDatabase, type PostgresServer, postgresServer, withDatabase } from '../../kit/postgres.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'

let server: PostgresServer
before(async () => {
  server = await postgresServer()
})
after(() => server.remove())

test('a database with tables of others is refused, also when the user may not read them', async () => {
  const url = await server.createDatabase()
  const user = `minipay_${randomUUID().replaceAll('-', '')}`
  await onDatabase(url, async (client) => {
    await client.query(`CREATE ROLE ${user} LOGIN PASSWORD 'secret'`)
    await client.query(`GRANT CREATE, USAGE ON SCHEMA public TO ${user}`)
    await client.query('CREATE TABLE customers (id integer)')
  })
  const own = new URL(url)
  own.username = user
  own.password = 'secret'
  await assert.rejects(migratePostgres(own.href), {
    name: 'SchemaMismatch',
    message: /has tables that are not MiniPay's/,
  })
  await onDatabase(url, (client) => client.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`))
})

/**
 * A database of the first schema, with a charge of 1000 that has a won and an open dispute; `disputed` is the charge's
 * amount.
 */
async function firstSchema(disputed: number): Promise<string> {
  const url = await server.createDatabase()
  await migratePostgres(url, migrations().slice(0, 1))
  await onDatabase(url, (client) =>
    client.query(`
      INSERT INTO charges
        (account_id, live, id, version, amount, amount_captured, amount_refunded, amount_refund_pending,
         amount_disputed, currency, customer, status, capture, provider, idempotency_key, created_at)
      VALUES (1, 1, 'txn_1', 4, 1000, 1000, 0, 0, ${disputed}, 'usd', 'c', 'succeeded', 1, 'bank', 'k', 1);
      INSERT INTO disputes VALUES
        (1, 1, 'dp_1', 'txn_1', 'bank', 'd1', 100, 'usd', 'c', 'won', NULL, 5),
        (1, 1, 'dp_2', 'txn_1', 'bank', 'd2', 300, 'usd', 'c', 'open', NULL, 6)`),
  )
  return url
}

test('a database of the first schema says after its migration what of its disputes is booked', async () => {
  const url = await firstSchema(300)
  const applied = await migratePostgres(url)
  assert.deepEqual(applied, migrations().slice(1))
  const { rows } = await onDatabase(url, (client) =>
    client.query('SELECT id, amount::int, amount_booked::int FROM disputes ORDER BY id'),
  )
  assert.deepEqual(rows, [
    { id: 'dp_1', amount: 100, amount_booked: 0 },
    { id: 'dp_2', amount: 300, amount_booked: 300 },
  ])
})

test('a transaction that a migration cannot take is named with what to do, and the database stays as it was', async () => {
  for (const [disputed, says] of [
    [
      1600,
      /stays at schema 1: the transaction txn_1 says that of 1000 captured .* 1600 is disputed.*Correct it/,
    ],
    [-500, /-500 is disputed/],
  ] as const) {
    const url = await firstSchema(disputed)
    await assert.rejects(migratePostgres(url), { name: 'SchemaMismatch', message: says })
    const schema = `SELECT number, to_regclass('alarms') AS alarms FROM schema_version`
    const { rows } = await onDatabase(url, (client) => client.query(schema))
    assert.deepEqual(rows, [{ number: 1, alarms: null }])
    await onDatabase(url, (client) => client.query('UPDATE charges SET amount_disputed = 300'))
    assert.deepEqual(await migratePostgres(url), migrations().slice(1))
  }
})

/** A database of the schema before transfers, with these entries: two of a charge, and two of its refund. */
async function withEntries(change = 'SELECT'): Promise<string> {
  const url = await server.createDatabase()
  await migratePostgres(url, migrations().slice(0, BEFORE_TRANSFERS))
  await onDatabase(url, (client) =>
    client.query(`
      INSERT INTO sequences VALUES (1, 1, 2, 4), (1, 0, 0, 0);
      INSERT INTO ledger_accounts VALUES
        (1, 1, 1, 'provider:bank', 'usd', 70), (2, 1, 1, 'merchant', 'usd', -70);
      INSERT INTO ledger_entries VALUES
        (1, 1, 4, 1, 're_1', -30, 6), (1, 1, 3, 2, 're_1', 30, 6),
        (1, 1, 1, 1, 'txn_1', 100, 5), (1, 1, 2, 2, 'txn_1', -100, 5);
      ${change}`),
  )
  return url
}
const BEFORE_TRANSFERS = migrations().findIndex(({ name }) => name.endsWith('_transfers.sql'))

test('an upgrade to transfers keeps every entry with its number', async () => {
  const url = await withEntries()
  await migratePostgres(url)
  const { rows } = await onDatabase(url, (client) =>
    client.query(
      'SELECT seq::int, debit_account_id::int AS debit, transaction_id AS id, amount::int, created_at::int AS at FROM ledger_transfers ORDER BY seq',
    ),
  )
  assert.deepEqual(rows, [
    { seq: 1, debit: 1, id: 'txn_1', amount: 100, at: 5 },
    { seq: 2, debit: 2, id: 're_1', amount: 30, at: 6 },
  ])
  const numbers = await onDatabase(url, (client) =>
    client.query('SELECT live, event::int, transfer::int FROM sequences ORDER BY live'),
  )
  assert.deepEqual(numbers.rows, [
    { live: 0, event: 0, transfer: 0 },
    { live: 1, event: 2, transfer: 2 },
  ])
  const store = await openPostgresStore({ url, onFatal: assert.fail })
  try {
    const { data } = await store.ledgerEntries(LIVE_SCOPE, { limit: 9 })
    assert.deepEqual(
      data.map(({ sequence, account, amount }) => [sequence, account, amount]),
      [
        [4, 'provider:bank', -30],
        [3, 'merchant', 30],
        [2, 'merchant', -100],
        [1, 'provider:bank', 100],
      ],
    )
  } finally {
    await store.close()
  }
})

test('an upgrade to transfers refuses entries that it would lose, and changes nothing', async () => {
  for (const [change, says] of [
    [
      'UPDATE ledger_entries SET amount = 29 WHERE seq = 3',
      /: the entry 3 of re_1 has no opposite beside it: /,
    ],
    [
      'UPDATE ledger_entries SET amount = -amount WHERE seq > 2',
      /: the entry 3 of re_1 has no opposite beside it: /,
    ],
    [
      'DELETE FROM ledger_entries WHERE seq = 4',
      /: the ledger of account 1 \(live\) has 3 entries with 3 numbers from 1 to 3, /,
    ],
  ] as const) {
    const url = await withEntries(change)
    await assert.rejects(migratePostgres(url), { name: 'SchemaMismatch', message: says })
    const { rows } = await onDatabase(url, (client) => client.query('SELECT number FROM schema_version'))
    assert.deepEqual(rows, [{ number: BEFORE_TRANSFERS }])
  }
})

test('a database in another encoding than UTF-8 is refused: it would take bytes that are no text', async () => {
  const name = `minipay_${randomUUID().replaceAll('-', '')}`
  await onDatabase(server.url, (client) =>
    client.query(
      `CREATE DATABASE ${name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    ),
  )
  const url = withDatabase(server.url, name)
  try {
    await assert.rejects(migratePostgres(url), { name: 'SchemaMismatch', message: /is in SQL_ASCII/ })
  } finally {
    await server.dropDatabase(url)
  }
})

test('PostgreSQL has a column of the right type for each property of a noun, and no others but those that only it needs', async () => {
  const url = await server.createDatabase()
  await migratePostgres(url)
  const { rows } = await onDatabase(url, (client) =>
    client.query(
      `SELECT table_name, column_name, data_type FROM information_schema.columns
       WHERE table_schema = 'public' AND column_name NOT IN ('account_id', 'live', 'owner')
         AND is_generated = 'NEVER'`,
    ),
  )
  for (const { name, columns } of NOUNS) {
    const found = rows.filter((row) => row.table_name === name)
    assert.deepEqual(
      Object.fromEntries(found.map((row) => [row.column_name, row.data_type])),
      Object.fromEntries(columns.map(({ name, type }) => [name, type])),
    )
  }
})
