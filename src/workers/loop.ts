import type { Log } from '../ports/log.ts'

export type Loop = {
  /** Runs the work now, or once more when it is already running. */
  wake(): void
  /** Whether a run has ended well within the last few intervals, or the loop is too young to tell. */
  alive(): boolean
  /** No further run begins; resolves when the one under way has ended. */
  stop(): Promise<void>
}

const ALIVE_INTERVALS = 20

/**
 * Runs `work` again and again: at once when woken, and every `intervalMs` as a net under lost wakes. Runs
 * never overlap. A run that fails is logged, and the next one comes after the interval.
 */
export function startLoop(name: string, intervalMs: number, log: Log, work: () => Promise<void>): Loop {
  let stopped = false
  let woken = false
  let running: Promise<void> | undefined
  let timer = setTimeout(wake, 0)
  let lastRunAt = performance.now()

  async function run(): Promise<void> {
    try {
      do {
        woken = false
        await work()
        lastRunAt = performance.now()
      } while (woken && !stopped)
    } catch (error) {
      log.warn({ worker: name, err: error }, 'A background run failed; it is tried again.')
    }
    running = undefined
    if (!stopped) {
      clearTimeout(timer)
      timer = setTimeout(wake, intervalMs)
    }
  }

  function wake(): void {
    if (stopped) return
    woken = true
    // Not in this turn: the work may itself ask for the next run.
    running ??= Promise.resolve().then(run)
  }

  return {
    wake,
    alive: () => !stopped && performance.now() - lastRunAt < ALIVE_INTERVALS * intervalMs,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
