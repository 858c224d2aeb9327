import type { Charge, Decision } from '../domain/charge.ts'
import type { StoredAnswer } from '../domain/idempotency.ts'
import type { Answered, Commit, CommitResult, Scope } from '../ports/store.ts'
import type { Context } from './context.ts'
import { alarmView, chargeView, disputeView, refundView } from './present.ts'

/** A decision with the keys whose response it decides: a new key, or one that an earlier step stored. */
export type Step = Pick<Commit, 'key' | 'answered' | 'alsoAnswered'> &
  Partial<Pick<Commit, 'held'>> & {
    readonly decision: Decision
    readonly at: number
    /** The charge for the event, if the same commit changes it further. */
    readonly told?: Charge | undefined
  }

const NONE: readonly Answered[] = []

/**
 * Commits a decision with its event, its deliveries and the response of its key. Rejects with `StoreUnavailable` if
 * the commit is not possible.
 */
export function commitStep(context: Context, scope: Scope, step: Step): Promise<CommitResult> {
  const { decision, at, key, answered, alsoAnswered = NONE, held = null, told = step.decision.charge } = step
  const { charge, refund, dispute, attempts, alarms, transactionId, transfers, counts } = decision
  const event = decision.event && {
    id: context.newId('evt'),
    type: decision.event,
    data: eventData({ ...decision, charge: told }, key?.answer ?? answered?.answer),
  }
  const deliveries = event
    ? context.endpoints.map((endpoint) => ({ id: context.newId('dlv'), endpoint }))
    : []
  const committed = context.store.commit({
    scope,
    at,
    key,
    answered,
    alsoAnswered,
    charge,
    refund,
    dispute,
    attempts,
    alarms,
    held,
    transactionId,
    transfers,
    event,
    deliveries,
    counts,
  })
  if (deliveries.length > 0) committed.then(context.onDeliveries, () => {})
  return committed
}

/**
 * The charge after the change, and the changed refund, dispute or alarm. The event of a new charge has the same data
 * as its response.
 */
export function eventData(
  { charge, refund, dispute, alarms: [alarm], event }: Decision,
  answer: StoredAnswer | undefined,
): string {
  if (alarm && (event === 'alarm.opened' || event === 'alarm.closed'))
    return JSON.stringify({ ...chargeView(charge), alarm: alarmView(alarm) })
  if (refund) return JSON.stringify({ ...chargeView(charge), refund: refundView(refund) })
  if (dispute) return JSON.stringify({ ...chargeView(charge), dispute: disputeView(dispute) })
  return answer?.kind === 'created' ? answer.body : JSON.stringify(chargeView(charge))
}
