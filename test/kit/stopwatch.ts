/** Time without the pauses in which a busy machine ran other processes. */

const TICK_MS = 10

export type Stopwatch = {
  /** Since the start, in ms. */
  ms(): number
  stop(): void
}

/**
 * Starts to measure. What this process sees as a pause of the machine is left out: a server on it has as many. So a promise of
 * a second can be tested on a machine that gives a process its next turn after a second.
 */
export function startStopwatch(): Stopwatch {
  const since = performance.now()
  let last = since
  let paused = 0
  const timer = setInterval(() => {
    const late = performance.now() - last - TICK_MS
    if (late > TICK_MS) paused += late
    last = performance.now()
  }, TICK_MS).unref()
  return { ms: () => performance.now() - since - paused, stop: () => clearInterval(timer) }
}
