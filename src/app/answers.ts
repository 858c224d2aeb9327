/** What requests are answered with, by how what they asked for stands. */
import type { Attempt } from '../domain/attempt.ts'
import { isOpen } from '../domain/attempt.ts'
import type { Charge, Refund } from '../domain/charge.ts'
import type { ErrorCode } from '../domain/error.ts'
import type { StoredAnswer } from '../domain/idempotency.ts'
import { isGivenUp } from '../domain/lifecycle.ts'
import type { Answered } from '../ports/store.ts'
import { chargeView, refundView } from './present.ts'

const UNAVAILABLE = 'provider_unavailable'

/** Of a charge: made, declined, or still on its way. */
export function chargeAnswer(charge: Charge): StoredAnswer {
  switch (charge.status) {
    case 'processing':
    case 'requires_action':
      return { kind: 'accepted', body: JSON.stringify(chargeView(charge)) }
    case 'failed':
      return refusal('card_declined', charge, { charge: chargeView(charge) })
    default:
      return { kind: 'created', body: JSON.stringify(chargeView(charge)) }
  }
}

/** Of a refund. */
export function refundAnswer(refund: Refund): StoredAnswer {
  switch (refund.status) {
    case 'processing':
      return { kind: 'accepted', body: JSON.stringify(refundView(refund)) }
    case 'failed':
      return refusal('provider_declined', refund, { refund: refundView(refund) })
    default:
      return { kind: 'done', body: JSON.stringify(refundView(refund)) }
  }
}

/** Of a capture or a cancel. To cancel what has lapsed is done. */
function followUpAnswer(charge: Charge, attempt: Attempt): StoredAnswer {
  const body = chargeView(charge)
  if (isOpen(attempt)) return { kind: 'accepted', body: JSON.stringify(body) }
  const done = attempt.state === 'succeeded' || (attempt.kind === 'cancel' && charge.status === 'canceled')
  if (done) return { kind: 'done', body: JSON.stringify(body) }
  const said = { declineCode: attempt.declineCode ?? UNAVAILABLE, failureMessage: attempt.reason }
  return refusal('provider_declined', said, { charge: body })
}

/**
 * The other requests that end with an attempt, as the charge stands before and after it: the one that made a charge whose
 * customer had to act ends when it is canceled.
 */
export function alsoEnded(before: Charge, after: Charge, attempt: Attempt): Answered[] {
  if (attempt.kind !== 'cancel' || before.redirectUrl === null || after.status !== 'canceled') return []
  return [{ key: after.idempotencyKey, answer: chargeAnswer(after) }]
}

/** Of the request that began this attempt, as its charge and its refund stand now. */
export function answerOf(charge: Charge, refund: Refund | null, attempt: Attempt): StoredAnswer {
  if (attempt.kind === 'authorize' || isGivenUp(charge, attempt)) return chargeAnswer(charge)
  return refund ? refundAnswer(refund) : followUpAnswer(charge, attempt)
}

function refusal(
  code: ErrorCode,
  { declineCode, failureMessage }: Pick<Charge, 'declineCode' | 'failureMessage'>,
  object: object,
): StoredAnswer {
  const unavailable = declineCode === UNAVAILABLE
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
