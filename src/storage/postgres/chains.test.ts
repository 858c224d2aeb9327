import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { auditEntry } from '../../../test/kit/audit-entries.ts'
import { chargeCommit } from '../../../test/kit/commits.ts'
import { fillBooks, LIVE, TEST } from '../../../test/kit/history.ts'
import { onDatabase, type PostgresServer, postgresServer } from '../../../test/kit/postgres.ts'
import { AMOUNT_REWRITTEN } from '../../../test/tamperings/chains.ts'
import { readHead } from '../chain/head.ts'
import { migratePostgres } from './migrate.ts'
import { sealRows } from './seal.ts'
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

test('two nodes that commit at once in both modes make one chain of each', async () => {
  const url = await server.createDatabase(sound)
  const { head = '' } = await verifyPostgres(url)
  const nodes = await Promise.all([1, 2].map(() => openPostgresStore({ url, onFatal: assert.fail })))
  const commits = nodes.flatMap((node) =>
    Array.from({ length: 100 }, async (_, i) => {
      const scope = i % 4 === 0 ? TEST : LIVE
      await node.commit({ ...chargeCommit({ scope }), audit: i % 10 === 0 ? auditEntry(scope) : null })
      if (i % 25 === 0) await node.addAuditEntry(auditEntry(scope))
    }),
  )
  await Promise.all(commits)
  await Promise.all(nodes.map((node) => node.close()))
  const { problem } = await verifyPostgres(url, readHead(head))
  assert.equal(problem, undefined)
  await server.dropDatabase(url)
})

test('who changes an amount everywhere and recomputes all chains is found by a head on PostgreSQL, and not without', async () => {
  const { head = '' } = await verifyPostgres(sound)
  const url = await server.createDatabase(sound)
  await onDatabase(url, async (client) => {
    await client.query(AMOUNT_REWRITTEN)
    await client.query('DELETE FROM chain_links WHERE live = 1')
    await sealRows(client)
    await client.query('BEGIN')
    assert.equal((await verifyIn(client)).problem, undefined)
    await client.query('ROLLBACK')
    await client.query('BEGIN')
    const { problem = '' } = await verifyIn(client, readHead(head))
    assert.match(
      problem,
      /^The chain of account 1 \(live\) ends with link \d+, before link \d+ of the head|is not the one of the head/,
    )
    await client.query('ROLLBACK')
  })
  await server.dropDatabase(url)
})

test('rows of a former version get their links once, also if two nodes start', async () => {
  const url = await server.createDatabase(sound)
  await onDatabase(url, (client) =>
    client.query('DELETE FROM chain_links; UPDATE chain_seal SET sealed_at = NULL'),
  )
  assert.match(
    (await verifyPostgres(url)).problem ?? '',
    /^Rows from before the hash chains have no link yet/,
  )
  await Promise.all([migratePostgres(url), migratePostgres(url)])
  const { problem, head } = await verifyPostgres(url)
  assert.equal(problem, undefined)
  await migratePostgres(url)
  assert.equal((await verifyPostgres(url)).head, head)
  await server.dropDatabase(url)
})

test('a node of a former version cannot commit rows without a link', async () => {
  await onDatabase(sound, async (client) => {
    const former = `INSERT INTO sequences AS s (account_id, live, event, transfer) VALUES (1, 1, 1, 1)
      ON CONFLICT (account_id, live) DO UPDATE SET event = s.event + 1, transfer = s.transfer + 1`
    await assert.rejects(client.query(former), /null value in column "audit"/)
  })
})
