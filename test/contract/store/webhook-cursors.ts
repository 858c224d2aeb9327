import assert from 'node:assert/strict'
import { type Open, rule, tick } from '../../kit/commits.ts'
import {
  addedEndpoint,
  batchOf,
  changedEndpoint,
  claimCursors,
  deliveryOf,
  disabled,
  events,
  heldEndpoint,
  LEASE_MS,
  recorded,
  replayOf,
  resultOf,
  T,
} from '../../kit/webhooks.ts'

const idsOf = (held: Awaited<ReturnType<typeof claimCursors>>) =>
  held.map(({ endpoint }) => endpoint.id).sort()

export function webhookClaims(open: Open): void {
  rule(open, 'a claim returns the endpoint, its place and its running replays', async (store, { live }) => {
    await events(store, live, 2)
    const endpoint = await addedEndpoint(store, live)
    const [first, second] = [replayOf(endpoint), replayOf(endpoint)]
    for (const replay of [second, first]) await store.addReplay(replay, null)
    const ended = replayOf(endpoint)
    await store.addReplay(ended, null)
    await store.cancelReplay(live, ended.id, tick(), null)
    assert.deepEqual(await claimCursors(store), [
      {
        endpoint,
        position: 2,
        reach: 0,
        failingSince: null,
        warnedAt: null,
        replays: [first, second],
      },
    ])
  })

  rule(open, 'a cursor has one holder, even with concurrent claims', async (store, { live, other }) => {
    const all = []
    for (let i = 0; i < 6; i++) all.push(await addedEndpoint(store, i % 2 === 0 ? live : other))
    const claimed = await Promise.all(Array.from({ length: 4 }, () => claimCursors(store, { limit: 2 })))
    assert.deepEqual(claimed.flatMap(idsOf).sort(), all.map(({ id }) => id).sort(), 'each is claimed once')
    for (const held of claimed) assert.ok(held.length <= 2)
  })

  rule(open, 'a lease that ended is claimed by another, and lost to its holder', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 1)
    assert.deepEqual(await claimCursors(store, { token: 'yours', now: T + LEASE_MS - 1 }), [])
    assert.deepEqual(idsOf(await claimCursors(store, { token: 'yours', now: T + LEASE_MS })), [endpoint.id])
    assert.deepEqual(await claimCursors(store, { token: 'mine', now: T + LEASE_MS }), [])
    const batch = batchOf(endpoint, 'mine', { position: 1, results: [resultOf(stored[0]!, endpoint.id)] })
    assert.deepEqual(await store.recordDeliveries([batch]), [false])
    assert.equal((await store.webhookCursor(live, endpoint.id))?.position, 0)
    assert.equal(await store.webhookDelivery(live, batch.results[0]!.delivery.id), undefined)
  })

  rule(open, 'a holder that claims again keeps its cursors', async (store, { live }) => {
    const { endpoint } = await heldEndpoint(store, live, 'mine', 0)
    for (let now = T; now < T + 3 * LEASE_MS; now += LEASE_MS / 3)
      assert.deepEqual(idsOf(await claimCursors(store, { token: 'mine', now, limit: 0 })), [endpoint.id])
    assert.deepEqual(await claimCursors(store, { token: 'yours', now: T + 3 * LEASE_MS }), [])
  })

  rule(
    open,
    'a holder records also after the end of its lease, unless another took it',
    async (store, { live }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 1)
      await recorded(store, endpoint, 'mine', {
        at: T + 2 * LEASE_MS,
        position: 1,
        results: [resultOf(stored[0]!, endpoint.id)],
      })
      assert.equal((await store.webhookCursor(live, endpoint.id))?.position, 1)
    },
  )

  rule(open, 'a lease from before the clock was set back has ended', async (store, { live }) => {
    const { endpoint } = await heldEndpoint(store, live, 'mine', 0)
    const now = T - 86_400_000
    assert.deepEqual(idsOf(await claimCursors(store, { token: 'yours', now })), [endpoint.id])
  })

  rule(open, 'a process that stops frees its cursors for others', async (store, { live }) => {
    const { endpoint } = await heldEndpoint(store, live, 'mine', 0)
    const theirs = await addedEndpoint(store, live)
    await claimCursors(store, { token: 'yours' })
    await store.releaseWebhookCursors('mine')
    assert.deepEqual(idsOf(await claimCursors(store, { token: 'third' })), [endpoint.id])
    assert.deepEqual(idsOf(await claimCursors(store, { token: 'yours', limit: 0 })), [theirs.id])
  })

  rule(
    open,
    'a process gives back some of its cursors, and keeps the others',
    async (store, { live, other }) => {
      const [given, kept] = [await addedEndpoint(store, live), await addedEndpoint(store, other)]
      const theirs = await addedEndpoint(store, live)
      await claimCursors(store, { token: 'mine', leave: [theirs] })
      await claimCursors(store, { token: 'yours' })
      await store.releaseWebhookCursors('mine', [])
      assert.deepEqual(await claimCursors(store), [])
      await store.releaseWebhookCursors('mine', [given, { ...kept, scope: live }, theirs])
      assert.deepEqual(idsOf(await claimCursors(store, { token: 'mine', limit: 0 })), [kept.id])
      assert.deepEqual(idsOf(await claimCursors(store)), [given.id])
    },
  )

  rule(
    open,
    'a claim leaves versions of endpoints to others, until they change',
    async (store, { live, other }) => {
      const [left, taken] = [await addedEndpoint(store, live), await addedEndpoint(store, live)]
      const leave = [left, { ...taken, scope: other }, { ...taken, version: 2 }]
      assert.deepEqual(idsOf(await claimCursors(store, { token: 'mine', limit: 1, leave })), [taken.id])
      assert.deepEqual(idsOf(await claimCursors(store, { token: 'yours' })), [left.id])
      const ended = { token: 'mine', now: T + LEASE_MS, leave }
      assert.deepEqual(idsOf(await claimCursors(store, ended)), [taken.id], 'also after a lease ended')
      await changedEndpoint(store, left, { url: 'https://b.example' })
      assert.deepEqual(idsOf(await claimCursors(store, ended)), [left.id, taken.id].sort())
    },
  )

  rule(open, 'a claim takes no disabled endpoint, and shows a changed one', async (store, { live }) => {
    const { endpoint } = await heldEndpoint(store, live, 'mine', 0)
    await addedEndpoint(store, live, disabled)
    const after = await changedEndpoint(store, endpoint, { url: 'https://b.example' })
    const held = await claimCursors(store, { token: 'mine' })
    assert.deepEqual(
      held.map(({ endpoint }) => endpoint),
      [after],
    )
  })
}

