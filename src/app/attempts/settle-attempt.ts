/** From an outcome to the commit that ends the attempt. */
import type { AlarmKind } from '../../domain/alarm.ts'
import { isOpen, type KnownOutcome, nextLookupMs, type Outcome, type Resolver } from '../../domain/attempt.ts'
import { isCancelRequested, isOfCancelRequest } from '../../domain/cancel-request.ts'
import type { Charge } from '../../domain/charge.ts'
import type { CommitResult } from '../../ports/store.ts'
import { type Audit, attemptResolved } from '../audit.ts'
import { type CommitStep, commitStep } from '../commit.ts'
import type { Context } from '../context.ts'
import { beginRequestedCancel, withCancelRequest } from '../payments/cancel-requests.ts'
import { type EndedRequest, endingOf, otherEndings } from '../payments/endings.ts'
import { writePersistently } from '../write-persistently.ts'
import {
  alarmReusedReference,
  alarmsSettledBy,
  bookEarlierAttempts,
  contestedKind,
  contradicts,
  handleContradiction,
  resolveContest,
} from './contradictions.ts'
import { decideOutcome } from './decide-outcome.ts'
import { type LoadedAttempt, loadAttempt } from './load-attempt.ts'

/**
 * Settles an outcome: one commit ends the attempt and changes the charge, or begins the next attempt, which is
 * returned so that the caller sends it. An unknown outcome only postpones the attempt. If another worker has already
 * ended the attempt, changes nothing. A person's outcome needs `audit`. Rejects with `StoreUnavailable` if the database is unavailable for a minute.
 */
export function settleAttempt(
  context: Context,
  work: LoadedAttempt,
  outcome: Outcome,
  by: Resolver,
  audit?: Audit,
): Promise<LoadedAttempt | null> {
  const contested = by === 'hand' || !isOpen(work.attempt) ? null : contestedKind(work, outcome)
  const doubtful = contested !== null || work.attempt.reason !== null
  const settling = { doubtful, audit }
  return contested === null
    ? commitOutcome(context, work, outcome, by, settling)
    : settleContest(context, work, contested, outcome, by, settling)
}

/** Settles an outcome that something in the books contests. */
async function settleContest(
  context: Context,
  work: LoadedAttempt,
  contested: AlarmKind,
  outcome: Outcome,
  by: Resolver,
  settling: Settling,
): Promise<LoadedAttempt | null> {
  const found = await resolveContest(context, work, contested, outcome, by)
  const next = await commitOutcome(context, work, found ?? outcome, found ? 'lookup' : by, settling)
  if (!found) await bookEarlierAttempts(context, work, contested)
  return next
}

type Settling = {
  /** The provider reported something about the attempt before that may be an alarm. */
  readonly doubtful: boolean
  /** Of the person who resolves the attempt. */
  readonly audit: Audit | undefined
}

async function commitOutcome(
  context: Context,
  work: LoadedAttempt,
  outcome: Outcome,
  by: Resolver,
  settling: Settling,
): Promise<LoadedAttempt | null> {
  for (let current = work; ; current = await loadAttempt(context, current)) {
    if (!isOpen(current.attempt)) return respondToEnded(context, current, outcome, by)
    if (outcome.kind === 'unknown' || isCancelFirst(current) || isUnchanged(current, outcome))
      return postpone(context, current, outcome, by)
    const settlement = await decideSettlement(context, current, outcome, by, settling)
    const commit = () => commitStep(context, current.scope, settlement.step)
    const result = await writePersistently(context, commit)
    if (result.kind === 'committed') return afterCommit(context, current, settlement)
    // After a version conflict, decides again on the charge as it is now.
    if (result.kind !== 'version_conflict') return afterRefusal(context, current, outcome, by, result)
  }
}

/** A commit that ends an attempt, and the attempt to be sent after it. */
type Settlement = {
  readonly step: CommitStep
  /** The charge as it becomes. */
  readonly charge: Charge
  readonly ended: EndedRequest
  /** The call to the next provider; the request goes on. */
  readonly next: LoadedAttempt | null
  /** The cancel that was requested before; this request has ended. */
  readonly cancel: LoadedAttempt | null
}

async function decideSettlement(
  context: Context,
  current: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
  { doubtful, audit }: Settling,
): Promise<Settlement> {
  const at = context.now()
  const { attempt, charge: before } = current
  const decided = decideOutcome(context, current, outcome, by, at)
  const { decision: concluded, next } = decided instanceof Promise ? await decided : decided
  const ending = withCancelRequest(context, current, concluded, at)
  const { left, cancel } = ending instanceof Promise ? await ending : ending
  const { charge, refund } = left
  const { id: attemptId, token, kind, idempotencyKey: key } = attempt
  // Of several authorizations the last one decides.
  const deciding =
    kind === 'authorize' ? left.attempts.findLast((one) => one.kind === kind) : left.attempts[0]
  const last = next?.attempt ?? deciding ?? attempt
  const ended = { key, ending: endingOf(charge, refund ?? current.refund, last, before.cancelKey) }
  const alarms = doubtful ? await alarmsSettledBy(context, current, outcome) : []
  const attemptAfter = left.attempts.find(({ id }) => id === attemptId) ?? attempt
  const step: CommitStep = {
    decision: { ...(cancel?.decision ?? left), alarms },
    at,
    key: null,
    ended,
    cause: { requestId: current.requestId ?? null },
    otherEnded: otherEndings(before, charge, attempt),
    // If another worker took over the attempt, it may have sent it since, so our "not sent" counts only under the lease.
    lease: outcome.kind === 'not_sent' && by !== 'hand' ? { attemptId, token } : null,
    shown: charge,
    audit: audit?.(attemptResolved(attempt, attemptAfter)) ?? null,
  }
  return { step, charge, ended, next, cancel: cancel?.next ?? null }
}

/** Passes the ending to the waiting request, and returns the attempt to be sent next. */
async function afterCommit(
  context: Context,
  { scope, attempt }: LoadedAttempt,
  { charge, ended, next, cancel }: Settlement,
): Promise<LoadedAttempt | null> {
  if (next) return { ...next, charge }
  context.requests.respond(scope, ended.key, ended.ending)
  if (cancel) return cancel
  return isCancelRequested(charge) && !isOfCancelRequest(charge, attempt)
    ? beginRequestedCancel(context, scope, charge.id)
    : null
}

/** The store refused the commit: the attempt stays open, unless another worker has it now. */
async function afterRefusal(
  context: Context,
  work: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
  refusal: Exclude<CommitResult, { kind: 'committed' | 'version_conflict' }>,
): Promise<null> {
  switch (refusal.kind) {
    case 'lease_lost':
      return null
    case 'reference_taken': {
      const reason = `the provider used the reference of attempt ${refusal.attemptId} again`
      if (by !== 'hand') await alarmReusedReference(context, work, refusal.attemptId, outcome)
      return postpone(context, work, { kind: 'unknown', reason }, by)
    }
    case 'balance_limit': {
      const reason = `${outcome.kind}, but a balance of the ledger would exceed its limit`
      return postpone(context, work, { kind: 'unknown', reason }, by)
    }
    case 'key_exists':
    case 'limit_exceeded':
      throw new Error(`settling ${work.attempt.id} was refused as a new charge: ${refusal.kind}`)
  }
}

/** The charge waits for its customer and is being canceled: the outcome of the cancel comes first. */
function isCancelFirst({ charge, attempt }: LoadedAttempt): boolean {
  return attempt.kind === 'authorize' && charge.status === 'processing' && charge.redirectUrl !== null
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
