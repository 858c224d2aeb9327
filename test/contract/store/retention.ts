/** The retention of events. */
import assert from 'node:assert/strict'
import { KEYLESS_SCOPE, type Scope, type Store } from '../../../src/ports/store.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { charged, newId, type Open, rule, START, tick } from '../../kit/commits.ts'
import {
  addedEndpoint,
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

const LATE = START + 365 * 86_400_000

/**
 * Purges until it is done, without the keys that would keep events; returns the number of deleted ones. The newest key,
 * which stays, is of a much later charge in test mode.
 */
async function purge(store: Store, scope: Scope, before = LATE, limit = 100): Promise<number> {
  await charged(store, { scope: { ...scope, mode: 'test' }, at: LATE })
  while ((await store.purgeIdempotency(Number.MAX_SAFE_INTEGER, 1_000)) > 0);
  for (let deleted = 0; ; ) {
    const entry = { id: newId('aud'), at: tick() }
    const purged = await store.purgeEvents(scope, { before, limit, entry })
    assert.equal(purged.problem, undefined)
    deleted += purged.deleted
    if (purged.done) return deleted
  }
}

const kept = async (store: Store, scope: Scope) =>
  (await store.events(scope, { after: 0, limit: 100 })).data.map(({ sequence }) => sequence)
const entries = async (store: Store, scope: Scope) =>
  (await store.auditEntries(scope, { limit: 100, action: 'events.purged' })).data

export function retention(open: Open): void {
  rule(
    open,
    'old events are deleted but the last one, with an audit entry of their scope',
    async (store, scopes) => {
      const { live, other } = scopes
      await events(store, live, 4)
      await events(store, other, 3)
      assert.equal(await store.eventsPurgedTo(live), 0)
      assert.equal(await purge(store, live), 3)
      assert.deepEqual([await kept(store, live), await kept(store, other)], [[4], [1, 2, 3]])
      assert.deepEqual([await store.eventsPurgedTo(live), await store.eventsPurgedTo(other)], [3, 0])
      const [entry, ...more] = await entries(store, live)
      assert.deepEqual([entry?.actor, more.length], ['server', 0])
      const { last_sequence, last_link } = JSON.parse(entry?.after ?? '')
      assert.deepEqual([last_sequence, last_link], [3, 3])
      // The entry has a link of its own, which is nothing to purge.
      assert.equal(await purge(store, live), 0)
      assert.equal((await entries(store, live)).length, 1)
      await events(store, live, 1)
      assert.deepEqual(await kept(store, live), [4, 5])
      assert.equal(await purge(store, live), 1)
      assert.deepEqual([await kept(store, live), (await entries(store, live)).length], [[5], 2])
    },
  )

  rule(open, 'events are deleted in steps, with one audit entry at the end', async (store, { live }) => {
    await events(store, live, 9)
    assert.equal(await purge(store, live, LATE, 2), 8)
    assert.deepEqual([await kept(store, live), (await entries(store, live)).length], [[9], 1])
  })

  rule(open, 'an event stays that is not old, or that a stored key may name', async (store, { live }) => {
    const [, second] = await events(store, live, 3)
    const entry = { id: newId('aud'), at: tick() }
    assert.deepEqual(await store.purgeEvents(live, { before: LATE, limit: 9, entry }), {
      deleted: 0,
      done: true,
    })
    assert.equal(await purge(store, live, second?.createdAt), 1)
    assert.deepEqual(await kept(store, live), [2, 3])
  })

  rule(open, 'an event stays that an endpoint or a running replay still needs', async (store, { live }) => {
    await events(store, live, 2)
    const { endpoint } = await heldEndpoint(store, live, 'token', 3)
    const idle = await addedEndpoint(store, live)
    await events(store, live, 2)
    assert.equal(await purge(store, live), 2)
    await recorded(store, endpoint, 'token', { position: 4 })
    assert.equal(await purge(store, live), 2)
    const replay = replayOf(endpoint, { from: 4, to: 6, position: 4 })
    assert.equal(await store.addReplay(replay, null), true)
    await recorded(store, endpoint, 'token', { position: 7 })
    assert.equal(await purge(store, live), 0)
    assert.equal(await store.cancelReplay(live, replay.id, tick(), null), true)
    // The other endpoint waits after the fifth event.
    assert.equal(await purge(store, live), 1)
    await recorded(store, endpoint, 'token', { position: 6 })
    const off = await changedEndpoint(store, idle, disabled)
    assert.equal(await purge(store, live), 0)
    await changedEndpoint(store, off, { deletedAt: tick() })
    assert.equal(await purge(store, live), 1)
    assert.deepEqual(await kept(store, live), [7])
  })

  rule(
    open,
    'a disabled endpoint keeps the events that it still needs, and is named until it is enabled or deleted',
    async (store, { live, other }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'token', 3)
      const second = stored[1] as (typeof stored)[0]
      await recorded(store, endpoint, 'token', { position: 1 })
      const holders = (scope = live, before = LATE) => store.disabledHolders(scope, before)
      assert.deepEqual(await holders(), [])
      const { createdAt } = second
      for (const disabledReason of ['request', 'gone', 'failing'] as const) {
        const off = await changedEndpoint(
          store,
          (await store.webhookEndpoint(live, endpoint.id)) ?? endpoint,
          {
            status: 'disabled',
            disabledReason,
          },
        )
        assert.deepEqual([await holders(), await holders(other)], [[endpoint.id], []])
        assert.deepEqual(await holders(live, createdAt), [], 'it needs no event from before')
        assert.deepEqual(await holders(live, createdAt + 1), [endpoint.id])
        await purge(store, live)
        assert.deepEqual(await kept(store, live), [2, 3])
        await changedEndpoint(store, off, { status: 'enabled', disabledReason: null })
        assert.deepEqual(await holders(), [])
      }
      // Its first event after a while is still the second one.
      const [held] = await claimCursors(store, { token: 'token' })
      assert.equal(held?.position, 1)
      const failed = resultOf(second, endpoint.id, { state: 'failed' })
      await recorded(store, endpoint, 'token', { position: 3, results: [failed] })
      const now = (await store.webhookEndpoint(live, endpoint.id)) ?? endpoint
      const off = await changedEndpoint(store, now, disabled)
      assert.deepEqual([await purge(store, live), await holders()], [0, [endpoint.id]])
      await changedEndpoint(store, off, { deletedAt: tick() })
      assert.deepEqual([await purge(store, live), await holders()], [1, []])
    },
  )

  rule(open, 'the endpoint of the configuration keeps no event while it has no target', async (store) => {
    const { scope, ...endpoint } = webhookEndpointOf(KEYLESS_SCOPE, { id: 'default' })
    await store.setDefaultWebhookEndpoint({ ...endpoint, scope })
    await events(store, scope, 3)
    const before = await kept(store, scope)
    assert.equal(await purge(store, scope), 0)
    await store.setDefaultWebhookEndpoint(null)
    assert.deepEqual(await store.disabledHolders(scope, LATE + 1), [])
    assert.ok((await purge(store, scope)) >= before.length)
  })

  rule(
    open,
    'an event stays that has a pending or failed delivery; delivered ones go with it',
    async (store, { live }) => {
      const { endpoint, events: stored } = await heldEndpoint(store, live, 'token', 6)
      const [a, b, c, d, e] = stored as [(typeof stored)[0], ...typeof stored]
      const results = [a, b, c, d, e].map((event) => resultOf(event as typeof a, endpoint.id))
      results[1] = resultOf(b as typeof a, endpoint.id, { state: 'failed' })
      results[3] = resultOf(d as typeof a, endpoint.id, { state: 'pending', dueAt: T })
      await recorded(store, endpoint, 'token', { position: 6, results })
      const shown = async () =>
        (await store.webhookDeliveries(live, { limit: 9 })).data
          .map(({ eventSequence }) => eventSequence)
          .sort()
      assert.equal(await purge(store, live), 1)
      assert.deepEqual(await shown(), [2, 3, 4, 5])
      const again = async (event: typeof a) => {
        const { id } = deliveryOf(event, endpoint.id)
        assert.equal(
          await store.retryWebhookDelivery(live, id, T, auditEntry(live, { action: 'delivery.retried' })),
          true,
        )
        const result = resultOf(event, endpoint.id, {
          revision: (await store.webhookDelivery(live, id))?.revision ?? 0,
        })
        await recorded(store, endpoint, 'token', { results: [result] })
      }
      await again(b as typeof a)
      assert.equal(await purge(store, live), 2)
      assert.deepEqual(await shown(), [4, 5])
      await again(d as typeof a)
      assert.equal(await purge(store, live), 2)
      assert.deepEqual([await shown(), await kept(store, live)], [[], [6]])
      assert.equal((await store.webhookDeliveryTotals()).delivered, 0)
    },
  )

  rule(open, 'failed deliveries of a deleted endpoint keep no event', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'token', 3)
    const results = stored.map((event) => resultOf(event, endpoint.id, { state: 'failed' }))
    await recorded(store, endpoint, 'token', { position: 3, results })
    assert.equal(await purge(store, live), 0)
    await changedEndpoint(store, endpoint, { deletedAt: tick() })
    assert.equal(await purge(store, live), 2)
    const left = (await store.webhookDeliveries(live, { limit: 9 })).data
    assert.deepEqual([left.map(({ eventSequence }) => eventSequence), await kept(store, live)], [[3], [3]])
    assert.equal((await store.webhookDeliveryTotals()).failed, 1)
  })

  rule(
    open,
    'a charge whose events were deleted is still there, and its next event follows',
    async (store, { live }) => {
      const charge = await charged(store, { scope: live })
      await events(store, live, 1)
      assert.equal(await purge(store, live), 1)
      assert.deepEqual(await store.charge(live, charge.id), charge)
      assert.deepEqual(
        (await events(store, live, 1)).map(({ sequence }) => sequence),
        [3],
      )
    },
  )
}
