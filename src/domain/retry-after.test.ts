import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { retryAfterMs } from './retry-after.ts'

const NOW = Date.UTC(2026, 10, 26, 12, 0, 0)
const HOUR_MS = 3_600_000

test('seconds are accepted, with spaces around them and with a fraction', () => {
  for (const [header, ms] of [
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['007', 7_000],
    ['1.5', 1_500],
    ['0.0001', 1],
    ['99999999999999999999', 1e23],
    ['9'.repeat(400), Number.POSITIVE_INFINITY],
  ] as const)
    assert.equal(retryAfterMs(header, NOW), ms, header)
})

test('the three forms of an HTTP date are accepted, in UTC in every time zone of the server', () => {
  for (const header of [
    'Thu, 26 Nov 2026 13:00:00 GMT',
    'thu, 26 nov 2026 13:00:00 gmt',
    'Thursday, 26-Nov-26 13:00:00 GMT',
    'Thu Nov 26 13:00:00 2026',
  ])
    assert.equal(retryAfterMs(header, NOW), HOUR_MS, header)
  assert.equal(retryAfterMs('Sat Dec  5 12:00:00 2026', NOW), 9 * 24 * HOUR_MS)
  assert.equal(retryAfterMs('Thu, 31 Dec 2026 23:59:60 GMT', Date.UTC(2026, 11, 31, 23, 59, 0)), 59_000)
})

test('each month is accepted, from its first day to its last', () => {
  const days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  const names = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
  for (const [i, name] of names.entries()) {
    const last = days[i] as number
    for (const [day, taken] of [
      [1, true],
      [last, true],
      [last + 1, false],
    ] as const) {
      const at = `, ${String(day).padStart(2, '0')} ${name} 2027 00:00:01 GMT`
      assert.equal(retryAfterMs(`Mon${at}`, NOW), taken ? Date.UTC(2027, i, day, 0, 0, 1) - NOW : 0, at)
    }
  }
})

test('a date in the past means no wait, and a year of two digits is the nearest one', () => {
  assert.equal(retryAfterMs('Thu, 26 Nov 2026 11:59:59 GMT', NOW), 0)
  assert.equal(retryAfterMs('Sunday, 06-Nov-94 08:49:37 GMT', NOW), 0)
  assert.equal(retryAfterMs('Sun Nov  6 08:49:37 1994', NOW), 0)
  assert.ok(retryAfterMs('Wednesday, 26-Nov-76 12:00:00 GMT', NOW) > 0)
  assert.equal(retryAfterMs('Thursday, 26-Nov-77 12:00:00 GMT', NOW), 0)
})

test('any other text means no wait', () => {
  // A year alone is a number of seconds.
  for (const header of [
    ...['', ' ', '-1', '+1', '1e3', '0x10', '1,5', '1 2', '.5', '5.', 'soon', 'Infinity', 'NaN', 'null', '٣'],
    ...[
      '2026',
      'tomorrow 5',
      '2026-11-26T13:00:00Z',
      'Thu, 26 Nov 2026 13:00:00',
      'Thu, 26 Nov 2026 13:00:00 PST',
    ],
    ...['Thu, 31 Feb 2027 13:00:00 GMT', 'Thu, 00 Dec 2026 13:00:00 GMT', 'Thu, 26 Nov 2026 24:00:00 GMT'],
    ...['Thu, 26 Nov 2026 13:60:00 GMT', 'Thu, 26 Nov 2026 13:00:61 GMT', 'Thu, 26 Foo 2026 13:00:00 GMT'],
    ...['120, 120', '120;120'],
  ])
    assert.equal(retryAfterMs(header, NOW), header === '2026' ? 2_026_000 : 0, header)
})

test('no text makes it fail or return a negative wait', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), (header, now) => {
      const ms = retryAfterMs(header, now)
      assert.ok(ms >= 0, String(ms))
    }),
  )
})
