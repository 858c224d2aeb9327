import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from '../ports/log.ts'
import type { ClaimedDelivery } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { createDeliveryLeases } from './claim-deliveries.ts'
import { createDispatch } from './dispatch-deliveries.ts'
import { createWebhookSlots } from './webhook-slots.ts'

/** A dispatch with two slots over five leased deliveries; each is in flight until the test ends it. */
async function setUp() {
  const state = { now: 1_000, stopping: false, warnings: 0, rooms: 0 }
  const sent = new Map<string, PromiseWithResolvers<void>>()
  const released: string[] = []
  const leases = createDeliveryLeases({
    store: {
      claimDeliveries: async () => ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id }) as ClaimedDelivery),
    },
    endpoint: 'default',
    runtime: nodeRuntime,
    now: () => state.now,
  })
  const overall = { inFlight: 0, limit: 100 }
  const slots = createWebhookSlots({ concurrency: 2, overall, runtime: nodeRuntime })
  const log: Log = { info() {}, error() {}, warn: () => void state.warnings++ }
  const dispatch = createDispatch({
    ...{ leases, slots, log, isStopping: () => state.stopping, onRoom: () => void state.rooms++ },
    async deliver({ id }) {
      const end = Promise.withResolvers<void>()
      sent.set(id, end)
      await slots.send(async () => {
        await end.promise
        return { kind: 'response', status: 200 }
      })
    },
    release: async ({ id }) => void released.push(id),
  })
  await leases.claim(5)
  return { state, sent, released, leases, dispatch }
}

test('deliveries are sent in order while slots are free', async () => {
  const { sent, leases, dispatch } = await setUp()
  dispatch.run()
  dispatch.run()
  assert.deepEqual([...sent.keys()], ['a', 'b'])
  sent.get('a')?.resolve()
  await new Promise(setImmediate)
  dispatch.run()
  assert.deepEqual([...sent.keys()], ['a', 'b', 'c'])
  assert.equal(leases.waiting(), 2)
})

test('a delivery whose lease would end too soon is released, and takes no slot', async () => {
  const { state, sent, released, dispatch } = await setUp()
  state.now += 10_000
  dispatch.run()
  assert.deepEqual([sent.size, released], [0, ['a', 'b', 'c', 'd', 'e']])
  await dispatch.ended()
})

test('during a stop all waiting deliveries are released, and it ends with the last one in flight', async () => {
  const { state, sent, released, dispatch } = await setUp()
  dispatch.run()
  state.stopping = true
  dispatch.run()
  assert.deepEqual(released, ['c', 'd', 'e'])
  for (const { resolve } of sent.values()) resolve()
  await dispatch.ended()
  assert.equal(sent.size, 2)
})

test('a delivery that cannot be settled is logged, and may be claimed again', async () => {
  const { state, sent, leases, dispatch } = await setUp()
  dispatch.run()
  sent.get('a')?.reject(new Error('the disk is full'))
  sent.get('b')?.resolve()
  await dispatch.ended()
  assert.equal(state.warnings, 1)
  await leases.claim(5)
  assert.equal(leases.waiting(), 3 + 2, 'those that ended are leased anew')
})
