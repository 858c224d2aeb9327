import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DeliveryAttempt, judgeAttempt, MAX_ATTEMPTS, retryDelayMs } from './delivery.ts'

const answered = (status: number): DeliveryAttempt => ({ kind: 'answered', status })
const silence: DeliveryAttempt = { kind: 'no_answer', error: 'ECONNREFUSED' }
const status = (from: number, to: number) => fc.integer({ min: from, max: to })
const attempts = fc.integer({ min: 1, max: MAX_ATTEMPTS })

test('the waits are 1, 2, 4, 8, 16 s, and 30 s from then on', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 100].map(retryDelayMs),
    [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000],
  )
})

test('2xx delivers, on any attempt', () => {
  fc.assert(
    fc.property(status(200, 299), attempts, (code, n) =>
      assert.deepEqual(judgeAttempt(answered(code), n, 0), { state: 'delivered' }),
    ),
  )
})

test('3xx and 4xx fail at once: the receiver said that this request will not do', () => {
  fc.assert(
    fc.property(status(300, 499), attempts, (code, n) =>
      assert.deepEqual(judgeAttempt(answered(code), n, 0), { state: 'failed' }),
    ),
  )
})

test('5xx and silence are retried after the wait of their attempt', () => {
  const unlucky = fc.oneof(status(500, 599).map(answered), fc.constant(silence))
  fc.assert(
    fc.property(unlucky, status(1, MAX_ATTEMPTS - 1), fc.nat(), (attempt, n, now) =>
      assert.deepEqual(judgeAttempt(attempt, n, now), { state: 'pending', retryAt: now + retryDelayMs(n) }),
    ),
  )
})

test('the sixth attempt is the last', () => {
  assert.equal(MAX_ATTEMPTS, 6)
  assert.equal(judgeAttempt(silence, 5, 0).state, 'pending')
  for (const attempt of [silence, answered(500), answered(503)])
    assert.deepEqual(judgeAttempt(attempt, 6, 0), { state: 'failed' })
  assert.deepEqual(judgeAttempt(answered(204), 6, 0), { state: 'delivered' })
})
