import { after, before } from 'node:test'
import { migratePostgres } from '../../../src/storage/postgres/migrate.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import type { OpenStore } from '../../kit/commits.ts'
import { onDatabase, type PostgresServer, postgresServer } from '../../kit/postgres.ts'
import { storeContract } from './contract.ts'

let server: PostgresServer
/** A database with the schema and a second account beside the one that the first migration makes. */
let template: string

before(async () => {
  server = await postgresServer()
  template = await server.createDatabase()
  await migratePostgres(template)
  await onDatabase(template, (client) =>
    client.query(`INSERT INTO accounts (public_id, name, created_at) VALUES ('acct_other', 'other', 0)`),
  )
})
after(() => server.remove())

async function open(): Promise<OpenStore> {
  const url = await server.createDatabase(template)
  const fatal: Error[] = []
  const store = await openPostgresStore({ url, onFatal: (error) => fatal.push(error) })
  return {
    store,
    accounts: [1, 2],
    async discard() {
      await store.close()
      await server.dropDatabase(url)
      if (fatal[0]) throw fatal[0]
    },
  }
}

storeContract('PostgreSQL', open)
