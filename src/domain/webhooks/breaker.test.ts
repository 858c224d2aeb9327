import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breakerAfter, CLOSED, OPENING_FAILURES, probedAt, type WebhookBreaker } from './breaker.ts'

const failed = (probe: boolean, waitMs: number | null = null) => ({ succeeded: false, probe, waitMs })

function opened(waitMs: number | null = null): WebhookBreaker {
  let breaker = CLOSED
  for (let i = 0; i < OPENING_FAILURES; i++) breaker = breakerAfter(breaker, failed(false, waitMs), 1_000)
  return breaker
}

test('five failures in a row open the breaker, and a success between them starts the count again', () => {
  let breaker = CLOSED
  for (let i = 0; i < 4; i++) breaker = breakerAfter(breaker, failed(false), 0)
  assert.equal(breaker.open, null)
  breaker = breakerAfter(breaker, { succeeded: true, probe: false, waitMs: null }, 0)
  for (let i = 0; i < 4; i++) breaker = breakerAfter(breaker, failed(false), 0)
  assert.equal(breaker.open, null)
  assert.notEqual(breakerAfter(breaker, failed(false), 0).open, null)
})

test('probes come 5 s apart at first, then twice as far, and at last every minute', () => {
  let breaker = opened()
  let now = 1_000
  const waits: number[] = []
  for (let i = 0; i < 7; i++) {
    waits.push(breaker.open!.probeAt - now)
    now = breaker.open!.probeAt
    breaker = breakerAfter(breaker, failed(true), now)
  }
  assert.deepEqual(waits, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000])
})

test('the next probe follows the schedule of the failed delivery if that is sooner', () => {
  assert.equal(opened(1_000).open?.probeAt, 2_000)
  assert.equal(opened(3_600_000).open?.probeAt, 6_000)
  const after = breakerAfter(opened(), failed(true, 2_000), 100_000)
  assert.equal(after.open?.probeAt, 102_000)
})

test('failures of attempts that were sent before it opened change no probe', () => {
  const breaker = opened()
  assert.deepEqual(breakerAfter(breaker, failed(false), 50_000).open, breaker.open)
})

test('one success closes it', () => {
  assert.deepEqual(breakerAfter(opened(), { succeeded: true, probe: true, waitMs: null }, 9_000), CLOSED)
  assert.deepEqual(breakerAfter(opened(), { succeeded: true, probe: false, waitMs: null }, 9_000), CLOSED)
})

test('a probe can be made due earlier, but not later', () => {
  const breaker = opened()
  assert.deepEqual(probedAt(breaker, 2_000).open, { probeAt: 2_000, probes: 0 })
  assert.deepEqual(probedAt(breaker, 50_000), breaker)
  assert.deepEqual(probedAt(CLOSED, 2_000), CLOSED)
})
