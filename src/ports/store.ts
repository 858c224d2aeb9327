/**
 * The store port: all data of MiniPay.
 *
 * Words: a *scope* is an account and a mode (test or live); a *commit* is a set of changes that become visible
 * together; an *entry* is one side of a transfer, as the ledger shows it; an *event* is a change as clients see it, numbered by *sequence* in each
 * scope, without gaps within an *epoch*; a *claim* takes
 * due work under a *lease*, and the settlement of that work repeats the claim's *token*; an *attempt* is one call to a
 * provider, *open* until its outcome is known; a *notification* is a call from a provider to MiniPay; an *alarm* is a
 * statement of a provider that contradicts the books.
 *
 * Every method rejects with `StoreUnavailable` while the database is unavailable, and then has changed nothing. One
 * exception: a commit whose disk sync failed may turn out to be stored, under its idempotency key.
 */
import type { Alarm, AlarmKind } from '../domain/alarm.ts'
import type { Attempt, AttemptKind, AttemptState } from '../domain/attempt.ts'
import type { Actor, AuditEntry } from '../domain/audit.ts'
import type { Charge, ChargeCounter, ChargeStatus, Dispute, Refund } from '../domain/charge.ts'
import type { Epoch } from '../domain/epoch.ts'
import type { EventType } from '../domain/event.ts'
import type { FoundRecord } from '../domain/idempotency.ts'
import { type Mode, OPERATOR_ACCOUNT, type Scope } from '../domain/scope.ts'
import type { EventPart } from '../domain/snapshot.ts'
import type { NotificationSubject } from './provider.ts'
import type { AccessStore } from './store-access.ts'
import type { AuditStore } from './store-audit.ts'
import type { ClockStore } from './store-clock.ts'
import type { Commit, CommitResult, KeyRecord } from './store-commit.ts'
import type { LedgerStore } from './store-ledger.ts'
import type { LimitStore } from './store-limits.ts'
import type { PauseStore } from './store-pauses.ts'
import type { RetentionStore } from './store-retention.ts'
import type { SessionStore } from './store-sessions.ts'
import type { StatisticsStore } from './store-statistics.ts'
import type { SystemStore } from './store-system.ts'
import type { WebhookStore } from './store-webhooks.ts'

export type { Scope } from '../domain/scope.ts'
export { type Commit, type CommitResult, type EndedKey, endedKeysOf, type KeyRecord } from './store-commit.ts'
export { StoreUnavailable } from './store-unavailable.ts'

/** The scope of requests without an API key: the operator's account, which the first migration made, in test mode. */
export const KEYLESS_SCOPE: Scope = { accountId: OPERATOR_ACCOUNT, mode: 'test' }

/** A page of a list ordered by id, newest first. At most one cursor is given. */
export type PageQuery = {
  readonly limit: number
  /** The oldest first: then the page after a cursor has newer objects. */
  readonly oldestFirst?: boolean
  readonly startingAfter?: string
  readonly endingBefore?: string
  readonly customer?: string
  readonly currency?: string
  /** ms since 1970, inclusive. */
  readonly createdFrom?: number
  /** ms since 1970, exclusive. */
  readonly createdUntil?: number
  /**
   * The most rows that the store looks at for one page, when an index alone does not choose them; 10,000 unless given.
   * Then the page ends, and has `next`.
   */
  readonly most?: number
}
type ObjectQuery<Status> = PageQuery & {
  /** One of these. */
  readonly status?: Status | readonly Status[]
  readonly declineCode?: string
  /** In minor units, both inclusive. */
  readonly amountFrom?: number
  readonly amountTo?: number
}
export type ChargeQuery = ObjectQuery<ChargeStatus> & { readonly provider?: string }
export type RefundQuery = ObjectQuery<Refund['status']> & { readonly chargeId?: string }
export type Page<T> = {
  readonly data: readonly T[]
  readonly hasMore: boolean
  /**
   * The cursor of the following page, if the page ended before it was full, because its filters have no index that finds
   * more at once. Without it, the cursor is the last object.
   */
  readonly next?: string
}

