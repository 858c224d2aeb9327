/** The rate limit of an endpoint: a token bucket over its attempts. */
import { takeToken } from '../../domain/token-bucket.ts'

/** Time of attempts that may be made at once, in seconds: timers are late by a few ms, and then catch up. */
const BURST_S = 0.1

export type Pace = {
  /** The wait until another attempt may begin, in ms; 0: now. */
  waitMs(): number
  /** Counts an attempt that begins. */
  take(): void
}

/** `perSecond` may change at any time; null: no limit. `monotonic` in ms. */
export function createPace(perSecond: () => number | null, monotonic: () => number): Pace {
  let fullAt = 0
  const rateOf = (rate: number) => ({ burst: Math.max(1, Math.ceil(rate * BURST_S)), perSecond: rate })
  return {
    waitMs() {
      const rate = perSecond()
      if (rate === null) return 0
      const { burst } = rateOf(rate)
      const interval = 1_000 / rate
      return Math.max(0, fullAt - monotonic() - (burst - 1) * interval)
    },
    take() {
      const rate = perSecond()
      if (rate === null) return
      const now = monotonic()
      const taken = takeToken(rateOf(rate), fullAt, now)
      // A token is also taken when timers round down: the next one waits for it.
      fullAt = taken.allowed ? taken.fullAt : fullAt + 1_000 / rate
    },
  }
}
