/** The part of the store port for the retention of events. */
import type { Scope } from '../domain/scope.ts'

export type EventPurge = {
  /** Events created before are old; ms since 1970. */
  readonly before: number
  /** Reads at most this many links of the hash chain, each with its rows. */
  readonly limit: number
  /** The id `aud_…` and the time (ms since 1970) of the audit entry. */
  readonly entry: { readonly id: string; readonly at: number }
}

export type PurgedEvents = {
  readonly deleted: number
  /** False: there may be more to delete. */
  readonly done: boolean
  /** Why it deleted nothing, as a sentence: the hash chain does not match the rows. */
  readonly problem?: string
}

export type DeliveryPurge = {
  /** Deletes delivered ones that were settled before; ms since 1970. */
  readonly before: number
  /** Looks at the deliveries after this id, the oldest first; null: at all. */
  readonly after: string | null
  /** Looks at most at so many, of any state. */
  readonly limit: number
}

export type PurgedDeliveries = {
  readonly deleted: number
  /** The last id that it looked at; null: no more deliveries are old enough. */
  readonly next: string | null
}

export type RetentionStore = {
  /** Deletes delivered deliveries of a scope. A caller who continues with `next` looks at each delivery once. */
  purgeDeliveries(scope: Scope, purge: DeliveryPurge): Promise<PurgedDeliveries>
  /**
   * Deletes the oldest events of a scope in one transaction, with their delivered deliveries and those of deleted
   * endpoints: whole links of the hash chain whose events are all old. Never deletes the last event; one that an endpoint,
   * a running replay, or a pending or failed delivery still needs; or one that a stored idempotency key may name. A disabled
   * endpoint needs its events, too; only a deleted one does not, nor does `default` without a target. When it is done, it
   * stores an audit entry over all that was deleted since the last one.
   */
  purgeEvents(scope: Scope, purge: EventPurge): Promise<PurgedEvents>
  /**
   * The ids of disabled endpoints of the scope, up to 100, that still need an event which was created before `before` (ms
   * since 1970): while they are neither enabled nor deleted, the event stays.
   */
  disabledHolders(scope: Scope, before: number): Promise<string[]>
  /** The sequence of the last deleted event; 0 if none was deleted. */
  eventsPurgedTo(scope: Scope): Promise<number>
}
