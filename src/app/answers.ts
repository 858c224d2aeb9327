/** The responses of requests, from the current state of their charge, attempt or refund. */
import type { Attempt } from '../domain/attempt.ts'
import { isOpen } from '../domain/attempt.ts'
import type { Charge, Refund } from '../domain/charge.ts'
import type { ErrorCode } from '../domain/error.ts'
import type { StoredAnswer } from '../domain/idempotency.ts'
import { isGivenUp } from '../domain/lifecycle.ts'
import { isOfWish, isToBeCanceled } from '../domain/wish.ts'
import type { Answered } from '../ports/store.ts'
import { chargeView, refundView } from './present.ts'

const UNAVAILABLE = 'provider_unavailable'

/**
 * For a charge: created, declined, or in progress. `unavailable` means that it failed because no provider took the
 * call. A provider may decline with MiniPay's own code for that; it then remains a decline.
 */
export function chargeAnswer(charge: Charge, unavailable = charge.declineCode === UNAVAILABLE): StoredAnswer {
  switch (charge.status) {
    case 'processing':
    case 'requires_action':
      return { kind: 'accepted', body: JSON.stringify(chargeView(charge)) }
    case 'failed':
      return refusal('card_declined', unavailable, charge, { charge: chargeView(charge) })
    default:
      return { kind: 'created', body: JSON.stringify(chargeView(charge)) }
  }
}

/** For a refund; see `chargeAnswer`. */
export function refundAnswer(refund: Refund, unavailable = refund.declineCode === UNAVAILABLE): StoredAnswer {
  switch (refund.status) {
    case 'processing':
      return { kind: 'accepted', body: JSON.stringify(refundView(refund)) }
    case 'failed':
      return refusal('provider_declined', unavailable, refund, { refund: refundView(refund) })
    default:
      return { kind: 'done', body: JSON.stringify(refundView(refund)) }
  }
}

/** For a call in progress at a provider. */
export function accepted(charge: Charge): StoredAnswer {
  return { kind: 'accepted', body: JSON.stringify(chargeView(charge)) }
}

/** For a cancel that turned out to be impossible. */
export function cancelRefused(charge: Charge, failureMessage: string): StoredAnswer {
  const said = { declineCode: 'processing_error', failureMessage }
  return refusal('provider_declined', false, said, { charge: chargeView(charge) })
}

/** For a cancel that was requested before MiniPay knew that the charge was captured, and that led to a refund. */
function refundInstead(charge: Charge, refund: Refund, unavailable: boolean): StoredAnswer {
  if (refund.status === 'processing') return accepted(charge)
  if (refund.status === 'failed')
    return refusal('provider_declined', unavailable, refund, { charge: chargeView(charge) })
  return { kind: 'done', body: JSON.stringify(chargeView(charge)) }
}

/** For a capture or a cancel. A cancel of an expired authorization succeeds. */
function followUpAnswer(charge: Charge, attempt: Attempt): StoredAnswer {
  const body = chargeView(charge)
  if (isOpen(attempt)) return accepted(charge)
  const done = attempt.state === 'succeeded' || (attempt.kind === 'cancel' && charge.status === 'canceled')
  if (done) return { kind: 'done', body: JSON.stringify(body) }
  const unavailable = attempt.state === 'not_sent'
  const said = {
    declineCode: attempt.declineCode ?? UNAVAILABLE,
    failureMessage: unavailable ? `The provider did not take it: ${attempt.reason}` : attempt.reason,
  }
  return refusal('provider_declined', unavailable, said, { charge: body })
}

/**
 * The other requests that end with an attempt, from the charge before and after it. The request that made a charge
 * whose customer had to act ends when the charge is canceled. A requested cancel ends when the charge fails by itself.
 */
export function alsoEnded(before: Charge, after: Charge, attempt: Attempt): Answered[] {
  const others: Answered[] = []
  if (attempt.kind === 'cancel' && before.redirectUrl !== null && after.status === 'canceled')
    others.push({ key: after.idempotencyKey, answer: chargeAnswer(after) })
  const over = after.status === 'failed' || after.status === 'canceled'
  if (over && after.cancelKey && !isOfWish(after, attempt))
    others.push({ key: after.cancelKey, answer: { kind: 'done', body: JSON.stringify(chargeView(after)) } })
  return others
}

/**
 * For the request that began this attempt, from the current charge and refund. `cancelKey` is the charge's value
 * before the attempt ended.
 */
export function answerOf(
  charge: Charge,
  refund: Refund | null,
  attempt: Attempt,
  cancelKey: string | null = charge.cancelKey,
): StoredAnswer {
  const unavailable = attempt.state === 'not_sent'
  if (attempt.kind === 'authorize' || isGivenUp(charge, attempt)) return chargeAnswer(charge, unavailable)
  if (isOfWish({ cancelKey }, attempt)) {
    // It is begun again.
    if (attempt.state === 'not_sent' && isToBeCanceled(charge)) return accepted(charge)
    if (refund) return refundInstead(charge, refund, unavailable)
  }
  return refund ? refundAnswer(refund, unavailable) : followUpAnswer(charge, attempt)
}

function refusal(
  code: ErrorCode,
  unavailable: boolean,
  { declineCode, failureMessage }: Pick<Charge, 'declineCode' | 'failureMessage'>,
  object: object,
): StoredAnswer {
  return {
    kind: unavailable ? 'unavailable' : 'declined',
    body: JSON.stringify({
      error: failureMessage,
      code: unavailable ? UNAVAILABLE : code,
      decline_code: declineCode,
      ...object,
    }),
  }
}
