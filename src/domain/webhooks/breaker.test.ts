import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breakerAfter, CLOSED, OPENING_FAILURES, probedAt, type WebhookBreaker } from './breaker.ts'

const failed = (probe: boolean, waitMs: number | null = null) => ({
  ...{ succeeded: false, probe, waitMs },
  responded: false,
})

const SUCCESS = { succeeded: true, probe: false, waitMs: null, responded: true }

function opened(waitMs: number | null = null): WebhookBreaker {
  let breaker = CLOSED
  for (let i = 0; i < OPENING_FAILURES; i++) breaker = breakerAfter(breaker, failed(false, waitMs), 1_000)
  return breaker
}

test('five failures in a row open the breaker, and a success between them starts the count again', () => {
  let breaker = CLOSED
  for (let i = 0; i < 4; i++) breaker = breakerAfter(breaker, failed(false), 0)
  assert.equal(breaker.open, null)
  breaker = breakerAfter(breaker, SUCCESS, 0)
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
  assert.deepEqual(breakerAfter(opened(), { ...SUCCESS, probe: true }, 9_000), CLOSED)
  assert.deepEqual(breakerAfter(opened(), SUCCESS, 9_000), CLOSED)
})

test('a probe can be made due earlier, but not later', () => {
  const breaker = opened()
  assert.deepEqual(probedAt(breaker, 2_000).open, { probeAt: 2_000, probes: 0, atOnce: 1 })
  assert.deepEqual(probedAt(breaker, 50_000), breaker)
  assert.deepEqual(probedAt(CLOSED, 2_000), CLOSED)
})

test('responses of the receiver open it only after fifty in a row, and it then gets several probes at once', () => {
  const responded = { ...failed(false), responded: true }
  let breaker = CLOSED
  for (let i = 0; i < 49; i++) breaker = breakerAfter(breaker, responded, 0)
  assert.equal(breaker.open, null)
  breaker = breakerAfter(breaker, responded, 0)
  assert.deepEqual(breaker.open, { probeAt: 5_000, probes: 0, atOnce: 8 })
  const probed = { ...responded, probe: true }
  for (let i = 0; i < 8; i++) breaker = breakerAfter(breaker, probed, 5_000)
  assert.deepEqual(breaker.open, { probeAt: 15_000, probes: 1, atOnce: 8 }, 'they count once')
  for (let i = 0; i < 20; i++) breaker = breakerAfter(breaker, probed, breaker.open!.probeAt)
  assert.equal(breaker.open?.atOnce, 2, 'later fewer')
  assert.equal(breakerAfter(breaker, failed(true), breaker.open!.probeAt).open?.atOnce, 1)
})

test('one failure without a response weighs as much as ten with one', () => {
  let breaker = breakerAfter(CLOSED, { ...failed(false), responded: true }, 0)
  for (let i = 0; i < 4; i++) breaker = breakerAfter(breaker, failed(false), 0)
  assert.equal(breaker.open, null)
  assert.notEqual(breakerAfter(breaker, failed(false), 0).open, null)
})
