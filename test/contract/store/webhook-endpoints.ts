import assert from 'node:assert/strict'
import { MAX_ENDPOINTS, type WebhookEndpoint } from '../../../src/domain/webhooks/endpoint.ts'
import type { StoredEvent } from '../../../src/ports/store.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
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
  recorded,
  replayOf,
  resultOf,
  T,
  webhookEndpointOf,
} from '../../kit/webhooks.ts'

const PAGE = { limit: 9 }

export function webhookEndpoints(open: Open): void {
  rule(open, 'a webhook endpoint is read as it was stored', async (store, { live }) => {
    const plain = await addedEndpoint(store, live)
    const full = await addedEndpoint(store, live, {
      description: 'Orders',
      metadata: { team: 'a"b' },
      events: ['payment.*', 'dispute.lost'],
      headers: { 'X-Tenant': 'é' },
      rateLimit: 5,
      schedule: [0, 5_000, 604_800_000],
      format: 'stripe',
      ordered: true,
      secrets: [
        { sealed: 'new', until: null },
        { sealed: 'old', until: T },
      ],
      disableAfterMs: null,
    })
    for (const endpoint of [plain, full])
      assert.deepEqual(await store.webhookEndpoint(live, endpoint.id), endpoint)
    assert.equal(await store.webhookEndpoint(live, 'we_none'), undefined)
  })

  rule(open, 'a new endpoint begins after the last event of its scope', async (store, { live, other }) => {
    await events(store, live, 3)
    const endpoint = await addedEndpoint(store, live)
    const cursor = await store.webhookCursor(live, endpoint.id)
    const nothing = { backlog: 0, pending: 0, failed: 0, failingSince: null, warnedAt: null }
    assert.deepEqual(cursor, { position: 3, ...nothing })
    await events(store, live, 2)
    await events(store, other, 4)
    assert.deepEqual(await store.webhookCursor(live, endpoint.id), { position: 3, ...nothing, backlog: 2 })
    const early = await addedEndpoint(store, { ...live, mode: 'test' })
    assert.deepEqual(await store.webhookCursor(early.scope, early.id), { position: 0, ...nothing })
  })

  rule(open, 'an id that exists, and an account that does not, add nothing', async (store, { live }) => {
    const endpoint = await addedEndpoint(store, live)
    const entry = auditEntry(live)
    assert.equal(await store.addWebhookEndpoint({ ...endpoint, url: 'https://b.example' }, entry), false)
    const stray = webhookEndpointOf({ accountId: 99, mode: 'live' })
    assert.equal(await store.addWebhookEndpoint(stray, entry), false)
    assert.deepEqual((await store.webhookEndpoints(live, PAGE)).data, [endpoint])
    assert.equal(await store.auditEntry(live, entry.id), undefined)
  })

  rule(
    open,
    'of very many endpoints at once, a scope gets as many as it may have',
    async (store, { live, other }) => {
      const deleted = await addedEndpoint(store, live)
      await changedEndpoint(store, deleted, { deletedAt: T })
      const all = Array.from({ length: MAX_ENDPOINTS + 40 }, () => webhookEndpointOf(live))
      const added: boolean[] = []
      // Not all of them at once: on a slow machine the last would wait for a connection for too long.
      for (let i = 0; i < all.length; i += 260) {
        const some = all.slice(i, i + 260)
        added.push(...(await Promise.all(some.map((endpoint) => store.addWebhookEndpoint(endpoint, null)))))
      }
      assert.equal(added.filter(Boolean).length, MAX_ENDPOINTS)
      const first = all[added.indexOf(true)] as WebhookEndpoint
      await changedEndpoint(store, first, { deletedAt: T })
      await addedEndpoint(store, live)
      assert.equal(await store.addWebhookEndpoint(webhookEndpointOf(live), auditEntry(live)), false)
      await addedEndpoint(store, other)
    },
  )

  rule(open, 'an endpoint is stored together with its audit entry', async (store, { live }) => {
    const [added, changed] = [auditEntry(live), auditEntry(live)]
    const endpoint = webhookEndpointOf(live)
    assert.equal(await store.addWebhookEndpoint(endpoint, added), true)
    const after = { ...endpoint, url: 'https://b.example', version: 2 }
    assert.equal(await store.changeWebhookEndpoint(endpoint, after, changed), true)
    assert.deepEqual(await store.auditEntry(live, added.id), added)
    assert.deepEqual(await store.auditEntry(live, changed.id), changed)
  })

  rule(open, 'of two changes of one version only the first is stored', async (store, { live }) => {
    const endpoint = await addedEndpoint(store, live)
    const [one, two] = ['https://one.example', 'https://two.example'].map((url) => ({
      ...endpoint,
      url,
      version: 2,
    }))
    const entry = auditEntry(live)
    const [first, second] = await Promise.all([
      store.changeWebhookEndpoint(endpoint, one!, null),
      store.changeWebhookEndpoint(endpoint, two!, entry),
    ])
    assert.equal(first, !second)
    assert.deepEqual(await store.webhookEndpoint(live, endpoint.id), first ? one : two)
    assert.deepEqual(await store.auditEntry(live, entry.id), first ? undefined : entry)
  })

  rule(open, 'endpoints are listed newest first, the default one last', async (store, { live }) => {
    const first = await addedEndpoint(store, live)
    await store.setDefaultWebhookEndpoint(webhookEndpointOf(live, { id: 'default' }))
    const [second, third] = [await addedEndpoint(store, live), await addedEndpoint(store, live)]
    await changedEndpoint(store, second, { deletedAt: T })
    const ids = async (query: { startingAfter?: string; endingBefore?: string; limit: number }) => {
      const { data, hasMore } = await store.webhookEndpoints(live, query)
      return [...data.map(({ id }) => id), hasMore]
    }
    assert.deepEqual(await ids(PAGE), [third.id, first.id, 'default', false])
    assert.deepEqual(await ids({ limit: 1 }), [third.id, true])
    assert.deepEqual(await ids({ limit: 1, startingAfter: third.id }), [first.id, true])
    assert.deepEqual(await ids({ limit: 9, endingBefore: 'default' }), [third.id, first.id, false])
  })
}

