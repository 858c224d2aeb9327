import type { Charge, Decision } from '../domain/charge.ts'
import { eventIdOf } from '../domain/event-id.ts'
import type { Surface } from '../domain/idempotency.ts'
import { type Cause, encodeFacts, snapshotOf } from '../domain/snapshot.ts'
import type { Commit, CommitResult, EndedKey, Scope } from '../ports/store.ts'
import type { Context } from './context.ts'
import { type EndedRequest, type Ending, storedEnding } from './payments/endings.ts'

/** A new key, and how its request ended. */
export type NewKey = {
  readonly key: string
  readonly fingerprint: string
  readonly surface: Surface
  readonly ending: Ending
}

/** A decision with the keys whose requests end with it: a new key, or one that an earlier step stored. */
export type CommitStep = Partial<Pick<Commit, 'lease' | 'audit' | 'limits'>> & {
  readonly decision: Decision
  readonly at: number
  readonly key: NewKey | null
  readonly ended: EndedRequest | null
  readonly otherEnded?: readonly EndedRequest[]
  /**
   * The request that made the change. Unless given: the request of `audit`, and the key that the commit stores or ends.
   */
  readonly cause?: Partial<Cause>
  /** The charge for the event, if the same commit changes it further. */
  readonly shown?: Charge | undefined
}

const NONE: readonly EndedRequest[] = []

/**
 * Commits a decision with its event and the endings of its keys. Rejects with `StoreUnavailable` if the
 * commit is not possible.
 */
export function commitStep(context: Context, scope: Scope, step: CommitStep): Promise<CommitResult> {
  const { decision, at, key, ended, otherEnded = NONE, lease = null, shown, audit = null, limits } = step
  const { charge, refund, dispute, attempts, alarms, transactionId, transfers, counts } = decision
  const snapshot = decision.event && snapshotOf(decision, shown, causeOf(step))
  const stored = (request: EndedRequest): EndedKey => ({
    key: request.key,
    ending: storedEnding(request.ending, snapshot),
  })
  const event = decision.event &&
    snapshot && {
      id: eventIdOf(decision, at, context.newId),
      type: decision.event,
      data: encodeFacts(snapshot),
    }
  const committed = context.store.commit({
    scope,
    at,
    key: key && { ...key, ending: storedEnding(key.ending, snapshot) },
    ended: ended && stored(ended),
    otherEnded: otherEnded.map(stored),
    charge,
    refund,
    dispute,
    attempts,
    alarms,
    lease,
    transactionId,
    transfers,
    event,
    counts,
    audit,
    ...(limits && { limits }),
  })
  if (event) ringOnceCommitted(context, scope, committed)
  return committed
}

function causeOf({ cause, audit, key, ended }: CommitStep): Cause {
  return {
    requestId: cause?.requestId ?? audit?.requestId ?? null,
    key: cause?.key ?? key?.key ?? ended?.key ?? null,
  }
}

function ringOnceCommitted({ bell }: Context, scope: Scope, committed: Promise<CommitResult>): void {
  committed.then(
    ({ kind }) => {
      if (kind === 'committed') bell.ring(scope)
    },
    // If it was stored after all, those who wait find its event with their next read.
    () => {},
  )
}
