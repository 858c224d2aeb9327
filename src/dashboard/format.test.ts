import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CURRENCY_EXPONENTS } from '../domain/currencies.ts'
import {
  decimal,
  duration,
  formatTime,
  money,
  parseAmount,
  plural,
  relative,
  shortId,
  startOfDay,
} from './format.ts'

test('money keeps every digit, in each currency of the table and at 64 bits', () => {
  assert.equal(money(1234567, 'usd'), '12,345.67')
  assert.equal(money(31500, 'jpy'), '31,500')
  assert.equal(money(12345, 'kwd'), '12.345')
  assert.equal(money(1, 'clf'), '0.0001')
  assert.equal(money(-5, 'usd'), '-0.05')
  // ICU gives the forint no decimals: the amount would be shown a hundred times too large.
  assert.equal(money(123456, 'HUF'), '1,234.56')
  assert.equal(money(2n ** 63n - 1n, 'usd'), '92,233,720,368,547,758.07')
  assert.equal(money(9007199254740991, 'usd'), '90,071,992,547,409.91')
  for (const [currency, digits] of CURRENCY_EXPONENTS)
    for (const amount of [0, 1, 10 ** digits, 9007199254740991, -7]) {
      const [, sign = '', whole = '', fraction = ''] =
        /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal(amount, currency)) ?? []
      assert.equal(fraction.length, digits, currency)
      assert.equal(BigInt(sign + whole + fraction), BigInt(amount), currency)
    }
})

test('an amount that a person types becomes minor units exactly, or a sentence', () => {
  for (const [typed, currency, amount] of [
    ['12.41', 'usd', 1241],
    ['12,4', 'eur', 1240],
    [' 7 ', 'usd', 700],
    ['0.1', 'kwd', 100],
    ['31500', 'jpy', 31500],
    ['90071992547409.91', 'usd', 9007199254740991],
    ['5.', 'usd', 500],
  ] as const)
    assert.deepEqual(parseAmount(typed, currency), { amount }, typed)
  for (const [typed, currency] of [
    ['', 'usd'],
    ['12.411', 'usd'],
    ['1.5', 'jpy'],
    ['1,234.50', 'usd'],
    ['-1', 'usd'],
    ['1e3', 'usd'],
    ['٣', 'usd'],
    ['.5', 'usd'],
    ['90071992547409.92', 'usd'],
  ] as const)
    assert.ok('problem' in parseAmount(typed, currency), typed)
})

test('durations and times say what a person needs', () => {
  assert.deepEqual(
    [3, 412, 6180, 59_999, 60_000, 14 * 60_000, 7_500_000, 86_400_000, 90_000_000_0].map(duration),
    ['3 ms', '412 ms', '6.1 s', '59 s', '1 min', '14 min', '2 h 5 min', '1 d', '10 d'],
  )
  const now = Date.UTC(2027, 0, 1)
  assert.equal(relative(now - 4 * 60_000, now), '4 min ago')
  assert.equal(relative(now + 30_000, now), 'in 30 s')
  assert.equal(relative(now - 3_600_000, now), undefined)
  assert.equal(plural(1, 'payment'), '1 payment')
  assert.equal(plural(1204, 'payment'), '1,204 payments')
  assert.equal(formatTime('nonsense'), 'nonsense')
  assert.equal(shortId('txn_01m8bt9e610f04x7akqjskk282'), 'txn_01m8…skk282')
})

test('a day begins in UTC or in the zone of the reader, and may have 25 hours', (t) => {
  const { TZ } = process.env
  process.env['TZ'] = 'Europe/Berlin'
  t.after(() => {
    if (TZ === undefined) delete process.env['TZ']
    else process.env['TZ'] = TZ
  })
  assert.equal(startOfDay('2026-10-25', true), '2026-10-25T00:00:00.000Z')
  assert.equal(startOfDay('2026-10-31', true, 1), '2026-11-01T00:00:00.000Z')
  // Clocks go back in the night to this day's end.
  assert.equal(startOfDay('2026-10-25', false), '2026-10-24T22:00:00.000Z')
  assert.equal(startOfDay('2026-10-25', false, 1), '2026-10-25T23:00:00.000Z')
  for (const text of [null, '', 'today', '2026-1-1', '2026-01-01T00:00', '2026-02-30'])
    assert.equal(startOfDay(text, true), undefined)
})
