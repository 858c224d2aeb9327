/**
 * The decline codes to which MiniPay maps those of every provider, after Stripe's
 * (https://docs.stripe.com/declines/codes). `hard`: another call, at this or another provider, is useless or
 * forbidden, so no rule may fail over after it. MiniPay passes on a provider's code that is in no table; it counts as
 * soft only if a rule names it.
 */
export const DECLINE_CODES = {
  generic_decline: { hard: false, meaning: 'The bank gave no reason.' },
  do_not_honor: { hard: false, meaning: 'The bank gave no reason.' },
  insufficient_funds: { hard: false, meaning: 'There is not enough money.' },
  processing_error: { hard: false, meaning: 'An error at the provider or the bank.' },
  issuer_not_available: { hard: false, meaning: 'The bank could not be reached.' },
  try_again_later: { hard: false, meaning: 'The bank requests a retry later.' },
  card_velocity_exceeded: { hard: false, meaning: 'The card is over its limit.' },
  currency_not_supported: {
    hard: false,
    meaning: 'The card or the provider does not support this currency.',
  },
  card_not_supported: {
    hard: false,
    meaning: 'The provider does not support this kind of purchase or card.',
  },
  authentication_required: { hard: false, meaning: 'The customer must confirm the payment.' },
  invalid_amount: { hard: false, meaning: 'The provider cannot take this amount.' },
  invalid_payment_method: { hard: false, meaning: 'The provider does not know this token.' },
  provider_unavailable: { hard: false, meaning: 'No provider was available.' },
  action_expired: { hard: false, meaning: 'The customer did not act in time.' },
  authorization_expired: { hard: true, meaning: 'The authorization has expired or was released.' },
  already_captured: { hard: true, meaning: 'The authorization was captured before.' },
  already_refunded: { hard: true, meaning: 'The provider has nothing left to refund.' },
  velocity_limit_exceeded: {
    hard: true,
    meaning: 'A velocity limit of the routing rules was exceeded; MiniPay called no provider.',
  },
  expired_card: { hard: true, meaning: 'The card has expired.' },
  incorrect_cvc: { hard: true, meaning: 'The security code is wrong.' },
  incorrect_number: { hard: true, meaning: 'The card number is wrong.' },
  lost_card: { hard: true, meaning: 'The card was reported lost.' },
  stolen_card: { hard: true, meaning: 'The card was reported stolen.' },
  pickup_card: { hard: true, meaning: 'The bank wants the card to be retained.' },
  restricted_card: { hard: true, meaning: 'The card is restricted.' },
  fraudulent: { hard: true, meaning: 'The provider suspects fraud.' },
  revocation_of_authorization: { hard: true, meaning: 'The customer revoked the permission.' },
} as const satisfies Record<string, { hard: boolean; meaning: string }>

/** True if MiniPay must not fail over after this code. */
export function isHardDecline(code: string): boolean {
  return Object.hasOwn(DECLINE_CODES, code) && DECLINE_CODES[code as keyof typeof DECLINE_CODES].hard
}
