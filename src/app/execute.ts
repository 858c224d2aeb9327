import type { Decision } from '../domain/charge.ts'
import { isRejection, type Rejection, reject } from '../domain/error.ts'
import { replay, type StoredAnswer } from '../domain/idempotency.ts'
import type { Scope } from '../ports/store.ts'
import type { Context } from './context.ts'
import { eventData } from './present.ts'

/** A state-changing request: whose, under which key, and the fingerprint of what it asks for. */
export type KeyedRequest = {
  readonly scope: Scope
  readonly key: string
  readonly fingerprint: string
}

/** What a use case proposes: the decision, and what to answer if it is committed. */
export type Proposal = { readonly decision: Decision; readonly at: number; readonly answer: StoredAnswer }

/** `replayed`: the key had been used before with the same request, and this is what was answered then. */
export type Answer = StoredAnswer & { readonly replayed: boolean }

/**
 * Runs a request once, however often it is sent: decides, commits the decision together with its key and
 * answer, and replays the stored answer when the key is already there. Decides again when another request
 * changed the charge in between; since each such conflict is another request's success, that ends.
 *
 * Rejects with `StoreUnavailable` when the commit can't be made.
 */
export async function execute(
  context: Context,
  request: KeyedRequest,
  decide: () => Proposal | Rejection | Promise<Proposal | Rejection>,
): Promise<Answer | Rejection> {
  const slot = `${request.scope.accountId}/${request.scope.mode}/${request.key}`
  const twin = context.running.get(slot)
  if (twin && !(await settlesWithin(twin, context.idempotencyWaitMs)))
    return reject(
      'idempotency_key_in_progress',
      'The first request with this Idempotency-Key is still running. Repeat it in a moment.',
    )
  const run = decideAndCommit(context, request, decide)
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
  decide: () => Proposal | Rejection | Promise<Proposal | Rejection>,
): Promise<Answer | Rejection> {
  for (;;) {
    const decided = decide()
    const proposal = decided instanceof Promise ? await decided : decided
    if (isRejection(proposal)) return (await storedAnswer(context, request)) ?? proposal
    const result = await commit(context, request, proposal)
    switch (result.kind) {
      case 'committed':
        return { ...proposal.answer, replayed: false }
      case 'key_exists':
        return asReplay(replay(result.record, request.fingerprint))
      case 'balance_limit':
        return (
          (await storedAnswer(context, request)) ??
          reject('balance_limit_reached', 'This amount would take a ledger balance past 64 bits.', 'amount')
        )
      case 'version_conflict':
        continue
    }
  }
}

function commit(context: Context, { scope, key, fingerprint }: KeyedRequest, proposal: Proposal) {
  const { decision, at, answer } = proposal
  const deliveries = context.endpoints.map((endpoint) => ({ id: context.newId('dlv'), endpoint }))
  const { charge, refund, postings, counts } = decision
  // A new charge's event tells just what its answer does.
  const data = answer.kind === 'created' ? answer.body : eventData(charge, refund)
  const committed = context.store.commit({
    scope,
    at,
    key: { key, fingerprint, answer },
    charge,
    refund,
    postings,
    event: { id: context.newId('evt'), type: decision.event, data },
    deliveries,
    counts,
  })
  if (deliveries.length > 0) committed.then(context.onDeliveries, () => {})
  return committed
}

/** What the key's first request answered: a request that can't be done again may be one that was done. */
async function storedAnswer(
  context: Context,
  request: KeyedRequest,
): Promise<Answer | Rejection | undefined> {
  const record = await context.store.idempotencyRecord(request.scope, request.key)
  return record && asReplay(replay(record, request.fingerprint))
}

function asReplay(answer: StoredAnswer | Rejection): Answer | Rejection {
  return isRejection(answer) ? answer : { ...answer, replayed: true }
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
