import type { Log } from '../ports/log.ts'
import type { Runtime } from '../ports/runtime.ts'
import { StoreUnavailable } from '../ports/store.ts'

export type Loop = {
  /** Runs the work now, or once more if it is already running. */
  wake(): void
  /** Whether a run has succeeded within the last few intervals, or the loop is younger than that. */
  alive(): boolean
  /** Begins no further run; resolves when the current one has ended. */
  stop(): Promise<void>
}

export type LoopOptions = {
  /** Its name in the log. */
  readonly name: string
  readonly intervalMs: number
  readonly log: Log
  readonly runtime: Runtime
}

const ALIVE_INTERVALS = 20

/**
 * Runs `work` repeatedly: at once when woken, and every `intervalMs` in case a wake is lost. Runs never overlap, and
 * other work gets its turn between two of them. A failed run is logged, and the next one comes after the interval.
 * For an outage of the database, only its beginning and its end are logged.
 */
export function startLoop({ name, intervalMs, log, runtime }: LoopOptions, work: () => Promise<void>): Loop {
  let stopped = false
  let woken = false
  let running: Promise<void> | undefined
  let timer = runtime.after(0, wake)
  let lastRunAt = runtime.monotonic()
  let outage = false

  async function run(): Promise<void> {
    try {
      do {
        woken = false
        await work()
        lastRunAt = runtime.monotonic()
        if (outage) log.info({ worker: name }, 'Database available again; background work resumed.')
        outage = false
        // Otherwise work that wakes its own loop without waiting would block everything else.
        if (woken && !stopped) await new Promise<void>(runtime.nextTurn)
      } while (woken && !stopped)
    } catch (error) {
      if (!(error instanceof StoreUnavailable))
        log.warn({ worker: name, err: error }, 'A background run failed; MiniPay retries it.')
      else if (!outage)
        log.warn(
          { worker: name, reason: error.reason, cause: error.message },
          'Database unavailable; background work paused.',
        )
      outage = error instanceof StoreUnavailable
    }
    running = undefined
    if (!stopped) {
      timer.cancel()
      timer = runtime.after(intervalMs, wake)
    }
  }

  function wake(): void {
    if (stopped) return
    woken = true
    // Not in this turn, because the work may itself request the next run.
    running ??= Promise.resolve().then(run)
  }

  return {
    wake,
    alive: () => !stopped && runtime.monotonic() - lastRunAt < ALIVE_INTERVALS * intervalMs,
    async stop() {
      stopped = true
      timer.cancel()
      await running
    },
  }
}
