import assert from 'node:assert/strict'
import test from 'node:test'
import type { EventType } from '../../domain/event.ts'
import type { Delivery } from '../../domain/webhooks/delivery.ts'
import type { DueDelivery } from '../../ports/store-webhooks.ts'
import { createDueDeliveries } from './due-deliveries.ts'

const EVENT: EventType = 'payment.succeeded'

function dueDelivery(id: string): DueDelivery {
  const event = { id: `evt_${id}`, type: EVENT, sequence: 1, createdAt: 1, data: '{}', epoch: 'ep_1' }
  const delivery: Delivery = {
    ...{ id, endpoint: 'we_1', eventSequence: 1, eventId: event.id, eventType: EVENT, object: null },
    ...{ state: 'pending', attempts: 1, dueAt: 1, revision: 0, tries: [], createdAt: 1, settledAt: null },
  }
  return { delivery, event }
}

test('a page that long data cuts short is followed by the next one, once a delivery of it ended', async () => {
  let stored = ['dlv_1', 'dlv_2', 'dlv_3'].map(dueDelivery)
  const due = createDueDeliveries({
    due: async () => ({ data: stored.slice(0, 2), hasMore: stored.length > 2 }),
    next: async () => null,
    mayBegin: () => true,
    now: () => 1,
  })
  await due.read()
  assert.deepEqual([due.take()?.id, due.take()?.id], ['dlv_1', 'dlv_2'])
  // Both are in flight, so the store returns the same page.
  await due.read()
  assert.equal(due.ready(), false)
  assert.equal(due.worthReading(), false, 'reading it again and again finds the same')
  stored = stored.slice(1)
  due.end('dlv_1')
  assert.ok(due.worthReading())
  await due.read()
  assert.equal(due.take()?.id, 'dlv_3')
})

test('those that were put back come first, and all of them, though others are due before', async () => {
  const putBack = (id: string): DueDelivery => {
    const { delivery, event } = dueDelivery(id)
    return { event, delivery: { ...delivery, revision: 1, attempts: 0, dueAt: 9 } }
  }
  let stored = [...['a', 'b'].map(dueDelivery), ...['x', 'y', 'z'].map(putBack)]
  const due = createDueDeliveries({
    async due(_now, _limit, only) {
      const all = stored.filter(({ delivery }) => !only || delivery.revision > 0)
      return { data: all.slice(0, 2), hasMore: all.length > 2 }
    },
    next: async () => null,
    mayBegin: () => true,
    now: () => 10,
  })
  due.lookForPutBack()
  const order: string[] = []
  while (due.worthReading()) {
    await due.read()
    for (let job = due.take(); job; job = due.take()) {
      const { id } = job
      order.push(id)
      stored = stored.filter(({ delivery }) => delivery.id !== id)
      due.end(id)
    }
  }
  assert.deepEqual(order, ['x', 'y', 'a', 'b', 'z'])
})
