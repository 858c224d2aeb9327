/** What crosses to the writer's thread: arrays of primitives, which clone five times faster than objects. */
import type { DeliveryVerdict } from '../../domain/delivery.ts'
import type { StoredAnswer } from '../../domain/idempotency.ts'
import {
  type AttemptClaim,
  allAnswered,
  type Claim,
  type Commit,
  type NotificationSettlement,
  type Postponement,
  type Scope,
  type Settlement,
  type StoredNotification,
} from '../../ports/store.ts'
import { ALARMS, ATTEMPTS, CHARGES, DISPUTES, REFUNDS } from '../columns.ts'
import { live, type Row, rowWithDetails, type Value } from './rows.ts'
import type { ClockOps } from './write-clock.ts'

/** Operations of the writer thread, by their place 0 in the tuple. */
export const OP = {
  commit: 0,
  claim: 1,
  settle: 2,
  release: 3,
  retry: 4,
  purge: 5,
  ping: 6,
  claimAttempts: 7,
  postpone: 8,
  replaceRuleSet: 9,
  addNotification: 10,
  claimNotifications: 11,
  settleNotification: 12,
  purgeNotifications: 13,
  claimAttempt: 14,
  retryMany: 15,
  clock: 16,
} as const

export type CommitOp = readonly [
  op: typeof OP.commit,
  accountId: number,
  live: number,
  at: number,
  charge: Row,
  refund: Row | null,
  dispute: Row | null,
  attempts: readonly Row[],
  /** `body` is null when it is the event's data, here and in `answered`. */
  key: readonly [key: string, fingerprint: string, kind: string, body: string | null] | null,
  answered: readonly (readonly [key: string, kind: string, body: string | null])[],
  /** Null for the charge's own id. */
  transactionId: string | null,
  /** debit, credit, currency, amount, debit … */
  transfers: Row,
  event: readonly [id: string, type: string, data: string] | null,
  /** id, endpoint, id, endpoint … */
  deliveries: readonly string[],
  /** name, change, name, change … */
  counts: Row,
  held: readonly [attemptId: string, token: string | null] | null,
  alarms: readonly Row[],
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
export type RetryManyOp = readonly [
  typeof OP.retryMany,
  accountId: number,
  live: number,
  ids: readonly string[],
  now: number,
]
export type PurgeOp = readonly [typeof OP.purge, lastKey: number, limit: number]
export type PingOp = readonly [typeof OP.ping]
export type ClaimAttemptOp = readonly [
  typeof OP.claimAttempt,
  id: string,
  now: number,
  leaseUntil: number,
  token: string,
]
export type ClaimAttemptsOp = readonly [
  typeof OP.claimAttempts,
  provider: string,
  limit: number,
  waiting: number,
  freeOnly: 0 | 1,
  now: number,
  leaseUntil: number,
  token: string,
]
export type PostponeOp = readonly [
  typeof OP.postpone,
  id: string,
  token: string,
  state: string,
  reason: string | null,
  lookups: number,
  unknownSince: number | null,
  dueAt: number | null,
]
export type ReplaceRuleSetOp = readonly [
  typeof OP.replaceRuleSet,
  accountId: number,
  live: number,
  version: number,
  document: string,
  now: number,
]
export type AddNotificationOp = readonly [
  typeof OP.addNotification,
  id: string,
  provider: string,
  notificationId: string,
  about: string,
  reference: string | null,
  tries: number,
  receivedAt: number,
]
export type ClaimNotificationsOp = readonly [
  typeof OP.claimNotifications,
  limit: number,
  now: number,
  leaseUntil: number,
  token: string,
]
export type SettleNotificationOp = readonly [
  typeof OP.settleNotification,
  id: string,
  token: string,
  state: string,
  dueAt: number | null,
  error: string | null,
  tries: 0 | 1,
]
export type PurgeNotificationsOp = readonly [typeof OP.purgeNotifications, before: number, limit: number]
/** One of the writes about the clock, by its name. */
export type ClockOp = { [N in keyof ClockOps]: readonly [typeof OP.clock, N, ClockOps[N]] }[keyof ClockOps]
export type WriteOp =
  | CommitOp
  | ClaimOp
  | SettleOp
  | ReleaseOp
  | RetryOp
  | RetryManyOp
  | PurgeOp
  | PingOp
  | ClaimAttemptsOp
  | ClaimAttemptOp
  | PostponeOp
  | ReplaceRuleSetOp
  | AddNotificationOp
  | ClaimNotificationsOp
  | SettleNotificationOp
  | PurgeNotificationsOp
  | ClockOp

/**
 * What a commit op answers: 0 committed, or why not. A taken key answers what is stored of it, and a taken
 * reference the id of the attempt that has it.
 */
export const COMMIT = { committed: 0, versionConflict: 1, balanceLimit: 2, notHeld: 3 } as const

export function commitOp(commit: Commit): CommitOp {
  const { scope, charge, refund, dispute, key, event } = commit
  /** Most answers are what the event tells: stored once, and sent to the thread once. */
  const body = (answer: StoredAnswer) => (answer.body === event?.data ? null : answer.body)
  return [
    OP.commit,
    scope.accountId,
    live(scope),
    commit.at,
    rowWithDetails(CHARGES, charge),
    refund && rowWithDetails(REFUNDS, refund),
    dispute && DISPUTES.row(dispute),
    each(commit.attempts, ATTEMPTS.row),
    key && [key.key, key.fingerprint, key.answer.kind, body(key.answer)],
    each(allAnswered(commit), ({ key, answer }) => [key, answer.kind, body(answer)] as const),
    commit.transactionId === charge.id ? null : commit.transactionId,
    flatTransfers(commit),
    event && [event.id, event.type, event.data],
    inPairs(commit.deliveries, 'id', 'endpoint'),
    inPairs(commit.counts, 0, 1),
    commit.held && [commit.held.attemptId, commit.held.token],
    each(commit.alarms, ALARMS.row),
  ]
}

/** One empty array for all: a message carries it once. */
const NONE: readonly never[] = []

function each<T, U>(items: readonly T[], made: (item: T) => U): readonly U[] {
  return items.length === 0 ? NONE : items.map(made)
}

/** Two members of each item, in one flat array. By a loop: `flatMap` takes seven times as long. */
function inPairs<K extends PropertyKey, L extends PropertyKey, A extends Value, B extends Value>(
  items: readonly (Readonly<Record<K, A>> & Readonly<Record<L, B>>)[],
  first: K,
  second: L,
): readonly (A | B)[] {
  if (items.length === 0) return NONE
  const flat: (A | B)[] = []
  for (const item of items) flat.push(item[first], item[second])
  return flat
}

function flatTransfers({ transfers }: Commit): Row {
  if (transfers.length === 0) return NONE
  const flat: Value[] = []
  for (const { debit, credit, currency, amount } of transfers) flat.push(debit, credit, currency, amount)
  return flat
}

/** The characters of JSON that an operation keeps in memory while it waits. */
export function weight(op: WriteOp): number {
  if (op[0] !== OP.commit) return 0
  const [, , , , , , , , key, answered, , , event] = op
  const bodies = answered.reduce((sum, [, , body]) => sum + (body?.length ?? 0), 0)
  return (event?.[2].length ?? 0) + (key?.[3]?.length ?? 0) + bodies
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

export function claimAttemptsOp(claim: AttemptClaim): ClaimAttemptsOp {
  const { provider, limit, waiting = limit, freeOnly = false, now, leaseUntil, token } = claim
  return [OP.claimAttempts, provider, limit, waiting, freeOnly ? 1 : 0, now, leaseUntil, token]
}

export function postponeOp({ id, token, ...found }: Postponement): PostponeOp {
  return [OP.postpone, id, token, found.state, found.reason, found.lookups, found.unknownSince, found.dueAt]
}

export function replaceRuleSetOp(
  scope: Scope,
  version: number,
  document: string,
  now: number,
): ReplaceRuleSetOp {
  return [OP.replaceRuleSet, scope.accountId, live(scope), version, document, now]
}

export function addNotificationOp(notification: StoredNotification): AddNotificationOp {
  const { id, provider, notificationId, subject, tries, receivedAt } = notification
  return [
    OP.addNotification,
    id,
    provider,
    notificationId,
    subject.about,
    subject.about === 'attempt' ? subject.attemptId : subject.about === 'nothing' ? null : subject.reference,
    tries,
    receivedAt,
  ]
}

export function claimNotificationsOp(claim: Omit<AttemptClaim, 'provider'>): ClaimNotificationsOp {
  return [OP.claimNotifications, claim.limit, claim.now, claim.leaseUntil, claim.token]
}

export function settleNotificationOp(settlement: NotificationSettlement): SettleNotificationOp {
  const { id, token, state, dueAt, error, inVain = state !== 'done' } = settlement
  const due = state === 'pending' ? dueAt : null
  return [OP.settleNotification, id, token, state, due, error, inVain ? 1 : 0]
}
