/** Several nodes on one database: each sees the same state. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Store } from '../../../src/ports/store.ts'
import { migratePostgres, migrations } from '../../../src/storage/postgres/migrate.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { chargeCommit, charged, recordOf, refundCommit, START } from '../../kit/commits.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { addedEndpoint, batchOf, claimCursors, events, resultOf } from '../../kit/webhooks.ts'
import { allEvents, closeAndVerify, count, databases, openStores } from './postgres-support.ts'

const scope = LIVE_SCOPE
const databasesOf = databases()
const LATER = START + 3_600_000

async function nodes(t: TestContext, number: number): Promise<{ url: string; stores: Store[] }> {
  const url = await databasesOf.database(t)
  return { url, stores: await openStores(t, url, number) }
}

test('two hundred commits with one key over three nodes make one charge', async (t) => {
  const { url, stores } = await nodes(t, 3)
  const commits = Array.from({ length: 200 }, () => chargeCommit({ scope, key: 'one' }))
  const results = await Promise.all(commits.map((commit, i) => stores[i % 3]!.commit(commit)))
  const winner = commits.filter((_, i) => results[i]?.kind === 'committed')
  assert.equal(winner.length, 1)
  for (const result of results)
    if (result.kind !== 'committed')
      assert.deepEqual(result, { kind: 'key_exists', record: recordOf(winner[0]!) })
  assert.deepEqual(await closeAndVerify(t, url), { charges: 1, refunds: 0, entries: 2 })
})

test('of refunds decided on one version on three nodes exactly one commits', async (t) => {
  const { url, stores } = await nodes(t, 3)
  const charge = await charged(stores[0]!, { scope, amount: 500 })
  const commits = Array.from({ length: 60 }, () => refundCommit(charge, { scope }))
  const results = await Promise.all(commits.map((commit, i) => stores[i % 3]!.commit(commit)))
  assert.deepEqual(results.map(({ kind }) => kind).sort(), [
    'committed',
    ...Array(59).fill('version_conflict'),
  ])
  assert.deepEqual(await closeAndVerify(t, url), { charges: 1, refunds: 1, entries: 4 })
})

test('events that three nodes commit have no gap, and a reader never finds a smaller number later', async (t) => {
  const { url, stores } = await nodes(t, 4)
  const [reader, ...writers] = stores as [Store, ...Store[]]
  const TOTAL = 1_200
  const write = async (store: Store) => {
    for (let done = 0; done < TOTAL / 3; done += 8)
      await Promise.all(Array.from({ length: 8 }, () => charged(store, { scope })))
  }
  const writing = Promise.all(writers.map(write))
  const seen: number[] = []
  while (seen.length < TOTAL) {
    const { data } = await reader.events(scope, { after: seen.at(-1) ?? 0, limit: 100 })
    seen.push(...data.map(({ sequence }) => sequence))
  }
  await writing
  assert.deepEqual(
    seen,
    Array.from({ length: TOTAL }, (_, i) => i + 1),
  )
  assert.deepEqual(await closeAndVerify(t, url), { charges: TOTAL, refunds: 0, entries: 2 * TOTAL })
})

test('no webhook endpoint is held by two nodes, and each records only its own', async (t) => {
  const { url, stores } = await nodes(t, 3)
  const [first] = stores as [Store]
  const endpoints = await Promise.all(Array.from({ length: 30 }, () => addedEndpoint(first, scope)))
  const [event] = await events(first, scope, 1)
  assert.ok(event)
  const claims = await Promise.all(
    stores.map((store, i) => claimCursors(store, { now: LATER, limit: 20, token: `node ${i}` })),
  )
  const ids = claims.flat().map(({ endpoint }) => endpoint.id)
  assert.deepEqual(ids.sort(), endpoints.map(({ id }) => id).sort())
  const recorded = await Promise.all(
    claims.flatMap((held, i) =>
      [i, (i + 1) % 3].map((node) =>
        stores[node]!.recordDeliveries(
          held.map(({ endpoint }) =>
            batchOf(endpoint, `node ${node}`, { position: 1, results: [resultOf(event, endpoint.id)] }),
          ),
        ),
      ),
    ),
  )
  const all = recorded.flat()
  assert.deepEqual([all.filter((done) => done).length, all.length], [30, 60])
  const totals = { pending: 0, delivered: 30, failed: 0, retries: 0 }
  assert.deepEqual(await stores[1]!.webhookDeliveryTotals(), totals)
  assert.deepEqual(await closeAndVerify(t, url), { charges: 1, refunds: 0, entries: 2 })
})

test('a storm of charges, refunds and repeated keys over three nodes leaves the books in balance', async (t) => {
  const { url, stores } = await nodes(t, 3)
  const charges = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      charged(stores[i % 3]!, { scope: { ...scope, mode: i % 2 ? 'live' : 'test' }, amount: 100_000 }),
    ),
  )
  let random = 7
  const pick = (below: number) => {
    random = (random * 48_271) % 2_147_483_647
    return random % below
  }
  let made = 0
  const client = async (store: Store) => {
    for (let i = 0; i < 40; i++) {
      const at = pick(charges.length)
      const of = { ...scope, mode: at % 2 ? 'live' : 'test' } as const
      const options = { scope: of, key: `key-${pick(200)}` }
      if (pick(2) === 0) {
        const { kind } = await store.commit(chargeCommit({ ...options, currency: ['usd', 'eur'][pick(2)]! }))
        if (kind === 'committed') made++
      } else {
        const charge = await store.charge(of, charges[at]!.id)
        const { kind } = await store.commit(refundCommit(charge!, { ...options, amount: 1 }))
        assert.ok(['committed', 'version_conflict', 'key_exists'].includes(kind), kind)
      }
    }
  }
  await Promise.all(stores.flatMap((store) => Array.from({ length: 10 }, () => client(store))))
  for (const mode of ['live', 'test'] as const) {
    const events = await allEvents(stores[0]!, { ...scope, mode })
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      Array.from(events, (_, i) => i + 1),
    )
  }
  const books = await closeAndVerify(t, url)
  assert.deepEqual([books.problem, books.charges], [undefined, charges.length + made])
})

test('what a killed node held is taken over by another within seconds, and its tokens are void', async (t) => {
  const { url, stores } = await nodes(t, 1)
  const store = stores[0]!
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./postgres-node.ts', import.meta.url)), url],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const [line] = await once(child.stdout, 'data')
  const held = JSON.parse(String(line)) as { attempt: string; endpoint: string; notification: string }
  child.kill('SIGKILL')
  await once(child, 'exit')

  const mine = { limit: 9, now: LATER, leaseUntil: LATER + 1, token: 'mine' }
  const taken: string[] = []
  while (taken.length < 3) {
    taken.push(
      ...(await store.claimAttempts({ ...mine, provider: 'bank_a' })).map(({ attempt }) => attempt.id),
    )
    if (!taken.includes(held.endpoint))
      taken.push(...(await store.claimWebhookCursors(mine)).map(({ endpoint }) => endpoint.id))
    taken.push(...(await store.claimNotifications(mine)).map(({ id }) => id))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.deepEqual(taken.sort(), [held.attempt, held.endpoint, held.notification].sort())
  const { attempt } = (await store.attempt(held.attempt))!
  assert.deepEqual([attempt.state, attempt.unknownSince], ['unknown', attempt.startedAt])
  const { byState } = await store.attemptTotals(0)
  assert.deepEqual([byState.sending, byState.unknown], [0, 1])
  const late = batchOf({ scope, id: held.endpoint }, 'of the dead', { position: 1 })
  assert.deepEqual(await store.recordDeliveries([late]), [false])
  assert.equal((await closeAndVerify(t, url)).problem, undefined)
})

test('a node that is stopped leaves no lease and no trace of itself', async (t) => {
  const { url, stores } = await nodes(t, 2)
  const { id } = await addedEndpoint(stores[0]!, scope)
  const [held] = await claimCursors(stores[0]!, { now: LATER })
  await stores[0]!.close()
  const [again] = await claimCursors(stores[1]!, { now: LATER })
  assert.deepEqual([held?.endpoint.id, again?.endpoint.id], [id, id])
  assert.equal(await count(url, 'nodes'), 1)
  await closeAndVerify(t, url)
  assert.equal(await count(url, 'nodes'), 0)
})

test("nodes use the database's clock, not their own", async (t) => {
  const url = await databasesOf.database(t)
  const real = Date.now
  t.mock.method(Date, 'now', () => real() + 3_600_000)
  const [store] = await openStores(t, url, 1)
  const said = async () => {
    const { rows } = await onDatabase(url, (client) =>
      client.query(`SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now`),
    )
    return Number(rows[0].now)
  }
  const before = await said()
  const now = store!.now()
  const after = await said()
  // A sample is as exact as its round trip, which a busy machine may lengthen.
  assert.ok(now > before - 1_000 && now < after + 1_000, `${before} ${now} ${after}`)
  await closeAndVerify(t, url)
})

test('nodes that start at once on an empty database migrate it once', async (t) => {
  const url = await databasesOf.server.createDatabase()
  t.after(() => databasesOf.server.dropDatabase(url))
  const applied = await Promise.all(Array.from({ length: 5 }, () => migratePostgres(url)))
  // Each may find the schema at any step of another node's migration.
  assert.deepEqual(
    applied
      .flat()
      .map(({ name }) => name)
      .sort(),
    migrations().map(({ name }) => name),
  )
})

test('a newer schema, and a database of another program, are refused in plain words', async (t) => {
  const newer = await databasesOf.database(t)
  await onDatabase(newer, (client) => client.query('UPDATE schema_version SET number = 99'))
  const open = (url: string) => openPostgresStore({ url, onFatal: assert.fail })
  await assert.rejects(open(newer), {
    name: 'SchemaMismatch',
    message: /newer MiniPay \(schema 99; this one knows \d+\)/,
  })
  const other = await databasesOf.server.createDatabase()
  t.after(() => databasesOf.server.dropDatabase(other))
  await onDatabase(other, (client) => client.query('CREATE TABLE theirs (id integer)'))
  await assert.rejects(open(other), { name: 'SchemaMismatch', message: /has tables that are not MiniPay's/ })
})

test('verify names what was tampered with, on PostgreSQL too', async (t) => {
  const { url, stores } = await nodes(t, 1)
  await charged(stores[0]!, { scope, amount: 100 })
  await onDatabase(url, (client) =>
    client.query(`UPDATE ledger_accounts SET balance = balance + 1 WHERE code = 'merchant'`),
  )
  const { problem } = await closeAndVerify(t, url)
  assert.equal(problem, 'The account merchant (usd) says -99, but its entries sum to -100.')
})