export function sealedEndpoints(open: Open): void {
  rule(open, 'endpoints with something sealed are read in every scope', async (store, scopes) => {
    const { live, test, other } = scopes
    const [one, two] = [await addedEndpoint(store, live), await addedEndpoint(store, other)]
    const headers = await addedEndpoint(store, test, { secrets: [], headers: { 'X-Token': 'sealed' } })
    await addedEndpoint(store, live, { secrets: [] })
    await changedEndpoint(store, await addedEndpoint(store, live), { deletedAt: T })
    const read = (limit: number, after: Parameters<typeof store.sealedWebhookEndpoints>[0]['after'] = null) =>
      store.sealedWebhookEndpoints({ after, limit })
    assert.deepEqual(await read(9), { data: [headers, one, two], hasMore: false })
    assert.deepEqual(await read(1, headers), { data: [one], hasMore: true })
    assert.deepEqual(await read(1, one), { data: [two], hasMore: false })
    assert.deepEqual(await read(9, two), { data: [], hasMore: false })
  })
}

export function endedEndpoints(open: Open): void {
  rule(open, 'a deleted endpoint stays readable and ends its work', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 2)
    const [failing, done] = [stored[0]!, stored[1]!]
    await recorded(store, endpoint, 'mine', {
      position: done.sequence,
      results: [
        resultOf(failing, endpoint.id, { state: 'pending', dueAt: T + 5_000 }),
        resultOf(done, endpoint.id),
      ],
    })
    const running = replayOf(endpoint)
    assert.equal(await store.addReplay(running, null), true)
    const after = await changedEndpoint(store, endpoint, { deletedAt: T + 1 })
    assert.deepEqual(await store.webhookEndpoint(live, endpoint.id), after)
    assert.deepEqual((await store.webhookEndpoints(live, PAGE)).data, [])
    assert.equal(await store.webhookCursor(live, endpoint.id), undefined)
    const failed = await store.webhookDelivery(live, deliveryOf(failing, endpoint.id).id)
    assert.deepEqual([failed?.state, failed?.dueAt, failed?.settledAt], ['failed', null, T + 1])
    const ended = { ...running, state: 'canceled', endedAt: T + 1 } as const
    assert.deepEqual(await store.replay(live, running.id), ended)
    assert.deepEqual(await store.webhookDeliveryTotals(), { pending: 0, delivered: 1, failed: 1, retries: 1 })
  })

  rule(
    open,
    'nothing is claimed, recorded, replayed or retried for a deleted endpoint',
    async (store, { live }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 2)
      const [event, late] = [stored[0]!, stored[1]!]
      const failed = resultOf(event, endpoint.id, { state: 'failed' })
      await recorded(store, endpoint, 'mine', { results: [failed] })
      const after = await changedEndpoint(store, endpoint, { deletedAt: T })
      assert.deepEqual(await claimCursors(store, { token: 'mine' }), [])
      const batch = batchOf(endpoint, 'mine', { results: [resultOf(late, endpoint.id)] })
      assert.deepEqual(await store.recordDeliveries([batch]), [false])
      assert.equal(await store.webhookDelivery(live, batch.results[0]!.delivery.id), undefined)
      const entry = auditEntry(live)
      assert.equal(await store.addReplay(replayOf(endpoint), entry), false)
      assert.equal(await store.retryWebhookDelivery(live, failed.delivery.id, T, entry), false)
      assert.equal(await store.retryWebhookDeliveries(live, [failed.delivery.id], T, entry), 0)
      assert.equal(await store.changeWebhookEndpoint(after, { ...after, deletedAt: null }, entry), false)
      assert.equal(await store.auditEntry(live, entry.id), undefined)
    },
  )

  rule(
    open,
    'the last attempts of a deleted endpoint are stored, and nothing else',
    async (store, { live }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 4)
      const [waiting, sent, failing, unsent] = stored as [StoredEvent, StoredEvent, StoredEvent, StoredEvent]
      const pending = { state: 'pending', dueAt: T + 5_000 } as const
      await recorded(store, endpoint, 'mine', { results: [resultOf(waiting, endpoint.id, pending)] })
      const kept = await addedEndpoint(store, live)
      const batches = [
        batchOf(endpoint, 'mine', {
          position: 4,
          results: [
            resultOf(waiting, endpoint.id, { revision: 0 }),
            resultOf(sent, endpoint.id),
            resultOf(failing, endpoint.id, pending),
            resultOf(unsent, endpoint.id, { ...pending, try: null }),
          ],
        }),
        batchOf(kept, 'mine', { results: [resultOf(sent, kept.id)] }),
      ]
      assert.deepEqual(await store.recordLastTries(batches), [false, false])
      await changedEndpoint(store, endpoint, { deletedAt: T })
      assert.deepEqual(await store.recordLastTries(batches), [true, false])
      assert.deepEqual(await store.recordLastTries([]), [])
      const { data } = await store.webhookDeliveries(live, { limit: 9 })
      assert.deepEqual(
        data.map(({ eventSequence, state, dueAt, attempts, tries }) => [
          ...[eventSequence, state, dueAt, attempts],
          tries.map(({ status }) => status),
        ]),
        [
          [failing.sequence, 'failed', null, 1, [500]],
          [sent.sequence, 'delivered', null, 1, [200]],
          [waiting.sequence, 'delivered', null, 2, [500, 200]],
        ],
      )
      assert.deepEqual(await store.webhookDeliveryTotals(), {
        pending: 0,
        delivered: 2,
        failed: 1,
        retries: 1,
      })
    },
  )

  rule(open, 'a disabled endpoint keeps its place and can be enabled again', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 3)
    const first = stored[0]!
    const off = await changedEndpoint(store, endpoint, disabled)
    assert.deepEqual(await claimCursors(store, { token: 'mine' }), [])
    assert.deepEqual(await claimCursors(store), [])
    // The attempt that was in flight is recorded.
    await recorded(store, endpoint, 'mine', {
      position: first.sequence,
      results: [resultOf(first, endpoint.id)],
    })
    await changedEndpoint(store, off, { status: 'enabled', disabledReason: null })
    const [held] = await claimCursors(store, { token: 'mine' })
    assert.equal(held?.position, first.sequence)
    assert.equal((await store.webhookCursor(live, endpoint.id))?.backlog, 2)
  })

  rule(open, 'an endpoint that is enabled again has not failed yet', async (store, { live }) => {
    const { endpoint } = await heldEndpoint(store, live, 'mine', 1)
    await recorded(store, endpoint, 'mine', { failing: { since: T - 1, warnedAt: T } })
    const moved = await changedEndpoint(store, endpoint, { url: 'https://b.example' })
    assert.equal((await store.webhookCursor(live, endpoint.id))?.failingSince, T - 1)
    const off = await changedEndpoint(store, moved, disabled)
    await changedEndpoint(store, off, { status: 'enabled', disabledReason: null })
    const [held] = await claimCursors(store, { token: 'mine' })
    assert.deepEqual([held?.failingSince, held?.warnedAt], [null, null])
  })

  rule(open, 'an endpoint that is no longer ordered lets waiting deliveries go', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 2, { ordered: true })
    const [first, second] = [stored[0]!, stored[1]!]
    const object = 'txn_1'
    await recorded(store, endpoint, 'mine', {
      results: [
        resultOf(first, endpoint.id, { state: 'pending', dueAt: T + 60_000, object }),
        resultOf(second, endpoint.id, { state: 'pending', dueAt: null, try: null, object }),
      ],
    })
    assert.equal(await store.nextDue(live, endpoint.id), T + 60_000)
    await changedEndpoint(store, endpoint, { ordered: false })
    const { data: due } = await store.dueDeliveries(live, endpoint.id, { now: T, limit: 9 })
    assert.deepEqual(
      due.map(({ event }) => event.sequence),
      [second.sequence],
    )
  })
}

