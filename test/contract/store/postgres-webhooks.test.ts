/** Webhooks on PostgreSQL: connections that break at the worst moment, and several nodes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { WebhookEndpoint } from '../../../src/domain/webhooks/endpoint.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { DeliveryBatch } from '../../../src/ports/store-webhooks.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { chargeCommit, committed, newId } from '../../kit/commits.ts'
import { startProxy } from '../../kit/postgres-proxy.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { until } from '../../kit/until.ts'
import {
  addedEndpoint,
  batchOf,
  claimCursors,
  disabled,
  FAILED_TRY,
  heldEndpoint,
  replayOf,
  resultOf,
} from '../../kit/webhooks.ts'
import { closeAndVerify, databases, openStores } from './postgres-support.ts'

const scope = LIVE_SCOPE
const postgres = databases()

/** A store behind a proxy, and one that is not, on one database. */
async function proxied(t: TestContext) {
  const url = await postgres.database(t)
  const proxy = await startProxy(url)
  t.after(() => proxy.close())
  const [direct] = (await openStores(t, url, 1)) as [Store]
  const [store] = (await openStores(t, proxy.url, 1)) as [Store]
  return { url, proxy, store, direct }
}

const failing = { state: 'pending', dueAt: 9_000_000_000_000, try: FAILED_TRY } as const

/** An event about an endpoint, as a courier stores it. */
function warning({ id }: WebhookEndpoint): NonNullable<DeliveryBatch['event']> {
  return { id: newId('evt'), type: 'webhook_endpoint.failing', data: `{"endpoint":{"id":"${id}"}}` }
}

test('the share of a node counts enabled endpoints and the nodes that serve', async (t) => {
  const url = await postgres.database(t)
  const [first] = (await openStores(t, url, 1)) as [Store]
  assert.equal(await first.webhookShare(), 0)
  for (let i = 0; i < 5; i++) await addedEndpoint(first, scope)
  await addedEndpoint(first, scope, disabled)
  assert.equal(await first.webhookShare(), 5)
  const [second] = (await openStores(t, url, 1)) as [Store]
  assert.deepEqual([await first.webhookShare(), await second.webhookShare()], [3, 3])
})

