/** Makes a call once more that definitely never reached its provider, for example because its connection was stale. */
import {
  type Attempt,
  applyOutcome,
  type KnownOutcome,
  newAttempt,
  type Resolver,
} from '../../domain/attempt.ts'
import { isCancelRequested } from '../../domain/cancel-request.ts'
import type { Decision } from '../../domain/charge.ts'
import { callAgain, failOver } from '../../domain/lifecycle.ts'
import type { Provider } from '../../ports/provider.ts'
import { refuseInDoubt } from '../alarms/raise-alarm.ts'
import type { Context } from '../context.ts'
import { whyUnavailable } from '../routing/available-provider.ts'
import { holdingProvider } from '../routing/serving.ts'
import { leaseUntil, SENDER } from './lease.ts'
import type { LoadedAttempt } from './load-attempt.ts'

/**
 * Ends the attempt and begins another at the same provider; null if that is not allowed, without a promise in the usual
 * case. Only a lookup can show that the provider works and never got the call, and only while the request waits is its
 * customer still there. Allowed once for each provider of a charge, and once for each capture, cancel and refund, but not
 * after a requested cancel, and not while the charge is in doubt.
 */
export function callOnceMore(
  context: Context,
  work: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
  at: number,
): Promise<Repeated | null> | null {
  const { scope, charge, attempt } = work
  const isConfirmed = outcome.kind === 'not_sent' && (by === 'lookup' || by === 'notification')
  if (!isConfirmed || attempt.state === 'pending' || attempt.route?.again !== undefined) return null
  if (isCancelRequested(charge)) return null
  // Not after a customer was sent to a page of the provider.
  if (attempt.kind === 'authorize' && charge.redirectUrl !== null) return null
  if (!context.requests.isWaiting(scope, attempt.idempotencyKey)) return null
  const provider = holdingProvider(context, scope, attempt.provider)
  if (!provider || whyUnavailable(context, provider, true) !== null) return null
  return repeat(context, provider, work, outcome, by, at)
}

type Repeated = { readonly decision: Decision; readonly next: LoadedAttempt }

/** Null if the provider is paused, or the charge is in doubt by now. */
async function repeat(
  context: Context,
  provider: Provider,
  work: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
  at: number,
): Promise<Repeated | null> {
  const { scope, charge, refund, attempt } = work
  // A payment must not begin at a paused provider; the other calls are of a payment that it has.
  if (attempt.kind === 'authorize' && (await context.pauses.of(scope)).has(provider.name)) return null
  // An alarm may have been raised since the first call began.
  if (await refuseInDoubt(context, scope, charge.id, attempt.kind)) return null
  const ended = applyOutcome(attempt, outcome, by, at)
  const again = repeatedCall(context, provider, attempt, at)
  const decision =
    attempt.kind === 'authorize' ? failOver(charge, ended, again) : callAgain(charge, refund, ended, again)
  return { decision, next: { ...work, charge: decision.charge, attempt: again } }
}

/** The same call with a new reference, because the provider has closed the first one. */
function repeatedCall(context: Context, at: Provider, before: Attempt, now: number): Attempt {
  const id = context.newId('att')
  const { chargeId, refundId, kind, provider, amount, currency, idempotencyKey } = before
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
    chargeId,
    refundId,
    kind,
    provider,
    amount,
    currency,
    route: { ...route, skipped: [], again: before.id },
    idempotencyKey,
    now,
    leaseUntil: leaseUntil(at, now),
    token: SENDER,
  })
}
