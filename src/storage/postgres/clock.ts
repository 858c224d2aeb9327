/** The database's time in ms since 1970, as SQL. */
export const NOW = `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`

/** A sample is believed for so long, whatever the ones after it are like. */
const STALE_MS = 10_000

export type Clock = {
  /** The database's time in ms since 1970, measured against a clock of this process that nobody sets. */
  now(): number
  /** The database said `time` between two moments of `performance.now()`. */
  sample(time: number, asked: number, answered: number): void
}

export function createClock(): Clock {
  let offset = 0
  let error = Number.POSITIVE_INFINITY
  let sampledAt = Number.NEGATIVE_INFINITY
  return {
    now: () => Math.floor(performance.now() + offset),
    sample(time, asked, answered) {
      const doubt = answered - asked
      // What took long says little of when it was said.
      if (doubt > 2 * error && answered - sampledAt < STALE_MS) return
      // The database cuts to whole milliseconds.
      offset = time + 0.5 - (asked + answered) / 2
      error = doubt
      sampledAt = answered
    },
  }
}
