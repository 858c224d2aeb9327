/** One timer for all deadlines of one length: to begin and end one costs a fraction of a timer of its own. */

export type Expiring = { expire(): void }

export type Deadlines = {
  /** Its `expire` is called after the time of these deadlines, unless it is deleted. It must not be waiting already. */
  add(item: Expiring): void
  delete(item: Expiring): void
  /** Forgets everything that waits, and the timer. */
  stop(): void
}

type Time = {
  readonly after: (ms: number, action: () => void) => { cancel(): void }
  readonly monotonic: () => number
  readonly nextTurn: (action: () => void) => void
}

/**
 * Deadlines of `ms` each. They end after the I/O that is ready then: on a busy machine a response may have arrived in
 * time, while the event loop was late.
 */
export function createDeadlines({ after, monotonic, nextTurn }: Time, ms: number): Deadlines {
  /** In the order of their ends, because all have one length. */
  const waiting = new Map<Expiring, number>()
  let timer: { cancel(): void } | undefined

  function arm(): void {
    const [first] = waiting.values()
    timer = first === undefined ? undefined : after(Math.max(first - monotonic(), 0), () => nextTurn(fire))
  }

  function fire(): void {
    const now = monotonic()
    for (const [item, end] of waiting) {
      if (end > now) break
      waiting.delete(item)
      item.expire()
    }
    arm()
  }

  return {
    add(item) {
      waiting.set(item, monotonic() + ms)
      if (timer === undefined) arm()
    },
    delete: (item) => void waiting.delete(item),
    stop() {
      timer?.cancel()
      timer = undefined
      waiting.clear()
    },
  }
}
