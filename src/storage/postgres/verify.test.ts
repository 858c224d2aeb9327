import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { charged, refunded } from '../../../test/kit/commits.ts'
import { onDatabase, type PostgresServer, postgresServer } from '../../../test/kit/postgres.ts'
import { LIVE_SCOPE as scope } from '../../../test/kit/scopes.ts'
import { openPostgresStore } from './store.ts'
import { verifyPostgres } from './verify.ts'

let server: PostgresServer
let sound: string

before(async () => {
  server = await postgresServer()
  sound = await server.createDatabase()
  const store = await openPostgresStore({ url: sound, onFatal: assert.fail })
  await charged(store, { scope, declined: true })
  await refunded(store, await charged(store, { scope, amount: 50 }), { scope })
  await charged(store, { scope: { ...scope, mode: 'test' } })
  await store.close()
})
after(() => server?.remove())

/** What is done to the numbering, and what `verify` must say of it. There are three transfers and four events. */
const TAMPERINGS: Readonly<Record<string, { sql: string; says: RegExp }>> = {
  'a number of events that was set back': {
    sql: 'UPDATE sequences SET event = 1 WHERE live = 1',
    says: /^The sequence says that the last event is 1, but it is 3\.$/,
  },
  'a number of transfers that was set back': {
    sql: 'UPDATE sequences SET transfer = 1 WHERE live = 1',
    says: /^The sequence says that the last transfer is 1, but it is 2\.$/,
  },
  'numbers that were set forward': {
    sql: 'UPDATE sequences SET transfer = 1000 WHERE live = 0',
    says: /^The sequence says that the last transfer is 1000, but it is 1\.$/,
  },
  'numbers that are not kept at all': {
    sql: 'DELETE FROM sequences',
    says: /^The sequence says that the last (event|transfer) is 0, but it is \d\.$/,
  },
  'numbers of what is not there': {
    sql: 'INSERT INTO sequences VALUES (2, 1, 1, 0, 0, 1)',
    says: /^The sequence says that the last event is 1, but it is 0\.$/,
  },
  'a renumbered transfer': {
    sql: 'UPDATE ledger_transfers SET seq = seq + 1000 WHERE live = 1 AND seq = 2',
    says: /^The transfers have a gap: the last is 1002, and there are 2 with 2 numbers\.$/,
  },
  'two transfers of one number': {
    sql: 'UPDATE ledger_transfers SET seq = 1 WHERE live = 1 AND seq = 2',
    says: /^The transfers have a gap: the last is 1, and there are 2 with 1 numbers\.$/,
  },
  'an event that is missing': {
    sql: 'DELETE FROM events WHERE live = 1 AND seq = 1',
    says: /^The events have a gap: after 0 comes 2\.$/,
  },
  'events of one id': {
    sql: `UPDATE events SET id = 'evt_x' WHERE live = 1`,
    says: /^There are 3 events evt_x\.$/,
  },
}

test('sound books on PostgreSQL pass, and are counted', async () => {
  const { head = '', ...books } = await verifyPostgres(sound)
  assert.deepEqual(books, { charges: 3, refunds: 1, entries: 6 })
  assert.match(head, /^mph1_1t1\./)
})

for (const [what, { sql, says }] of Object.entries(TAMPERINGS))
  test(`verify names ${what} on PostgreSQL`, async (t) => {
    const url = await server.createDatabase(sound)
    t.after(() => server.dropDatabase(url))
    const { rowCount } = await onDatabase(url, (client) => client.query(sql))
    assert.notEqual(rowCount, 0, 'nothing was tampered with')
    assert.match((await verifyPostgres(url)).problem ?? 'nothing', says)
  })