export type StoredEvent = {
  readonly sequence: number
  readonly id: string
  readonly type: EventType
  readonly createdAt: number
  readonly data: string
  /** The id of the epoch that its sequence belongs to. */
  readonly epoch: string
}
/** Commits are stored at most this long after their time, in ms; so far events may be out of the order of their times. */
export const MOST_DISORDER_MS = 120_000

export type EventQuery = {
  /** Events with a greater sequence. */
  readonly after: number
  /** Events with a smaller sequence, newest first; without it, the oldest come first. */
  readonly before?: number
  readonly limit: number
  /** Without any: of every type. */
  readonly types?: readonly EventType[]
  /** A charge or a webhook endpoint; with a part, only the charge's events that show this refund, dispute or alarm. */
  readonly object?: {
    readonly id: string
    readonly part?: EventPart
  }
  /** ms since 1970, inclusive. */
  readonly createdFrom?: number
  /** ms since 1970, exclusive. */
  readonly createdUntil?: number
}
/** A page of events, with the newest epoch of their numbers. */
export type EventPage = Page<StoredEvent> & { readonly epoch: Epoch }

export type LedgerAccount = {
  readonly account: string
  readonly currency: string
  readonly balance: bigint
}

export type LedgerEntry = {
  readonly sequence: number
  readonly transactionId: string
  readonly account: string
  readonly currency: string
  readonly amount: number
  readonly createdAt: number
}
export type EntryQuery = {
  readonly limit: number
  /** Entries before this sequence, newest first. */
  readonly before?: number
  readonly transactionId?: string
  readonly account?: string
  readonly currency?: string
  /** ms since 1970, inclusive. */
  readonly createdFrom?: number
  /** ms since 1970, exclusive. */
  readonly createdUntil?: number
}

export type CurrencyTotals = { readonly currency: string } & Readonly<Record<ChargeCounter, number>>

export type ModeTotals = CurrencyTotals & { readonly mode: Mode }

export type AttemptQuery = Omit<PageQuery, 'endingBefore' | 'customer' | 'currency'> & {
  /** Without any: of every state. */
  readonly states?: readonly AttemptState[]
  readonly chargeId?: string
  readonly provider?: string
  readonly kind?: AttemptKind
  /** Attempts that have been unknown since before this time, in ms since 1970. */
  readonly unknownBefore?: number
}

/** An attempt with its scope. */
export type ScopedAttempt = { readonly scope: Scope; readonly attempt: Attempt }

export type AttemptClaim = {
  readonly provider: string
  readonly limit: number
  /** How many of those at most may be attempts that wait (see `claimAttempts`); as many as the limit unless given. */
  readonly waiting?: number
  /** Claims none under a lease, even one that seems to have ended; false unless given. */
  readonly freeOnly?: boolean
  readonly now: number
  readonly leaseUntil: number
  readonly token: string
}

/** Postpones a claimed attempt whose outcome is still unknown. */
export type Postponement = {
  readonly id: string
  readonly token: string
  readonly state: AttemptState
  readonly reason: string | null
  readonly lookups: number
  readonly unknownSince: number | null
  /** ms since 1970; null when no worker needs to look again. */
  readonly dueAt: number | null
}

/** Over all scopes: what operators watch. */
export type AttemptTotals = {
  readonly byState: Readonly<Record<AttemptState, number>>
  /** When the oldest unknown attempt became so, in ms since 1970. */
  readonly oldestUnknownSince: number | null
  /** Unknown attempts that became so before the given time. */
  readonly overdue: number
}

/** How attempts use a provider, configured or not. */
export type ProviderUse = {
  readonly provider: string
  /** It returned its own references, so it is outside this process, and not the in-process sandbox. */
  readonly remote: boolean
  /** It returned references of any kind, so it has taken payments. */
  readonly taken: boolean
  /** Attempts with an unknown outcome; counts at most the oldest thousand of each state. */
  readonly openAttempts: number
}

