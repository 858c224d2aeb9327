import type { AuditEntry } from '../domain/audit.ts'
import type { Decision } from '../domain/charge.ts'
import { isRejection, type Rejection, reject } from '../domain/error.ts'
import { type FoundRecord, keyReused, type Surface } from '../domain/idempotency.ts'
import type { Commit, Scope } from '../ports/store.ts'
import { lookUpFirst } from './attempts/look-up-first.ts'
import { sendAttempt } from './attempts/send-attempt.ts'
import { commitStep } from './commit.ts'
import type { Context } from './context.ts'
import { inTurn } from './in-turn.ts'
import {
  acceptedEnding,
  chargeEnding,
  type Ending,
  recordedEnding,
  refundEnding,
} from './payments/endings.ts'

/** A state-changing request: its scope, its key, the fingerprint of its content, and the API through which it came. */
export type KeyedRequest = {
  readonly scope: Scope
  readonly key: string
  readonly fingerprint: string
  readonly surface: Surface
  /** For logs and events; null for a call of the library. */
  readonly requestId?: string | null
}

/**
 * A proposal of a use case: the decision, and how the request ends if it is committed. After the commit, an attempt in it that
 * is `sending` is sent.
 */
export type Proposal = {
  readonly decision: Decision
  readonly at: number
  readonly ending: Ending
  readonly audit?: AuditEntry
  /** Velocity limits in which a new charge counts. */
  readonly limited?: {
    readonly limits: NonNullable<Commit['limits']>
    /** The proposal in place of this one, if the charge exceeds the limit of this name. */
    readonly declined: (limit: string) => Proposal
  }
}

/** `replayed`: the key was used before with the same request, and this is how that request ended. */
export type Result = Ending & { readonly replayed: boolean }

type Decide = () => Proposal | Rejection | Promise<Proposal | Rejection>

/**
 * Carries out a request once, however often it is sent: decides, commits the decision together with its key and
 * ending, and returns the recorded ending if the key already exists. Decides again if another request changed the
 * charge in between; this terminates, because each such conflict is the success of another request. Waits up to
 * `providerWaitMs` for a provider call over the network.
 *
 * Rejects with `StoreUnavailable` when the commit can't be made.
 */
export function execute(
  context: Context,
  request: KeyedRequest,
  decide: Decide,
): Promise<Result | Rejection> {
  return inTurn(
    context,
    request,
    () => decideAndCommit(context, request, decide),
    () => recordedResult(context, request),
  )
}

async function decideAndCommit(
  context: Context,
  request: KeyedRequest,
  decide: Decide,
): Promise<Result | Rejection> {
  const { scope, requestId = null, ...key } = request
  let declined: Proposal | undefined
  for (;;) {
    const decided = declined ?? decide()
    const proposal = decided instanceof Promise ? await decided : decided
    if (isRejection(proposal)) return (await recordedResult(context, request)) ?? proposal
    const { decision, at, ending, audit = null, limited } = proposal
    const result = await commitStep(context, scope, {
      decision,
      at,
      key: { ...key, ending },
      ended: null,
      cause: { requestId },
      audit,
      ...(limited && { limits: limited.limits }),
    })
    switch (result.kind) {
      case 'committed':
        if (ending.kind !== 'accepted') return { ...ending, replayed: false }
        return { ...(await sendAndWait(context, request, proposal)), replayed: false }
      case 'key_exists':
        return asReplay(context, request, result.record)
      case 'balance_limit':
        return (
          (await recordedResult(context, request)) ??
          reject('balance_limit_reached', 'With this amount a ledger balance would exceed 64 bits.', 'amount')
        )
      case 'lease_lost':
        throw new Error('a first step holds no attempt')
      case 'reference_taken':
        throw new Error(`an attempt that was not sent has the reference of ${result.attemptId}`)
      case 'limit_exceeded':
        declined = limited?.declined(result.limit)
        continue
      case 'version_conflict':
        continue
    }
  }
}

/**
 * Sends the committed attempt and waits for its outcome. Returns the final ending, or `accepted` if the outcome is
 * not known in time.
 */
async function sendAndWait(
  context: Context,
  request: KeyedRequest,
  { decision, ending }: Proposal,
): Promise<Ending> {
  const attempt = decision.attempts.find(({ state }) => state === 'sending')
  if (!attempt) return ending
  const { scope, key, requestId = null } = request
  const response = context.requests.wait(scope, key, context.providerWaitMs)
  const { charge, refund } = decision
  sendAttempt(context, { scope, charge, refund, attempt, requestId }, (work) => lookUpFirst(context, work))
  const ended = await response
  if (ended) return ended
  // Another process may have ended it.
  const record = await context.store.idempotencyRecord(scope, key)
  return record ? replayOf(context, request, record) : ending
}

/** The recorded ending of the key: a request that is refused now may already have been carried out. */
async function recordedResult(
  context: Context,
  request: KeyedRequest,
): Promise<Result | Rejection | undefined> {
  const record = await context.store.idempotencyRecord(request.scope, request.key)
  return record && asReplay(context, request, record)
}

async function asReplay(
  context: Context,
  request: KeyedRequest,
  record: FoundRecord,
): Promise<Result | Rejection> {
  const rejection = keyReused(record, request)
  return rejection ?? { ...(await replayOf(context, request, record)), replayed: true }
}

/** How the recorded request ended; while it is in progress, from the current state of its object. */
async function replayOf(
  { store }: Context,
  { scope, key }: KeyedRequest,
  record: FoundRecord,
): Promise<Ending> {
  const ended = recordedEnding(record)
  if (ended) return ended
  const { objectId } = record.ending
  const charge = await store.charge(scope, objectId)
  if (charge) return charge.idempotencyKey === key ? chargeEnding(charge) : acceptedEnding(charge)
  const refund = await store.refund(scope, objectId)
  if (!refund) throw new Error(`${objectId}, which a key names, is gone`)
  return refundEnding(refund)
}