export function defaultEndpoint(open: Open): void {
  const url = 'http://localhost:8081/webhook'

  rule(open, 'the default endpoint is of one scope', async (store, { live, test }) => {
    const inTest = webhookEndpointOf(test, { id: 'default', url })
    await store.setDefaultWebhookEndpoint(inTest)
    assert.deepEqual(await store.webhookEndpoint(test, 'default'), inTest)
    await store.setDefaultWebhookEndpoint(webhookEndpointOf(live, { id: 'default', url }))
    const [there, here] = [
      await store.webhookEndpoint(test, 'default'),
      await store.webhookEndpoint(live, 'default'),
    ]
    assert.deepEqual([there?.status, there?.disabledReason], ['disabled', 'request'])
    assert.equal(here?.status, 'enabled')
    const held = await claimCursors(store)
    assert.deepEqual(
      held.map(({ endpoint }) => endpoint.scope),
      [live],
    )
    await store.setDefaultWebhookEndpoint(null)
    assert.equal((await store.webhookEndpoint(live, 'default'))?.status, 'disabled')
  })

  rule(open, 'the same default endpoint changes nothing, another one its row', async (store, { live }) => {
    const first = webhookEndpointOf(live, { id: 'default', url })
    await store.setDefaultWebhookEndpoint(first)
    await events(store, live, 2)
    await store.setDefaultWebhookEndpoint({ ...first, createdAt: tick() })
    assert.deepEqual(await store.webhookEndpoint(live, 'default'), first)
    await store.setDefaultWebhookEndpoint({ ...first, url: 'http://b.example' })
    const changed = { ...first, url: 'http://b.example', version: 2 }
    assert.deepEqual(await store.webhookEndpoint(live, 'default'), changed)
    assert.equal((await store.webhookCursor(live, 'default'))?.backlog, 2)
  })

  rule(open, 'events from while there was no default endpoint are not for it', async (store, { live }) => {
    const first = webhookEndpointOf(live, { id: 'default', url })
    await store.setDefaultWebhookEndpoint(first)
    await store.setDefaultWebhookEndpoint(null)
    await events(store, live, 2)
    await store.setDefaultWebhookEndpoint(first)
    assert.deepEqual(await store.webhookEndpoint(live, 'default'), { ...first, version: 3 })
    const cursor = await store.webhookCursor(live, 'default')
    assert.deepEqual([cursor?.position, cursor?.backlog], [2, 0])
  })
}