export function webhookPositions(open: Open): void {
  rule(open, 'a position only goes forward', async (store, { live }) => {
    const { endpoint } = await heldEndpoint(store, live, 'mine', 5)
    const position = async () => (await store.webhookCursor(live, endpoint.id))?.position
    await recorded(store, endpoint, 'mine', { position: 3 })
    await recorded(store, endpoint, 'mine', { position: 2 })
    await recorded(store, endpoint, 'mine', { position: null })
    assert.equal(await position(), 3)
    assert.equal((await store.webhookCursor(live, endpoint.id))?.backlog, 2)
    await recorded(store, endpoint, 'mine', { position: 5 })
    assert.equal(await position(), 5)
  })

  rule(
    open,
    'a new holder learns of deliveries that are stored after the position',
    async (store, { live }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 4)
      const [, second, third] = stored
      await recorded(store, endpoint, 'mine', {
        position: 1,
        results: [
          resultOf(third!, endpoint.id),
          resultOf(second!, endpoint.id, { state: 'pending', dueAt: T }),
        ],
      })
      const [held] = await claimCursors(store, { now: T + LEASE_MS })
      assert.deepEqual([held?.position, held?.reach], [1, 3])
      const ids = stored.map((event) => deliveryOf(event, endpoint.id).id)
      const found = await store.storedDeliveries(live, ids)
      assert.deepEqual(found.map(({ eventSequence, state }) => [eventSequence, state]).sort(), [
        [2, 'pending'],
        [3, 'delivered'],
      ])
      assert.deepEqual(await store.storedDeliveries(live, []), [])
    },
  )

  rule(open, 'a batch stores since when the endpoint fails', async (store, { live }) => {
    const { endpoint } = await heldEndpoint(store, live, 'mine', 0)
    const failing = async () => {
      const cursor = await store.webhookCursor(live, endpoint.id)
      return [cursor?.failingSince, cursor?.warnedAt]
    }
    await recorded(store, endpoint, 'mine', { failing: { since: T, warnedAt: null } })
    assert.deepEqual(await failing(), [T, null])
    await recorded(store, endpoint, 'mine', {})
    assert.deepEqual(await failing(), [T, null])
    await recorded(store, endpoint, 'mine', { failing: { since: T, warnedAt: T + 1 } })
    assert.deepEqual(await failing(), [T, T + 1])
    const [held] = await claimCursors(store, { token: 'mine' })
    assert.deepEqual([held?.failingSince, held?.warnedAt], [T, T + 1])
    await recorded(store, endpoint, 'mine', { failing: { since: null, warnedAt: null } })
    assert.deepEqual(await failing(), [null, null])
  })

  rule(
    open,
    'of several batches, only those whose token holds are stored',
    async (store, { live, other }) => {
      const mine = await heldEndpoint(store, live, 'mine', 1)
      const yours = await heldEndpoint(store, other, 'yours', 1)
      const batches = [
        batchOf(mine.endpoint, 'mine', { position: 1 }),
        batchOf(yours.endpoint, 'mine', {
          position: 1,
          results: [resultOf(yours.events[0]!, yours.endpoint.id)],
        }),
        batchOf(mine.endpoint, 'mine', { results: [resultOf(mine.events[0]!, mine.endpoint.id)] }),
      ]
      assert.deepEqual(await store.recordDeliveries(batches), [true, false, true])
      assert.deepEqual(await store.recordDeliveries([]), [])
      assert.equal((await store.webhookCursor(other, yours.endpoint.id))?.position, 0)
      assert.equal((await store.webhookCursor(live, mine.endpoint.id))?.position, 1)
      assert.deepEqual((await store.webhookDeliveries(other, { limit: 9 })).data, [])
      assert.equal((await store.webhookDeliveries(live, { limit: 9 })).data.length, 1)
    },
  )

  rule(open, 'a batch can disable its endpoint and store an event of it', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 1)
    const after = { ...endpoint, status: 'disabled', disabledReason: 'gone', version: 2 } as const
    const event = { id: 'evt_1', type: 'webhook_endpoint.disabled', data: '{}' } as const
    await recorded(store, endpoint, 'mine', {
      position: 1,
      results: [resultOf(stored[0]!, endpoint.id, { state: 'failed' })],
      change: { before: endpoint, after, audit: null },
      event,
    })
    assert.deepEqual(await store.webhookEndpoint(live, endpoint.id), after)
    const { data } = await store.events(live, { after: 1, limit: 9 })
    assert.deepEqual(
      data.map(({ sequence, id, type, data, createdAt }) => ({ sequence, id, type, data, createdAt })),
      [{ sequence: 2, ...event, createdAt: T }],
    )
  })

  rule(
    open,
    'a change of an endpoint that was changed meanwhile is left out, with its event',
    async (store, { live }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 1)
      const now = await changedEndpoint(store, endpoint, { url: 'https://b.example' })
      const after = { ...endpoint, status: 'disabled', disabledReason: 'gone', version: 2 } as const
      await recorded(store, endpoint, 'mine', {
        position: 1,
        results: [resultOf(stored[0]!, endpoint.id, { state: 'failed' })],
        change: { before: endpoint, after, audit: null },
        event: { id: 'evt_1', type: 'webhook_endpoint.disabled', data: '{}' },
      })
      assert.deepEqual(await store.webhookEndpoint(live, endpoint.id), now)
      assert.deepEqual((await store.events(live, { after: 1, limit: 9 })).data, [])
      assert.equal((await store.webhookCursor(live, endpoint.id))?.failed, 1)
    },
  )
}
