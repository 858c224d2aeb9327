import assert from 'node:assert/strict'
import { eventTimeOf } from '../../../src/domain/webhooks/delivery.ts'
import { MAX_REPLAYS } from '../../../src/domain/webhooks/replay.ts'
import type { Scope, Store } from '../../../src/ports/store.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { type Open, rule, tick } from '../../kit/commits.ts'
import {
  addedEndpoint,
  changedEndpoint,
  deliveryOf,
  disabled,
  events,
  heldEndpoint,
  recorded,
  replayOf,
  resultOf,
  T,
} from '../../kit/webhooks.ts'

/** Deliveries of four events to one endpoint: delivered, failed, pending, delivered; and of the first to another. */
async function listed(store: Store, scope: Scope) {
  const { endpoint, events: stored } = await heldEndpoint(store, scope, 'mine', 4)
  const states = ['delivered', 'failed', 'pending', 'delivered'] as const
  await recorded(store, endpoint, 'mine', {
    position: 4,
    results: stored.map((event, i) =>
      resultOf(event, endpoint.id, { state: states[i]!, dueAt: states[i] === 'pending' ? T : null }),
    ),
  })
  const second = await heldEndpoint(store, scope, 'mine', 0)
  await recorded(store, second.endpoint, 'mine', {
    results: [resultOf(stored[0]!, second.endpoint.id, { state: 'failed' })],
  })
  const id = (i: number) => deliveryOf(stored[i]!, endpoint.id).id
  return {
    endpoint,
    other: second.endpoint,
    events: stored,
    id,
    otherId: deliveryOf(stored[0]!, second.endpoint.id).id,
  }
}

