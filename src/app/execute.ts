import type { Decision } from '../domain/charge.ts'
import { isRejection, type Rejection, reject } from '../domain/error.ts'
import { type IdempotencyRecord, replay, type StoredAnswer } from '../domain/idempotency.ts'
import type { Scope } from '../ports/store.ts'
import { accepted, chargeAnswer, refundAnswer } from './answers.ts'
import { sendAttempt } from './attempt.ts'
import { commitStep } from './commit.ts'
import { type Context, slotOf } from './context.ts'
import { lookFirst } from './look-first.ts'

/** A state-changing request: whose, under which key, and the fingerprint of what it asks for. */
export type KeyedRequest = {
  readonly scope: Scope
  readonly key: string
  readonly fingerprint: string
}

/**
 * What a use case proposes: the decision, and what to answer if it is committed. An attempt in it that is
 * `sending` is sent then.
 */
export type Proposal = {
  readonly decision: Decision
  readonly at: number
  readonly answer: StoredAnswer
}

/** `replayed`: the key had been used before with the same request, and this is what was answered then. */
export type Answer = StoredAnswer & { readonly replayed: boolean }

type Decide = () => Proposal | Rejection | Promise<Proposal | Rejection>

/**
 * Runs a request once, however often it is sent: decides, commits the decision together with its key and
 * answer, and replays the stored answer when the key is already there. Decides again when another request
 * changed the charge in between; since each such conflict is another request's success, that ends. What is
 * asked of a provider over the network is waited for, up to `providerWaitMs`.
 *
 * Rejects with `StoreUnavailable` when the commit can't be made.
 */
export async function execute(
  context: Context,
  request: KeyedRequest,
  decide: Decide,
): Promise<Answer | Rejection> {
  const slot = slotOf(request.scope, request.key)
  const twin = context.running.get(slot)
  if (twin && !(await settlesWithin(twin, context.idempotencyWaitMs)))
    return (
      (await storedAnswer(context, request)) ??
      reject(
        'idempotency_key_in_progress',
        'The first request with this Idempotency-Key is still running. Retry in a moment.',
      )
    )
  const run = decideAndCommit(context, request, slot, decide)
  context.running.set(slot, run)
  try {
    return await run
  } finally {
    if (context.running.get(slot) === run) context.running.delete(slot)
  }
}

async function decideAndCommit(
  context: Context,
  request: KeyedRequest,
  slot: string,
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
        return { ...(await sent(context, request, slot, proposal)), replayed: false }
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

/** Sends what was committed, and waits for how it ends: the answer then, or that it is being processed. */
async function sent(
  context: Context,
  request: KeyedRequest,
  slot: string,
  { decision, answer }: Proposal,
): Promise<StoredAnswer> {
  const attempt = decision.attempts.find(({ state }) => state === 'sending')
  if (!attempt) return answer
  const { promise, resolve } = Promise.withResolvers<StoredAnswer | undefined>()
  context.waiting.set(slot, resolve)
  const timer = setTimeout(resolve, context.providerWaitMs, undefined)
  const { charge, refund } = decision
  sendAttempt(context, { scope: request.scope, charge, refund, attempt }, (work) => lookFirst(context, work))
  try {
    const ended = await promise
    if (ended) return ended
    // Another process may have brought it to its end.
    const record = await context.store.idempotencyRecord(request.scope, request.key)
    return record?.answer ?? answer
  } finally {
    clearTimeout(timer)
    context.waiting.delete(slot)
  }
}

/** What the key's first request answered: a request that can't be done again may be one that was done. */
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
  // What is still on its way may have moved on since: the key tells how it stands.
  const { id, refund_id } = JSON.parse(answer.body) as { id: string; refund_id?: string }
  const charge = await context.store.charge(scope, id)
  if (charge?.idempotencyKey === key) return { ...chargeAnswer(charge), replayed: true }
  const refund = refund_id === undefined ? undefined : await context.store.refund(scope, refund_id)
  if (refund) return { ...refundAnswer(refund), replayed: true }
  return { ...(charge ? accepted(charge) : answer), replayed: true }
}

async function settlesWithin(running: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(resolve, ms, false)
  const settled = running.then(
    () => true,
    () => true,
  )
  const inTime = await Promise.race([settled, late])
  clearTimeout(timer)
  return inTime
}
