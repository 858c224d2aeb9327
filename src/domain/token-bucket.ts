/**
 * Token buckets: each request takes a token, and tokens come back at a steady rate. A bucket is one number, the time at
 * which it will be full again (the generic cell rate algorithm, ITU-T I.371), so an unused bucket needs no memory.
 */

export type Rate = {
  /** The most tokens, which can be taken at once. */
  readonly burst: number
  readonly perSecond: number
}

export type Taken = {
  /** Whether the bucket had a whole token. If not, it is unchanged. */
  readonly allowed: boolean
  /** When the bucket will be full, in ms of the given clock. */
  readonly fullAt: number
  /** Whole tokens that remain. */
  readonly remaining: number
  /** Whole seconds until the bucket is full, rounded up. */
  readonly fullInS: number
  /** Whole seconds until the next token, rounded up and at least 1; 0 while there is one. */
  readonly retryAfterS: number
}

/** A part of a token: an interval such as a third of a second has no exact number of ms. */
const ROUNDING = 1e-6

/**
 * Takes a token from the bucket that is full at `fullAt`, both in ms of a clock that is never set. A bucket that was
 * never used is full at any time of the past.
 */
export function takeToken({ burst, perSecond }: Rate, fullAt: number, now: number): Taken {
  const interval = 1_000 / perSecond
  const missing = Math.max(fullAt - now, 0) / interval
  const allowed = missing <= burst - 1 + ROUNDING
  const left = burst - missing - (allowed ? 1 : 0) + ROUNDING
  const newFullAt = allowed ? Math.max(fullAt, now) + interval : fullAt
  return {
    ...{ allowed, fullAt: newFullAt, remaining: Math.floor(left) },
    fullInS: Math.ceil(Math.max(newFullAt - now, 0) / 1_000),
    retryAfterS: left >= 1 ? 0 : Math.max(1, Math.ceil(((1 - left) * interval) / 1_000)),
  }
}
