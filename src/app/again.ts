/** A call that surely never came to its provider, as on a connection that had gone stale, is made once more. */
import { type Attempt, type Known, newAttempt, type Resolver, resolved } from '../domain/attempt.ts'
import type { Decision } from '../domain/charge.ts'
import { failOver, onceMore } from '../domain/lifecycle.ts'
import { isToBeCanceled } from '../domain/wish.ts'
import type { Work } from './ask.ts'
import { type Context, slotOf } from './context.ts'
import { available, leaseUntil } from './route.ts'

/**
 * Ends the attempt and begins another at the same provider; null where that is not for us to do. Only a lookup can
 * tell that the provider is well and never got the call, and only while the request waits is its customer still
 * there. Once for each provider of a charge, and once for each capture, cancel and refund; not where a cancel is wished.
 */
export function calledOnceMore(
  context: Context,
  work: Work,
  outcome: Known,
  by: Resolver,
  at: number,
): { decision: Decision; next: Work } | null {
  const { scope, charge, refund, attempt } = work
  const told = outcome.kind === 'not_sent' && (by === 'lookup' || by === 'notification')
  if (!told || attempt.state === 'pending' || attempt.route?.again !== undefined) return null
  if (isToBeCanceled(charge)) return null
  // Not after a customer was sent away.
  if (attempt.kind === 'authorize' && charge.redirectUrl !== null) return null
  if (!context.waiting.has(slotOf(scope, attempt.idempotencyKey))) return null
  if (typeof available(context, attempt.provider, true) === 'string') return null
  const ended = resolved(attempt, outcome, by, at)
  const again = sameCall(context, attempt, at)
  const decision =
    attempt.kind === 'authorize' ? failOver(charge, ended, again) : onceMore(charge, refund, ended, again)
  return { decision, next: { ...work, charge: decision.charge, attempt: again } }
}

/** The same call under a reference of its own: the provider has closed the first one. */
function sameCall(context: Context, before: Attempt, now: number): Attempt {
  const id = context.newId('att')
  const { transactionId, refundId, kind, provider, amount, currency, idempotencyKey } = before
  const route = before.route ?? {
    ruleSetVersion: null,
    rule: 'default',
    next: [],
    skipped: [],
    failoverOn: [],
    notes: [],
  }
  return newAttempt({
    id,
    transactionId,
    refundId,
    kind,
    provider,
    amount,
    currency,
    route: { ...route, skipped: [], again: before.id },
    idempotencyKey,
    now,
    leaseUntil: leaseUntil(context.providers.get(provider), now),
    token: id,
  })
}
