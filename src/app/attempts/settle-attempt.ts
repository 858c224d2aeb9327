/** From a committed attempt to the commit that ends it; see ask for the call itself. */
import {
  applyOutcome,
  isOpen,
  isWithin,
  type KnownOutcome,
  nextLookupMs,
  type Outcome,
  type Resolver,
} from '../../domain/attempt.ts'
import { isCancelRequested, isOfCancelRequest } from '../../domain/cancel-request.ts'
import type { Decision } from '../../domain/charge.ts'
import {
  ACTION_EXPIRED,
  concludeCharge,
  failOver,
  isAbandonmentCancel,
  joinDecisions,
} from '../../domain/lifecycle.ts'
import { concludeRefund } from '../../domain/refund.ts'
import type { ScopedAttempt } from '../../ports/store.ts'
import { commitStep } from '../commit.ts'
import type { Context } from '../context.ts'
import { beginRequestedCancel, withCancelRequest } from '../payments/cancel-requests.ts'
import { alsoEnded, endingOf } from '../payments/endings.ts'
import { mayFailOver } from '../routing/choose-provider.ts'
import { writePersistently } from '../write-persistently.ts'
import { callOnceMore } from './call-once-more.ts'
import { callProvider, type LoadedAttempt } from './call-provider.ts'
import {
  alarmReusedReference,
  alarmsSettledBy,
  bookEarlierAttempts,
  contestedKind,
  contradicts,
  handleContradiction,
  resolveContest,
} from './contradictions.ts'
import { chooseProvider, remoteProvider } from './in-process.ts'

/**
 * Sends a committed attempt in the background, and the attempts that follow it, until the last outcome is committed.
 * If an outcome is unknown, calls `onUnknown`.
 */
export function sendAttempt(
  context: Context,
  work: LoadedAttempt,
  onUnknown: (work: LoadedAttempt) => Promise<void> = async () => {},
): void {
  runInBackground(context, work, async () => {
    for (let next: LoadedAttempt | null = work; next; ) {
      const provider = remoteProvider(context, next.attempt.provider)
      if (!provider) throw new Error(`${next.attempt.provider} is not a remote provider`)
      const sent: LoadedAttempt = next
      const outcome = await callProvider(context, provider, sent, 'send')
      next = await settleAttempt(context, sent, outcome, 'answer')
      if (outcome.kind === 'unknown') await onUnknown(sent)
    }
  })
}

/** Runs work that outlives its request; a stop waits for it. */
function runInBackground(
  { background, log }: Context,
  { attempt }: LoadedAttempt,
  run: () => Promise<void>,
): void {
  const done = run().catch((error) => {
    log.error(
      { attempt: attempt.id, provider: attempt.provider, err: error },
      'An attempt could not be settled; MiniPay looks it up when its lease ends.',
    )
  })
  background.add(done)
}

/**
 * Settles an outcome: one commit ends the attempt and changes the charge, or begins the next attempt, which is
 * returned so that the caller sends it. An unknown outcome only postpones the attempt. If another worker has already
 * ended the attempt, changes nothing. Rejects with `StoreUnavailable` if the database is unavailable for a minute.
 */
export async function settleAttempt(
  context: Context,
  work: LoadedAttempt,
  outcome: Outcome,
  by: Resolver,
): Promise<LoadedAttempt | null> {
  const contested = by === 'hand' || !isOpen(work.attempt) ? null : contestedKind(work, outcome)
  if (contested === null) return commitOutcome(context, work, outcome, by, work.attempt.reason !== null)
  const found = await resolveContest(context, work, contested, outcome, by)
  const next = await commitOutcome(context, work, found ?? outcome, found ? 'lookup' : by, true)
  if (!found) await bookEarlierAttempts(context, work, contested)
  return next
}

