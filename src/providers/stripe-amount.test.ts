import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CURRENCY_EXPONENTS } from '../domain/currencies.ts'
import { MAX_AMOUNT } from '../domain/money.ts'
import { fromStripe, toStripe } from './stripe-amount.ts'

/** Stripe's amount, or the decline code. */
function sent(amount: number, currency: string): number | string {
  const result = toStripe(amount, currency)
  return result.ok ? result.amount : result.declineCode
}

test('amounts of two decimals, the usual case, are sent as they are', () => {
  for (const currency of ['usd', 'eur', 'huf', 'twd']) assert.equal(sent(1_045, currency), 1_045)
})

test('currencies without decimals are sent in whole units', () => {
  for (const currency of ['jpy', 'krw', 'clp', 'vnd', 'xof']) assert.equal(sent(500, currency), 500)
})

test('whole krona and shillings are sent in hundredths, as Stripe still counts them', () => {
  assert.equal(sent(5, 'isk'), 500)
  assert.equal(sent(5, 'ugx'), 500)
})

test('ariary are sent in whole units, and parts of one are refused', () => {
  assert.equal(sent(500, 'mga'), 5)
  for (const amount of [50, 510, 501]) assert.equal(sent(amount, 'mga'), 'invalid_amount')
})

/** https://docs.stripe.com/currencies: its zero-decimal, special and three-decimal currencies; every other has two. */
const STRIPE_DECIMALS = new Map([
  ...'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ').map((c) => [c, 0] as const),
  ...'isk ugx huf twd'.split(' ').map((c) => [c, 2] as const),
  ...'bhd jod kwd omr tnd'.split(' ').map((c) => [c, 3] as const),
])

for (const [currency, digits] of CURRENCY_EXPONENTS) {
  const decimals = STRIPE_DECIMALS.get(currency) ?? (digits === 2 ? 2 : undefined)
  test(`ten ${currency} are ten for Stripe too, or are not sent`, () => {
    assert.equal(
      sent(10 * 10 ** digits, currency),
      decimals === undefined ? 'currency_not_supported' : 10 * 10 ** decimals,
    )
  })
}

test('the last of three decimals has to be 0; anything else is refused, not rounded', () => {
  for (const currency of ['bhd', 'jod', 'kwd', 'omr', 'tnd']) {
    assert.equal(sent(5_120, currency), 5_120)
    assert.equal(sent(5_124, currency), 'invalid_amount')
  }
})

test('a currency with other decimals that Stripe does not list is refused', () => {
  for (const currency of ['iqd', 'lyd', 'clf', 'uyw', 'uyi', 'zzz'])
    assert.equal(sent(1_000, currency), 'currency_not_supported')
})

test('an amount that is too large to be converted exactly is refused', () => {
  assert.equal(sent(MAX_AMOUNT, 'isk'), 'invalid_amount')
  assert.equal(sent(MAX_AMOUNT, 'usd'), MAX_AMOUNT)
})

test('in every currency, what can be sent comes back as it was', () => {
  let exact = 0
  for (const currency of CURRENCY_EXPONENTS.keys())
    for (const amount of [1, 10, 99, 1_000, 123_456_780]) {
      const units = toStripe(amount, currency)
      if (!units.ok) continue
      exact++
      assert.equal(fromStripe(units.amount, currency), amount, `${amount} ${currency}`)
    }
  assert.ok(exact > 600)
})

test('an answer that is no whole number of our units is no amount', () => {
  assert.equal(fromStripe(550, 'isk'), null)
  for (const amount of [12.5, '12', null, undefined, Number.NaN, 2 ** 60])
    assert.equal(fromStripe(amount, 'usd'), null)
  assert.equal(fromStripe(100, 'zzz'), null)
  assert.equal(fromStripe(5_124, 'kwd'), 5_124)
})
