import type { Alarm } from '../../domain/alarm.ts'
import { newAttempt } from '../../domain/attempt.ts'
import type { Charge, Decision } from '../../domain/charge.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { madeAt } from '../../domain/id.ts'
import { beginFollowUp, captureAmount, concludeCharge, joinDecisions } from '../../domain/lifecycle.ts'
import type { AmountMinor } from '../../domain/money.ts'
import { beginRefund, concludeRefund, refundAmount } from '../../domain/refund.ts'
import { type Audit, alarmBooked } from '../audit.ts'
import { commitStep } from '../commit.ts'
import type { Context } from '../context.ts'
import type { KeyedRequest } from '../execute.ts'
import { rebookDisputes, settleDispute } from '../payments/disputes.ts'

/** The request that closes the alarm. */
type Request = Pick<KeyedRequest, 'scope' | 'key'>

/** More alarms than a charge can have. */
const MAX_ATTEMPTS = 1_000

/**
 * Books the amount that a person found out for an alarm, in minor units of the charge's currency. Returns undefined
 * if it is booked, now or before. Rejections: `parameter_invalid` for an alarm without a bookable amount, or for an
 * impossible amount; those of a capture and of a refund if the charge does not allow one. Rejects with
 * `StoreUnavailable`.
 */
export async function bookByHand(
  context: Context,
  { scope, key }: Request,
  alarm: Alarm,
  amount: AmountMinor,
  audit: Audit,
): Promise<Rejection | undefined> {
  switch (alarm.kind) {
    case 'already_captured':
    case 'already_refunded':
      return amount === 0 ? NOTHING : bookCall(context, { scope, key }, alarm, amount, audit)
    case 'dispute_mismatch':
      return amount === 0 ? NOTHING : bookDisputeAmount(context, { scope, key }, alarm, amount, audit)
    default:
      return invalid(`An alarm of the kind ${alarm.kind} cannot book an amount; resolve its attempt.`)
  }
}

const invalid = (message: string) => reject('parameter_invalid', message, 'amount')
const NOTHING = invalid('To book nothing, close the alarm without an amount.')

async function bookDisputeAmount(
  context: Context,
  { scope, key }: Request,
  alarm: Alarm,
  amount: AmountMinor,
  audit: Audit,
): Promise<Rejection | undefined> {
  const { disputeId, chargeId } = alarm
  const dispute = disputeId === null ? undefined : await context.store.dispute(scope, disputeId)
  if (dispute?.chargeId !== chargeId)
    return invalid('The dispute is booked on another transaction; close its own alarm with an amount.')
  const by = () => ({ audit: audit(alarmBooked(alarm, amount)), cause: { key } })
  if ((await settleDispute(context, scope, dispute.id, amount, by)) === 'booked') return undefined
  return invalid(`Transaction ${chargeId} did not capture that much beyond its other disputes.`)
}

/** A capture or a refund that was made elsewhere, as an attempt that a person has resolved. */
async function bookCall(
  context: Context,
  { scope, key }: Request,
  alarm: Alarm,
  amount: AmountMinor,
  audit: Audit,
): Promise<Rejection | undefined> {
  const { chargeId } = alarm
  for (;;) {
    const charge = await context.store.charge(scope, chargeId)
    if (!charge) throw new Error(`the charge ${chargeId} is gone`)
    const { data } = await context.store.attempts(scope, { limit: MAX_ATTEMPTS, chargeId })
    // It was booked before; a crash prevented the close of the alarm.
    if (data.some(({ idempotencyKey }) => idempotencyKey === alarm.id)) return undefined
    const at = context.now()
    const decision =
      alarm.kind === 'already_captured'
        ? decideCapture(context, charge, alarm, amount, at)
        : decideRefund(context, charge, alarm, amount, at)
    if (isRejection(decision)) return decision
    const entry = audit(alarmBooked(alarm, amount))
    const step = { decision, at, key: null, ended: null, cause: { key }, audit: entry }
    const result = await commitStep(context, scope, step)
    if (result.kind === 'version_conflict') continue
    if (result.kind === 'balance_limit')
      return reject(
        'balance_limit_reached',
        'With this amount a ledger balance would exceed 64 bits.',
        'amount',
      )
    if (result.kind !== 'committed') throw new Error(`${alarm.id} can't be booked: ${result.kind}`)
    await rebookDisputes(context, scope, chargeId)
    return undefined
  }
}

function decideCapture(
  context: Context,
  charge: Charge,
  alarm: Alarm,
  amount: AmountMinor,
  at: number,
): Decision | Rejection {
  const allowed = captureAmount(charge, amount)
  if (typeof allowed !== 'number') return allowed
  const attempt = newAttemptByHand(context, charge, alarm, 'capture', null, amount)
  const firstStep = beginFollowUp(charge, attempt)
  return joinDecisions(
    firstStep,
    concludeCharge(firstStep.charge, attempt, succeededOutcome(attempt), 'hand', at),
  )
}

function decideRefund(
  context: Context,
  charge: Charge,
  alarm: Alarm,
  amount: AmountMinor,
  at: number,
): Decision | Rejection {
  const nothing = { reason: null, description: null, metadata: {} }
  const command = { ...nothing, amount }
  const allowed = refundAmount(charge, command)
  if (typeof allowed !== 'number') return allowed
  const id = context.newId('re')
  const attempt = newAttemptByHand(context, charge, alarm, 'refund', id, amount)
  const made = { id, now: madeAt(id, at), idempotencyKey: alarm.id }
  const firstStep = beginRefund(charge, command, amount, attempt, made)
  if (!firstStep.refund) throw new Error(`${id} was not begun`)
  return joinDecisions(
    firstStep,
    concludeRefund(firstStep.charge, firstStep.refund, attempt, succeededOutcome(attempt), 'hand', at),
  )
}

/** Its key is the alarm's id, so one alarm books it once. */
function newAttemptByHand(
  context: Context,
  charge: Charge,
  alarm: Alarm,
  kind: 'capture' | 'refund',
  refundId: string | null,
  amount: AmountMinor,
) {
  return newAttempt({
    id: context.newId('att'),
    chargeId: charge.id,
    refundId,
    kind,
    provider: charge.provider,
    amount,
    currency: charge.currency,
    route: null,
    idempotencyKey: alarm.id,
    now: context.now(),
    leaseUntil: 0,
    token: '',
  })
}

/** The provider's reference is not known, so ours takes its place. */
function succeededOutcome({ id, amount, currency }: { id: string; amount: AmountMinor; currency: string }) {
  return { kind: 'succeeded', reference: id, amount, currency, expiresAt: null } as const
}
