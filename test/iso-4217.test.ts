/** The table of currencies against ISO 4217's own published list, code by code. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CURRENCY_EXPONENTS, WITHDRAWN_CURRENCIES } from '../src/domain/currencies.ts'

const LIST = readFileSync(fileURLToPath(import.meta.resolve('currency-codes/iso-4217-list-one.xml')), 'utf8')

/** Published after the list: https://www.six-group.com/en/products-services/financial-information/data-standards.html. */
const ADDED = { xcg: '2' /* amendment 176 */, xad: '2' /* amendment 179 */ }
const WITHDRAWN = ['ang' /* amendment 176 */, 'cuc' /* 178 */, 'bgn' /* 180 */]

/** Every code of the list, with the text of its minor units: digits, or N.A. */
function listed(): Map<string, string> {
  const codes = new Map<string, string>()
  for (const entry of LIST.split('</CcyNtry>')) {
    const code = /<Ccy>(.*?)<\/Ccy>/.exec(entry)?.[1]
    // Antarctica and others have no currency of their own.
    if (code !== undefined) codes.set(code.toLowerCase(), /<CcyMnrUnts>(.*?)</.exec(entry)?.[1] ?? '')
  }
  return codes
}

test('the list is the whole one that the amendments follow', () => {
  assert.match(LIST, /<ISO_4217 Pblshd="2024-06-25">/)
  assert.equal(listed().size, 179)
})

for (const [code, digits] of [...listed(), ...Object.entries(ADDED)])
  test(`${code} has the minor unit that ISO 4217 gives it: ${digits}`, () => {
    assert.equal(CURRENCY_EXPONENTS.get(code), digits === 'N.A.' ? undefined : Number(digits))
  })

test('no other code is in the table, and the withdrawn ones are marked', () => {
  const known = new Set([...listed().keys(), ...Object.keys(ADDED)])
  assert.deepEqual(
    [...CURRENCY_EXPONENTS.keys()].filter((code) => !known.has(code)),
    [],
  )
  assert.deepEqual([...WITHDRAWN_CURRENCIES.keys()].sort(), [...WITHDRAWN].sort())
})
