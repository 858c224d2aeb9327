/** What follows from an outcome: the end of the charge's step, one more call, or the call to the next provider. */
import {
  applyOutcome,
  isOpen,
  isWithin,
  type KnownOutcome,
  type Resolver,
  type Route,
} from '../../domain/attempt.ts'
import { isCancelRequested } from '../../domain/cancel-request.ts'
import type { Decision } from '../../domain/charge.ts'
import {
  ACTION_EXPIRED,
  concludeCharge,
  failOver,
  isAbandonmentCancel,
  joinDecisions,
} from '../../domain/lifecycle.ts'
import { concludeRefund } from '../../domain/refund.ts'
import type { Context } from '../context.ts'
import { mayFailOver } from '../routing/available-provider.ts'
import { chooseProvider } from '../routing/choose-provider.ts'
import { callOnceMore } from './call-once-more.ts'
import type { LoadedAttempt } from './load-attempt.ts'

/** A decision that ends an attempt, and the next attempt, which the same commit stores, to be sent after it. */
export type Decided = { readonly decision: Decision; readonly next: LoadedAttempt | null }

/** Without a promise where nothing has to be read: so for nearly every charge. */
export function decideOutcome(
  context: Context,
  work: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
  at: number,
): Decided | Promise<Decided> {
  const again = callOnceMore(context, work, outcome, by, at)
  return again
    ? again.then((repeated) => repeated ?? decideEnd(context, work, outcome, by, at))
    : decideEnd(context, work, outcome, by, at)
}

function decideEnd(
  context: Context,
  work: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
  at: number,
): Decided | Promise<Decided> {
  const { charge, refund, attempt } = work
  if (refund) return { decision: concludeRefund(charge, refund, attempt, outcome, by, at), next: null }
  if (attempt.kind === 'authorize') return decideAuthorization(context, work, outcome, by, at)
  const decision = concludeCharge(charge, attempt, outcome, by, at)
  const waits = attempt.kind === 'cancel' && charge.redirectUrl !== null && outcome.kind !== 'pending'
  if (!waits) return { decision, next: null }
  return endWaitingAttempts(context, work, decision, by, at).then((both) => ({ decision: both, next: null }))
}

/**
 * The cancel of a charge that waited for its customer also ends the waiting attempts, so no worker needs to look for
 * them. If MiniPay began the cancel and it failed, for example because the customer has just paid, the waiting attempt
 * is looked up next.
 */
async function endWaitingAttempts(
  { store }: Context,
  { scope, charge, attempt }: LoadedAttempt,
  decision: Decision,
  by: Resolver,
  at: number,
): Promise<Decision> {
  const { status } = decision.charge
  const own = isAbandonmentCancel(charge, attempt)
  if (status !== 'canceled' && !own) return decision
  const { data } = await store.attempts(scope, { limit: 1_000, chargeId: charge.id })
  const waiting = data.filter((other) => other.kind === 'authorize' && isOpen(other))
  const cancelOutcome: KnownOutcome = {
    kind: 'declined',
    declineCode: own ? ACTION_EXPIRED.declineCode : 'authorization_expired',
    message: own ? ACTION_EXPIRED.failureMessage : 'canceled before the customer acted',
    reference: null,
  }
  const after = waiting.map((other) =>
    status === 'requires_action'
      ? { ...other, dueAt: at, token: null }
      : applyOutcome(other, cancelOutcome, by, at),
  )
  return { ...decision, attempts: [...decision.attempts, ...after] }
}

/**
 * The attempt at the next provider, if this outcome allows a failover. Otherwise the end of the charge, with the
 * providers that would have been next but were skipped.
 */
function decideAuthorization(
  context: Context,
  work: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
  at: number,
): Decided | Promise<Decided> {
  const { charge, attempt } = work
  const { route } = attempt
  if (!route || route.next.length === 0 || !mayCallNext(context, work, outcome, by))
    return { decision: concludeCharge(charge, attempt, outcome, by, at), next: null }
  return decideNext(context, work, route, outcome, by, at)
}

async function decideNext(
  context: Context,
  work: LoadedAttempt,
  route: Route,
  outcome: KnownOutcome,
  by: Resolver,
  at: number,
): Promise<Decided> {
  const { charge, attempt } = work
  const paused = await context.pauses.of(work.scope)
  const left = { ...route, skipped: [] }
  const {
    ended,
    last,
    outcome: decided,
  } = chooseProvider(context, work.scope, charge, left, paused, context.newId('att'))
  if (decided?.kind === 'not_sent') {
    const skipped = [...route.skipped, ...(last.route?.skipped ?? [])]
    const skippedAll = { ...attempt, route: { ...route, next: [], skipped } }
    return { decision: concludeCharge(charge, skippedAll, outcome, by, at), next: null }
  }
  const first = applyOutcome(attempt, outcome, by, at)
  const over = failOver(charge, first, last)
  if (decided === null) {
    const attempts = [first, ...ended, last]
    return { decision: { ...over, attempts }, next: { ...work, charge: over.charge, attempt: last } }
  }
  const then = concludeCharge(over.charge, last, decided, 'answer', at)
  return {
    decision: { ...joinDecisions(over, then), attempts: [first, ...ended, ...then.attempts] },
    next: null,
  }
}

/**
 * Whether MiniPay may fail over: after the call's own response, or after a lookup while the request may still be
 * waiting, so that no customer is charged long afterwards. It does not fail over after a customer was sent to a page
 * and refused, after a requested cancel, or after a person resolved the attempt.
 */
function mayCallNext(
  { providerWaitMs, clock }: Context,
  { charge, attempt }: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
): boolean {
  if (by === 'hand' || attempt.state === 'pending' || charge.redirectUrl !== null) return false
  if (isCancelRequested(charge)) return false
  const waitedFor = by === 'answer' || isWithin(charge.createdAt, providerWaitMs, clock.nowFor(charge.id))
  return waitedFor && mayFailOver(outcome, attempt.route)
}
