import assert from 'node:assert/strict'
import { auditEntry } from '../../kit/audit-entries.ts'
import { type Open, rule } from '../../kit/commits.ts'
import { deliveryOf, heldEndpoint, recorded, resultOf, T } from '../../kit/webhooks.ts'
import { delivered, pending } from './webhook-deliveries.ts'

export function webhookRetries(open: Open): void {
  rule(open, 'a delivery in any state is put back any number of times', async (store, { live }) => {
    const { id, event, endpoint, read, totals } = await delivered(store, live, { state: 'failed' })
    for (let revision = 1; revision < 4; revision++) {
      const entry = auditEntry(live)
      assert.equal(await store.retryWebhookDelivery(live, id, T + revision, entry), true)
      assert.deepEqual(await store.auditEntry(live, entry.id), entry)
      const { state, attempts, dueAt, settledAt, ...rest } = await read()
      assert.deepEqual([state, attempts, dueAt, settledAt], ['pending', 0, T + revision, null])
      assert.equal(rest.revision, revision)
      assert.equal((await totals()).pending, 1)
      if (revision === 2)
        await recorded(store, endpoint, 'mine', { results: [resultOf(event, endpoint.id, { revision })] })
    }
    assert.deepEqual(await totals(), { pending: 1, delivered: 0, failed: 0, retries: 0 })
    assert.equal(await store.retryWebhookDelivery(live, 'dlv_none', T, auditEntry(live)), false)
  })

  rule(
    open,
    'at an ordered endpoint, a delivery put back waits behind the pending ones of its object',
    async (store, { live }) => {
      const { endpoint, events } = await heldEndpoint(store, live, 'mine', 4, { ordered: true })
      const object = ['txn_1', 'txn_1', 'txn_1', 'txn_2']
      const results = events.map((event, i) =>
        resultOf(event, endpoint.id, {
          ...(i === 0 ? pending(T + 50) : ({ state: 'failed' } as const)),
          object: object[i]!,
        }),
      )
      await recorded(store, endpoint, 'mine', { position: 4, results })
      const ids = results.map(({ delivery }) => delivery.id)
      const due = () =>
        Promise.all(ids.map(async (id) => (await store.webhookDelivery(live, id))?.dueAt ?? null))
      for (let i = 0; i < 2; i++)
        assert.equal(await store.retryWebhookDelivery(live, ids[1]!, T + 1, auditEntry(live)), true)
      assert.deepEqual(await due(), [T + 50, null, null, null])
      assert.equal(await store.retryWebhookDeliveries(live, ids.toReversed(), T + 2, auditEntry(live)), 2)
      assert.deepEqual(await due(), [T + 50, null, null, T + 2])
      const first = resultOf(events[0]!, endpoint.id, { revision: 0, object: 'txn_1' })
      await recorded(store, endpoint, 'mine', { results: [first] })
      assert.deepEqual(await due(), [null, T, null, T + 2])
    },
  )

  rule(
    open,
    'failed deliveries of one object that are put back together keep their order',
    async (store, { live }) => {
      for (const ordered of [true, false]) {
        const token = `of ${ordered}`
        const { endpoint, events } = await heldEndpoint(store, live, token, 2, { ordered })
        const results = events.map((event) =>
          resultOf(event, endpoint.id, { state: 'failed', object: 'txn_1' }),
        )
        await recorded(store, endpoint, token, { position: 9, results })
        const ids = results.map(({ delivery }) => delivery.id)
        assert.equal(await store.retryWebhookDeliveries(live, ids.toReversed(), T, auditEntry(live)), 2)
        const due = await Promise.all(ids.map(async (id) => (await store.webhookDelivery(live, id))?.dueAt))
        assert.deepEqual(due, ordered ? [T, null] : [T, T])
      }
    },
  )

  rule(open, 'of several deliveries, only failed ones are put back together', async (store, { live }) => {
    const { endpoint, events: stored } = await heldEndpoint(store, live, 'mine', 3)
    const states = ['failed', 'delivered', 'failed'] as const
    await recorded(store, endpoint, 'mine', {
      position: 3,
      results: stored.map((event, i) => resultOf(event, endpoint.id, { state: states[i]! })),
    })
    const ids = stored.map((event) => deliveryOf(event, endpoint.id).id)
    const entry = auditEntry(live)
    assert.equal(await store.retryWebhookDeliveries(live, [...ids, 'dlv_none'], T, entry), 2)
    assert.deepEqual(await store.auditEntry(live, entry.id), entry)
    assert.deepEqual(await store.webhookDeliveryTotals(), { pending: 2, delivered: 1, failed: 0, retries: 0 })
    const idle = auditEntry(live)
    assert.equal(await store.retryWebhookDeliveries(live, ids, T, idle), 0)
    assert.equal(await store.auditEntry(live, idle.id), undefined)
  })
}