/** `doubtful`: the provider reported something about the attempt before that may be an alarm. */
async function commitOutcome(
  context: Context,
  work: LoadedAttempt,
  outcome: Outcome,
  by: Resolver,
  doubtful: boolean,
): Promise<LoadedAttempt | null> {
  for (let current = work; ; ) {
    if (!isOpen(current.attempt)) return respondToEnded(context, current, outcome, by)
    if (outcome.kind === 'unknown' || isCancelFirst(current) || isUnchanged(current, outcome))
      return postpone(context, current, outcome, by)
    const at = context.now()
    const { decision: concluded, next } = await decideOutcome(context, current, outcome, by, at)
    const { left, cancel } = await withCancelRequest(context, current, concluded, at)
    const { charge, refund } = left
    // Of several authorizations the last one decides.
    const { kind } = current.attempt
    const decided =
      kind === 'authorize' ? left.attempts.findLast((one) => one.kind === kind) : left.attempts[0]
    const { cancelKey } = current.charge
    const last = next?.attempt ?? decided ?? current.attempt
    const ending = endingOf(charge, refund ?? current.refund, last, cancelKey)
    const key = current.attempt.idempotencyKey
    const { id: attemptId, token } = current.attempt
    // If another worker took over the attempt, it may have sent it since, so our "not sent" counts only under the
    // lease.
    const lease = outcome.kind === 'not_sent' && by !== 'hand' ? { attemptId, token } : null
    const others = alsoEnded(current.charge, charge, current.attempt)
    const alarms = doubtful ? await alarmsSettledBy(context, current, outcome) : []
    const ended = { key, ending }
    const decision = { ...(cancel?.decision ?? left), alarms }
    const step = { decision, at, key: null, ended, alsoEnded: others, lease, shown: charge }
    const result = await writePersistently(context, () => commitStep(context, current.scope, step))
    switch (result.kind) {
      case 'committed':
        if (next) return { ...next, charge }
        context.requests.respond(current.scope, key, ending)
        if (cancel) return cancel.next
        return isCancelRequested(charge) && !isOfCancelRequest(charge, current.attempt)
          ? beginRequestedCancel(context, current.scope, charge.id)
          : null
      case 'lease_lost':
        return null
      case 'reference_taken': {
        const taken: Outcome = {
          kind: 'unknown',
          reason: `the provider used the reference of attempt ${result.attemptId} again`,
        }
        if (by !== 'hand') await alarmReusedReference(context, current, result.attemptId, outcome)
        return postpone(context, current, taken, by)
      }
      case 'balance_limit': {
        const reason = `${outcome.kind}, but a balance of the ledger would exceed its limit`
        return postpone(context, current, { kind: 'unknown', reason }, by)
      }
      case 'version_conflict':
        current = await loadAttempt(context, current)
        continue
      case 'key_exists':
        throw new Error(`settling ${current.attempt.id} found a key`)
    }
  }
}

/** An attempt with its charge and its refund, from one consistent state. */
export async function loadAttempt(
  context: Context,
  { scope, attempt }: ScopedAttempt,
): Promise<LoadedAttempt> {
  const { id, chargeId, refundId } = attempt
  let charge = await context.store.charge(scope, chargeId)
  for (;;) {
    const found = await context.store.attempt(id)
    const refund = refundId === null ? null : await context.store.refund(scope, refundId)
    const after = await context.store.charge(scope, chargeId)
    if (!found || !charge || refund === undefined) throw new Error(`${id} or what it is about is gone`)
    // Each end of an attempt increases the charge's version. If the versions match, the attempt and the charge belong
    // together.
    if (charge.version === after?.version)
      // Keeps the caller's lease, because another worker's lease may have begun since.
      return { scope, charge, refund, attempt: { ...found.attempt, token: attempt.token } }
    charge = after
  }
}

/** The charge waits for its customer and is being canceled: the outcome of the cancel comes first. */
function isCancelFirst({ charge, attempt }: LoadedAttempt): boolean {
  return attempt.kind === 'authorize' && charge.status === 'processing' && charge.redirectUrl !== null
}

