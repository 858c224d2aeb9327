import assert from 'node:assert/strict'
import { KEPT_TRIES } from '../../../src/domain/webhooks/delivery.ts'
import type { Scope, Store, StoredEvent } from '../../../src/ports/store.ts'
import type { DeliveryResult, DueDelivery } from '../../../src/ports/store-webhooks.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { chargeCommit, committed, type Open, rule } from '../../kit/commits.ts'
import {
  addedEndpoint,
  claimCursors,
  deliveryOf,
  FAILED_TRY,
  heldEndpoint,
  recorded,
  resultOf,
  T,
  tryOf,
} from '../../kit/webhooks.ts'

/** An endpoint with one event, whose delivery is in this state, after one attempt. */
export async function delivered(store: Store, scope: Scope, changes: Partial<DeliveryResult> = {}) {
  const { endpoint, events: stored } = await heldEndpoint(store, scope, 'mine', 1)
  const event = stored[0] as StoredEvent
  await recorded(store, endpoint, 'mine', { position: 1, results: [resultOf(event, endpoint.id, changes)] })
  const { id } = deliveryOf(event, endpoint.id)
  const read = async () => (await store.webhookDelivery(scope, id)) ?? assert.fail()
  const totals = async () => {
    const { pending = -1, failed = -1 } = (await store.webhookCursor(scope, endpoint.id)) ?? {}
    const all = await store.webhookDeliveryTotals()
    assert.deepEqual([all.pending, all.failed], [pending, failed], 'the totals are those of the endpoint')
    return all
  }
  return { endpoint, event, id, read, totals }
}

export const pending = (dueAt: number) => ({ state: 'pending', dueAt }) as const

