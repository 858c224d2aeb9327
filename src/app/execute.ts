import type { Decision } from '../domain/charge.ts'
import { isRejection, type Rejection, reject } from '../domain/error.ts'
import { type IdempotencyRecord, replay, type StoredAnswer } from '../domain/idempotency.ts'
import { within } from '../ports/runtime.ts'
import type { Scope } from '../ports/store.ts'
import { accepted, chargeAnswer, refundAnswer } from './answers.ts'
import { sendAttempt } from './attempt.ts'
import { commitStep } from './commit.ts'
import type { Context } from './context.ts'
import { lookFirst } from './look-first.ts'

/** A state-changing request: its scope, its key, and the fingerprint of its content. */
export type KeyedRequest = {
  readonly scope: Scope
  readonly key: string
  readonly fingerprint: string
}

/**
 * A proposal of a use case: the decision, and the response if it is committed. After the commit, an attempt in it that
 * is `sending` is sent.
 */
export type Proposal = {
  readonly decision: Decision
  readonly at: number
  readonly answer: StoredAnswer
}

/** `replayed`: the key was used before with the same request, and this is the stored response. */
export type Answer = StoredAnswer & { readonly replayed: boolean }

type Decide = () => Proposal | Rejection | Promise<Proposal | Rejection>

/**
 * Carries out a request once, however often it is sent: decides, commits the decision together with its key and
 * response, and returns the stored response if the key already exists. Decides again if another request changed the
 * charge in between; this terminates, because each such conflict is the success of another request. Waits up to
 * `providerWaitMs` for a provider call over the network.
 *
 * Rejects with `StoreUnavailable` when the commit can't be made.
 */
export async function execute(
  context: Context,
  request: KeyedRequest,
  decide: Decide,
): Promise<Answer | Rejection> {
  const { scope, key } = request
  const twin = context.requests.running(scope, key)
  if (twin && !(await settlesWithin(context, twin)))
    return (
      (await storedAnswer(context, request)) ??
      reject(
        'idempotency_key_in_progress',
        'The first request with this Idempotency-Key is still running. Retry in a moment.',
      )
    )
  return context.requests.run(scope, key, () => decideAndCommit(context, request, decide))
}

async function decideAndCommit(
  context: Context,
  request: KeyedRequest,
  decide: Decide,
): Promise<Answer | Rejection> {
  const { scope, key, fingerprint } = request
  for (;;) {
    const decided = decide()
    const proposal = decided instanceof Promise ? await decided : decided
    if (isRejection(proposal)) return (await storedAnswer(context, request)) ?? proposal
    const { decision, at, answer } = proposal
    const result = await commitStep(context, scope, {
      decision,
      at,
      key: { key, fingerprint, answer },
      answered: null,
    })
    switch (result.kind) {
      case 'committed':
        if (answer.kind !== 'accepted') return { ...answer, replayed: false }
        return { ...(await sent(context, request, proposal)), replayed: false }
      case 'key_exists':
        return asReplay(context, request, result.record)
      case 'balance_limit':
        return (
          (await storedAnswer(context, request)) ??
          reject('balance_limit_reached', 'With this amount a ledger balance would exceed 64 bits.', 'amount')
        )
      case 'not_held':
        throw new Error('a first step holds no attempt')
      case 'reference_taken':
        throw new Error(`an attempt that was not sent has the reference of ${result.attemptId}`)
      case 'version_conflict':
        continue
    }
  }
}

/**
 * Sends the committed attempt and waits for its outcome. Returns the final response, or `accepted` if the outcome is
 * not known in time.
 */
async function sent(
  context: Context,
  request: KeyedRequest,
  { decision, answer }: Proposal,
): Promise<StoredAnswer> {
  const attempt = decision.attempts.find(({ state }) => state === 'sending')
  if (!attempt) return answer
  const { scope, key } = request
  const response = context.requests.wait(scope, key, context.providerWaitMs)
  const { charge, refund } = decision
  sendAttempt(context, { scope, charge, refund, attempt }, (work) => lookFirst(context, work))
  const ended = await response
  if (ended) return ended
  // Another process may have ended it.
  const record = await context.store.idempotencyRecord(scope, key)
  return record?.answer ?? answer
}

/** The stored response of the key: a request that is refused now may already have been carried out. */
async function storedAnswer(
  context: Context,
  request: KeyedRequest,
): Promise<Answer | Rejection | undefined> {
  const record = await context.store.idempotencyRecord(request.scope, request.key)
  return record && asReplay(context, request, record)
}

async function asReplay(
  context: Context,
  { scope, key, fingerprint }: KeyedRequest,
  record: IdempotencyRecord,
): Promise<Answer | Rejection> {
  const answer = replay(record, fingerprint)
  if (isRejection(answer)) return answer
  if (answer.kind !== 'accepted') return { ...answer, replayed: true }
  // A request in progress may have advanced since, so reads the current state.
  const { id, refund_id } = JSON.parse(answer.body) as { id: string; refund_id?: string }
  const charge = await context.store.charge(scope, id)
  if (charge?.idempotencyKey === key) return { ...chargeAnswer(charge), replayed: true }
  const refund = refund_id === undefined ? undefined : await context.store.refund(scope, refund_id)
  if (refund) return { ...refundAnswer(refund), replayed: true }
  return { ...(charge ? accepted(charge) : answer), replayed: true }
}

function settlesWithin({ runtime, idempotencyWaitMs }: Context, running: Promise<unknown>): Promise<boolean> {
  const settled = running.then(
    () => true,
    () => true,
  )
  return within(runtime, idempotencyWaitMs, settled, false)
}
