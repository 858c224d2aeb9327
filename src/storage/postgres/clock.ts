/** The database's time in ms since 1970, as SQL. */
export const NOW = `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`

/** How long a sample counts, in ms, even if later samples differ. */
const STALE_MS = 10_000
/** If the clock differs from the measured time by more than this, in ms, it was set, or this process was paused. */
const JUMP_MS = 1_000

export type Clock = {
  /** The database's time in ms since 1970, measured against this process's monotonic clock. */
  now(): number
  /**
   * Adds a sample: the database reported `time` between two readings of `performance.now()`. Returns true if its clock
   * may have jumped since the last accepted sample.
   */
  sample(time: number, sentAt: number, receivedAt: number): boolean
}

export function createClock(): Clock {
  let offset = 0
  let error = Number.POSITIVE_INFINITY
  let sampledAt = Number.NEGATIVE_INFINITY
  return {
    now: () => Math.floor(performance.now() + offset),
    sample(time, sentAt, receivedAt) {
      const roundTripMs = receivedAt - sentAt
      // The database truncates to whole milliseconds.
      const measured = time + 0.5 - (sentAt + receivedAt) / 2
      const change = Math.abs(measured - offset)
      const jumped = sampledAt > Number.NEGATIVE_INFINITY && change > JUMP_MS
      // A slow response gives an inexact time. It counts only if the last sample is old, or if the difference is larger
      // than its error.
      if (roundTripMs > 2 * error && receivedAt - sampledAt < STALE_MS && change < JUMP_MS + roundTripMs)
        return jumped
      offset = measured
      error = roundTripMs
      sampledAt = receivedAt
      return jumped
    },
  }
}