/** What the history says of a version of the routing rules. */
export type RuleSetVersion = {
  readonly version: number
  /** Who stored it; null for a version from before MiniPay kept that. */
  readonly author: Actor | null
  /** Why, in the author's words; null without any. */
  readonly note: string | null
  readonly createdAt: number
  /** Whether these are the built-in rules, after a reset. */
  readonly isBuiltIn: boolean
}
export type StoredRuleSet = Omit<RuleSetVersion, 'isBuiltIn'> & { readonly document: string }
/** A version to be stored. Its author is the actor of its audit entry. */
export type NewRuleSet = Pick<StoredRuleSet, 'document' | 'note' | 'createdAt'>

/** A provider's verified notification, to be handled. */
export type StoredNotification = {
  readonly id: string
  readonly provider: string
  /** The provider's id of it; a second one with the same id is a duplicate. */
  readonly notificationId: string
  readonly subject: NotificationSubject
  /** How often handling it failed. */
  readonly tries: number
  readonly receivedAt: number
}
export type NotificationSettlement = {
  readonly id: string
  readonly token: string
  readonly state: 'done' | 'pending' | 'failed'
  /** When it is handled again; null unless pending. */
  readonly dueAt: number | null
  readonly error: string | null
  /** Whether an unfinished run counts as a try; default true. */
  readonly inVain?: boolean
}

/** A dispute with its scope. */
export type ScopedDispute = { readonly scope: Scope; readonly dispute: Dispute }

export type DisputeQuery = {
  readonly limit: number
  readonly startingAfter?: string
  readonly chargeId?: string
  readonly status?: Dispute['status']
}

/** Open disputes whose evidence is due before a time in ms since 1970. */
export type DueDisputeQuery = {
  readonly limit: number
  readonly dueBefore: number
  /** The last dispute of the page before. If it has no deadline any more, nothing follows. */
  readonly startingAfter?: string
}

export type AlarmQuery = {
  readonly limit: number
  readonly startingAfter?: string
  readonly state?: Alarm['state']
  readonly chargeId?: string
  readonly provider?: string
}

/** How many alarms of each kind are open, over all scopes: what operators watch. Counters, kept by the commits. */
export type AlarmTotals = Readonly<Record<AlarmKind, number>>

type Parts = AccessStore &
  AuditStore &
  ClockStore &
  LedgerStore &
  LimitStore &
  PauseStore &
  RetentionStore &
  StatisticsStore &
  SessionStore &
  SystemStore &
  WebhookStore

