import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Rate, takeToken } from './token-bucket.ts'

/** How many of the requests at these times get a token. */
function allowed(rate: Rate, times: readonly number[]): number {
  let fullAt = 0
  let count = 0
  for (const time of times) {
    const taken = takeToken(rate, fullAt, time)
    fullAt = taken.fullAt
    if (taken.allowed) count++
  }
  return count
}
const every = (ms: number, count: number, from = 1_000) =>
  Array.from({ length: count }, (_, i) => from + i * ms)

test('a new bucket gives its burst at once, and nothing more', () => {
  for (const burst of [1, 2, 10, 1_000])
    assert.equal(allowed({ burst, perSecond: 1 }, every(0, 2 * burst)), burst)
})

test('over any time it gives at most its burst and the tokens that came back', () => {
  for (const perSecond of [1, 3, 7, 50, 1_000])
    for (const burst of [1, perSecond, 10])
      for (const gap of [0, 1, 10, 333, 1_000]) {
        const given = allowed({ burst, perSecond }, every(gap, 500))
        const most = burst + Math.floor((gap * 499 * perSecond) / 1_000 + 1e-9)
        assert.ok(given <= most, `${given} of ${most}`)
      }
})

test('a client that keeps the rate is never refused', () => {
  for (const perSecond of [1, 4, 10, 100])
    assert.equal(allowed({ burst: 1, perSecond }, every(1_000 / perSecond, 300)), 300)
})

test('a refused request takes nothing, so it does not put off the next token', () => {
  const rate = { burst: 1, perSecond: 1 }
  const { fullAt } = takeToken(rate, 0, 1_000)
  const refused = takeToken(rate, fullAt, 1_999)
  assert.deepEqual([refused.allowed, refused.fullAt, refused.retryAfterS], [false, fullAt, 1])
  assert.equal(takeToken(rate, refused.fullAt, 2_000).allowed, true)
})

test('a take returns the remaining tokens and the times until more come', () => {
  const rate = { burst: 3, perSecond: 0.5 }
  const first = takeToken(rate, 0, 1_000)
  assert.deepEqual([first.remaining, first.fullInS, first.retryAfterS], [2, 2, 0])
  const second = takeToken(rate, first.fullAt, 1_000)
  assert.deepEqual([second.remaining, second.fullInS, second.retryAfterS], [1, 4, 0])
  const third = takeToken(rate, second.fullAt, 1_500)
  assert.deepEqual([third.remaining, third.fullInS, third.retryAfterS], [0, 6, 2])
  const fourth = takeToken(rate, third.fullAt, 2_000)
  assert.deepEqual([fourth.allowed, fourth.remaining, fourth.fullInS, fourth.retryAfterS], [false, 0, 5, 1])
})
