import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DECLINE_CODES, isHardDecline } from './decline.ts'

/** After https://docs.stripe.com/declines/codes, and a limit of our own: a retry is useless or forbidden. */
const HARD = [
  ...['authorization_expired', 'already_captured', 'already_refunded', 'velocity_limit_exceeded'],
  ...['expired_card', 'incorrect_cvc', 'incorrect_number'],
  ...[
    'lost_card',
    'stolen_card',
    'pickup_card',
    'restricted_card',
    'fraudulent',
    'revocation_of_authorization',
  ],
]

test('after a hard decline MiniPay does not fail over; every other code is soft, also an unknown one', () => {
  assert.deepEqual(Object.keys(DECLINE_CODES).filter(isHardDecline).sort(), HARD.toSorted())
  for (const code of ['', 'their_own', 'toString', 'constructor', 'LOST_CARD'])
    assert.equal(isHardDecline(code), false, code)
})
