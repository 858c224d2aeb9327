/**
 * A cancel request that came while the charge's authorization or capture was in progress. MiniPay carries it out as
 * soon as that call has ended.
 */
import type { Attempt } from './attempt.ts'
import { allows, type Charge, type Decision, decide } from './charge.ts'
import { refundableAmount } from './refund.ts'

/**
 * How often the provider may report that it never got the call for a cancel request. Then MiniPay gives the request up.
 */
export const MAX_CANCEL_CALLS = 10
/**
 * The wait before MiniPay retries a cancel request that it could not carry out at once, in ms; each failed call doubles
 * it.
 */
const FIRST_WAIT_MS = 5_000
const MOST_WAIT_MS = 600_000

/** Whether the charge has a stored cancel request. */
export function isCancelRequested({ cancelKey }: Pick<Charge, 'cancelKey'>): boolean {
  return typeof cancelKey === 'string'
}

/** Stores the cancel with the key of its request, without a call to the provider. */
export function requestCancel(charge: Charge, key: string): Decision {
  if (charge.status !== 'processing')
    throw new Error(`${charge.id} is ${charge.status}: it can be canceled now`)
  return decide(charge, { cancelKey: key }, {})
}

/** The follow-up that a stored cancel requires in the charge's current status; null for none, or none yet. */
export function requestedFollowUp(charge: Charge): 'cancel' | 'refund' | null {
  if (!isCancelRequested(charge)) return null
  if (allows(charge, 'begin_cancel')) return 'cancel'
  return allows(charge, 'refund') && refundableAmount(charge) > 0 ? 'refund' : null
}

/** The cancel is not possible: the charge does not change, and an event reports it. */
export function dropCancelRequest(charge: Charge): Decision {
  return decide(charge, { cancelKey: null }, { event: 'payment.cancel_failed' })
}

/** Whether an attempt was begun because of the charge's cancel request. */
export function isOfCancelRequest(
  charge: Pick<Charge, 'cancelKey'>,
  attempt: Pick<Attempt, 'idempotencyKey'>,
): boolean {
  return charge.cancelKey === attempt.idempotencyKey
}

/**
 * The state of a cancel request after an attempt has ended. If the attempt led to the requested result, MiniPay makes
 * the authorization that has the money due again, in case it cannot cancel or refund at once. If a call for the request
 * was definitely not done, MiniPay retries it later, up to a limit. If it was declined, the request ends. `before` is
 * the charge before the attempt ended, `attempts` are its stored attempts.
 */
export function applyCancelRequest(
  before: Charge,
  attempts: readonly Attempt[],
  attempt: Attempt,
  ended: Decision,
  now: number,
): Decision {
  const { state } = ended.attempts.find(({ id }) => id === attempt.id) ?? attempt
  if (state !== 'succeeded' && state !== 'declined' && state !== 'not_sent') return ended
  if (!isOfCancelRequest(before, attempt))
    return requestedFollowUp(ended.charge) ? rescheduleLookup(ended, attempts, now + FIRST_WAIT_MS) : ended
  if (state === 'succeeded') return ended
  const calls = attempts.filter((each) => isOfCancelRequest(before, each)).length
  if (state === 'declined' || calls >= MAX_CANCEL_CALLS)
    return {
      ...ended,
      charge: { ...ended.charge, cancelKey: null },
      previous: { ...ended.previous, cancelKey: ended.charge.cancelKey },
    }
  const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (calls - 1), MOST_WAIT_MS)
  const again = rescheduleLookup(ended, attempts, now + waitMs)
  // A failed refund has an event. A cancel that is still to come has none: its request got 202.
  return attempt.kind === 'cancel' ? { ...again, event: null } : again
}

/**
 * A charge that had failed in the books has money after all: MiniPay makes its authorization due again, in case a
 * cancel is requested.
 */
export function scheduleRequestedCancel(decision: Decision, now: number): Decision {
  return requestedFollowUp(decision.charge) ? rescheduleLookup(decision, [], now + FIRST_WAIT_MS) : decision
}

/** The authorization that was due because of the cancel request, with its own due time again. */
export function restoreDueTime(charge: Charge, attempts: readonly Attempt[]): Attempt[] {
  const dueAt = charge.status === 'authorized' ? charge.expiresAt : null
  return attempts.filter(isAuthorized).map((each) => ({ ...each, dueAt, token: null }))
}

function isAuthorized({ kind, state }: Attempt): boolean {
  return kind === 'authorize' && state === 'succeeded'
}

/** An authorization that waits for its customer is due anyway. */
function rescheduleLookup(ended: Decision, attempts: readonly Attempt[], dueAt: number): Decision {
  const due = (each: Attempt): Attempt => (isAuthorized(each) ? { ...each, dueAt, token: null } : each)
  if (ended.attempts.some(isAuthorized)) return { ...ended, attempts: ended.attempts.map(due) }
  return { ...ended, attempts: [...ended.attempts, ...attempts.filter(isAuthorized).map(due)] }
}
