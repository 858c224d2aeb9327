import type { Runtime, Timer } from '../../ports/runtime.ts'

/** A longer timer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

export type WakeTimer = {
  /** Wakes after so many ms, or earlier: `wake` finds out itself whether anything is to do. */
  within(ms: number): void
  stop(): void
}

/** One timer for the earliest of the times that were set. */
export function createWakeTimer(
  wake: () => void,
  { after, monotonic }: Pick<Runtime, 'after' | 'monotonic'>,
): WakeTimer {
  let timer: Timer | undefined
  let at = Number.POSITIVE_INFINITY
  let stopped = false
  return {
    within(ms) {
      if (ms === Number.POSITIVE_INFINITY || stopped) return
      const waitMs = Math.max(1, Math.ceil(Math.min(ms, MAX_TIMER_MS)))
      const until = monotonic() + waitMs
      if (until >= at) return
      timer?.cancel()
      at = until
      timer = after(waitMs, () => {
        at = Number.POSITIVE_INFINITY
        wake()
      })
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
