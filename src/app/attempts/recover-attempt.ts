/** Resolves open attempts: left by a crash, unknown, pending, or about to expire. */
import { isOpen, type KnownOutcome, mayChange, type Outcome, recoveryStep } from '../../domain/attempt.ts'
import { requestedFollowUp } from '../../domain/cancel-request.ts'
import type { ChargeStatus } from '../../domain/charge.ts'
import { expireAuthorization } from '../../domain/lifecycle.ts'
import { reverseRefund } from '../../domain/refund.ts'
import type { RemoteProvider } from '../../ports/provider.ts'
import type { ScopedAttempt } from '../../ports/store.ts'
import type { Audit } from '../audit.ts'
import { type CommitStep, commitStep } from '../commit.ts'
import type { Context } from '../context.ts'
import { beginRequestedCancel } from '../payments/cancel-requests.ts'
import { endingOf, otherEndings } from '../payments/endings.ts'
import { remoteProvider } from '../routing/serving.ts'
import { callProvider } from './call-provider.ts'
import { cancelAbandoned } from './cancel-abandoned.ts'
import { clearDoubts, contradicts, handleContradiction } from './contradictions.ts'
import { leaseUntil } from './lease.ts'
import { type LoadedAttempt, loadAttempt } from './load-attempt.ts'
import { mayLookUp, nextRecoveryStep } from './recovery-places.ts'
import { sendAttempt } from './send-attempt.ts'
import { settleAttempt } from './settle-attempt.ts'

/**
 * Wait for a provider that has no lookup or is not configured, in ms: the configuration or a person may change that.
 */
const NO_LOOKUP_MS = 600_000
/** A provider's code for an authorization that has expired or was released. */
const EXPIRED = 'authorization_expired'
/** Wait while the provider is unavailable, in ms. */
const UNAVAILABLE_MS = 5_000
/** Wait while the provider is paused and an attempt can only be sent again, in ms. */
const PAUSED_MS = 30_000
/** Wait while the outcome that decides the authorization is unknown, in ms. */
const UNDECIDED_MS = 60_000
/** Interval of lookups for an authorization that is still held after its expiry, in ms. */
const STILL_HELD_MS = 3_600_000

/**
 * Handles one claimed attempt: calls its provider and settles the outcome. Postpones an outcome that is still unknown.
 * Rejects with `StoreUnavailable`; then the attempt is due again when its lease ends.
 */
export async function recoverAttempt(
  context: Context,
  owned: ScopedAttempt & Pick<LoadedAttempt, 'requestId'>,
): Promise<void> {
  const work = await loadAttempt(context, owned)
  if (requestedFollowUp(work.charge) !== null) return beginCancelOrRecover(context, work)
  return recoverOpenAttempt(context, work)
}

/** Begins the requested cancel. If that is not possible now, handles the attempt as usual. */
async function beginCancelOrRecover(context: Context, work: LoadedAttempt): Promise<void> {
  const next = await beginRequestedCancel(context, work.scope, work.charge.id)
  if (next) sendAttempt(context, next)
  const now = await loadAttempt(context, work)
  if (isOpen(now.attempt)) return recoverOpenAttempt(context, now)
  // The new step has restored the attempt's own due time and released its lease.
  return next ? undefined : postponeUntil(context, now, context.now() + UNAVAILABLE_MS)
}

async function recoverOpenAttempt(context: Context, work: LoadedAttempt): Promise<void> {
  const { attempt } = work
  if (!isOpen(attempt)) return checkExpiry(context, work)
  const now = context.now()
  const provider = remoteProvider(context, work.scope, attempt.provider)
  const paused = provider !== undefined && (await context.pauses.of(work.scope)).has(provider.name)
  const step = provider
    ? nextRecoveryStep(context, provider, attempt, context.clock.nowFor(attempt.id), paused)
    : 'wait'
  if (!provider || step === 'wait') {
    await postponeUntil(context, work, now + NO_LOOKUP_MS)
    if (provider) await cancelAbandoned(context, provider, work)
    return
  }
  if (step === 'later') return postponeUntil(context, work, now + (paused ? PAUSED_MS : UNAVAILABLE_MS))
  await takeStep(context, provider, work, step)
}

