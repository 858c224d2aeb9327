import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isHardDecline } from '../domain/decline.ts'
import { declineCode, errorMeaning, type StripeErrorFields } from './stripe-errors.ts'

const none = { code: '', declineCode: '', param: '' }
/** `declined <code>`, or the kind. */
function meaning(status: number, type: string, rest: Partial<StripeErrorFields> = {}): string {
  const found = errorMeaning({ ...none, status, type, ...rest })
  return found.kind === 'declined' ? `declined ${found.declineCode}` : found.kind
}
const invalid = (rest: Partial<StripeErrorFields>, status = 400) =>
  meaning(status, 'invalid_request_error', rest)

test('a card error is a decline, by its decline code or else its code', () => {
  const card = (rest: Partial<StripeErrorFields>) => meaning(402, 'card_error', rest)
  assert.equal(card({ code: 'card_declined', declineCode: 'lost_card' }), 'declined lost_card')
  assert.equal(card({ code: 'expired_card' }), 'declined expired_card')
  assert.equal(card({ code: 'card_declined' }), 'declined generic_decline')
  assert.equal(card({}), 'declined generic_decline')
})

test('what is refused at the door was not sent', () => {
  assert.equal(meaning(401, 'invalid_request_error'), 'not_sent')
  assert.equal(meaning(403, 'invalid_request_error'), 'not_sent')
  assert.equal(meaning(429, 'invalid_request_error', { code: 'rate_limit' }), 'not_sent')
})

test('a call that collides with another one, perhaps with itself, is unknown', () => {
  assert.equal(meaning(429, 'invalid_request_error', { code: 'lock_timeout' }), 'unknown')
  assert.equal(meaning(409, 'invalid_request_error', { code: 'lock_timeout' }), 'unknown')
  assert.equal(meaning(409, 'idempotency_error', { code: 'idempotency_key_in_use' }), 'unknown')
  assert.equal(meaning(400, 'idempotency_error'), 'unknown')
})

test('an error of the server, or one that Stripe does not document, is unknown', () => {
  assert.equal(meaning(500, 'api_error'), 'unknown')
  assert.equal(meaning(503, 'api_error'), 'unknown')
  assert.equal(meaning(424, 'invalid_request_error'), 'unknown')
  assert.equal(meaning(400, 'another_error'), 'unknown')
})

test("an error object that is not Stripe's gives no information, for any status", () => {
  for (const type of ['forbidden', 'access_denied', 'error', 'Card_Error'])
    for (const status of [400, 401, 402, 403, 404, 405, 413, 415, 429])
      assert.equal(meaning(status, type, { code: 'card_declined' }), 'unknown', `${status} ${type}`)
})

test('an invalid request is a decline that says what was wrong', () => {
  assert.equal(
    invalid({ code: 'resource_missing', param: 'payment_method' }),
    'declined invalid_payment_method',
  )
  assert.equal(invalid({ param: 'payment_method_data[type]' }), 'declined invalid_payment_method')
  assert.equal(invalid({ code: 'amount_too_small', param: 'amount' }), 'declined invalid_amount')
  assert.equal(invalid({ param: 'currency' }), 'declined currency_not_supported')
  assert.equal(invalid({ code: 'charge_already_refunded' }), 'declined already_refunded')
  assert.equal(invalid({ code: 'charge_expired_for_capture' }), 'declined authorization_expired')
  assert.equal(invalid({ code: 'resource_missing', param: 'intent' }, 404), 'declined processing_error')
  assert.equal(invalid({}), 'declined processing_error')
})

test("Stripe's codes become ours where they differ, pass where they do not, and must be well-formed", () => {
  assert.equal(declineCode('insufficient_funds'), 'insufficient_funds')
  assert.equal(declineCode('invalid_cvc'), 'incorrect_cvc')
  assert.equal(declineCode('lost_or_stolen_card'), 'lost_card')
  assert.equal(declineCode('a_code_of_tomorrow'), 'a_code_of_tomorrow')
  for (const odd of ['', 'Two Words', 'a'.repeat(65), '<b>'])
    assert.equal(declineCode(odd), 'generic_decline')
  assert.equal(declineCode('constructor'), 'constructor')
})

test('what must not be tried elsewhere stays hard under our name', () => {
  for (const code of ['stop_payment_order', 'revocation_of_all_authorizations', 'merchant_blacklist'])
    assert.ok(isHardDecline(declineCode(code)), code)
})
