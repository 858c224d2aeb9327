import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DeliveryAttempt, judgeAttempt, MAX_ATTEMPTS, retryDelayMs } from './delivery.ts'

const answered = (status: number): DeliveryAttempt => ({ kind: 'response', status })
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

const LATER = [408, 425, 429]

test('3xx and 4xx fail at once: the receiver said that this request will not do', () => {
  const final = status(300, 499).filter((code) => !LATER.includes(code))
  fc.assert(
    fc.property(final, attempts, (code, n) =>
      assert.deepEqual(judgeAttempt(answered(code), n, 0), { state: 'failed' }),
    ),
  )
})

test('408, 425, 429, 5xx and silence are retried after the wait of their attempt', () => {
  const code = fc.oneof(status(500, 599), fc.constantFrom(...LATER))
  const unlucky = fc.oneof(code.map(answered), fc.constant(silence))
  fc.assert(
    fc.property(unlucky, status(1, MAX_ATTEMPTS - 1), fc.nat(), (attempt, n, now) =>
      assert.deepEqual(judgeAttempt(attempt, n, now), { state: 'pending', retryAt: now + retryDelayMs(n) }),
    ),
  )
})

test('each kind of response begins and ends at its exact status', () => {
  const states = (...codes: number[]) => codes.map((code) => judgeAttempt(answered(code), 1, 0).state)
  assert.deepEqual(states(200, 299), ['delivered', 'delivered'])
  assert.deepEqual(states(300, 407, 409, 424, 426, 428, 430, 499), Array(8).fill('failed'))
  assert.deepEqual(states(199, 408, 425, 429, 500, 599), Array(6).fill('pending'))
})

test('the sixth attempt is the last', () => {
  assert.equal(MAX_ATTEMPTS, 6)
  assert.equal(judgeAttempt(silence, 5, 0).state, 'pending')
  for (const attempt of [silence, answered(500), answered(503), ...LATER.map(answered)])
    assert.deepEqual(judgeAttempt(attempt, 6, 0), { state: 'failed' })
  assert.deepEqual(judgeAttempt(answered(204), 6, 0), { state: 'delivered' })
})

const NOW = Date.UTC(2026, 10, 26, 12, 0, 0)

/** How long the retry after attempt `n` waits, in ms. */
function waitAfter(code: number, retryAfter: string, n: number): number {
  const verdict = judgeAttempt({ kind: 'response', status: code, retryAfter }, n, NOW)
  assert.equal(verdict.state, 'pending')
  return verdict.state === 'pending' ? verdict.retryAt - NOW : Number.NaN
}

test('Retry-After makes a wait longer, as seconds and as a date, on every response that is retried', () => {
  for (const code of [...LATER, 500, 502, 503, 504])
    for (const [header, ms] of [
      ['90', 90_000],
      ['Thu, 26 Nov 2026 12:01:30 GMT', 90_000],
    ] as const)
      assert.equal(waitAfter(code, header, 1), ms)
})

test('Retry-After never makes a wait shorter than scheduled', () => {
  for (const header of ['0', '1', '-5', 'soon', 'Thu, 26 Nov 2026 11:00:00 GMT'])
    assert.equal(waitAfter(429, header, 4), 8_000, header)
})

test('Retry-After makes no wait longer than an hour', () => {
  for (const header of ['3600', '3601', '86400', '9'.repeat(400), 'Fri, 26 Nov 2027 12:00:00 GMT'])
    assert.equal(waitAfter(503, header, 1), 3_600_000, header)
})

test('Retry-After gives no refusal a retry, and no delivery a seventh attempt', () => {
  const asks = (code: number, n: number) =>
    judgeAttempt({ kind: 'response', status: code, retryAfter: '5' }, n, NOW).state
  assert.deepEqual(
    [asks(302, 1), asks(404, 1), asks(410, 1), asks(200, 1)],
    ['failed', 'failed', 'failed', 'delivered'],
  )
  assert.equal(asks(429, 6), 'failed')
})

test('for every Retry-After, the wait stays within its bounds', () => {
  fc.assert(
    fc.property(fc.string(), status(1, MAX_ATTEMPTS - 1), (header, n) => {
      const ms = waitAfter(429, header, n)
      assert.ok(ms >= retryDelayMs(n) && ms <= 3_600_000 && Number.isSafeInteger(ms), String(ms))
    }),
  )
})
