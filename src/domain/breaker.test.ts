import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { admit, type Breaker, breakerState, closedBreaker, report } from './breaker.ts'

const ERROR = { error: true, probe: false }
const ANSWER = { error: false, probe: false }
const after = (breaker: Breaker, calls: readonly { error: boolean; probe: boolean }[], now: number) =>
  calls.reduce((state, call) => report(state, call, now), breaker)
const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

/** Tripped at time 0: open until 5000. */
const tripped = after(closedBreaker(0), times(5, ERROR), 0)

function probed(breaker: Breaker, error: boolean, now: number): Breaker {
  const { breaker: probing, admission } = admit(breaker, now)
  assert.equal(admission, 'probe')
  return report(probing, { error, probe: true }, now)
}

test('four errors alone do not trip a breaker, the fifth does', () => {
  assert.equal(breakerState(after(closedBreaker(0), times(4, ERROR), 0), 0), 'closed')
  assert.equal(breakerState(tripped, 0), 'open')
})

test('a breaker trips only when half of the calls are errors', () => {
  const mostlyWell = after(closedBreaker(0), [...times(10, ANSWER), ...times(9, ERROR)], 0)
  assert.equal(breakerState(mostlyWell, 0), 'closed')
  assert.equal(breakerState(report(mostlyWell, ERROR, 0), 0), 'open')
})

test('a response never trips a breaker', () => {
  const calls = [...times(5, ANSWER), ...times(4, ERROR), ANSWER]
  assert.equal(breakerState(after(closedBreaker(0), calls, 0), 0), 'closed')
})

test('a provider that served a million calls well and fails is left alone after a hundred errors at most', () => {
  const busy = after(closedBreaker(0), times(1_000, ANSWER), 0)
  assert.equal(breakerState(after(busy, times(100, ERROR), 0), 0), 'open')
})

test('errors that are more than a minute old do not count', () => {
  const aMinuteAgo = after(closedBreaker(0), times(4, ERROR), 0)
  assert.equal(breakerState(report(aMinuteAgo, ERROR, 60_000), 60_000), 'closed')
  assert.equal(breakerState(report(aMinuteAgo, ERROR, 59_999), 59_999), 'open')
})

test('an open breaker admits no call for five seconds, then one probe at a time', () => {
  assert.equal(admit(tripped, 4_999).admission, 'open')
  const { breaker, admission } = admit(tripped, 5_000)
  assert.equal(admission, 'probe')
  assert.equal(admit(breaker, 5_001).admission, 'open')
})

test('the success of a probe closes it, with a clean slate', () => {
  const closed = probed(tripped, false, 5_000)
  assert.equal(breakerState(closed, 5_000), 'closed')
  assert.equal(breakerState(after(closed, times(4, ERROR), 5_000), 5_000), 'closed')
})

test('each probe that fails doubles the wait, up to a minute', () => {
  let breaker = tripped
  const waits: number[] = []
  for (let now = 5_000; waits.length < 6; now += waits.at(-1) as number) {
    breaker = probed(breaker, true, now)
    assert.ok(breaker.tripped)
    waits.push(breaker.until - now)
  }
  assert.deepEqual(waits, [10_000, 20_000, 40_000, 60_000, 60_000, 60_000])
})

test('if a probe never reports its result, the next one is admitted after half a minute', () => {
  const { breaker } = admit(tripped, 5_000)
  assert.equal(admit(breaker, 34_999).admission, 'open')
  assert.equal(admit(breaker, 35_000).admission, 'probe')
})

test('a tripped breaker ignores the results of calls that were sent before', () => {
  assert.equal(report(tripped, ANSWER, 1_000), tripped)
  assert.equal(report(tripped, ERROR, 6_000), tripped)
})

test('a late failure of an earlier probe does not lengthen the wait again', () => {
  const first = admit(tripped, 5_000).breaker
  const second = admit(first, 35_000).breaker
  const failed = report(second, { error: true, probe: true }, 36_000)
  assert.equal(report(failed, { error: true, probe: true }, 36_001), failed)
})

test('after any sequence of calls, an open breaker admits a probe within a minute', () => {
  const step = fc.record({ error: fc.boolean(), probe: fc.boolean(), wait: fc.nat(70_000) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let breaker = closedBreaker(0)
      let now = 0
      for (const { error, probe, wait } of steps) {
        now += wait
        breaker = report(admit(breaker, now).breaker, { error, probe }, now)
      }
      assert.notEqual(admit(breaker, now + 60_000).admission, 'open')
    }),
  )
})

test('a new breaker is closed, has no counts, and admits every call unchanged', () => {
  const breaker = closedBreaker(7)
  const none = { calls: 0, errors: 0 }
  assert.deepEqual(breaker, { tripped: false, tally: { since: 7, ...none, before: none } })
  assert.deepEqual(admit(breaker, 8), { breaker, admission: 'closed' })
})

test('an open breaker is half open from the moment on at which it may be tried', () => {
  assert.equal(breakerState(tripped, 4_999), 'open')
  assert.equal(breakerState(tripped, 5_000), 'half_open')
})

test('errors count for the same time whenever the provider was called first', () => {
  const begun = 1_000_000
  const early = after(closedBreaker(begun), times(4, ERROR), begun)
  assert.equal(breakerState(report(early, ERROR, begun + 59_999), begun + 59_999), 'open')
  assert.equal(breakerState(report(early, ERROR, begun + 60_000), begun + 60_000), 'closed')
})

test('a generation ends after exactly half a minute', () => {
  const errors = after(closedBreaker(0), times(4, ERROR), 0)
  const answered = report(report(errors, ANSWER, 30_000), ANSWER, 59_999)
  assert.equal(breakerState(report(answered, ERROR, 70_000), 70_000), 'closed')
  const sooner = report(report(errors, ANSWER, 29_999), ANSWER, 59_999)
  assert.equal(breakerState(report(sooner, ERROR, 70_000), 70_000), 'open')
})

test('a generation ends after exactly fifty calls: what came two generations before does not count', () => {
  const twoGenerations = after(closedBreaker(0), [...times(5, ERROR).slice(1), ...times(46, ANSWER)], 0)
  assert.deepEqual(report(twoGenerations, ANSWER, 1), {
    tripped: false,
    tally: { since: 1, calls: 1, errors: 0, before: { calls: 50, errors: 4 } },
  })
  const oneLess = after(closedBreaker(0), times(49, ANSWER), 0)
  assert.deepEqual(report(oneLess, ANSWER, 1), {
    tripped: false,
    tally: { since: 0, calls: 50, errors: 0, before: { calls: 0, errors: 0 } },
  })
})

test('the calls of the generation before count as calls: after fifty responses it takes fifty errors', () => {
  const answered = after(closedBreaker(0), times(50, ANSWER), 0)
  const almost = after(answered, times(49, ERROR), 0)
  assert.equal(breakerState(almost, 0), 'closed')
  assert.equal(breakerState(report(almost, ERROR, 0), 0), 'open')
})
