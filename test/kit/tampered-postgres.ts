/** Books on PostgreSQL that a test tampers with: filled once, and after each change as they were. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import type { Store } from '../../src/ports/store.ts'
import { openPostgresStore } from '../../src/storage/postgres/store.ts'
import { verifyIn } from '../../src/storage/postgres/verify.ts'
import { onDatabase, type PostgresServer, postgresServer } from './postgres.ts'

export type TamperedBooks = {
  readonly url: () => string
  /** What `verify` says of the books after `sql` was done to them, which is then undone. */
  afterTampering(sql: string): Promise<string>
}

/** Fills the books before the tests of a file, and removes them after. */
export function tamperedBooks(fill: (store: Store) => Promise<void>): TamperedBooks {
  let server: PostgresServer
  let sound: string
  before(async () => {
    server = await postgresServer()
    sound = await server.createDatabase()
    const store = await openPostgresStore({ url: sound, onFatal: assert.fail })
    await fill(store)
    await store.close()
  })
  after(() => server?.remove())
  return {
    url: () => sound,
    afterTampering: (sql) =>
      onDatabase(sound, async (client) => {
        await client.query('BEGIN')
        await client.query(sql)
        const { problem } = await verifyIn(client)
        await client.query('ROLLBACK')
        return problem ?? 'nothing'
      }),
  }
}
