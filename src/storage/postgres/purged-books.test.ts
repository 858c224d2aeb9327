import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { onDatabase, type PostgresServer, postgresServer } from '../../../test/kit/postgres.ts'
import { fillPurgedBooks, PURGED } from '../../../test/tamperings/purged.ts'
import { openPostgresStore } from './store.ts'
import { verifyIn } from './verify.ts'

let server: PostgresServer
let sound: string

before(async () => {
  server = await postgresServer()
  sound = await server.createDatabase()
  const store = await openPostgresStore({ url: sound, onFatal: assert.fail })
  await fillPurgedBooks(store)
  await store.close()
})
after(() => server?.remove())

/** What `verify` says of the books after `sql` was done to them, which is then undone. */
function afterTampering(sql: string): Promise<string> {
  return onDatabase(sound, async (client) => {
    await client.query('BEGIN')
    await client.query(sql)
    const { problem } = await verifyIn(client)
    await client.query('ROLLBACK')
    return problem ?? 'nothing'
  })
}

test('books whose old events were deleted pass on PostgreSQL', async () => {
  assert.equal(await afterTampering(''), 'nothing')
})

for (const { what, sql, says } of PURGED)
  test(`after a purge, verify names ${what} on PostgreSQL`, async () =>
    assert.match(await afterTampering(sql), says))