/**
 * Takes a step of recovery for a claimed attempt that is open: calls the provider, settles the outcome and returns it. A
 * step that a person requested needs `audit`.
 */
export async function takeStep(
  context: Context,
  provider: RemoteProvider,
  work: LoadedAttempt,
  step: 'lookup' | 'resend',
  audit?: Audit,
): Promise<Outcome> {
  const outcome = await callProvider(context, provider, work, step)
  const next = await settleAttempt(context, work, outcome, step, audit)
  if (next) sendAttempt(context, next)
  else if (outcome.kind === 'pending') await cancelAbandoned(context, provider, work)
  return outcome
}

/**
 * The expiry of an authorization has come: a lookup shows whether it has ended; without a lookup, the time decides.
 */
async function checkExpiry(context: Context, work: LoadedAttempt): Promise<void> {
  const { charge, attempt } = work
  const now = context.now()
  // A capture in progress may fail; then the charge is authorized again.
  if (charge.status === 'processing') return postponeUntil(context, work, now + UNDECIDED_MS)
  if (charge.status !== 'authorized' || attempt.kind !== 'authorize' || attempt.state !== 'succeeded')
    return postponeUntil(context, work, null)
  const provider = remoteProvider(context, work.scope, attempt.provider)
  if (!provider || provider.capabilities.lookup === 'none') {
    // A worker may have claimed the attempt because of a requested cancel.
    if (charge.expiresAt === null || now < charge.expiresAt)
      return postponeUntil(context, work, charge.expiresAt)
    const earlyMs = charge.expiresAt - context.clock.trusted()
    // The clock may be ahead: MiniPay cancels nothing before it trusts the clock.
    if (earlyMs > 0)
      return postponeUntil(context, work, now + Math.min(Math.max(earlyMs, UNDECIDED_MS), STILL_HELD_MS))
    return void (await cancelExpired(context, work, 'The authorization has expired.'))
  }
  const outcome = await callProvider(context, provider, work, 'lookup')
  if (outcome.kind === 'declined') {
    if (outcome.declineCode === EXPIRED) return void (await cancelExpired(context, work, outcome.message))
    await handleContradiction(context, work, outcome, 'lookup')
  }
  if (outcome.kind !== 'succeeded' && outcome.kind !== 'declined')
    return postponeUntil(context, work, now + UNDECIDED_MS)
  const expiresAt = outcome.kind === 'succeeded' ? (outcome.expiresAt ?? 0) : 0
  return postponeUntil(context, work, Math.max(expiresAt, now + STILL_HELD_MS))
}

/** Cancels the charge, unless it has changed meanwhile; returns its status. */
async function cancelExpired(context: Context, work: LoadedAttempt, message: string): Promise<ChargeStatus> {
  let current = work
  for (; current.charge.status === 'authorized'; current = await loadAttempt(context, current)) {
    const at = context.now()
    const decision = expireAuthorization(current.charge, current.attempt, message, at)
    const others = otherEndings(current.charge, decision.charge, current.attempt)
    const step: CommitStep = { decision, at, key: null, ended: null, otherEnded: others }
    const result = await commitStep(context, current.scope, step)
    if (result.kind === 'committed') return decision.charge.status
    if (result.kind !== 'version_conflict') throw new Error(`${work.attempt.id} can't lapse: ${result.kind}`)
  }
  return current.charge.status
}

/**
 * The result of a review: `same` if the provider reports what MiniPay already has, and it may still change; `busy`
 * while another call of the charge is in progress; `later` if the provider was unavailable or has no result yet.
 */
export type ReviewResult = 'done' | 'same' | 'busy' | 'later'

/**
 * Handles a notification about an attempt: looks it up at the provider instead of relying on the notification. For an
 * attempt that is being sent now, only a final outcome counts, because "not found" may come too early.
 */
