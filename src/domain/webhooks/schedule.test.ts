import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_SCHEDULE, failureOf, judgeAttempt, MAX_WAIT_MS, MAX_WAITS, policyOf } from './schedule.ts'

const NOW = Date.UTC(2027, 0, 1)
const STANDARD = policyOf({ id: 'we_1', schedule: null })
const ORIGINAL = policyOf({ id: 'default', schedule: null })
const response = (status: number, retryAfter?: string) =>
  ({ kind: 'response', status, ...(retryAfter !== undefined && { retryAfter }) }) as const
const silence = { kind: 'no_answer', error: 'ECONNREFUSED' } as const

/** The waits after each attempt in ms, until the delivery fails. */
function waits(policy: typeof STANDARD, attempt: Parameters<typeof judgeAttempt>[1], random = 0): number[] {
  const found: number[] = []
  for (let attempts = 1; ; attempts++) {
    const verdict = judgeAttempt(policy, attempt, attempts, NOW, random)
    if (verdict.state !== 'pending') return found
    found.push(verdict.retryAt - NOW)
  }
}

/** The receiver works, but not for this message. */
const REFUSED = { state: 'failed', gone: false, refused: true }

test('the default schedule is ten attempts: at once, then 5 s, 5 and 30 min, 2, 5, 10, 14, 20 and 24 h apart', () => {
  const seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
  assert.deepEqual(
    waits(STANDARD, silence),
    seconds.map((s) => s * 1_000),
  )
  assert.deepEqual(waits(STANDARD, response(500)), DEFAULT_SCHEDULE)
})

test('the endpoint of the setting keeps the schedule of the original, without jitter', () => {
  const seconds = [1, 2, 4, 8, 16]
  for (const attempt of [silence, response(500), response(408), response(425), response(429)])
    assert.deepEqual(
      waits(ORIGINAL, attempt, 0.999),
      seconds.map((s) => s * 1_000),
    )
})

test('a schedule of an endpoint replaces the default, and without waits there is one attempt', () => {
  assert.deepEqual(waits(policyOf({ id: 'we_1', schedule: [0, 7] }), silence), [0, 7])
  assert.deepEqual(waits(policyOf({ id: 'we_1', schedule: [] }), silence), [])
  assert.ok(DEFAULT_SCHEDULE.length <= MAX_WAITS && Math.max(...DEFAULT_SCHEDULE) <= MAX_WAIT_MS)
})

test('any 2xx is a success for every endpoint', () => {
  for (const status of [200, 201, 204, 299])
    for (const policy of [STANDARD, ORIGINAL])
      assert.deepEqual(judgeAttempt(policy, response(status), 1, NOW, 0), { state: 'delivered' })
})

test('a redirect or a refusal is tried again, but fails at once for the endpoint of the setting', () => {
  for (const status of [301, 302, 308, 400, 401, 404, 422]) {
    assert.equal(judgeAttempt(STANDARD, response(status), 1, NOW, 0).state, 'pending')
    assert.deepEqual(judgeAttempt(ORIGINAL, response(status), 1, NOW, 0), REFUSED)
  }
})

test('410 fails the delivery and ends the endpoint, but not that of the setting', () => {
  assert.deepEqual(judgeAttempt(STANDARD, response(410), 1, NOW, 0), { state: 'failed', gone: true })
  assert.deepEqual(judgeAttempt(ORIGINAL, response(410), 1, NOW, 0), REFUSED)
})

test('jitter makes a wait up to a tenth longer, and never shorter', () => {
  assert.equal(waits(STANDARD, silence, 0.5)[0], 5_250)
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
      const [first] = waits(STANDARD, silence, random)
      assert.ok(first! >= 5_000 && first! <= 5_500)
    }),
  )
})

test('Retry-After makes a wait longer, up to a day, or an hour for the endpoint of the setting', () => {
  const first = (policy: typeof STANDARD, retryAfter: string) => waits(policy, response(503, retryAfter))[0]
  assert.equal(first(STANDARD, '120'), 120_000)
  assert.equal(first(STANDARD, new Date(NOW + 60_000).toUTCString()), 60_000)
  assert.equal(first(STANDARD, '9999999'), 86_400_000)
  assert.equal(first(ORIGINAL, '9999999'), 3_600_000)
})

test('Retry-After makes no wait shorter, adds no attempt, and counts for nothing if it cannot be read', () => {
  for (const retryAfter of ['0', '1', '-5', 'soon', '', new Date(NOW - 60_000).toUTCString()])
    assert.deepEqual(waits(STANDARD, response(429, retryAfter)), DEFAULT_SCHEDULE)
  assert.equal(waits(ORIGINAL, response(429, '60')).length, 5)
})

test('the reason of a failed attempt is a sentence with its status, or why there was none', () => {
  assert.equal(failureOf(response(204)), null)
  assert.equal(failureOf(response(503)), 'the receiver responded with 503')
  assert.equal(failureOf(response(302)), 'the receiver redirected with 302, which MiniPay does not follow')
  assert.equal(failureOf(silence), 'ECONNREFUSED')
})