export function webhookLists(open: Open): void {
  rule(
    open,
    'deliveries are listed newest first, by endpoint, state, type and time',
    async (store, { live }) => {
      const { endpoint, other, events: stored, id, otherId } = await listed(store, live)
      const list = async (query: Omit<Parameters<Store['webhookDeliveries']>[1], 'limit'>, limit = 9) =>
        (await store.webhookDeliveries(live, { limit, ...query })).data.map((each) => each.id)
      const all = [id(0), id(1), id(2), id(3), otherId].sort().reverse()
      assert.deepEqual(await list({}), all)
      assert.deepEqual(await list({ startingAfter: all[0]! }, 2), all.slice(1, 3))
      assert.deepEqual(await list({ endingBefore: all[3]! }, 2), all.slice(1, 3))
      assert.deepEqual(await list({ endpoint: endpoint.id }), [id(3), id(2), id(1), id(0)])
      assert.deepEqual(await list({ endpoint: other.id }), [otherId])
      assert.deepEqual(await list({ state: 'failed' }), [id(1), otherId].sort().reverse())
      assert.deepEqual(await list({ state: 'pending' }), [id(2)])
      assert.deepEqual(await list({ state: 'delivered' }), [id(3), id(0)])
      assert.deepEqual(await list({ state: 'failed', endpoint: endpoint.id }), [id(1)])
      assert.deepEqual(await list({ eventType: stored[0]!.type }), all)
      assert.deepEqual(await list({ eventType: 'dispute.lost' }), [])
      const [, second, third] = stored
      const between = { createdFrom: second!.createdAt, createdUntil: third!.createdAt }
      assert.deepEqual(await list(between), [id(1)])
      assert.deepEqual(await list({ ...between, state: 'pending' }), [])
    },
  )

  rule(
    open,
    'the time of a delivery counts where its id has another, up to a minute before or after',
    async (store, { live }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 3)
      const at = stored.map(({ createdAt }, i) => createdAt + [-59_000, 0, 59_000][i]!)
      const results = stored.map((event, i) => {
        const { delivery, ...rest } = resultOf(event, endpoint.id, { state: 'failed' })
        return { ...rest, delivery: { ...delivery, createdAt: at[i]! } }
      })
      await recorded(store, endpoint, 'mine', { position: 3, results })
      const ids = results.map(({ delivery }) => delivery.id)
      for (const state of [{}, { state: 'failed' }] as const) {
        const list = async (createdFrom: number, createdUntil: number) =>
          (await store.webhookDeliveries(live, { limit: 9, ...state, createdFrom, createdUntil })).data.map(
            ({ id }) => ids.indexOf(id),
          )
        assert.deepEqual(await list(at[0]!, at[0]! + 1), [0])
        assert.deepEqual(await list(at[1]!, at[1]! + 1), [1])
        assert.deepEqual(await list(at[2]!, at[2]! + 1), [2])
        assert.deepEqual(await list(at[0]! + 1, at[2]!), [1])
      }
    },
  )

  rule(
    open,
    'deliveries are listed by the error of their last attempt, by their event, and by their charge',
    async (store, { live }) => {
      const { events: stored, id, otherId } = await listed(store, live)
      const list = async (query: Omit<Parameters<Store['webhookDeliveries']>[1], 'limit'>) =>
        (await store.webhookDeliveries(live, { limit: 9, ...query })).data.map((each) => each.id)
      assert.deepEqual(await list({ error: 'HTTP 500' }), [id(1), id(2), otherId].sort().reverse())
      assert.deepEqual(await list({ error: 'HTTP 500', state: 'pending' }), [id(2)])
      assert.deepEqual(await list({ error: 'HTTP 501' }), [])
      const [first, second] = stored.map(({ id, sequence }) => ({
        eventTime: eventTimeOf(id),
        eventSequence: sequence,
      }))
      assert.deepEqual(await list(first!), [id(0), otherId].sort().reverse())
      assert.deepEqual(await list({ ...first!, startingAfter: [id(0), otherId].sort()[1]! }), [
        [id(0), otherId].sort()[0],
      ])
      assert.deepEqual(await list(second!), [id(1)])
      assert.deepEqual(await list({ ...second!, state: 'pending' }), [])
      const { eventTime } = second!
      assert.deepEqual(await list({ eventTime, object: 'txn_1' }), [])
    },
  )

  rule(
    open,
    'a failed delivery shows its last attempt, and the newest can come first',
    async (store, { live }) => {
      const { endpoint, other, events: stored, id, otherId } = await listed(store, live)
      const query = { after: 'dlv_', before: 'dlv`', limit: 9 }
      const { data } = await store.failedWebhookDeliveries(live, { ...query, newestFirst: true })
      const [type, result] = [stored[0]!.type, { status: 500, error: 'HTTP 500' }]
      const all = [
        { id: id(1), endpoint: endpoint.id, eventType: type, createdAt: stored[1]!.createdAt, ...result },
        { id: otherId, endpoint: other.id, eventType: type, createdAt: stored[0]!.createdAt, ...result },
      ]
      assert.deepEqual(
        data,
        all.sort((a, b) => (a.id < b.id ? 1 : -1)),
      )
      const { data: one, hasMore } = await store.failedWebhookDeliveries(live, {
        ...{ ...query, limit: 1, newestFirst: true },
      })
      assert.deepEqual([one[0]?.id, hasMore], [all[0]!.id, true])
    },
  )

  rule(open, 'the attempts of an endpoint are counted by hour', async (store, { live }) => {
    const HOUR = 3_600_000
    const hour = Math.floor(T / HOUR)
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 4)
    const of = (i: number, state: 'delivered' | 'failed') => resultOf(stored[i]!, endpoint.id, { state })
    const waits = resultOf(stored[3]!, endpoint.id, { state: 'pending', try: null })
    await recorded(store, endpoint, 'mine', { results: [of(0, 'delivered'), of(1, 'failed'), waits] })
    await recorded(store, endpoint, 'mine', { results: [of(2, 'failed')] })
    await recorded(store, endpoint, 'mine', { position: 3 })
    assert.deepEqual(await store.webhookHours(live, endpoint.id, hour), [{ hour, attempts: 3, succeeded: 1 }])
    const again = { ...of(1, 'delivered'), revision: 0 }
    await recorded(store, endpoint, 'mine', { at: T + HOUR, results: [again] })
    const next = { hour: hour + 1, attempts: 1, succeeded: 1 }
    assert.deepEqual(await store.webhookHours(live, endpoint.id, hour), [
      { hour, attempts: 3, succeeded: 1 },
      next,
    ])
    assert.deepEqual(await store.webhookHours(live, endpoint.id, hour + 1), [next])
    const month = 31 * 24 * HOUR
    await recorded(store, endpoint, 'mine', { at: T + HOUR + month, results: [{ ...again }] })
    assert.deepEqual(
      (await store.webhookHours(live, endpoint.id, 0)).map(({ hour }) => hour),
      [hour + 1, hour + 1 + month / HOUR],
      'older ones are deleted',
    )
    await changedEndpoint(store, endpoint, { deletedAt: T })
    assert.deepEqual(await store.webhookHours(live, endpoint.id, 0), [])
  })

  rule(open, 'failed deliveries are read oldest first, between two ids', async (store, { live }) => {
    const { id, otherId } = await listed(store, live)
    const failed = [id(1), otherId].sort()
    const read = async (after: string, before: string, limit = 9) => {
      const { data, hasMore } = await store.failedWebhookDeliveries(live, { after, before, limit })
      return [...data.map((each) => each.id), hasMore]
    }
    assert.deepEqual(await read('dlv_', 'dlv`'), [...failed, false])
    assert.deepEqual(await read('dlv_', 'dlv`', 1), [failed[0], true])
    assert.deepEqual(await read(failed[0]!, 'dlv`'), [failed[1], false])
    assert.deepEqual(await read('dlv_', failed[1]!), [failed[0], false])
  })

  rule(
    open,
    'totals count rows, and the backlog of enabled endpoints as pending',
    async (store, { live, test }) => {
      const { endpoint, other } = await listed(store, live)
      assert.deepEqual(await store.webhookDeliveryTotals('live'), {
        pending: 1,
        delivered: 2,
        failed: 2,
        retries: 1,
      })
      await events(store, live, 3)
      assert.equal((await store.webhookDeliveryTotals('live')).pending, 1 + 2 * 3)
      assert.deepEqual(await store.backlogTotals(9), [
        { scope: live, endpoint: endpoint.id, backlog: 3, pending: 1, failed: 1 },
        { scope: live, endpoint: other.id, backlog: 3, pending: 0, failed: 1 },
      ])
      await changedEndpoint(store, other, disabled)
      assert.equal((await store.webhookDeliveryTotals()).pending, 1 + 3)
      await addedEndpoint(store, test)
      await events(store, test, 1)
      assert.equal((await store.webhookDeliveryTotals('test')).pending, 1)
      assert.equal((await store.webhookDeliveryTotals()).pending, 1 + 3 + 1)
      assert.deepEqual(
        (await store.backlogTotals(1)).map(({ endpoint }) => endpoint),
        [endpoint.id],
      )
    },
  )

  rule(
    open,
    'a purge deletes delivered ones of its scope that were settled before its time',
    async (store, { live, other }) => {
      const { id } = await listed(store, live)
      const purge = (scope: Scope, before: number) =>
        store.purgeDeliveries(scope, { before, after: null, limit: 9 })
      assert.deepEqual(await purge(live, T), { deleted: 0, next: null })
      assert.deepEqual(await purge(other, T + 1), { deleted: 0, next: null })
      assert.deepEqual(await purge(live, T + 1), { deleted: 2, next: null })
      assert.equal(await store.webhookDelivery(live, id(0)), undefined)
      assert.deepEqual(await purge(live, T + 1), { deleted: 0, next: null })
      const left = { pending: 1, delivered: 0, failed: 2, retries: 1 }
      assert.deepEqual(await store.webhookDeliveryTotals(), left)
    },
  )

  rule(open, 'a purge in steps looks at each delivery once, of any state', async (store, { live }) => {
    await listed(store, live)
    const ids = (await store.webhookDeliveries(live, { limit: 9 })).data.map((one) => one.id).reverse()
    let [after, deleted]: [string | null, number] = [null, 0]
    const seen: (string | null)[] = []
    do {
      const purged = await store.purgeDeliveries(live, { before: T + 1, after, limit: 2 })
      deleted += purged.deleted
      after = purged.next
      seen.push(after)
    } while (after !== null)
    assert.deepEqual([ids.length, deleted], [5, 2])
    assert.deepEqual(seen, [ids[1], ids[3], null])
  })
}

