import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rfc3339 } from './rfc3339.ts'

const NOON = Date.UTC(2026, 11, 1, 12)

test('a time is read in every form that RFC 3339 allows, and in UTC without an offset', () => {
  for (const text of [
    '2026-12-01T12:00:00Z',
    '2026-12-01t12:00:00z',
    '2026-12-01 12:00:00Z',
    '2026-12-01T12:00:00.000Z',
    '2026-12-01T12:00:00.00000000000000000000+00:00',
    '2026-12-01T12:00:00-00:00',
    '2026-12-01T13:30:00+01:30',
    '2026-12-01T02:00:00-10:00',
    '2026-12-02T11:59:00+23:59',
    '2026-12-01T12:00:00',
    '2026-12-01T12:00:00.0',
    '2026-12-01T12:00',
    '2026-12-01T13:00:00+0100',
  ])
    assert.equal(rfc3339(text), NOON, text)
  assert.equal(rfc3339('2026-12-01T12:00:00.1239Z'), NOON + 123)
  assert.equal(rfc3339('2028-02-29T00:00:00Z'), Date.UTC(2028, 1, 29))
  assert.equal(rfc3339('0001-01-01T00:00:00Z'), Date.parse('0001-01-01T00:00:00Z'))
})

test('a leap second is the last of its day in UTC', () => {
  const next = Date.UTC(2017, 0, 1)
  assert.equal(rfc3339('2016-12-31T23:59:60Z'), next)
  assert.equal(rfc3339('2017-01-01T00:59:60+01:00'), next)
  assert.equal(rfc3339('2016-12-31T12:00:60Z'), undefined)
  assert.equal(rfc3339('2016-12-31T23:59:60+01:00'), undefined)
})

test('what is no time is refused', () => {
  for (const text of [
    '',
    'tomorrow',
    '2026-12-01',
    '12:00:00Z',
    '2026-02-30T00:00:00Z',
    '2027-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-12-00T00:00:00Z',
    '2026-12-01T24:00:00Z',
    '2026-12-01T12:60:00Z',
    '2026-12-01T12:00:61Z',
    '2026-12-01T12:00:00+24:00',
    '2026-12-01T12:00:00+01:60',
    '2026-12-01T12:00:00.Z',
    '2026-12-01T12:00:00,5Z',
    '2026-12-01T12:00:00Z ',
    ' 2026-12-01T12:00:00Z',
    '2026-12-01T12:00:00 UTC',
    '+002026-12-01T12:00:00Z',
    '1796126400000',
  ])
    assert.equal(rfc3339(text), undefined, text)
})
