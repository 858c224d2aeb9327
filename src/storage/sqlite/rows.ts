/** The shapes that cross to the writer thread: arrays of primitives, which clone five times faster than objects. */
import type { Charge, Metadata, Refund } from '../../domain/charge.ts'
import type { DeliveryVerdict } from '../../domain/delivery.ts'
import type { IdempotencyRecord, StoredAnswer } from '../../domain/idempotency.ts'
import type { Claim, Commit, Scope, Settlement } from '../../ports/store.ts'

export type Value = string | number | null
export type Row = readonly Value[]

/** Operations of the writer thread, by their place 0 in the tuple. */
export const OP = { commit: 0, claim: 1, settle: 2, release: 3, retry: 4, purge: 5, ping: 6 } as const

export type CommitOp = readonly [
  op: typeof OP.commit,
  accountId: number,
  live: number,
  at: number,
  charge: Row,
  refund: Row | null,
  /** `body` is null when it is the event's data. */
  key: readonly [key: string, fingerprint: string, kind: string, body: string | null],
  /** account, amount, account, amount … in the charge's currency. */
  postings: Row,
  event: readonly [id: string, type: string, data: string],
  /** id, endpoint, id, endpoint … */
  deliveries: readonly string[],
  counts: readonly string[],
]
export type ClaimOp = readonly [
  typeof OP.claim,
  endpoint: string,
  limit: number,
  now: number,
  leaseUntil: number,
  token: string,
]
export type SettleOp = readonly [
  typeof OP.settle,
  id: string,
  token: string,
  state: string,
  dueAt: number | null,
  status: number | null,
  error: string | null,
]
export type ReleaseOp = readonly [typeof OP.release, id: string, token: string]
export type RetryOp = readonly [typeof OP.retry, accountId: number, live: number, id: string, now: number]
export type PurgeOp = readonly [typeof OP.purge, before: number, limit: number]
export type PingOp = readonly [typeof OP.ping]
export type WriteOp = CommitOp | ClaimOp | SettleOp | ReleaseOp | RetryOp | PurgeOp | PingOp

/** What a commit op answers: 0 committed, or why not. */
export const COMMIT = { committed: 0, versionConflict: 1, balanceLimit: 2 } as const

export function live(scope: Scope): number {
  return scope.mode === 'live' ? 1 : 0
}

/** The columns of `charges` after account_id and live, in the order of the insert. */
export const CHARGE = { id: 0, version: 1, amount: 2, amountRefunded: 3, currency: 4, status: 6 } as const

function chargeRow(charge: Charge): Row {
  return [
    charge.id,
    charge.version,
    charge.amount,
    charge.amountRefunded,
    charge.currency,
    charge.customer,
    charge.status,
    charge.paymentMethod,
    charge.description,
    metadataText(charge.metadata),
    charge.provider,
    charge.providerReference,
    charge.declineCode,
    charge.failureMessage,
    charge.idempotencyKey,
    charge.createdAt,
  ]
}

/** The columns of `refunds` after account_id and live, in the order of the insert. */
function refundRow(refund: Refund): Row {
  return [
    refund.id,
    refund.transactionId,
    refund.amount,
    refund.currency,
    refund.customer,
    refund.status,
    refund.reason,
    refund.description,
    metadataText(refund.metadata),
    refund.idempotencyKey,
    refund.createdAt,
  ]
}

function metadataText(metadata: Metadata): string | null {
  for (const _ in metadata) return JSON.stringify(metadata)
  return null
}

/** The stored answer of a key; shared by the writer, which finds a key taken, and the reader. */
export const FIND_KEY = `SELECT k.fingerprint, k.answer_kind, coalesce(k.answer_body, e.data)
  FROM idempotency_keys k
  JOIN events e ON e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq
  WHERE k.account_id = ? AND k.live = ? AND k.key = ?`
export type FoundKey = [fingerprint: string, kind: StoredAnswer['kind'], body: string]

export function recordOf([fingerprint, kind, body]: FoundKey): IdempotencyRecord {
  return { fingerprint, answer: { kind, body } }
}

export function commitOp(commit: Commit): CommitOp {
  const { scope, key, event } = commit
  return [
    OP.commit,
    scope.accountId,
    live(scope),
    commit.at,
    chargeRow(commit.charge),
    commit.refund && refundRow(commit.refund),
    [key.key, key.fingerprint, key.answer.kind, key.answer.body === event.data ? null : key.answer.body],
    commit.postings.flatMap((posting) => [posting.account, posting.amount]),
    [event.id, event.type, event.data],
    commit.deliveries.flatMap((delivery) => [delivery.id, delivery.endpoint]),
    commit.counts,
  ]
}

export function claimOp(claim: Claim): ClaimOp {
  return [OP.claim, claim.endpoint, claim.limit, claim.now, claim.leaseUntil, claim.token]
}

export function settleOp({ id, token, verdict, status, error }: Settlement): SettleOp {
  return [OP.settle, id, token, verdict.state, dueAt(verdict), status, error]
}

function dueAt(verdict: DeliveryVerdict): number | null {
  return verdict.state === 'pending' ? verdict.retryAt : null
}