for (const when of ['sent', 'answered'] as const)
  test(`results are stored once if the connection breaks when their commit is lost as it is ${when}`, async (t) => {
    const { proxy, store, direct } = await proxied(t)
    const { endpoint, events } = await heldEndpoint(store, scope, 'mine', 3)
    const results = events.map((event) => resultOf(event, endpoint.id, failing))
    const word = when === 'sent' ? (results[0]?.delivery.id ?? '') : 'COMMIT'
    const cut = proxy.cut({ when, word, becomes: 'lost' })
    const batches = [batchOf(endpoint, 'mine', { results, position: 3 }), batchOf(endpoint, 'yours', {})]
    assert.deepEqual(await store.recordDeliveries(batches), [true, false])
    await cut
    const { data } = await direct.webhookDeliveries(scope, { limit: 10 })
    assert.deepEqual(
      data.map(({ attempts, tries }) => [attempts, tries.length]),
      [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    )
    const cursor = await direct.webhookCursor(scope, endpoint.id)
    assert.deepEqual([cursor?.position, cursor?.pending, cursor?.backlog], [3, 3, 0])
    assert.equal((await direct.webhookDeliveryTotals()).retries, 3)
  })

test('a change of an endpoint and its event are stored once if the connection breaks at their commit', async (t) => {
  const { proxy, store, direct } = await proxied(t)
  const { endpoint } = await heldEndpoint(store, scope, 'mine', 1)
  const after = { ...endpoint, ...disabled, version: 2 }
  const change = { before: endpoint, after, audit: auditEntry(scope) }
  const event = warning(endpoint)
  const cut = proxy.cut({ when: 'answered', word: 'COMMIT', becomes: 'lost' })
  assert.deepEqual(await store.recordDeliveries([batchOf(endpoint, 'mine', { change, event })]), [true])
  await cut
  assert.deepEqual(await direct.webhookEndpoint(scope, endpoint.id), after)
  assert.deepEqual(await direct.auditEntry(scope, change.audit.id), change.audit)
  const { data } = await direct.events(scope, { after: 0, limit: 10 })
  assert.deepEqual(
    data.map(({ sequence, id }) => [sequence, id === event.id]),
    [
      [1, false],
      [2, true],
    ],
  )
})

test('a warning that is recorded again, because its holder does not know that it was, is stored once', async (t) => {
  const url = await postgres.database(t)
  const [store] = (await openStores(t, url, 1)) as [Store]
  const { endpoint } = await heldEndpoint(store, scope, 'mine', 0)
  const batch = batchOf(endpoint, 'mine', { failing: { since: 5, warnedAt: 9 } })
  for (let time = 0; time < 2; time++) await store.recordDeliveries([{ ...batch, event: warning(endpoint) }])
  assert.equal((await store.events(scope, { after: 0, limit: 10 })).data.length, 1)
  const again = { ...batch, failing: { since: 20, warnedAt: 25 }, event: warning(endpoint) }
  await store.recordDeliveries([again])
  assert.equal((await store.events(scope, { after: 0, limit: 10 })).data.length, 2)
})

test('cursors of a claim whose response was lost are in the next one', async (t) => {
  const { proxy, store } = await proxied(t)
  const { id } = await addedEndpoint(store, scope)
  const cut = proxy.cut({ when: 'answered', word: 'UPDATE', becomes: 'lost' })
  const first = await claimCursors(store, { token: 'mine' }).catch(() => [])
  await cut
  const second = await claimCursors(store, { token: 'mine', limit: 0 })
  assert.deepEqual([...first, ...second].map(({ endpoint }) => endpoint.id).at(-1), id)
})

test('a store that closes releases its cursors; one that is only slow keeps them until its lease ends', async (t) => {
  const url = await postgres.database(t)
  const [one, two] = (await openStores(t, url, 2)) as [Store, Store]
  await addedEndpoint(one, scope)
  assert.equal((await claimCursors(one, { token: 'mine' })).length, 1)
  // Longer than a node without a heartbeat counts as alive.
  assert.equal((await claimCursors(two, { token: 'yours' })).length, 0)
  await one.close()
  assert.equal((await claimCursors(two, { token: 'yours' })).length, 1)
})

test('two results for one delivery in different batches are both stored, and each replay has its progress', async (t) => {
  const url = await postgres.database(t)
  const [store] = (await openStores(t, url, 1)) as [Store]
  const { endpoint, events } = await heldEndpoint(store, scope, 'mine', 2)
  const [event] = events
  const replays = [replayOf(endpoint), replayOf(endpoint)]
  for (const replay of replays) await store.addReplay(replay, null)
  const progress = { position: 1, sent: 1, delivered: 0, state: 'running' } as const
  const batches = replays.map(({ id }, i) =>
    batchOf(endpoint, 'mine', {
      results: [resultOf(event!, endpoint.id, { ...failing, revision: i === 0 ? null : 0 })],
      replay: { ...progress, id },
      position: 2 - i,
      failing: i === 0 ? { since: 7, warnedAt: null } : null,
    }),
  )
  assert.deepEqual(await store.recordDeliveries(batches), [true, true])
  const { data } = await store.webhookDeliveries(scope, { limit: 10 })
  assert.deepEqual(
    data.map(({ attempts }) => attempts),
    [2],
  )
  for (const { id } of replays) assert.equal((await store.replay(scope, id))?.sent, 1)
  const cursor = await store.webhookCursor(scope, endpoint.id)
  assert.deepEqual([cursor?.position, cursor?.failingSince, cursor?.pending], [2, 7, 1])
  assert.equal((await closeAndVerify(t, url)).problem, undefined)
})

test('texts that PostgreSQL cannot store find nothing, and are no error', async (t) => {
  const [store] = (await openStores(t, await postgres.database(t), 1)) as [Store]
  const bad = 'a\0b'
  assert.equal(await store.webhookEndpoint(scope, bad), undefined)
  assert.equal(await store.webhookDelivery(scope, bad), undefined)
  assert.equal(await store.retryWebhookDelivery(scope, bad, 1, auditEntry(scope)), false)
  assert.equal(await store.retryWebhookDeliveries(scope, [bad], 1, auditEntry(scope)), 0)
  assert.equal(await store.cancelReplay(scope, bad, 1, null), false)
  assert.equal(await store.addReplay(replayOf({ scope, id: bad }), null), false)
  assert.deepEqual(await store.storedDeliveries(scope, [bad, 'dlv_1']), [])
  assert.deepEqual(await store.webhookDeliveries(scope, { limit: 1, endpoint: bad }), {
    data: [],
    hasMore: false,
  })
})

test('an answer with a NUL, a lone surrogate and quotes is stored as it was', async (t) => {
  const [store] = (await openStores(t, await postgres.database(t), 1)) as [Store]
  const { endpoint, events } = await heldEndpoint(store, scope, 'mine', 1)
  const odd = { ...FAILED_TRY, answer: '\0 \ud800 "\\ \u2028 {}', error: "it's\n" }
  const tries = Array.from({ length: 35 }, (_, at) => ({ ...odd, at }))
  for (const [i, each] of tries.entries()) {
    const result = resultOf(events[0]!, endpoint.id, { ...failing, try: each, revision: i === 0 ? null : 0 })
    await store.recordDeliveries([batchOf(endpoint, 'mine', { results: [result] })])
  }
  const [delivery] = (await store.webhookDeliveries(scope, { limit: 1 })).data
  assert.deepEqual(delivery?.tries, tries.slice(-30))
})

test('an event of one node is read by the holder of a cursor on another within 50 ms', async (t) => {
  const url = await postgres.database(t)
  const [one, two] = (await openStores(t, url, 2)) as [Store, Store]
  await Promise.all([one.ready(), two.ready()])
  await heldEndpoint(two, scope, 'mine', 0)
  const waiting: (() => void)[] = []
  two.onRemoteEvents(() => {
    for (const wake of waiting.splice(0)) wake()
  })
  await until('both listen', async () => {
    const rung = new Promise<boolean>((resolve) => waiting.push(() => resolve(true)))
    await committed(one, chargeCommit({ scope }))
    return Promise.race([rung, new Promise<boolean>((resolve) => setTimeout(resolve, 50, false))])
  })
  let after = (await two.events(scope, { after: 0, limit: 1_000 })).data.at(-1)?.sequence ?? 0
  const times: number[] = []
  for (let i = 0; i < 100; i++) {
    const rung = new Promise<void>((resolve) => waiting.push(resolve))
    await committed(one, chargeCommit({ scope }))
    const committedAt = performance.now()
    await rung
    const { data: read } = await two.eventsToDeliver(scope, { after, limit: 16 })
    times.push(performance.now() - committedAt)
    after = read.at(-1)?.sequence ?? assert.fail('the event is not there')
  }
  times.sort((a, b) => a - b)
  t.diagnostic(
    `from commit to reading on another node: p50 ${times[50]?.toFixed(1)} ms, p99 ${times[98]?.toFixed(1)} ms`,
  )
  // Without signals, each would take up to a second.
  assert.ok((times[50] ?? 0) < 50, `p50 ${times[50]} ms`)
})
