import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as maintained from 'dinero.js/currencies'
import { CURRENCY_EXPONENTS } from './currencies.ts'

test('the table is the one that dinero.js maintains; `npm run currencies` writes it anew', () => {
  const expected = Object.values(maintained).map(
    ({ code, exponent }) => [code.toLowerCase(), exponent] as const,
  )
  assert.deepEqual([...CURRENCY_EXPONENTS].sort(), expected.sort())
})

test('well-known exponents are as ISO 4217 has them', () => {
  for (const [code, exponent] of Object.entries({ usd: 2, eur: 2, jpy: 0, krw: 0, kwd: 3, bhd: 3, clf: 4 }))
    assert.equal(CURRENCY_EXPONENTS.get(code), exponent, code)
})
