import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { fillBooks } from '../../../test/kit/history.ts'
import { onDatabase, type PostgresServer, postgresServer } from '../../../test/kit/postgres.ts'
import { TAMPERINGS, UNSEEN } from '../../../test/tamperings.ts'
import { openPostgresStore } from './store.ts'
import { verifyIn, verifyPostgres } from './verify.ts'

let server: PostgresServer
let sound: string

before(async () => {
  server = await postgresServer()
  sound = await server.createDatabase()
  const store = await openPostgresStore({ url: sound, onFatal: assert.fail })
  await fillBooks(store)
  await store.close()
})
after(() => server?.remove())

/** What `verify` says of the sound books after `sql` was done to them, which is then undone. */
function afterTampering(sql: string): Promise<string> {
  return onDatabase(sound, async (client) => {
    await client.query('BEGIN')
    await client.query(sql)
    const { problem } = await verifyIn(client)
    await client.query('ROLLBACK')
    return problem ?? 'nothing'
  })
}

test('books with every kind of history pass on PostgreSQL', async () => {
  const { problem, charges } = await verifyPostgres(sound)
  assert.deepEqual([problem, charges > 20], [undefined, true])
})

for (const { what, sql, says } of TAMPERINGS)
  test(`verify names ${what} on PostgreSQL`, async () => assert.match(await afterTampering(sql), says))

for (const { what, sql, why } of UNSEEN)
  test(`verify can't see ${what} on PostgreSQL: ${why}`, async () =>
    assert.equal(await afterTampering(sql), 'nothing'))