export function webhookReplays(open: Open): void {
  rule(open, 'a replay is read as it was stored, and listed newest first', async (store, { live }) => {
    const endpoint = await addedEndpoint(store, live)
    const first = replayOf(endpoint, {
      kind: 'failed',
      types: ['payment.succeeded'],
      from: 3,
      to: 8,
      position: 3,
      total: 4,
    })
    const [second, entry] = [replayOf(endpoint), auditEntry(live)]
    assert.equal(await store.addReplay(first, entry), true)
    assert.equal(await store.addReplay(second, null), true)
    assert.deepEqual(await store.auditEntry(live, entry.id), entry)
    assert.deepEqual(await store.replay(live, first.id), first)
    const list = async (query: { limit: number; startingAfter?: string; endingBefore?: string }) =>
      (await store.replays(live, endpoint.id, query)).data
    assert.deepEqual(await list({ limit: 9 }), [second, first])
    assert.deepEqual(await list({ limit: 9, startingAfter: second.id }), [first])
    assert.deepEqual(await list({ limit: 9, endingBefore: first.id }), [second])
    assert.deepEqual((await store.replays(live, 'we_none', { limit: 9 })).data, [])
    assert.equal(await store.addReplay(replayOf({ scope: live, id: 'we_none' }), entry), false)
  })

  rule(
    open,
    'an endpoint has at most ten running replays, also with concurrent calls',
    async (store, { live }) => {
      const { endpoint } = await heldEndpoint(store, live, 'mine', 0)
      const other = await addedEndpoint(store, live)
      const replays = Array.from({ length: 12 }, () => replayOf(endpoint))
      const entries = replays.map(() => auditEntry(live))
      const added = await Promise.all(replays.map((replay, i) => store.addReplay(replay, entries[i]!)))
      assert.equal(added.filter(Boolean).length, MAX_REPLAYS)
      for (const [i, isAdded] of added.entries()) {
        assert.equal((await store.replay(live, replays[i]!.id)) !== undefined, isAdded)
        assert.equal((await store.auditEntry(live, entries[i]!.id)) !== undefined, isAdded)
      }
      assert.equal(await store.addReplay(replayOf(other), null), true, 'of each endpoint')

      // However many that ended are newer.
      for (let i = 0; i < 120; i++) {
        const ended = replayOf(endpoint, { state: 'done', endedAt: T })
        assert.equal(await store.addReplay(ended, null), true)
      }
      assert.equal(await store.addReplay(replayOf(endpoint), null), false)
      const [running] = replays.filter((_, i) => added[i])
      assert.equal(await store.cancelReplay(live, running!.id, T, null), true)
      assert.equal(await store.addReplay(replayOf(endpoint), null), true)
      assert.equal(await store.addReplay(replayOf(endpoint), null), false)
    },
  )

  rule(open, 'a replay makes progress and ends', async (store, { live }) => {
    const { endpoint } = await heldEndpoint(store, live, 'mine', 0)
    const replay = replayOf(endpoint)
    await store.addReplay(replay, null)
    const half = { id: replay.id, position: 5, sent: 4, delivered: 3, state: 'running' } as const
    await recorded(store, endpoint, 'mine', { replay: half })
    assert.deepEqual(await store.replay(live, replay.id), { ...replay, ...half })
    const whole = { id: replay.id, position: 10, sent: 9, delivered: 9, state: 'done' } as const
    await recorded(store, endpoint, 'mine', { replay: whole, at: T + 7 })
    const ended = { ...replay, ...whole, endedAt: T + 7 }
    assert.deepEqual(await store.replay(live, replay.id), ended)
    assert.equal(await store.cancelReplay(live, replay.id, T + 8, null), false)
    assert.deepEqual(await store.replay(live, replay.id), ended)
  })

  rule(
    open,
    'a canceled replay stays canceled, and counts the attempts in flight',
    async (store, { live }) => {
      const { endpoint } = await heldEndpoint(store, live, 'mine', 0)
      const [replay, entry] = [replayOf(endpoint), auditEntry(live)]
      await store.addReplay(replay, null)
      const now = tick()
      assert.equal(await store.cancelReplay(live, replay.id, now, entry), true)
      assert.deepEqual(await store.auditEntry(live, entry.id), entry)
      const late = { id: replay.id, position: 10, sent: 9, delivered: 9, state: 'done' } as const
      await recorded(store, endpoint, 'mine', { replay: late, at: now + 1 })
      assert.deepEqual(await store.replay(live, replay.id), {
        ...replay,
        ...late,
        state: 'canceled',
        endedAt: now,
      })
    },
  )
}
