/**
 * The part of the store port for webhooks. The event log is the queue: an endpoint has a cursor over the events of its
 * scope, and a delivery has a row only once its first attempt ended, or while it waits for an earlier one of its object.
 *
 * Words: the *position* of a cursor is the greatest sequence up to which every event is settled, passed by the endpoint's
 * filter, or stored as a delivery; the *backlog* is the events after it; the *holder* of a cursor is the process whose
 * token it has; a *replay* is a second, bounded cursor of an endpoint; the *dead letter* is the failed deliveries.
 */
import type { AuditEntry } from '../domain/audit.ts'
import type { EventType } from '../domain/event.ts'
import type { Mode, Scope } from '../domain/scope.ts'
import type { Delivery, DeliveryState, DeliveryTry } from '../domain/webhooks/delivery.ts'
import type { WebhookEndpoint } from '../domain/webhooks/endpoint.ts'
import type { Replay, ReplayState } from '../domain/webhooks/replay.ts'
import type { KeyRecord, Page, PageQuery, StoredEvent } from './store.ts'

/** A page of a list by id, newest first. At most one cursor is given. */
export type WebhookPageQuery = Pick<PageQuery, 'limit' | 'startingAfter' | 'endingBefore'>

export type WebhookDeliveryQuery = Pick<
  PageQuery,
  'limit' | 'startingAfter' | 'endingBefore' | 'createdFrom' | 'createdUntil'
> & {
  readonly endpoint?: string
  readonly eventType?: EventType
  readonly state?: DeliveryState
  /** The error of the last attempt. */
  readonly error?: string
  /** Of this event, or of the events of this charge; with `eventTime`, which finds them. */
  readonly eventSequence?: number
  readonly object?: string
  /** The digits of time in the id of the event; see `eventTimeOf`. */
  readonly eventTime?: string
}

/** A failed delivery, with the result of its last attempt. */
export type FailedDelivery = Pick<Delivery, 'id' | 'endpoint' | 'eventType' | 'createdAt'> & {
  /** The HTTP status; null without a response. */
  readonly status: number | null
  readonly error: string | null
}

export type SealedQuery = {
  readonly after: Pick<WebhookEndpoint, 'scope' | 'id'> | null
  readonly limit: number
}

/** How far an endpoint is. */
export type WebhookCursor = {
  readonly position: number
  /** The exact number of events after the position; epochs leave gaps in the numbers that do not count. */
  readonly backlog: number
  /** Stored deliveries that wait for an attempt. */
  readonly pending: number
  readonly failed: number
  /** The time of the first failure after the last success, in ms since 1970; null: the last attempt succeeded. */
  readonly failingSince: number | null
  /** When the event that warns of it was stored, in ms since 1970. */
  readonly warnedAt: number | null
}

export type WebhookHour = { readonly hour: number; readonly attempts: number; readonly succeeded: number }

export type CursorClaim = {
  readonly now: number
  /** Until then no other process can claim them; ms since 1970. */
  readonly leaseUntil: number
  /** Proof of the claim; each process has one of its own for all its cursors. */
  readonly token: string
  /** Claims at most this many more. */
  readonly limit: number
  /** Versions of endpoints that it claims no cursor of, because this process cannot sign for them; none unless given. */
  readonly leave?: readonly Pick<WebhookEndpoint, 'scope' | 'id' | 'version'>[]
}

/** A cursor under a lease, with its endpoint as it is now. */
export type HeldCursor = {
  readonly endpoint: WebhookEndpoint
  readonly position: number
  /**
   * The greatest sequence of a stored delivery, or 0. A former holder may have stored some after the position: see
   * `storedDeliveries`.
   */
  readonly reach: number
  readonly failingSince: number | null
  readonly warnedAt: number | null
  /** Those that run, the oldest first. */
  readonly replays: readonly Replay[]
}

/** A stored delivery, and its event. */
export type DueDelivery = { readonly delivery: Delivery; readonly event: StoredEvent }

export type NumberedType = Pick<StoredEvent, 'sequence' | 'type'>

/** The event of a failed delivery. */
export type FailedEvent = NumberedType & {
  /** The error of the last attempt. */
  readonly error: string | null
}

/** The end of one attempt; or, without a try, a delivery that waits for an earlier one of its object. */
export type DeliveryResult = {
  readonly delivery: Pick<Delivery, 'id' | 'eventSequence' | 'eventId' | 'eventType' | 'object' | 'createdAt'>
  /** As it was read; null: it was not stored. */
  readonly revision: number | null
  readonly state: DeliveryState
  /** The time of its next attempt; null if it is settled, or waits for an earlier one of its object. */
  readonly dueAt: number | null
  readonly try: DeliveryTry | null
}

