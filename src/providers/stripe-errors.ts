import { holdsCardNumber } from '../domain/cards/card-numbers.ts'
import { DECLINE_CODES } from '../domain/decline.ts'

/**
 * Stripe's decline codes, error codes and refund failure reasons that MiniPay names differently. Codes of the same
 * name (https://docs.stripe.com/declines/codes), and codes in neither table, pass unchanged.
 */
const DECLINES: Readonly<Record<string, keyof typeof DECLINE_CODES>> = {
  // Card declines.
  authentication_not_handled: 'authentication_required',
  call_issuer: 'do_not_honor',
  invalid_cvc: 'incorrect_cvc',
  invalid_expiry_month: 'expired_card',
  invalid_expiry_year: 'expired_card',
  invalid_number: 'incorrect_number',
  merchant_blacklist: 'fraudulent',
  no_action_taken: 'do_not_honor',
  not_permitted: 'do_not_honor',
  offline_pin_required: 'authentication_required',
  online_or_offline_pin_required: 'authentication_required',
  reenter_transaction: 'processing_error',
  approve_with_id: 'processing_error',
  revocation_of_all_authorizations: 'revocation_of_authorization',
  security_violation: 'do_not_honor',
  service_not_allowed: 'do_not_honor',
  stop_payment_order: 'revocation_of_authorization',
  testmode_decline: 'generic_decline',
  transaction_not_allowed: 'card_not_supported',
  withdrawal_count_limit_exceeded: 'card_velocity_exceeded',
  // Errors that say more than their decline code.
  card_declined: 'generic_decline',
  card_decline_rate_limit_exceeded: 'try_again_later',
  payment_intent_authentication_failure: 'authentication_required',
  payment_intent_payment_attempt_expired: 'authentication_required',
  payment_intent_payment_attempt_failed: 'generic_decline',
  // Reasons for a failed refund.
  declined: 'generic_decline',
  expired_or_canceled_card: 'expired_card',
  lost_or_stolen_card: 'lost_card',
  unknown: 'processing_error',
  // Requests that Stripe refuses.
  amount_too_large: 'invalid_amount',
  amount_too_small: 'invalid_amount',
  charge_already_captured: 'already_captured',
  charge_already_refunded: 'already_refunded',
  charge_expired_for_capture: 'authorization_expired',
  payment_method_unactivated: 'card_not_supported',
}

/** MiniPay's code for one of Stripe's; a code in no table passes if it is well-formed. */
export function declineCode(code: string): string {
  if (Object.hasOwn(DECLINE_CODES, code)) return code
  if (Object.hasOwn(DECLINES, code)) return DECLINES[code] as string
  return /^[a-z0-9_]{1,64}$/.test(code) && !holdsCardNumber(code) ? code : 'generic_decline'
}

/** The fields of Stripe's error object that decide (https://docs.stripe.com/api/errors). */
export type StripeErrorFields = {
  readonly status: number
  readonly type: string
  readonly code: string
  readonly declineCode: string
  readonly param: string
}

export type ErrorMeaning =
  | { readonly kind: 'declined'; readonly declineCode: string }
  | { readonly kind: 'not_sent' }
  | { readonly kind: 'unknown' }

/** The types of Stripe's errors (https://docs.stripe.com/api/errors), and two that its older versions had. */
const TYPES: ReadonlySet<string> = new Set([
  'api_error',
  'card_error',
  'idempotency_error',
  'invalid_request_error',
  'authentication_error',
  'rate_limit_error',
])

/**
 * The outcome of a call from Stripe's error. The first matching line decides; an error that matches none may have
 * moved money.
 */
const ERRORS: readonly (readonly [
  fits: (error: StripeErrorFields) => boolean,
  meaning: (error: StripeErrorFields) => ErrorMeaning,
])[] = [
  // Not Stripe's: a proxy has an error object of its own.
  [({ type }) => !TYPES.has(type), () => ({ kind: 'unknown' })],
  // The same call may be in progress: only a later call can show its outcome.
  [({ code }) => code === 'lock_timeout' || code === 'idempotency_key_in_use', () => ({ kind: 'unknown' })],
  [({ status, type }) => status === 409 || type === 'idempotency_error', () => ({ kind: 'unknown' })],
  // Stripe refused it before it read the call.
  [({ status }) => status === 401 || status === 403 || status === 429, () => ({ kind: 'not_sent' })],
  [
    ({ status, type }) => type === 'card_error' || status === 402,
    (error) => declined(error.declineCode || error.code || 'generic_decline'),
  ],
  // A request that Stripe refuses as invalid has done nothing (https://docs.stripe.com/error-low-level).
  [
    ({ status, type }) => type === 'invalid_request_error' && (status === 400 || status === 404),
    ({ code, param }) => declined(Object.hasOwn(DECLINES, code) ? code : codeOfParam(param)),
  ],
  [() => true, () => ({ kind: 'unknown' })],
]

/** Stripe refused the request because of one of its parameters. */
function codeOfParam(param: string): string {
  if (param.startsWith('payment_method')) return 'invalid_payment_method'
  if (param === 'currency') return 'currency_not_supported'
  if (param === 'amount' || param === 'amount_to_capture') return 'invalid_amount'
  return 'processing_error'
}

function declined(code: string): ErrorMeaning {
  return { kind: 'declined', declineCode: declineCode(code) }
}

/** The meaning of an error object of Stripe's. */
export function errorMeaning(error: StripeErrorFields): ErrorMeaning {
  for (const [fits, meaning] of ERRORS) if (fits(error)) return meaning(error)
  return { kind: 'unknown' }
}
