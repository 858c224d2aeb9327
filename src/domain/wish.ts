/**
 * A wish: a cancel that was requested while the charge's authorization or capture is in progress. MiniPay carries it
 * out as soon as that call has ended.
 */
import type { Attempt } from './attempt.ts'
import { allows, type Charge, type Decision, decision } from './charge.ts'
import { refundable } from './refund.ts'

/** So often the provider may say that it never got the call which a wish led to; then the wish is given up. */
export const MOST_WISH_CALLS = 10
/** When a charge whose wish could not be acted on at once is looked at again, in ms; each call in vain doubles it. */
const FIRST_WAIT_MS = 5_000
const MOST_WAIT_MS = 600_000

/** Whether the charge has a stored cancel request. */
export function isToBeCanceled({ cancelKey }: Pick<Charge, 'cancelKey'>): boolean {
  return typeof cancelKey === 'string'
}

/** Stores the cancel with the key of its request, without a call to the provider. */
export function wishCancel(charge: Charge, key: string): Decision {
  if (charge.status !== 'processing')
    throw new Error(`${charge.id} is ${charge.status}: it can be canceled now`)
  return decision(charge, { cancelKey: key }, {})
}

/** The follow-up that a stored cancel requires in the charge's current status; null for none, or none yet. */
export function wishedOf(charge: Charge): 'cancel' | 'refund' | null {
  if (!isToBeCanceled(charge)) return null
  if (allows(charge, 'begin_cancel')) return 'cancel'
  return allows(charge, 'refund') && refundable(charge) > 0 ? 'refund' : null
}

/** The cancel is not possible: the charge does not change, and an event reports it. */
export function refuseWish(charge: Charge): Decision {
  return decision(charge, { cancelKey: null }, { event: 'payment.cancel_failed' })
}

/** Whether an attempt was begun to fulfil the charge's wish. */
export function isOfWish(
  charge: Pick<Charge, 'cancelKey'>,
  attempt: Pick<Attempt, 'idempotencyKey'>,
): boolean {
  return charge.cancelKey === attempt.idempotencyKey
}

/**
 * What an attempt's end leaves of the wish. Where it led to what is wished, the authorization that has the money is looked
 * at again, should the wish not be fulfilled at once. A call that was made for the wish and surely was not done is made
 * again later, unless there were too many; one that was declined ends the wish. `before` is the charge as the attempt found
 * it, `attempts` what is stored of it.
 */
export function afterwards(
  before: Charge,
  attempts: readonly Attempt[],
  attempt: Attempt,
  ended: Decision,
  now: number,
): Decision {
  const { state } = ended.attempts.find(({ id }) => id === attempt.id) ?? attempt
  if (state !== 'succeeded' && state !== 'declined' && state !== 'not_sent') return ended
  if (!isOfWish(before, attempt))
    return wishedOf(ended.charge) ? lookAgain(ended, attempts, now + FIRST_WAIT_MS) : ended
  if (state === 'succeeded') return ended
  const calls = attempts.filter((each) => isOfWish(before, each)).length
  if (state === 'declined' || calls >= MOST_WISH_CALLS)
    return { ...ended, charge: { ...ended.charge, cancelKey: null } }
  const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (calls - 1), MOST_WAIT_MS)
  const again = lookAgain(ended, attempts, now + waitMs)
  // A failed refund has an event. A cancel that is still to come has none: its request got 202.
  return attempt.kind === 'cancel' ? { ...again, event: null } : again
}

/** A charge that was thought to have failed has money after all: it is looked at again, should a cancel of it be wished. */
export function standing(decision: Decision, now: number): Decision {
  return wishedOf(decision.charge) ? lookAgain(decision, [], now + FIRST_WAIT_MS) : decision
}

/** The authorization that was to be looked at again because of the wish, with the time that is its own. */
export function asBefore(charge: Charge, attempts: readonly Attempt[]): Attempt[] {
  const dueAt = charge.status === 'authorized' ? charge.expiresAt : null
  return attempts.filter(hasMoney).map((each) => ({ ...each, dueAt, token: null }))
}

function hasMoney({ kind, state }: Attempt): boolean {
  return kind === 'authorize' && state === 'succeeded'
}

/** One that waits for its customer is looked at anyway. */
function lookAgain(ended: Decision, attempts: readonly Attempt[], dueAt: number): Decision {
  const due = (each: Attempt): Attempt => (hasMoney(each) ? { ...each, dueAt, token: null } : each)
  if (ended.attempts.some(hasMoney)) return { ...ended, attempts: ended.attempts.map(due) }
  return { ...ended, attempts: [...ended.attempts, ...attempts.filter(hasMoney).map(due)] }
}
