/** The database's time in ms since 1970, as SQL. */
export const NOW = `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`

/** A sample is believed for so long, whatever the ones after it are like. */
const STALE_MS = 10_000
/** A clock that differs by more from what was measured was set, or this process was stopped. */
const JUMP_MS = 1_000

export type Clock = {
  /** The database's time in ms since 1970, measured against a clock of this process that nobody sets. */
  now(): number
  /**
   * The database said `time` between two moments of `performance.now()`. True when its clock may have jumped since it
   * was last believed.
   */
  sample(time: number, asked: number, answered: number): boolean
}

export function createClock(): Clock {
  let offset = 0
  let error = Number.POSITIVE_INFINITY
  let sampledAt = Number.NEGATIVE_INFINITY
  return {
    now: () => Math.floor(performance.now() + offset),
    sample(time, asked, answered) {
      const doubt = answered - asked
      // The database cuts to whole milliseconds.
      const measured = time + 0.5 - (asked + answered) / 2
      const change = Math.abs(measured - offset)
      const jumped = sampledAt > Number.NEGATIVE_INFINITY && change > JUMP_MS
      // What took long says little of when it was said, unless that can't be all.
      if (doubt > 2 * error && answered - sampledAt < STALE_MS && change < JUMP_MS + doubt) return jumped
      offset = measured
      error = doubt
      sampledAt = answered
      return jumped
    },
  }
}
