import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  countUse,
  isExceededBy,
  type LimitUse,
  STEPS,
  SUB_WINDOWS,
  usedIn,
  type VelocityCounter,
} from './velocity.ts'

const WINDOW = 10_000
const SUB_WINDOW = WINDOW / STEPS
/** How long a charge counts at most. */
const COUNTED = SUB_WINDOWS * SUB_WINDOW
const START = Date.UTC(2027, 0, 1)
const use = (by: number, max: number): LimitUse => ({
  limit: 'cards',
  counter: 'of a card',
  windowMs: WINDOW,
  unit: 'charges',
  by,
  max,
})

/** Counts the use if the limit allows it. */
function charge(stored: VelocityCounter | undefined, one: LimitUse, at: number): VelocityCounter | undefined {
  return isExceededBy(stored, one, at) ? undefined : countUse(stored, one, at)
}

test('a window takes exactly its maximum, and the next charge exceeds it', () => {
  let counter: VelocityCounter | undefined
  for (let i = 0; i < 3; i++) {
    assert.equal(isExceededBy(counter, use(1, 3), START + i), false)
    counter = countUse(counter, use(1, 3), START + i)
  }
  assert.equal(isExceededBy(counter, use(1, 3), START + 3), true)
  assert.equal(usedIn(counter, WINDOW, START + 3), 3)
})

test('a charge counts until its sub-window is eleven sub-windows old', () => {
  const counter = countUse(undefined, use(1, 1), START + SUB_WINDOW - 1)
  assert.equal(isExceededBy(counter, use(1, 1), START + COUNTED - 1), true)
  assert.equal(isExceededBy(counter, use(1, 1), START + COUNTED), false)
  assert.equal(counter.endsAt, START + COUNTED)
})

test('sub-windows leave the window one after another', () => {
  let counter: VelocityCounter | undefined
  for (let i = 0; i < SUB_WINDOWS; i++) counter = countUse(counter, use(i + 1, 100), START + i * SUB_WINDOW)
  assert.deepEqual(counter?.sums, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  assert.equal(usedIn(counter, WINDOW, START + COUNTED), 65)
  assert.deepEqual(countUse(counter, use(7, 100), START + COUNTED + 2 * SUB_WINDOW).sums, [
    ...[4, 5, 6, 7, 8, 9, 10, 11],
    ...[0, 0, 7],
  ])
})

test('a maximum that was lowered below the count is exceeded, and a sum near 2^53 does not overflow', () => {
  const counter = countUse(undefined, use(5, 5), START)
  assert.equal(isExceededBy(counter, use(1, 3), START), true)
  const full = countUse(undefined, use(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), START)
  assert.equal(isExceededBy(full, use(1, Number.MAX_SAFE_INTEGER), START), true)
})

test('a charge of a time before the newest sub-window counts in that one', () => {
  const counter = countUse(countUse(undefined, use(1, 2), START), use(1, 2), START - 1)
  assert.deepEqual([counter.newest, counter.sums.at(-1)], [START / SUB_WINDOW, 2])
  assert.equal(isExceededBy(counter, use(1, 2), START - 1), true)
})

test('a counter that is ahead by more than it contains starts anew', () => {
  const counter = countUse(undefined, use(1, 1), START)
  assert.equal(isExceededBy(counter, use(1, 1), START - COUNTED), true)
  assert.equal(isExceededBy(counter, use(1, 1), START - COUNTED - SUB_WINDOW), false)
  const anew = countUse(counter, use(1, 1), START - COUNTED - SUB_WINDOW)
  assert.deepEqual([anew.newest, usedIn(anew, WINDOW, START - COUNTED)], [START / SUB_WINDOW - 12, 1])
})

const charges = (delay: fc.Arbitrary<number>) =>
  fc.array(fc.record({ delay, by: fc.integer({ min: 1, max: 5 }) }), { maxLength: 80 })

type Taken = { readonly at: number; readonly by: number }

/** The sum of those from `first` to `last`, both included, in ms since 1970. */
function sumWithin(taken: readonly Taken[], first: number, last: number): number {
  return taken.filter(({ at }) => at >= first && at <= last).reduce((sum, { by }) => sum + by, 0)
}

/** The most that passed in any window. The fullest one ends with a charge. */
function fullest(taken: readonly Taken[]): number {
  return Math.max(0, ...taken.map(({ at }) => sumWithin(taken, at - WINDOW, at)))
}

test('five charges shortly before the end of a sub-window are all that pass in the next 60 seconds', () => {
  const limit = { ...use(1, 5), windowMs: 60_000 }
  let counter: VelocityCounter | undefined
  for (let i = 0; i < 5; i++) counter = charge(counter, limit, START + 5_900) ?? assert.fail('declined')
  for (const at of [60_000, 65_899, 65_900]) assert.equal(charge(counter, limit, START + at), undefined)
  assert.ok(charge(counter, limit, START + 66_000))
})

test('at most the maximum passes in any window, and only what passed in 1.1 windows declines a charge', () => {
  const delays = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 0, max: 3 }).map((n) => n * SUB_WINDOW),
    fc.integer({ min: WINDOW - SUB_WINDOW, max: COUNTED }),
    fc.integer({ min: 0, max: 3 * WINDOW }),
  )
  const firsts = fc.integer({ min: 0, max: SUB_WINDOW - 1 })
  fc.assert(
    fc.property(firsts, charges(delays), fc.integer({ min: 1, max: 12 }), (first, sequence, max) => {
      let counter: VelocityCounter | undefined
      let at = START + first
      const taken: Taken[] = []
      for (const { delay, by } of sequence) {
        at += delay
        const next = charge(counter, use(by, max), at)
        if (!next) {
          assert.ok(sumWithin(taken, at - COUNTED + 1, at) + by > max)
          continue
        }
        counter = next
        taken.push({ at, by })
      }
      assert.ok(fullest(taken) <= max)
    }),
  )
})

test('clocks that differ by less than a window let no more through', () => {
  fc.assert(
    fc.property(charges(fc.integer({ min: -WINDOW / 2, max: WINDOW / 2 })), (sequence) => {
      let counter: VelocityCounter | undefined
      let [at, latest] = [START, START]
      const taken: Taken[] = []
      for (const { delay, by } of sequence) {
        at = Math.max(at + delay, latest - WINDOW)
        latest = Math.max(at, latest)
        const next = charge(counter, use(by, 8), at)
        if (!next) continue
        counter = next
        taken.push({ at: next.newest * SUB_WINDOW, by })
      }
      assert.ok(fullest(taken) <= 8)
    }),
  )
})
