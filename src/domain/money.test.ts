import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CURRENCY_EXPONENTS } from './currencies.ts'
import { currencyExponent, currencyWithdrawn, MAX_AMOUNT, MAX_BALANCE, parseCurrency } from './money.ts'

const codes = [...CURRENCY_EXPONENTS.keys()]

test('a currency is accepted in either case, and in any mixture, and returned in lower case', () => {
  const mixedCase = fc.constantFrom(...codes).chain((code) =>
    fc.record({
      code: fc.constant(code),
      written: fc
        .tuple(fc.boolean(), fc.boolean(), fc.boolean())
        .map((upper) => [...code].map((char, i) => (upper[i] ? char.toUpperCase() : char)).join('')),
    }),
  )
  fc.assert(fc.property(mixedCase, ({ code, written }) => assert.equal(parseCurrency(written), code)))
})

test('a code that ISO 4217 does not list is refused', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!CURRENCY_EXPONENTS.has(text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())))
      assert.equal(parseCurrency(text), undefined)
    }),
  )
  for (const text of ['', 'us', 'usdd', ' usd', 'usd ', 'zzz', '\u212arw', '__proto__', 'constructor'])
    assert.equal(parseCurrency(text), undefined, text)
})

test('a code without a minor unit is refused', () => {
  for (const code of ['xau', 'xag', 'xdr', 'xts', 'xxx']) assert.equal(parseCurrency(code), undefined, code)
})

test('every currency has an exponent of 0 to 4 decimal digits', () => {
  for (const code of codes) assert.ok([0, 1, 2, 3, 4].includes(currencyExponent(code) ?? -1), code)
  assert.equal(currencyExponent('zzz'), undefined)
})

test('an ariary and an ouguiya have two decimal digits, as ISO 4217 says, though five of the smaller unit make one', () => {
  assert.equal(currencyExponent('mga'), 2)
  assert.equal(currencyExponent('mru'), 2)
})

test('a withdrawn currency is known with its exponent and the day, and a current one has none', () => {
  assert.deepEqual(['bgn', 'usd', 'zzz'].map(currencyWithdrawn), ['2026-01-01', undefined, undefined])
  assert.equal(currencyExponent('bgn'), 2)
})

test('an amount is exact in JSON, and a balance in 64 bits', () => {
  assert.equal(JSON.parse(JSON.stringify(MAX_AMOUNT)), MAX_AMOUNT)
  assert.ok(Number.isSafeInteger(MAX_AMOUNT) && !Number.isSafeInteger(MAX_AMOUNT + 1))
  assert.equal(BigInt.asIntN(64, MAX_BALANCE), MAX_BALANCE)
  assert.notEqual(BigInt.asIntN(64, MAX_BALANCE + 1n), MAX_BALANCE + 1n)
})

test('characters before or after three letters make the code invalid', () => {
  for (const text of ['xusd', 'usdx', 'USDx', 'xUSD', '1USD', 'US', 'U', '€usd', 'usd\n', 'USD\n', '\nUSD'])
    assert.equal(parseCurrency(text), undefined, JSON.stringify(text))
})
