import assert from 'node:assert/strict'
import test from 'node:test'
import { ConfigError } from '../config.ts'
import { futureMoment, isDuration, pastMoment, secondsOf } from './moment.ts'

const NOW = Date.parse('2027-01-31T12:00:00.000Z')

test('a duration ends now where it is about the past, and begins now where it is about the future', () => {
  const past = (text: string) => pastMoment('since', text, NOW)
  assert.deepEqual(
    [past('90s'), past('30m'), past('24h'), past('7d')],
    [
      '2027-01-31T11:58:30.000Z',
      '2027-01-31T11:30:00.000Z',
      '2027-01-30T12:00:00.000Z',
      '2027-01-24T12:00:00.000Z',
    ],
  )
  assert.equal(futureMoment('--expires', '2h', NOW), '2027-01-31T14:00:00.000Z')
})

test('a date and a time with its zone are the same wherever they are given', () => {
  for (const momentOf of [pastMoment, futureMoment]) {
    assert.equal(momentOf('since', '2026-11-23', NOW), '2026-11-23T00:00:00.000Z')
    assert.equal(momentOf('since', '2026-11-23T09:30Z', NOW), '2026-11-23T09:30:00.000Z')
    assert.equal(momentOf('since', '2026-11-23T09:30:15.5+02:00', NOW), '2026-11-23T07:30:15.500Z')
  }
})

test('any other text is refused with the name of what it was given for', () => {
  for (const text of [
    ...['', 'yesterday', '24', '24 h', '-24h', '1.5h', '2w', '2027-02-31', '2027-01-31T09:30:00'],
    ...['2027-01-31 09:30:00Z', '999999999d', '9999999999s'],
  ])
    assert.throws(
      () => pastMoment('created_lt', text, NOW),
      (error) =>
        error instanceof ConfigError && error.message.startsWith('created_lt must be a date such as'),
      text,
    )
})

test('a length of time is a duration or 0', () => {
  assert.deepEqual(['0', '0s', '30m', '24h', '30', 'soon'].map(secondsOf), [
    0,
    0,
    1_800,
    86_400,
    undefined,
    undefined,
  ])
  assert.deepEqual(['0', '24h', '2027-01-31'].map(isDuration), [false, true, false])
})
