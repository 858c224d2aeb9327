import type { Runtime, Timer } from '../ports/runtime.ts'

/** Times closer together than this, in ms, count as one. */
const GRAIN_MS = 10
/** The most times; the caller's own polling handles the others. */
const MOST = 10_000
/** A longer timer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

export type WakeTimes = {
  /** Wakes at that time (ms since 1970), or a few ms later. */
  add(at: number): void
  /** Stops waking. */
  stop(): void
}

/** Calls `wake` at the times that were added, by the clock `now`, with one timer for all of them. */
export function wakeTimes(wake: () => void, now: () => number, { after }: Pick<Runtime, 'after'>): WakeTimes {
  /** In order, each once. */
  const times: number[] = []
  let timer: Timer | undefined
  let stopped = false

  function arm(): void {
    timer?.cancel()
    const next = times[0]
    if (next === undefined || stopped) return
    timer = after(Math.min(Math.max(1, Math.ceil(next - now())), MAX_TIMER_MS), ring)
  }

  function ring(): void {
    const at = now()
    const first = times.findIndex((time) => time > at)
    const due = times.splice(0, first < 0 ? times.length : first)
    if (due.length > 0) wake()
    arm()
  }

  /** The index of a time, or where it belongs. */
  function placeOf(time: number): number {
    let [low, high] = [0, times.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((times[middle] as number) < time) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    add(at) {
      const time = Math.ceil(at / GRAIN_MS) * GRAIN_MS
      const place = placeOf(time)
      if (times[place] === time || place >= MOST) return
      times.splice(place, 0, time)
      if (times.length > MOST) times.pop()
      if (place === 0) arm()
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
