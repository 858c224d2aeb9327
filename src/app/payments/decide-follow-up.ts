/** Begins captures, cancels and refunds. */
import { type Attempt, type AttemptKind, newAttempt } from '../../domain/attempt.ts'
import type { Charge, Decision, RefundCommand } from '../../domain/charge.ts'
import { madeAt } from '../../domain/id.ts'
import { beginFollowUp } from '../../domain/lifecycle.ts'
import type { AmountMinor } from '../../domain/money.ts'
import { beginRefund } from '../../domain/refund.ts'
import type { Provider } from '../../ports/provider.ts'
import { followUpAtOnce, refundAtOnce } from '../attempts/in-process.ts'
import { leaseUntil, SENDER } from '../attempts/lease.ts'
import type { Context } from '../context.ts'

/** The charge, its provider and the key of the request that begins the step. */
export type FollowUpCommand = {
  readonly charge: Charge
  readonly provider: Provider
  readonly key: string
  readonly amount: AmountMinor
}

/** A capture of the amount, which the caller has checked, or a cancel. */
export function decideFollowUp(
  context: Context,
  kind: 'capture' | 'cancel',
  about: FollowUpCommand,
): Decision {
  const { charge, provider } = about
  const attempt = newFollowUpAttempt(context, kind, null, about)
  return followUpAtOnce(provider, kind, beginFollowUp(charge, attempt), attempt)
}

/** A refund of the amount, which `refundAmount` allowed. */
export function decideRefund(context: Context, command: RefundCommand, about: FollowUpCommand): Decision {
  const { charge, provider, key, amount } = about
  const id = context.newId('re')
  const attempt = newFollowUpAttempt(context, 'refund', id, about)
  const made = { id, now: madeAt(id, attempt.startedAt), idempotencyKey: key }
  return refundAtOnce(provider, beginRefund(charge, command, amount, attempt, made), attempt)
}

function newFollowUpAttempt(
  context: Context,
  kind: Exclude<AttemptKind, 'authorize'>,
  refundId: string | null,
  { charge, provider, key, amount }: FollowUpCommand,
): Attempt {
  const id = context.newId('att')
  const now = context.now()
  return newAttempt({
    kind,
    refundId,
    amount,
    id,
    chargeId: charge.id,
    provider: provider.name,
    currency: charge.currency,
    route: null,
    idempotencyKey: key,
    now,
    leaseUntil: leaseUntil(provider, now),
    token: SENDER,
  })
}
