/** The payment methods of the sandbox, in process or over the network, and the result of each. */

export type SandboxDecline = { readonly declineCode: string; readonly message: string }

/** Card brands whose tokens succeed, with and without Stripe's `pm_card_` spelling. */
const BRANDS = [
  'visa',
  'visa_debit',
  'mastercard',
  'mastercard_debit',
  'mastercard_prepaid',
  'amex',
  'discover',
  'diners',
  'jcb',
  'unionpay',
] as const

/**
 * The declines, by the names of Stripe's test tokens (https://docs.stripe.com/testing#declined-payments)
 * and its decline codes (https://docs.stripe.com/declines/codes).
 */
const DECLINES: Readonly<Record<string, SandboxDecline>> = {
  chargeDeclined: { declineCode: 'generic_decline', message: 'The card was declined.' },
  chargeDeclinedInsufficientFunds: {
    declineCode: 'insufficient_funds',
    message: 'The card has insufficient funds.',
  },
  chargeDeclinedLostCard: { declineCode: 'lost_card', message: 'The card was reported lost.' },
  chargeDeclinedStolenCard: { declineCode: 'stolen_card', message: 'The card was reported stolen.' },
  chargeDeclinedExpiredCard: { declineCode: 'expired_card', message: 'The card has expired.' },
  chargeDeclinedIncorrectCvc: {
    declineCode: 'incorrect_cvc',
    message: "The card's security code is incorrect.",
  },
  chargeDeclinedProcessingError: {
    declineCode: 'processing_error',
    message: 'An error occurred while the card was processed.',
  },
  chargeDeclinedFraudulent: { declineCode: 'fraudulent', message: 'The payment is suspected of fraud.' },
  chargeDeclinedVelocityLimitExceeded: {
    declineCode: 'card_velocity_exceeded',
    message: 'The card is over its limit.',
  },
}

/** The decline of a token that the sandbox does not know: a real provider declines it, too. */
const UNKNOWN_TOKEN: SandboxDecline = {
  declineCode: 'invalid_payment_method',
  message: 'The sandbox does not know this payment method; its tokens are listed in docs/sandbox.md.',
}

/** Every token and its decline; null for those that succeed. Stripe spells most tokens in several ways. */
export const SANDBOX_TOKENS: ReadonlyMap<string, SandboxDecline | null> = new Map([
  ...BRANDS.flatMap((brand) => [`tok_${brand}`, `pm_card_${brand}`].map((token) => [token, null] as const)),
  ...Object.entries(DECLINES).flatMap(([name, decline]) =>
    [`tok_${name}`, `tok_visa_${name}`, `pm_card_${name}`, `pm_card_visa_${name}`].map(
      (token) => [token, decline] as const,
    ),
  ),
])

/** The decline of a payment by this method; null if it succeeds, as it does without a method. */
export function sandboxDecline(paymentMethod: string | null): SandboxDecline | null {
  const decline = paymentMethod === null ? null : SANDBOX_TOKENS.get(paymentMethod)
  return decline === undefined ? UNKNOWN_TOKEN : decline
}