async function decideOutcome(
  context: Context,
  work: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
  at: number,
): Promise<{ decision: Decision; next: LoadedAttempt | null }> {
  const { charge, refund, attempt } = work
  const again = await callOnceMore(context, work, outcome, by, at)
  if (again) return again
  if (refund) return { decision: concludeRefund(charge, refund, attempt, outcome, by, at), next: null }
  if (attempt.kind === 'authorize') return decideAuthorization(context, work, outcome, by, at)
  const decision = concludeCharge(charge, attempt, outcome, by, at)
  const waits = attempt.kind === 'cancel' && charge.redirectUrl !== null && outcome.kind !== 'pending'
  return {
    decision: waits ? await endWaitingAttempts(context, work, decision, by, at) : decision,
    next: null,
  }
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
  const gone: KnownOutcome = {
    kind: 'declined',
    declineCode: own ? ACTION_EXPIRED.declineCode : 'authorization_expired',
    message: own ? ACTION_EXPIRED.failureMessage : 'canceled before the customer acted',
    reference: null,
  }
  const after = waiting.map((other) =>
    status === 'requires_action' ? { ...other, dueAt: at, token: null } : applyOutcome(other, gone, by, at),
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
): { decision: Decision; next: LoadedAttempt | null } {
  const { charge, attempt } = work
  const { route } = attempt
  if (!route || route.next.length === 0 || !mayCallNext(context, work, outcome, by))
    return { decision: concludeCharge(charge, attempt, outcome, by, at), next: null }
  const { ended, last, outcome: decided } = chooseProvider(context, charge, { ...route, skipped: [] })
  if (decided?.kind === 'not_sent') {
    const skipped = [...route.skipped, ...(last.route?.skipped ?? [])]
    const told = { ...attempt, route: { ...route, next: [], skipped } }
    return { decision: concludeCharge(charge, told, outcome, by, at), next: null }
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

/** The provider reports the same state as before: there is nothing to commit. */
function isUnchanged({ charge, attempt }: LoadedAttempt, outcome: KnownOutcome): boolean {
  return (
    outcome.kind === 'pending' &&
    attempt.state === 'pending' &&
    (outcome.reference ?? attempt.providerReference) === attempt.providerReference &&
    (attempt.kind !== 'authorize' || outcome.redirectUrl === charge.redirectUrl)
  )
}

/**
 * The outcome is still unknown: MiniPay looks up the attempt again, later each time. Only the holder of the lease may
 * set the time.
 */
async function postpone(
  context: Context,
  { attempt }: LoadedAttempt,
  outcome: Outcome,
  by: Resolver,
): Promise<null> {
  if (attempt.token === null) return null
  const now = context.now()
  const state = attempt.state === 'pending' ? 'pending' : 'unknown'
  const postponement = {
    id: attempt.id,
    token: attempt.token,
    state,
    reason: 'reason' in outcome ? outcome.reason : attempt.reason,
    lookups: attempt.lookups + (by === 'answer' ? 0 : 1),
    unknownSince: state === 'unknown' ? (attempt.unknownSince ?? now) : null,
    dueAt: now + nextLookupMs(state, attempt.lookups),
  } as const
  await writePersistently(context, () => context.store.postponeAttempt(postponement))
  return null
}

/**
 * Another worker ended the attempt: passes the response to the waiting request. This is normal, unless the provider
 * now reports the opposite outcome.
 */
async function respondToEnded(
  context: Context,
  ended: LoadedAttempt,
  outcome: Outcome,
  by: Resolver,
): Promise<null> {
  let work = ended
  const { scope, refund, attempt } = work
  // A notification reports that a refund failed later.
  const returned = refund !== null && attempt.state === 'succeeded' && outcome.kind === 'declined'
  const contrary =
    by !== 'hand' && outcome.kind !== 'unknown' && (returned || contradicts(work, outcome, false))
  if (contrary && (await handleContradiction(context, work, outcome, by)))
    work = await loadAttempt(context, work)
  const ending = endingOf(work.charge, work.refund, work.attempt)
  context.requests.respond(scope, attempt.idempotencyKey, ending)
  return null
}