/** All that happened at one endpoint since the last batch. */
export type DeliveryBatch = {
  readonly scope: Scope
  readonly endpoint: string
  readonly token: string
  /** ms since 1970. */
  readonly at: number
  /** The new position; a smaller one than the stored changes nothing, and so does null. */
  readonly position: number | null
  /** Null: as stored. */
  readonly failing: { readonly since: number | null; readonly warnedAt: number | null } | null
  readonly results: readonly DeliveryResult[]
  /** The progress of a replay; one that was canceled stays so. */
  readonly replay: {
    readonly id: string
    readonly position: number
    readonly sent: number
    readonly delivered: number
    readonly state: Exclude<ReplayState, 'canceled'>
  } | null
  /** Left out, with the event, if the endpoint is no longer stored as in `before`. */
  readonly change: {
    readonly before: WebhookEndpoint
    readonly after: WebhookEndpoint
    readonly audit: AuditEntry | null
  } | null
  /** An event about the endpoint itself; `data` is a snapshot. */
  readonly event: { readonly id: string; readonly type: EventType; readonly data: string } | null
}

/** What operators watch. */
export type BacklogTotal = {
  readonly scope: Scope
  readonly endpoint: string
  readonly backlog: number
  readonly pending: number
  readonly failed: number
}

export type WebhookStore = {
  /**
   * Stores a new endpoint. Its cursor begins after the last event of its scope. False if the id exists, if the account
   * does not or is closed, or if the scope has `MAX_ENDPOINTS` already.
   */
  addWebhookEndpoint(endpoint: WebhookEndpoint, audit: AuditEntry | null): Promise<boolean>
  /**
   * Stores `after`. False, and nothing is stored, unless the version of `before` is stored and not deleted. Deleted, its
   * row stays; its cursor goes, and its pending deliveries fail and its running replays are canceled at the time of
   * `deletedAt`. Disabled, its cursor stays where it is, and its holder can still record. Enabled again, it has not
   * failed yet.
   */
  changeWebhookEndpoint(
    before: WebhookEndpoint,
    after: WebhookEndpoint,
    audit: AuditEntry | null,
  ): Promise<boolean>
  /**
   * Makes this the endpoint `DEFAULT_ENDPOINT` of its scope, and disables that of every other scope; null disables all.
   * It begins after the last event of the scope, also if it was disabled before. Nothing changes if it is stored so.
   */
  setDefaultWebhookEndpoint(endpoint: WebhookEndpoint | null): Promise<void>
  /** Deleted ones too. */
  webhookEndpoint(scope: Scope, id: string): Promise<WebhookEndpoint | undefined>
  /** Those that are not deleted, newest first; `DEFAULT_ENDPOINT` is the last. */
  webhookEndpoints(scope: Scope, query: WebhookPageQuery): Promise<Page<WebhookEndpoint>>
  /**
   * Endpoints of every scope that have a sealed secret and are not deleted, after one of them, by account, mode and id:
   * for the command that seals them under another key.
   */
  sealedWebhookEndpoints(query: SealedQuery): Promise<Page<WebhookEndpoint>>
  /** Undefined if the endpoint does not exist or was deleted. */
  webhookCursor(scope: Scope, id: string): Promise<WebhookCursor | undefined>
  /** The attempts at an endpoint in each hour since 1970 from `hour` on, the earliest first; an hour without any is left out. */
  webhookHours(scope: Scope, endpoint: string, hour: number): Promise<WebhookHour[]>

  /**
   * Renews the leases that the token holds, once less than half of their time is left, and claims up to `limit` cursors
   * of enabled endpoints that have no lease, or one that ended. A lease that ends later than one from now would is of a
   * clock that was set back, and has ended. Returns all that the token holds; a cursor that is missing was lost, disabled
   * or deleted.
   */
  claimWebhookCursors(claim: CursorClaim): Promise<HeldCursor[]>
  /**
   * How many cursors each process should hold at most, so that all living ones hold as many; of an embedded database,
   * which has one process, `Number.MAX_SAFE_INTEGER`.
   */
  webhookShare(): Promise<number>
  /** Ends every lease of the token, or those of `only` these endpoints, so that others can claim the cursors at once. */
  releaseWebhookCursors(token: string, only?: readonly Pick<WebhookEndpoint, 'scope' | 'id'>[]): Promise<void>
  /**
   * Events after a sequence, up to and including `to`, oldest first. The page may end early if their data is long: only
   * `hasMore` says whether more follow. It has one event at least, if there is one.
   */
  eventsToDeliver(
    scope: Scope,
    query: { readonly after: number; readonly to?: number; readonly limit: number },
  ): Promise<Page<StoredEvent>>
  /** Those of the deliveries that are stored, without order: a replay, or a new holder, reads them before it sends. */
  storedDeliveries(scope: Scope, ids: readonly string[]): Promise<Delivery[]>
  /**
   * Pending deliveries that are due, in order of their due times. The page may end early, as of `eventsToDeliver`.
   * `putBack`: only those that somebody put back, and that were not tried since.
   */
  dueDeliveries(
    scope: Scope,
    endpoint: string,
    query: { readonly now: number; readonly limit: number; readonly putBack?: boolean },
  ): Promise<Page<DueDelivery>>
  /** The earliest due time of a pending delivery, in ms since 1970; null if none is due at any time. */
  nextDue(scope: Scope, endpoint: string): Promise<number | null>
  /** Those of the objects that have a pending delivery at the endpoint. */
  blockedObjects(scope: Scope, endpoint: string, objects: readonly string[]): Promise<string[]>
  /** Failed deliveries of events after a sequence, up to and including `to`, oldest first. The page may end early, as above. */
  failedDeliveriesOf(
    scope: Scope,
    endpoint: string,
    query: {
      readonly after: number
      readonly to: number
      readonly types: readonly string[] | null
      /** The error of the last attempt; null: any. */
      readonly error?: string | null
      readonly limit: number
    },
  ): Promise<Page<DueDelivery>>
  /** The types of events after a sequence, up to and including `to`, oldest first. */
  eventTypes(
    scope: Scope,
    query: { readonly after: number; readonly to: number; readonly limit: number },
  ): Promise<Page<NumberedType>>
  /** The events of the failed deliveries of an endpoint, in the same range and order. */
  failedEvents(
    scope: Scope,
    endpoint: string,
    query: { readonly after: number; readonly to: number; readonly limit: number },
  ): Promise<Page<FailedEvent>>
  /**
   * Stores the batches in one transaction. False for a batch whose token no longer holds its cursor: nothing of it is
   * stored.
   *
   * The try of a result is added to the stored delivery. If that has another revision than the result, or is stored and
   * the result has none, its state, attempts and due time stay: somebody put it back, or another holder stored it.
   * Otherwise its attempts grow by one; with the try of a replay they are one, because the schedule begins anew.
   * A new delivery that waits becomes due at once if no earlier one of its object is pending. When a delivery of an
   * ordered endpoint ends, the next pending one of its object is due at the time of the batch.
   */
  recordDeliveries(batches: readonly DeliveryBatch[]): Promise<readonly boolean[]>
  /**
   * Stores the tries of attempts that were in flight when their endpoint was deleted, which ended its cursor: its delivery
   * is delivered or failed, and the result's next attempt is ignored. Nothing else of the batches is stored. False for a
   * batch whose endpoint is not deleted: nothing of it is stored.
   */
  recordLastTries(batches: readonly DeliveryBatch[]): Promise<readonly boolean[]>

  /** Newest first. */
  webhookDeliveries(scope: Scope, query: WebhookDeliveryQuery): Promise<Page<Delivery>>
  webhookDelivery(scope: Scope, id: string): Promise<Delivery | undefined>
  /**
   * Puts a delivery back, in any state and any number of times: pending, due at `now`, with its attempts at zero and its
   * next revision. At an ordered endpoint it waits (`dueAt` null) behind an earlier pending one of its object. False if it does not exist, or its endpoint was deleted.
   */
  retryWebhookDelivery(scope: Scope, id: string, now: number, audit: AuditEntry): Promise<boolean>
  /** As `retryWebhookDelivery`, for those that are failed; returns their number. Without any it stores no entry. */
  retryWebhookDeliveries(
    scope: Scope,
    ids: readonly string[],
    now: number,
    audit: AuditEntry,
  ): Promise<number>
  /**
   * Failed deliveries of every endpoint, with ids between `after` and `before`, both exclusive; the oldest first, unless
   * `newestFirst`.
   */
  failedWebhookDeliveries(
    scope: Scope,
    query: {
      readonly after: string
      readonly before: string
      readonly limit: number
      readonly newestFirst?: boolean
    },
  ): Promise<Page<FailedDelivery>>

  /**
   * Stores a replay, with the record of its request's key if there is one. False if the endpoint does not exist or was
   * deleted, if the replay is running and `MAX_REPLAYS` of the endpoint are already, or if the key exists. Those of
   * concurrent calls count, too.
   */
  addReplay(replay: Replay, audit: AuditEntry | null, key?: KeyRecord | null): Promise<boolean>
  replay(scope: Scope, id: string): Promise<Replay | undefined>
  /** Newest first. */
  replays(scope: Scope, endpoint: string, query: WebhookPageQuery): Promise<Page<Replay>>
  /** False unless it is running. */
  cancelReplay(scope: Scope, id: string, now: number, audit: AuditEntry | null): Promise<boolean>

  /** Over all accounts, in one mode or in both; `pending` includes the backlogs of enabled endpoints. */
  webhookDeliveryTotals(mode?: Mode): Promise<WebhookDeliveryTotals>
  /** Of up to `limit` enabled endpoints in all scopes, those with the most work first. */
  backlogTotals(limit: number): Promise<BacklogTotal[]>
  /**
   * Calls the listener when another process stored events or put work back: with the scope, or with null when any may
   * have some. A call may be missing. An embedded database has no other process.
   */
  onRemoteEvents(listener: (scope: Scope | null) => void): void
}

/** Counters of deliveries, kept by the writes that change them. */
export type WebhookDeliveryTotals = {
  readonly pending: number
  readonly delivered: number
  readonly failed: number
  readonly retries: number
}
