import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  countUse,
  isExceededBy,
  type LimitUse,
  SUB_WINDOWS,
  usedIn,
  type VelocityCounter,
} from './velocity.ts'

const WINDOW = 10_000
const SUB_WINDOW = WINDOW / SUB_WINDOWS
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

test('a charge leaves the window when its sub-window is ten sub-windows old', () => {
  const counter = countUse(undefined, use(1, 1), START + SUB_WINDOW - 1)
  assert.equal(isExceededBy(counter, use(1, 1), START + WINDOW - 1), true)
  assert.equal(isExceededBy(counter, use(1, 1), START + WINDOW), false)
  assert.equal(counter.endsAt, START + WINDOW)
})

test('sub-windows leave the window one after another', () => {
  let counter: VelocityCounter | undefined
  for (let i = 0; i < SUB_WINDOWS; i++) counter = countUse(counter, use(i + 1, 100), START + i * SUB_WINDOW)
  assert.deepEqual(counter?.sums, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  assert.equal(usedIn(counter, WINDOW, START + WINDOW), 54)
  assert.deepEqual(countUse(counter, use(7, 100), START + WINDOW + 2 * SUB_WINDOW).sums, [
    ...[4, 5, 6, 7, 8, 9, 10],
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

test('a counter that is ahead by more than a window starts anew', () => {
  const counter = countUse(undefined, use(1, 1), START)
  assert.equal(isExceededBy(counter, use(1, 1), START - WINDOW), true)
  assert.equal(isExceededBy(counter, use(1, 1), START - WINDOW - SUB_WINDOW), false)
  const anew = countUse(counter, use(1, 1), START - WINDOW - SUB_WINDOW)
  assert.deepEqual([anew.newest, usedIn(anew, WINDOW, START - WINDOW)], [START / SUB_WINDOW - 11, 1])
})

const charges = (delay: fc.Arbitrary<number>) =>
  fc.array(fc.record({ delay, by: fc.integer({ min: 1, max: 5 }) }), { maxLength: 80 })

/** The most that any ten sub-windows in a row contain. */
function fullest(taken: readonly { readonly slot: number; readonly by: number }[]): number {
  const windows = taken.map(({ slot }) =>
    taken
      .filter((one) => one.slot >= slot && one.slot < slot + SUB_WINDOWS)
      .reduce((sum, { by }) => sum + by, 0),
  )
  return Math.max(0, ...windows)
}

test('no ten sub-windows in a row contain more than the maximum, and no charge below it is declined', () => {
  const delays = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 0, max: 3 }).map((n) => n * SUB_WINDOW),
    fc.integer({ min: 0, max: 3 * WINDOW }),
  )
  fc.assert(
    fc.property(charges(delays), fc.integer({ min: 1, max: 12 }), (sequence, max) => {
      let counter: VelocityCounter | undefined
      let at = START
      const taken: { slot: number; by: number }[] = []
      for (const { delay, by } of sequence) {
        at += delay
        const slot = Math.floor(at / SUB_WINDOW)
        const before = taken
          .filter((one) => one.slot > slot - SUB_WINDOWS)
          .reduce((sum, one) => sum + one.by, 0)
        const next = charge(counter, use(by, max), at)
        assert.equal(next !== undefined, before + by <= max)
        if (!next) continue
        counter = next
        taken.push({ slot, by })
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
      const taken: { slot: number; by: number }[] = []
      for (const { delay, by } of sequence) {
        at = Math.max(at + delay, latest - WINDOW)
        latest = Math.max(at, latest)
        const next = charge(counter, use(by, 8), at)
        if (!next) continue
        counter = next
        taken.push({ slot: next.newest, by })
      }
      assert.ok(fullest(taken) <= 8)
    }),
  )
})
