/** The part of the store port for commits; see ports/store. */
import type { Alarm } from '../domain/alarm.ts'
import type { Attempt } from '../domain/attempt.ts'
import type { AuditEntry } from '../domain/audit.ts'
import type { Charge, Count, Dispute, Refund } from '../domain/charge.ts'
import type { EventType } from '../domain/event.ts'
import type { FoundRecord, IdempotencyRecord, StoredEnding } from '../domain/idempotency.ts'
import type { Transfer } from '../domain/ledger.ts'
import type { Scope } from '../domain/scope.ts'
import type { LimitUse } from '../domain/velocity.ts'

/** A key that was stored before, and the new ending of its request. */
export type EndedKey = { readonly key: string; readonly ending: StoredEnding }

/** A new key, with the record of its request. */
export type KeyRecord = { readonly key: string } & IdempotencyRecord

export type Commit = {
  readonly scope: Scope
  /** ms since 1970; the time of everything in this commit. */
  readonly at: number
  /** Must not exist; is stored with the ending of its request. Null for a step without its own request. */
  readonly key: KeyRecord | null
  /** The new ending of an earlier key; ignored if the key was purged since. */
  readonly ended: EndedKey | null
  /** Other keys whose requests end with it. */
  readonly otherEnded?: readonly EndedKey[]
  /** With version 1 the charge is new; with version n it must be stored at version n - 1. */
  readonly charge: Charge
  /** New, or changed. */
  readonly refund: Refund | null
  readonly dispute: Dispute | null
  /**
   * New, or changed. An authorization's or a refund's `providerReference` must not be that of another
   * attempt of the same kind at the same provider.
   */
  readonly attempts: readonly Attempt[]
  /** New, or changed. */
  readonly alarms: readonly Alarm[]
  /** One of the attempts must still have exactly this token: no other worker has taken it over. */
  readonly lease: { readonly attemptId: string; readonly token: string | null } | null
  /** The ledger transaction of the transfers. */
  readonly transactionId: string
  /** Booked in their order; each becomes two entries, its debit and then its credit. */
  readonly transfers: readonly Transfer[]
  /** `data` is a snapshot as `encodeFacts` writes it. */
  readonly event: { readonly id: string; readonly type: EventType; readonly data: string } | null
  /** Each changes its counter, in the charge's currency, by one. */
  readonly counts: readonly Count[]
  /** Counters of velocity limits, each once: the new charge counts in all of them, or is refused. */
  readonly limits?: readonly LimitUse[]
  /** Of a person's change; its scope is the commit's. */
  readonly audit?: AuditEntry | null
}

const NONE: readonly EndedKey[] = []

/** Every earlier key whose ending a commit replaces. */
export function endedKeysOf({ ended, otherEnded = NONE }: Commit): readonly EndedKey[] {
  return ended ? [ended, ...otherEnded] : otherEnded
}

export type CommitResult =
  | { readonly kind: 'committed' }
  | { readonly kind: 'version_conflict' }
  /** Another worker has taken over the attempt in `lease`. */
  | { readonly kind: 'lease_lost' }
  | { readonly kind: 'key_exists'; readonly record: FoundRecord }
  | { readonly kind: 'balance_limit' }
  /** The provider used this reference for another attempt before. */
  | { readonly kind: 'reference_taken'; readonly attemptId: string }
  /** The charge would exceed this velocity limit, the first of the commit's. */
  | { readonly kind: 'limit_exceeded'; readonly limit: string }
