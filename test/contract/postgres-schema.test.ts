/** Which databases are taken for MiniPay's, and what is said of others. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { migratePostgres } from '../../src/storage/postgres/migrate.ts'
import { onDatabase, type PostgresServer, postgresServer, withDatabase } from '../postgres.ts'

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
    message: /has tables, but not MiniPay's/,
  })
  await onDatabase(url, (client) => client.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`))
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