export function webhookResults(open: Open): void {
  rule(open, 'the try of a replay begins the attempts anew', async (store, { live }) => {
    const { event, endpoint, read } = await delivered(store, live, pending(T))
    const retried = { revision: 0, ...pending(T), try: FAILED_TRY }
    await recorded(store, endpoint, 'mine', { results: [resultOf(event, endpoint.id, retried)] })
    assert.equal((await read()).attempts, 2)
    const replayed = { ...retried, try: tryOf({ status: 500, why: 'replay' }) }
    await recorded(store, endpoint, 'mine', { results: [resultOf(event, endpoint.id, replayed)] })
    assert.equal((await read()).attempts, 1)
    await recorded(store, endpoint, 'mine', { results: [resultOf(event, endpoint.id, retried)] })
    const { attempts, tries } = await read()
    assert.deepEqual([attempts, tries.length], [2, 4])
  })

  rule(open, 'a delivery is stored as its first attempt ended', async (store, { live }) => {
    const { event, endpoint, read, totals } = await delivered(store, live)
    assert.deepEqual(await read(), {
      ...deliveryOf(event, endpoint.id),
      endpoint: endpoint.id,
      state: 'delivered',
      attempts: 1,
      dueAt: null,
      revision: 0,
      tries: [tryOf()],
      settledAt: T,
    })
    assert.deepEqual(await totals(), { pending: 0, delivered: 1, failed: 0, retries: 0 })
  })

  rule(open, 'an attempt that failed waits for the next one, which is added', async (store, { live }) => {
    const { event, endpoint, read, totals } = await delivered(store, live, pending(T + 5_000))
    const first = await read()
    assert.deepEqual(
      [first.state, first.attempts, first.dueAt, first.settledAt],
      ['pending', 1, T + 5_000, null],
    )
    assert.deepEqual(await totals(), { pending: 1, delivered: 0, failed: 0, retries: 1 })
    const again = tryOf({ at: T + 5_000, why: 'retry' })
    const second = resultOf(event, endpoint.id, { revision: 0, try: again })
    await recorded(store, endpoint, 'mine', { at: T + 5_000, results: [second] })
    assert.deepEqual(await read(), {
      ...first,
      state: 'delivered',
      attempts: 2,
      dueAt: null,
      tries: [FAILED_TRY, again],
      settledAt: T + 5_000,
    })
    assert.deepEqual(await totals(), { pending: 0, delivered: 1, failed: 0, retries: 1 })
  })

  rule(open, 'a delivery that failed for good is in the dead letter', async (store, { live }) => {
    const { id, endpoint, event, read, totals } = await delivered(store, live, { state: 'failed' })
    assert.deepEqual([(await read()).state, (await read()).dueAt], ['failed', null])
    assert.deepEqual(await totals(), { pending: 0, delivered: 0, failed: 1, retries: 0 })
    assert.equal(await store.nextDue(live, endpoint.id), null)
    const range = { after: 0, to: event.sequence, types: null, limit: 9 }
    const { data: dead } = await store.failedDeliveriesOf(live, endpoint.id, range)
    assert.deepEqual(
      dead.map(({ delivery }) => delivery.id),
      [id],
    )
  })

  rule(open, 'results of one batch are stored in their order', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 1)
    const event = stored[0]!
    await recorded(store, endpoint, 'mine', {
      results: [
        resultOf(event, endpoint.id, pending(T)),
        resultOf(event, endpoint.id, { revision: 0, state: 'failed' }),
      ],
    })
    const { state, attempts } = (await store.webhookDelivery(live, deliveryOf(event, endpoint.id).id))!
    assert.deepEqual([state, attempts], ['failed', 2])
  })

  rule(open, 'a delivery keeps its newest attempts and counts all', async (store, { live }) => {
    const { event, endpoint, read } = await delivered(store, live, pending(T))
    const tries = Array.from({ length: KEPT_TRIES + 5 }, (_, i) => tryOf({ at: T + i, status: 503 }))
    for (const each of tries)
      await recorded(store, endpoint, 'mine', {
        results: [resultOf(event, endpoint.id, { ...pending(T), revision: 0, try: each })],
      })
    const { attempts, tries: kept } = await read()
    assert.equal(attempts, tries.length + 1)
    assert.deepEqual(kept, tries.slice(-KEPT_TRIES))
  })

  rule(
    open,
    'a result for a delivery that another holder stored only adds its attempt',
    async (store, { live }) => {
      const { event, endpoint, read, totals } = await delivered(store, live, pending(T + 5_000))
      const first = await read()
      await recorded(store, endpoint, 'mine', { results: [resultOf(event, endpoint.id)] })
      assert.deepEqual(await read(), { ...first, tries: [FAILED_TRY, tryOf()] })
      assert.deepEqual(await totals(), { pending: 1, delivered: 0, failed: 0, retries: 1 })
    },
  )

  rule(
    open,
    'a result of an attempt from before somebody put it back only adds the attempt',
    async (store, { live }) => {
      const { id, event, endpoint, read, totals } = await delivered(store, live, pending(T + 5_000))
      assert.equal(await store.retryWebhookDelivery(live, id, T + 1, auditEntry(live)), true)
      const late = resultOf(event, endpoint.id, { revision: 0, state: 'failed' })
      await recorded(store, endpoint, 'mine', { results: [late] })
      const { state, attempts, dueAt, revision, tries } = await read()
      assert.deepEqual([state, attempts, dueAt, revision], ['pending', 0, T + 1, 1])
      assert.equal(tries.length, 2)
      assert.deepEqual(await totals(), { pending: 1, delivered: 0, failed: 0, retries: 1 })
      const next = resultOf(event, endpoint.id, { revision: 1 })
      await recorded(store, endpoint, 'mine', { results: [next] })
      assert.deepEqual([(await read()).state, (await read()).attempts], ['delivered', 1])
    },
  )
}

