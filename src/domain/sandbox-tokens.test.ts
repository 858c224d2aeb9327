import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DECLINE_CODES } from './decline.ts'
import { SANDBOX_TOKENS, sandboxDecline } from './sandbox-tokens.ts'

/** Stripe's names for the declines, and their codes (https://docs.stripe.com/testing#declined-payments). */
const DECLINES = {
  chargeDeclined: 'generic_decline',
  chargeDeclinedInsufficientFunds: 'insufficient_funds',
  chargeDeclinedLostCard: 'lost_card',
  chargeDeclinedStolenCard: 'stolen_card',
  chargeDeclinedExpiredCard: 'expired_card',
  chargeDeclinedIncorrectCvc: 'incorrect_cvc',
  chargeDeclinedProcessingError: 'processing_error',
  chargeDeclinedFraudulent: 'fraudulent',
  chargeDeclinedVelocityLimitExceeded: 'card_velocity_exceeded',
} as const
const BRANDS = [
  ...['visa', 'visa_debit', 'mastercard', 'mastercard_debit', 'mastercard_prepaid'],
  ...['amex', 'discover', 'diners', 'jcb', 'unionpay'],
]
const SPELLINGS = ['tok_', 'tok_visa_', 'pm_card_', 'pm_card_visa_']

test('each brand succeeds in both of its spellings, and so does no payment method at all', () => {
  for (const brand of BRANDS)
    for (const token of [`tok_${brand}`, `pm_card_${brand}`]) assert.equal(sandboxDecline(token), null, token)
  assert.equal(sandboxDecline(null), null)
})

test('each decline has its code, in every spelling, and says why in a sentence', () => {
  for (const [name, code] of Object.entries(DECLINES))
    for (const spelling of SPELLINGS) {
      const decline = sandboxDecline(spelling + name)
      assert.equal(decline?.declineCode, code, spelling + name)
      assert.ok(Object.hasOwn(DECLINE_CODES, code))
      assert.match(decline.message, /^[A-Z].{10,}\.$/)
    }
})

test('a token that is none of these is declined, and there are no others', () => {
  for (const token of ['', 'tok_', 'visa', 'tok_nothing', 'pm_card_visa_visa'])
    assert.deepEqual(sandboxDecline(token), {
      declineCode: 'invalid_payment_method',
      message: 'The sandbox does not know this payment method; its tokens are listed in docs/sandbox.md.',
    })
  assert.equal(SANDBOX_TOKENS.size, 2 * BRANDS.length + SPELLINGS.length * Object.keys(DECLINES).length)
})
