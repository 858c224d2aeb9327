/** Which databases are taken for MiniPay's, and what is said of others. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { NOUNS } from '../../../src/storage/columns.ts'
import { migratePostgres, migrations } from '../../../src/storage/postgres/migrate.ts'
import { onDatabase, type PostgresServer, postgresServer, withDatabase } from '../../kit/postgres.ts'

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

/** A database of the first schema, with a charge of 1000 that has a won and an open dispute; `disputed` is what the charge says. */
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
       WHERE table_schema = 'public' AND column_name NOT IN ('account_id', 'live', 'owner')`,
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