export type Store = Parts & {
  commit(commit: Commit): Promise<CommitResult>

  idempotencyRecord(scope: Scope, key: string): Promise<FoundRecord | undefined>
  /** Stores the record of a request that made no commit; `at` is in ms since 1970. False if the key exists. */
  addIdempotencyRecord(scope: Scope, record: KeyRecord, at: number): Promise<boolean>
  charge(scope: Scope, id: string): Promise<Charge | undefined>
  charges(scope: Scope, query: ChargeQuery): Promise<Page<Charge>>
  refund(scope: Scope, id: string): Promise<Refund | undefined>
  refunds(scope: Scope, query: RefundQuery): Promise<Page<Refund>>
  /** Events after a sequence, oldest first unless `before` is given; a reader that has seen N never finds a smaller one later. */
  events(scope: Scope, query: EventQuery): Promise<EventPage>
  event(scope: Scope, id: string): Promise<StoredEvent | undefined>
  /** The sequence of the scope's last event; 0 without one. */
  lastEventSequence(scope: Scope): Promise<number>
  ledgerAccounts(scope: Scope): Promise<LedgerAccount[]>
  ledgerEntries(scope: Scope, query: EntryQuery): Promise<Page<LedgerEntry>>
  currencyTotals(scope: Scope): Promise<CurrencyTotals[]>
  /** The sums of `currencyTotals` over the accounts, for each mode: what operators watch. */
  modeTotals(): Promise<ModeTotals[]>
  /** Both of the above from one snapshot. */
  balances(scope: Scope): Promise<{ totals: CurrencyTotals[]; accounts: LedgerAccount[] }>

  /** Newest first, unless `oldestFirst`. */
  attempts(scope: Scope, query: AttemptQuery): Promise<Page<Attempt>>
  /** By its id, in any scope. */
  attempt(id: string): Promise<ScopedAttempt | undefined>
  /** The authorization or the refund to which the provider gave this reference. */
  attemptByReference(
    provider: string,
    kind: 'authorize' | 'refund',
    reference: string,
  ): Promise<ScopedAttempt | undefined>
  /**
   * Claims up to `limit` attempts at a provider that are due, those whose lease ran out included: first those that may
   * have moved money (`unknown`, `sending`), then those that wait (`pending`, and authorizations whose time has come).
   */
  claimAttempts(claim: AttemptClaim): Promise<ScopedAttempt[]>
  /** Claims one unknown or pending attempt without a lease, due or not; undefined if that is impossible. */
  claimAttempt(
    id: string,
    claim: Omit<AttemptClaim, 'provider' | 'limit' | 'freeOnly'>,
  ): Promise<ScopedAttempt | undefined>
  /** False when the token no longer holds the attempt; then nothing was written. */
  postponeAttempt(postponement: Postponement): Promise<boolean>
  /**
   * Providers that attempts name: at most a hundred that have taken payments, those with open attempts, and those of the
   * newest thousand attempts that failed in each way. Bounded by indexes, for now and then.
   */
  providerUse(scope: Scope): Promise<ProviderUse[]>
  /** The first scopes, by account and mode, that have charges or routing rules. */
  usedScopes(limit: number): Promise<Scope[]>
  /** Attempts over all scopes; `overdueBefore` is in ms since 1970. */
  attemptTotals(overdueBefore: number): Promise<AttemptTotals>
  /** Pending attempts over all scopes that began before a time in ms since 1970. */
  pendingSince(before: number): Promise<number>

  dispute(scope: Scope, id: string): Promise<Dispute | undefined>
  /** Newest first; those of one charge when `chargeId` is given. */
  disputes(scope: Scope, query: DisputeQuery): Promise<Page<Dispute>>
  /** The soonest deadline first, and of equal ones in the order of the ids. */
  dueDisputes(scope: Scope, query: DueDisputeQuery): Promise<Page<Dispute>>
  disputeByReference(scope: Scope, provider: string, reference: string): Promise<Dispute | undefined>
  /** The dispute to which a provider that serves this mode gave the reference, in any account. */
  disputeInMode(mode: Mode, provider: string, reference: string): Promise<ScopedDispute | undefined>

  alarm(scope: Scope, id: string): Promise<Alarm | undefined>
  /** Newest first; those of one charge when `chargeId` is given. A page by `provider` may end early, with `next`. */
  alarms(scope: Scope, query: AlarmQuery): Promise<Page<Alarm>>
  alarmTotals(): Promise<AlarmTotals>

  /** The newest rule set; undefined when none was stored. */
  ruleSet(scope: Scope): Promise<StoredRuleSet | undefined>
  ruleSetVersion(scope: Scope, version: number): Promise<StoredRuleSet | undefined>
  /** Newest first; those before a version. */
  ruleSetVersions(
    scope: Scope,
    query: { readonly limit: number; readonly before?: number },
  ): Promise<Page<RuleSetVersion>>
  /** Stores the next version, and keeps `KEPT_VERSIONS`. False when `version` is no longer the newest (0: none is stored). */
  replaceRuleSet(scope: Scope, version: number, next: NewRuleSet, audit: AuditEntry): Promise<boolean>

  /** False when it was stored before; one that failed is due again then. It is due at `receivedAt`. */
  addNotification(notification: StoredNotification): Promise<boolean>
  claimNotifications(claim: Omit<AttemptClaim, 'provider' | 'freeOnly'>): Promise<StoredNotification[]>
  /** False when the token no longer holds it; then nothing was written. */
  settleNotification(settlement: NotificationSettlement): Promise<boolean>
  /** Deletes up to `limit` notifications that were received before `before` and are settled, oldest first; returns their number. */
  purgeNotifications(before: number, limit: number): Promise<number>

  /** The time in ms since 1970 by the database's clock: every node that shares the database has the same. */
  now(): number
  /** Writes of this process that wait for their commit now. */
  waitingWrites(): number
  /** Size of the write-ahead log in bytes; undefined if the engine does not report it. */
  logBytes(): number | undefined
  /** Writes without a change: resolves if the store takes commits. After a failed one, rejects until one succeeds. */
  ready(): Promise<void>
  close(): Promise<void>
}