export async function reviewAttempt(
  context: Context,
  provider: RemoteProvider,
  owned: ScopedAttempt,
): Promise<ReviewResult> {
  const work = await loadAttempt(context, { ...owned, attempt: { ...owned.attempt, token: null } })
  const now = context.now()
  // A success may be reversed only while no other call is in progress. A failure that turns out to be a success cannot
  // wait.
  if (work.attempt.state === 'succeeded' && work.charge.status === 'processing') return 'busy'
  const lease = leaseUntil(provider, now)
  const isSent =
    work.attempt.state === 'sending' &&
    ((work.attempt.dueAt ?? 0) > now || !context.clock.leasesHold(lease - now))
  const agedNow = context.clock.nowFor(work.attempt.id)
  const step = isOpen(work.attempt) ? recoveryStep(provider.capabilities, work.attempt, agedNow) : 'lookup'
  if (step === 'wait' || provider.capabilities.lookup === 'none') {
    context.log.warn(
      { attempt: work.attempt.id, provider: provider.name },
      'A notification came from a provider without lookups; check its dashboard.',
    )
    return 'done'
  }
  if (!mayLookUp(context, provider)) return 'later'
  const outcome = await callProvider(context, provider, work, 'lookup')
  if (outcome.kind === 'unknown' || (isSent && outcome.kind === 'not_sent')) return 'later'
  const current = await loadAttempt(context, work)
  if (!isOpen(current.attempt)) return reviewEnded(context, current, outcome, !isOpen(work.attempt))
  const next = await settleAttempt(context, current, outcome, 'notification')
  if (next) sendAttempt(context, next)
  // Recovery keeps looking it up.
  if (outcome.kind === 'pending') return 'done'
  const { charge, attempt } = await loadAttempt(context, work)
  if (isOpen(attempt)) return 'later'
  return attempt.state === 'succeeded' && mayChange(attempt, charge) ? 'same' : 'done'
}

/**
 * A success may have been reversed: an authorization expired, or a refund failed days later. `wasEnded`: the lookup
 * began after the attempt had ended.
 */
async function reviewEnded(
  context: Context,
  work: LoadedAttempt,
  outcome: KnownOutcome,
  wasEnded: boolean,
): Promise<ReviewResult> {
  const { charge, refund, attempt } = work
  const isContrary = contradicts(work, outcome, wasEnded)
  if (isContrary) {
    await handleContradiction(context, work, outcome, 'notification')
    return 'done'
  }
  if (outcome.kind === 'succeeded') await clearDoubts(context, work, 'contradiction')
  if (outcome.kind !== 'declined' || attempt.state !== 'succeeded')
    return mayChange(attempt, charge) ? 'same' : 'done'
  if (refund !== null) return commitReversal(context, work, outcome)
  if (charge.status === 'processing') return 'busy'
  if (attempt.kind === 'authorize' && charge.status === 'authorized')
    return (await cancelExpired(context, work, outcome.message)) === 'canceled' ? 'done' : 'busy'
  return 'done'
}

async function commitReversal(
  context: Context,
  work: LoadedAttempt,
  outcome: Extract<KnownOutcome, { kind: 'declined' }>,
): Promise<ReviewResult> {
  const { charge, refund, attempt } = work
  if (refund === null || refund.status === 'failed' || refund.status === 'processing') return 'done'
  const at = context.now()
  const decision = reverseRefund(charge, refund, attempt, outcome, 'notification', at)
  const ended = {
    key: attempt.idempotencyKey,
    ending: endingOf(decision.charge, decision.refund, decision.attempts[0] ?? attempt),
  }
  const result = await commitStep(context, work.scope, { decision, at, key: null, ended })
  return result.kind === 'committed' ? 'done' : 'later'
}

async function postponeUntil(
  context: Context,
  { attempt }: LoadedAttempt,
  dueAt: number | null,
): Promise<void> {
  const now = context.now()
  const state = attempt.state === 'sending' ? 'unknown' : attempt.state
  await context.store.postponeAttempt({
    id: attempt.id,
    token: attempt.token ?? '',
    state,
    reason: state === attempt.state ? attempt.reason : 'left unfinished, possibly by a crash',
    lookups: attempt.lookups,
    unknownSince: state === 'unknown' ? (attempt.unknownSince ?? now) : null,
    dueAt,
  })
}
