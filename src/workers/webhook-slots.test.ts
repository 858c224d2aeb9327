import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeliveryAttempt } from '../domain/delivery.ts'
import { manualRuntime } from '../runtime/manual.ts'
import { createWebhookSlots } from './webhook-slots.ts'

const OK: DeliveryAttempt = { kind: 'response', status: 200 }
const CUT: DeliveryAttempt = { kind: 'no_answer', error: 'ECONNRESET' }

const runtime = manualRuntime()

test('a send occupies a slot of its endpoint and one of all endpoints, also when it rejects', async () => {
  const overall = { inFlight: 0, limit: 3 }
  const slots = createWebhookSlots({ runtime, concurrency: 2, overall })
  const { promise, reject } = Promise.withResolvers<DeliveryAttempt>()
  const first = slots.send(() => promise)
  assert.deepEqual([slots.free(), overall.inFlight], [true, 1])
  const second = slots.send(async () => OK)
  assert.deepEqual([slots.free(), overall.inFlight], [false, 2])
  await second
  reject(new Error('no'))
  await assert.rejects(first)
  assert.deepEqual([slots.free(), overall.inFlight], [true, 0])
})

test('no slot is free while the limit over all endpoints is reached', () => {
  assert.equal(
    createWebhookSlots({ runtime, concurrency: 2, overall: { inFlight: 3, limit: 3 } }).free(),
    false,
  )
})

test('each attempt without a response halves the slots, down to four, and each response gives one back', async () => {
  const slots = createWebhookSlots({ runtime, concurrency: 32, overall: { inFlight: 0, limit: 100 } })
  const most = () => slots.mostWaiting() / 4
  for (const left of [16, 8, 4, 4]) {
    await slots.send(async () => CUT)
    assert.equal(most(), left)
  }
  for (const left of [5, 6]) {
    await slots.send(async () => OK)
    assert.equal(most(), left)
  }
})

test('a claim is worth its write once it fills half of the slots', () => {
  const slots = createWebhookSlots({ runtime, concurrency: 8, overall: { inFlight: 0, limit: 100 } })
  assert.equal(slots.room(0), 8 + 4 * 8)
  assert.equal(slots.isWorthClaiming(36), true)
  assert.equal(slots.isWorthClaiming(37), false)
})

test('for a slow receiver fewer deliveries are claimed ahead', async () => {
  const slots = createWebhookSlots({ runtime, concurrency: 8, overall: { inFlight: 0, limit: 100 } })
  const { promise, resolve } = Promise.withResolvers<DeliveryAttempt>()
  const slow = slots.send(() => promise)
  await runtime.advance(10_000)
  resolve(OK)
  await slow
  assert.equal(slots.ahead(), 8)
})
