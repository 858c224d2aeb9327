/** The part of the store port for its clock. */
import type { KeptClock } from '../domain/clock.ts'

/** The stored state of a clock. */
export type StoredClock = {
  /** Null if it was never stored. */
  readonly kept: KeptClock | null
  /** The most that the clock was ever behind the time in an id, in ms; see `setBack`. */
  readonly setBackMs: number
  /** The greatest id of each kind of row, and when it was made, in ms since 1970. */
  readonly newest: readonly { readonly id: string; readonly createdAt: number }[]
}

/** A mark: the observed time and the clock's time, in ms, and the newest idempotency record at that time. */
export type ClockMark = { readonly observedMs: number; readonly wallMs: number; readonly lastKey: number }

/** Due work, each in the order of its due times. `unknown`: attempts that may have moved money; `waiting`: the others. */
export const QUEUES = ['deliveries', 'notifications', 'unknown', 'waiting'] as const
export type Queue = (typeof QUEUES)[number]

/** A range of a queue whose rows must not be due later than `latest`. Times are in ms since 1970. */
export type DueTimeChange = {
  readonly queue: Queue
  /** The provider of attempts; empty for deliveries and notifications, which are one queue each. */
  readonly name: string
  /** Rows after this one, in the order of their due times, and no more than the limit. */
  readonly after: { readonly dueAt: number; readonly id: string }
  readonly limit: number
  /** Rows that are due later than `latest` become due at `now`, and their leases end at `leaseUntil`. */
  readonly latest: number
  readonly now: number
  readonly leaseUntil: number
  /** For a held authorization, `latest` is this or its expiry, if that is later. */
  readonly latestHeld: number
}
export type DueTimesChanged = {
  /** The number of changed rows. */
  readonly moved: number
  /** The last row that was read; null if there are no more. */
  readonly last: DueTimeChange['after'] | null
}

export type ClockStore = {
  clock(): Promise<StoredClock>
  /**
   * Stores the clock, unless another node has: false if `seenMs` is not the stored observed time (null: there is
   * none).
   */
  keepClock(clock: KeptClock, seenMs: number | null): Promise<boolean>
  /**
   * The clock is, or may be, this far behind the time in an id; a smaller number than the stored one changes nothing.
   */
  setBack(ms: number): Promise<void>
  /** Stores a mark for the newest idempotency record. */
  addMark(observedMs: number, wallMs: number): Promise<void>
  /**
   * The last mark at or before an observed time; deletes earlier ones. Its clock is the earliest of its own and those
   * of later marks.
   */
  markAt(observedMs: number): Promise<ClockMark | undefined>
  /** Makes rows due that are due too late, for example after the clock was set back. */
  bringForward(stretch: DueTimeChange): Promise<DueTimesChanged>
  /**
   * Deletes up to `limit` idempotency records, oldest first, up to the newest one of a mark; returns the number.
   * Keeps records that are still `accepted`, because their requests have not ended, and the newest of all if the next
   * record would get its number.
   */
  purgeIdempotency(lastKey: number, limit: number): Promise<number>
}