export function dueWebhooks(open: Open): void {
  rule(
    open,
    'due deliveries come with their events, in order of their due times',
    async (store, { live }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 3)
      const dueAt = [T + 20, T, T + 10]
      const results = stored.map((event, i) => resultOf(event, endpoint.id, pending(dueAt[i]!)))
      await recorded(store, endpoint, 'mine', { position: 3, results })
      const page = (now: number, limit = 9) => store.dueDeliveries(live, endpoint.id, { now, limit })
      const due = async (now: number) => (await page(now)).data
      assert.deepEqual(await due(T - 1), [])
      assert.equal(await store.nextDue(live, endpoint.id), T)
      const all = await due(T + 20)
      assert.deepEqual(
        all.map(({ event }) => event),
        [stored[1], stored[2], stored[0]],
      )
      const ids = results.map(({ delivery }) => delivery.id)
      assert.deepEqual(
        all.map(({ delivery }) => delivery.id),
        [ids[1], ids[2], ids[0]],
      )
      assert.deepEqual(all[0]?.delivery, await store.webhookDelivery(live, ids[1]!))
      const shown = async (limit: number) => {
        const { data, hasMore } = await page(T + 20, limit)
        return [data.length, hasMore]
      }
      assert.deepEqual(
        [await shown(2), await shown(3)],
        [
          [2, true],
          [3, false],
        ],
      )
      await store.retryWebhookDelivery(live, ids[0]!, T + 15, auditEntry(live))
      const putBack = (now: number) =>
        store.dueDeliveries(live, endpoint.id, { now, limit: 9, putBack: true })
      assert.deepEqual(await putBack(T + 14), { data: [], hasMore: false })
      assert.deepEqual(
        (await putBack(T + 15)).data.map(({ delivery }) => delivery.id),
        [ids[0]],
      )
      const others = await store.dueDeliveries(live, 'we_other', { now: T + 20, limit: 9 })
      assert.deepEqual(others, { data: [], hasMore: false })
    },
  )

  rule(open, 'events to deliver are those after a sequence, up to another one', async (store, { live }) => {
    const { events: stored } = await heldEndpoint(store, live, 'mine', 4)
    const read = (query: { after: number; to?: number; limit: number }) => store.eventsToDeliver(live, query)
    assert.deepEqual(await read({ after: 0, limit: 9 }), { data: stored, hasMore: false })
    assert.deepEqual(await read({ after: 1, to: 3, limit: 9 }), { data: stored.slice(1, 3), hasMore: false })
    assert.deepEqual(await read({ after: 1, limit: 1 }), { data: stored.slice(1, 2), hasMore: true })
    assert.deepEqual(await read({ after: 1, to: 2, limit: 1 }), { data: stored.slice(1, 2), hasMore: false })
    assert.deepEqual(await read({ after: 4, limit: 9 }), { data: [], hasMore: false })
    const types = stored.map(({ sequence, type }) => ({ sequence, type }))
    const some = await store.eventTypes(live, { after: 1, to: 3, limit: 9 })
    assert.deepEqual(some, { data: types.slice(1, 3), hasMore: false })
    const first = await store.eventTypes(live, { after: 0, to: 4, limit: 1 })
    assert.deepEqual(first, { data: types.slice(0, 1), hasMore: true })
  })

  rule(open, 'the dead letter of an endpoint is read by event and type', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 3)
    const results = stored.map((event) => resultOf(event, endpoint.id, { state: 'failed' }))
    await recorded(store, endpoint, 'mine', { position: 3, results })
    const read = async (after: number, to: number, types: readonly string[] | null, limit = 9) => {
      const { data, hasMore } = await store.failedDeliveriesOf(live, endpoint.id, { after, to, types, limit })
      return [...data.map(({ event }) => event.sequence), ...(hasMore ? ['and more'] : [])]
    }
    const type = stored[0]!.type
    assert.deepEqual(await read(0, 9, null), [1, 2, 3])
    assert.deepEqual(await read(1, 2, null), [2])
    assert.deepEqual(await read(0, 9, null, 2), [1, 2, 'and more'])
    assert.deepEqual(await read(0, 9, ['dispute.lost', type]), [1, 2, 3])
    assert.deepEqual(await read(0, 9, ['dispute.lost']), [])
    assert.deepEqual(await read(0, 9, []), [])
    const of = { after: 0, to: 9, types: null, limit: 9 }
    for (const [error, count] of [
      ['HTTP 500', 3],
      ['HTTP 50', 0],
      [null, 3],
    ] as const)
      assert.equal((await store.failedDeliveriesOf(live, endpoint.id, { ...of, error })).data.length, count)
    const failed = stored.map(({ sequence, type }) => ({ sequence, type, error: 'HTTP 500' }))
    assert.deepEqual(await store.failedEvents(live, endpoint.id, of), { data: failed, hasMore: false })
    const second = { after: 1, to: 3, limit: 1 }
    const page = { data: failed.slice(1, 2), hasMore: true }
    assert.deepEqual(await store.failedEvents(live, endpoint.id, second), page)
  })
}

/** Reads pages to the last one; as many as there are. */
async function pagesOf<T>(
  read: (last: T | undefined) => Promise<{ readonly data: readonly T[]; readonly hasMore: boolean }>,
): Promise<T[][]> {
  const pages: T[][] = []
  for (;;) {
    const { data, hasMore } = await read(pages.at(-1)?.at(-1))
    pages.push([...data])
    if (!hasMore) return pages
    assert.ok(data.length > 0, 'a page has one row at least, or all pages are read')
  }
}

