import { closedAlarm } from '../../domain/alarm.ts'
import { type Attempt, isOpen, type KnownOutcome } from '../../domain/attempt.ts'
import { scheduleRequestedCancel } from '../../domain/cancel-request.ts'
import { decide as unmoved } from '../../domain/charge.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { moneyText } from '../../domain/money.ts'
import { concludeAnew, type EndedAttempt, maxMovedAmount } from '../../domain/reopen.ts'
import type { Scope } from '../../ports/store.ts'
import { listAlarms } from '../alarms/raise-alarm.ts'
import { type Audit, alarmClosed, attemptResolved } from '../audit.ts'
import { commitStep } from '../commit.ts'
import type { Context } from '../context.ts'
import { rebookDisputes } from '../payments/disputes.ts'
import { endingOf } from '../payments/endings.ts'
import { loadEndedAttempt } from './contradictions.ts'

/** The outcome of an attempt, as a person reports it. */
export type CorrectedOutcome = (
  ended: EndedAttempt,
  now: number,
) => Exclude<KnownOutcome, { kind: 'pending' }>

/**
 * Whether a person may correct the outcome of an attempt: of one that was resolved by hand, or that has an open
 * alarm. A person cannot change an outcome that the provider reported and that nothing contradicts.
 */
export async function isCorrectable(context: Context, scope: Scope, attempt: Attempt): Promise<boolean> {
  if (attempt.resolvedBy === 'hand') return true
  const open = await listAlarms(context, scope, attempt.chargeId, 'open')
  return open.some(({ attemptId }) => attemptId === attempt.id)
}

/**
 * Replaces the outcome or the amount of an ended attempt by hand, in one commit. Does nothing if the outcome is the
 * same. Rejections: `attempt_not_resolved` if other money depends on the outcome, or the books forbid the new one;
 * `parameter_invalid` for an impossible amount. Rejects with `StoreUnavailable`.
 */
export async function correctAttempt(
  context: Context,
  scope: Scope,
  { id, chargeId }: Attempt,
  found: CorrectedOutcome,
  audit: Audit,
): Promise<Rejection | undefined> {
  for (;;) {
    const before = await loadEndedAttempt(context, scope, chargeId, id)
    if (!before || isOpen(before.attempt)) throw new Error(`${id} has not ended any more`)
    const at = context.now()
    const outcome = found(before, at)
    if (isSameOutcome(before.attempt, outcome)) return undefined
    const excess = outcome.kind === 'succeeded' ? refuseExcess(before, outcome.amount) : undefined
    if (excess) return excess
    const decision = concludeAnew(before, outcome, 'hand', at)
    if (isRejection(decision)) return decision
    const [attempt] = decision.attempts as [Attempt]
    const ending = endingOf(decision.charge, decision.refund, attempt)
    const ended = { key: attempt.idempotencyKey, ending }
    const entry = audit(attemptResolved(before.attempt, attempt))
    const step = { decision: scheduleRequestedCancel(decision, at), at, key: null, ended, audit: entry }
    const result = await commitStep(context, scope, step)
    if (result.kind === 'version_conflict') continue
    if (result.kind === 'reference_taken')
      return reject('attempt_not_resolved', `Attempt ${result.attemptId} already has that reference.`)
    if (result.kind === 'balance_limit')
      return reject('attempt_not_resolved', 'A balance of the ledger would exceed its limit.')
    if (result.kind !== 'committed') throw new Error(`${id} can't be corrected: ${result.kind}`)
    await rebookDisputes(context, scope, chargeId)
    return undefined
  }
}

/** The reason why an attempt cannot have moved this amount; undefined if it can. */
export function refuseExcess(about: Omit<EndedAttempt, 'others'>, amount: number): Rejection | undefined {
  const most = maxMovedAmount(about)
  if (about.attempt.kind === 'cancel' || amount <= most) return undefined
  return reject(
    'parameter_invalid',
    `The ${about.attempt.kind} moved at most ${moneyText(most, about.charge.currency)}.`,
    'amount',
  )
}

function isSameOutcome(attempt: Attempt, outcome: KnownOutcome): boolean {
  if (outcome.kind !== 'succeeded') return attempt.state !== 'succeeded'
  const { amount, reference } = outcome
  const isSameAmount = attempt.kind === 'cancel' || amount === attempt.amount
  return attempt.state === 'succeeded' && isSameAmount && reference === attempt.providerReference
}

/** Closes the open alarms of an attempt with the person's reason, each with its event. */
export async function closeAlarmsOfAttempt(
  context: Context,
  scope: Scope,
  { id, chargeId }: Attempt,
  reason: string,
  audit: Audit,
): Promise<void> {
  for (;;) {
    const charge = await context.store.charge(scope, chargeId)
    const open = await listAlarms(context, scope, chargeId, 'open')
    const alarm = open.find(({ attemptId }) => attemptId === id)
    if (!charge || !alarm) return
    const at = context.now()
    const closed = closedAlarm(alarm, reason, at)
    const decision = unmoved(charge, {}, { alarms: [closed], event: 'alarm.closed' })
    const step = { decision, at, key: null, ended: null, audit: audit(alarmClosed(alarm, closed)) }
    const result = await commitStep(context, scope, step)
    if (result.kind !== 'committed' && result.kind !== 'version_conflict')
      throw new Error(`${alarm.id} can't be closed: ${result.kind}`)
  }
}
