/** The part of the store port that is about its clock. */
import type { KeptClock } from '../domain/clock.ts'

/** What a store knows of its clock. */
export type StoredClock = {
  /** Null when it has not been kept yet. */
  readonly kept: KeptClock | null
  /** By how much the clock was ever behind the time that an id begins with, in ms; see `setBack`. */
  readonly setBackMs: number
  /** Of each kind of row the greatest id, and when it was made, in ms since 1970. */
  readonly newest: readonly { readonly id: string; readonly createdAt: number }[]
}

/** A moment: the time that had been observed and what the clock said, in ms, and the last idempotency record then. */
export type Mark = { readonly observedMs: number; readonly wallMs: number; readonly lastKey: number }

/** Due work, each in the order of its due times. `unknown`: attempts that may have moved money; `waiting`: the others. */
export const QUEUES = ['deliveries', 'notifications', 'unknown', 'waiting'] as const
export type Queue = (typeof QUEUES)[number]

/** A stretch of a queue, whose rows are not to be due later than is given. Times are in ms since 1970. */
export type Stretch = {
  readonly queue: Queue
  /** The endpoint of deliveries, the provider of attempts; empty for notifications, which are one queue. */
  readonly name: string
  /** Rows after this one, in the order of their due times, and no more than the limit. */
  readonly after: { readonly dueAt: number; readonly id: string }
  readonly limit: number
  /** Rows that are due later than `latest` become due at `now`, and their leases end at `leaseUntil`. */
  readonly latest: number
  readonly now: number
  readonly leaseUntil: number
  /** For an authorization that is held `latest` is this, or the time at which it lapses where that is later. */
  readonly latestHeld: number
}
export type Stretched = {
  /** How many rows were changed. */
  readonly moved: number
  /** The last row that was looked at; null when there are no more. */
  readonly last: Stretch['after'] | null
}

export type ClockStore = {
  clock(): Promise<StoredClock>
  /** Keeps the clock, unless another node has: false when `seenMs` is not the observed time that is kept (null: none is). */
  keepClock(clock: KeptClock, seenMs: number | null): Promise<boolean>
  /** The clock is, or may be, so far behind the time that an id begins with; a smaller number than is kept changes nothing. */
  setBack(ms: number): Promise<void>
  /** Remembers which idempotency record is the last now. */
  addMark(observedMs: number, wallMs: number): Promise<void>
  /** The last mark at or before an observed time, after forgetting those before it; the clock is the least that it or a later mark said. */
  markAt(observedMs: number): Promise<Mark | undefined>
  /** Brings forward what is due too late, as after a clock was set back. */
  bringForward(stretch: Stretch): Promise<Stretched>
  /**
   * Deletes up to `limit` idempotency records, oldest first, up to the one that was the last at a mark; answers how many.
   * Those whose answer is still `accepted` stay: what they began has not ended. So does the newest of all, where its number
   * would be given to the next one.
   */
  purgeIdempotency(lastKey: number, limit: number): Promise<number>
}