export function longWebhooks(open: Open): void {
  rule(open, 'pages that long data cuts short say that they have more', async (store, { live }) => {
    const endpoint = await addedEndpoint(store, live)
    await claimCursors(store, { token: 'mine' })
    const metadata = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`note_${i}`, 'é'.repeat(2_000)]),
    )
    for (let i = 0; i < 60; i++) await committed(store, chargeCommit({ scope: live, metadata }))
    const sequences = Array.from({ length: 60 }, (_, i) => i + 1)
    const read = await pagesOf<StoredEvent>((last) =>
      store.eventsToDeliver(live, { after: last?.sequence ?? 0, limit: 60 }),
    )
    assert.ok(read.length > 1, 'their data is too long for one page')
    const events = read.flat()
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      sequences,
    )

    const failed = events.map((event) => resultOf(event, endpoint.id, { state: 'failed' }))
    await recorded(store, endpoint, 'mine', { position: 60, results: failed })
    const dead = await pagesOf<DueDelivery>((last) => {
      const after = last?.event.sequence ?? 0
      return store.failedDeliveriesOf(live, endpoint.id, { after, to: 60, types: null, limit: 60 })
    })
    assert.ok(dead.length > 1)
    assert.deepEqual(
      dead.flat().map(({ event }) => event.sequence),
      sequences,
    )

    const ids = failed.map(({ delivery }) => delivery.id)
    assert.equal(await store.retryWebhookDeliveries(live, ids, T, auditEntry(live)), 60)
    const due = await store.dueDeliveries(live, endpoint.id, { now: T, limit: 60 })
    assert.ok(due.hasMore && due.data.length > 0 && due.data.length < 60)
  })
}

export function orderedWebhooks(open: Open): void {
  const waiting = { state: 'pending', dueAt: null, try: null } as const

  rule(
    open,
    'at an ordered endpoint, a delivery waits until the one before it ended',
    async (store, { live }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 4, { ordered: true })
      const result = (i: number, changes: Parameters<typeof resultOf>[2]) =>
        resultOf(stored[i]!, endpoint.id, { object: i === 3 ? 'txn_b' : 'txn_a', ...changes })
      const due = async () =>
        (await store.dueDeliveries(live, endpoint.id, { now: T + 99, limit: 9 })).data.map(
          ({ event }) => event.sequence,
        )
      await recorded(store, endpoint, 'mine', {
        position: 4,
        results: [
          result(0, pending(T + 5)),
          result(1, waiting),
          result(2, waiting),
          result(3, pending(T + 6)),
        ],
      })
      assert.deepEqual(await due(), [1, 4])
      assert.deepEqual(await store.blockedObjects(live, endpoint.id, ['txn_c', 'txn_b', 'txn_a']), [
        'txn_b',
        'txn_a',
      ])
      await recorded(store, endpoint, 'mine', { at: T + 9, results: [result(0, { revision: 0 })] })
      assert.deepEqual(await due(), [4, 2])
      assert.deepEqual(
        (await store.webhookDelivery(live, deliveryOf(stored[1]!, endpoint.id).id))?.dueAt,
        T + 9,
      )
      // One that fails for good does not stop those behind it.
      await recorded(store, endpoint, 'mine', {
        at: T + 10,
        results: [result(1, { revision: 0, state: 'failed' })],
      })
      assert.deepEqual(await due(), [4, 3])
      await recorded(store, endpoint, 'mine', { results: [result(2, { revision: 0 })] })
      assert.deepEqual(await store.blockedObjects(live, endpoint.id, ['txn_a', 'txn_b']), ['txn_b'])
      assert.deepEqual(await store.blockedObjects(live, endpoint.id, []), [])
    },
  )

  rule(open, 'a delivery that waits for none is due at once', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 2, { ordered: true })
    const [first, second] = stored.map((event) => ({ event, object: 'txn_a' }))
    // The first one ended while the second was being stored.
    await recorded(store, endpoint, 'mine', {
      results: [
        resultOf(first!.event, endpoint.id, { object: 'txn_a' }),
        resultOf(second!.event, endpoint.id, { object: 'txn_a', ...waiting }),
      ],
    })
    assert.equal(await store.nextDue(live, endpoint.id), T)
  })

  rule(open, 'a delivery that was put back holds those behind it until it ended', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 2, { ordered: true })
    const [first, second] = [stored[0]!, stored[1]!]
    const object = 'txn_a'
    await recorded(store, endpoint, 'mine', {
      results: [resultOf(first, endpoint.id, { state: 'failed', object })],
    })
    const { id } = deliveryOf(first, endpoint.id)
    assert.equal(await store.retryWebhookDelivery(live, id, T, auditEntry(live)), true)
    await recorded(store, endpoint, 'mine', {
      results: [resultOf(second, endpoint.id, { ...waiting, object })],
    })
    const { data: due } = await store.dueDeliveries(live, endpoint.id, { now: T, limit: 9 })
    assert.deepEqual(
      due.map(({ event }) => event.sequence),
      [first.sequence],
    )
  })
}
