import type { AttemptKind, Outcome } from '../domain/attempt.ts'
import type { DisputeLookup, LookupOutcome } from '../ports/provider.ts'
import { fromStripe } from './stripe-amount.ts'
import { declineCode } from './stripe-errors.ts'

/**
 * How long a card's authorization lasts if Stripe does not say
 * (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method).
 */
const HOLD_MS = 7 * 24 * 60 * 60 * 1000

/** A response of Stripe, unchecked. */
type StripeResponse = Readonly<Record<string, unknown>>

/** The member of this name if it is an object; otherwise an empty one. */
export function objectAt(response: unknown, name: string): StripeResponse {
  const value = isObject(response) ? response[name] : undefined
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is StripeResponse {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member of this name if it is a text that is not empty, otherwise null. */
export function textAt(response: unknown, name: string): string | null {
  const value = isObject(response) ? response[name] : undefined
  return typeof value === 'string' && value !== '' ? value : null
}

/** The members of one of Stripe's lists; null if it is not a list. */
export function membersOf(response: unknown): readonly unknown[] | null {
  const data = isObject(response) ? response['data'] : undefined
  return Array.isArray(data) ? data : null
}

/** True if the list has more members. */
export function hasMore(response: unknown): boolean {
  return isObject(response) && response['has_more'] === true
}

/** A reference to an object, which Stripe writes as its id or, expanded, as the object. */
function idOf(response: StripeResponse, name: string): string | null {
  return textAt(response, name) ?? textAt(objectAt(response, name), 'id')
}

/** The object of a call. A response about another object is not accepted. */
export type CalledObject = {
  readonly kind: AttemptKind
  readonly attemptId: string
  /** Null for an authorization that may not exist. */
  readonly paymentReference: string | null
}

function unknown(reason: string): { kind: 'unknown'; reason: string } {
  return { kind: 'unknown', reason }
}

/**
 * The outcome of a call from its payment intent. Only the status that the call leads to is a success. `not_found` if a
 * capture or a cancel left no trace: the payment is unchanged. `now` is in ms since 1970.
 */
export function readPayment(asked: CalledObject, response: unknown, now: number): LookupOutcome {
  const reference = textAt(response, 'id')
  const status = textAt(response, 'status')
  if (!isObject(response) || response['object'] !== 'payment_intent' || !reference || !status)
    return unknown('the response is not a Stripe payment intent')
  if (asked.paymentReference !== null && reference !== asked.paymentReference)
    return unknown(`Stripe responded about another payment, ${reference}`)
  if (asked.kind === 'authorize') return readAuthorization(asked, response, reference, status, now)
  const done = asked.kind === 'capture' ? 'succeeded' : 'canceled'
  if (status === done)
    return succeeded(response, reference, done === 'succeeded' ? 'amount_received' : 'amount')
  if (status === 'succeeded') return declined('already_captured', 'The payment was captured.', reference)
  if (status === 'canceled') return declined('authorization_expired', 'The payment was canceled.', reference)
  if (status === 'processing') return { kind: 'pending', reference, redirectUrl: null }
  if (status.startsWith('requires_')) return { kind: 'not_found' }
  return unknown(`Stripe returned the status ${status}`)
}

function readAuthorization(
  asked: CalledObject,
  response: StripeResponse,
  reference: string,
  status: string,
  now: number,
): Outcome {
  const attemptId = textAt(objectAt(response, 'metadata'), 'minipay_attempt')
  if (attemptId !== null && attemptId !== asked.attemptId)
    return unknown(`Stripe responded about the payment of another attempt, ${reference}`)
  switch (status) {
    case 'succeeded':
      // For a hold that was captured since, possibly in part: the held amount.
      return succeeded(
        response,
        reference,
        response['capture_method'] === 'manual' ? 'amount' : 'amount_received',
      )
    case 'requires_capture':
      return succeeded(response, reference, 'amount_capturable', expiresAt(response, now))
    case 'processing':
      return { kind: 'pending', reference, redirectUrl: null }
    case 'requires_action':
      return { kind: 'pending', reference, redirectUrl: redirectUrl(response) }
    case 'requires_payment_method':
      return lastError(response, reference)
    case 'canceled':
      return declined(
        'authorization_expired',
        'The payment was canceled or its authorization expired.',
        reference,
      )
    default:
      return unknown(`Stripe returned the status ${status}`)
  }
}

/** Success, with the amount and the currency of the response. The core compares them with the request. */
function succeeded(
  response: StripeResponse,
  reference: string,
  field: string,
  expires: number | null = null,
): Outcome {
  const currency = currencyOf(response)
  const amount = currency === null ? null : fromStripe(response[field], currency)
  if (currency === null || amount === null)
    return unknown(`Stripe returned no amount that can be counted: ${response[field]} ${currency}`)
  return { kind: 'succeeded', reference, amount, currency, expiresAt: expires }
}

/** Codes of currencies are written in lower case, as ours are. */
function currencyOf(response: StripeResponse): string | null {
  return textAt(response, 'currency')?.toLowerCase() ?? null
}

function declined(code: string, message: string, reference: string | null): Outcome {
  return { kind: 'declined', declineCode: code, message, reference }
}

function lastError(response: StripeResponse, reference: string): Outcome {
  const error = objectAt(response, 'last_payment_error')
  const code = textAt(error, 'decline_code') ?? textAt(error, 'code') ?? 'generic_decline'
  return declined(declineCode(code), textAt(error, 'message') ?? 'The payment failed.', reference)
}

function redirectUrl(response: StripeResponse): string | null {
  const url = textAt(objectAt(objectAt(response, 'next_action'), 'redirect_to_url'), 'url')
  return url !== null && /^https?:\/\//.test(url) ? url : null
}

/** When the hold expires, in ms since 1970: from the charge, or after the usual time. */
function expiresAt(response: StripeResponse, now: number): number {
  const details = objectAt(objectAt(response, 'latest_charge'), 'payment_method_details')
  for (const method of Object.keys(details)) {
    const before = objectAt(details, method)['capture_before']
    if (typeof before === 'number') return before * 1000
  }
  const created = response['created']
  return (typeof created === 'number' ? created * 1000 : now) + HOLD_MS
}

/** The outcome of a call from its refund; a refund that failed later is a decline. */
export function readRefund(asked: CalledObject, response: unknown): Outcome {
  const reference = textAt(response, 'id')
  const status = textAt(response, 'status')
  if (!isObject(response) || response['object'] !== 'refund' || !reference || !status)
    return unknown('the response is not a Stripe refund')
  const payment = idOf(response, 'payment_intent')
  if (payment !== null && asked.paymentReference !== null && payment !== asked.paymentReference)
    return unknown(`Stripe responded about a refund of another payment, ${reference}`)
  if (status === 'succeeded') return succeeded(response, reference, 'amount')
  if (status === 'pending' || status === 'requires_action')
    return { kind: 'pending', reference, redirectUrl: null }
  if (status !== 'failed' && status !== 'canceled') return unknown(`Stripe returned the status ${status}`)
  const reason = textAt(response, 'failure_reason') ?? 'unknown'
  return declined(declineCode(reason), `The refund is ${status}: ${reason}.`, reference)
}

/** Stripe's dispute statuses and ours. An inquiry (`warning_…`) takes no money: it is no dispute of ours yet. */
const DISPUTES: Readonly<Record<string, 'open' | 'won' | 'lost' | 'inquiry'>> = {
  needs_response: 'open',
  under_review: 'open',
  appeal_needs_response: 'open',
  appeal_under_review: 'open',
  won: 'won',
  lost: 'lost',
  warning_needs_response: 'inquiry',
  warning_under_review: 'inquiry',
  warning_closed: 'inquiry',
}

/**
 * The status of a dispute. `not_found` for an inquiry, for a dispute that was prevented before it took money, and for
 * a dispute of a charge without a payment intent, which is not ours.
 */
export function readDispute(response: unknown): DisputeLookup {
  const reference = textAt(response, 'id')
  const stripeStatus = textAt(response, 'status')
  if (!isObject(response) || response['object'] !== 'dispute' || !reference || !stripeStatus)
    return unknown('the response is not a Stripe dispute')
  const status = stripeStatus === 'prevented' ? prevented(response) : DISPUTES[stripeStatus]
  if (status === undefined) return unknown(`Stripe returned the status ${stripeStatus}`)
  const paymentReference = idOf(response, 'payment_intent')
  if (status === 'inquiry' || paymentReference === null) return { kind: 'not_found' }
  const currency = currencyOf(response)
  const amount = currency === null ? null : fromStripe(response['amount'], currency)
  if (currency === null || amount === null)
    return unknown(`Stripe returned no amount that can be counted: ${response['amount']} ${currency}`)
  const reason = textAt(response, 'reason')
  const evidenceDueAt = evidenceDue(stripeStatus, response['evidence_details'])
  return { kind: 'dispute', reference, paymentReference, amount, currency, reason, status, evidenceDueAt }
}

/**
 * When Stripe stops taking evidence, in ms since 1970. Null once it was submitted, and if the bank takes none, for which
 * Stripe states 0 (https://docs.stripe.com/api/disputes/object#dispute_object-evidence_details-due_by).
 */
function evidenceDue(stripeStatus: string, details: unknown): number | null {
  const dueBy = isObject(details) ? details['due_by'] : null
  const isWanted = stripeStatus === 'needs_response' || stripeStatus === 'appeal_needs_response'
  return isWanted && typeof dueBy === 'number' && Number.isSafeInteger(dueBy) && dueBy > 0 && dueBy < 1e11
    ? dueBy * 1_000
    : null
}

/** A dispute that was prevented has ended. Its balance transactions show whether it took the money. */
function prevented(response: StripeResponse): 'lost' | 'inquiry' {
  const moves = response['balance_transactions']
  let sum = 0
  if (Array.isArray(moves))
    for (const move of moves) if (isObject(move) && typeof move['amount'] === 'number') sum += move['amount']
  return sum < 0 ? 'lost' : 'inquiry'
}
