import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DECLINE_CODES, isHardDecline } from './decline.ts'

/** After https://docs.stripe.com/declines/codes: asking again is no use or not allowed. */
const HARD = [
  ...['authorization_expired', 'already_captured', 'already_refunded'],
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

test('after a hard decline no other provider is asked; every other code is soft, also one that we do not know', () => {
  assert.deepEqual(Object.keys(DECLINE_CODES).filter(isHardDecline).sort(), HARD.toSorted())
  for (const code of ['', 'their_own', 'toString', 'constructor', 'LOST_CARD'])
    assert.equal(isHardDecline(code), false, code)
})
