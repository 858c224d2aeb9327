/**
 * The long polls and event streams that are open in this process, or its CSV exports: a bound on their number, and their
 * end at a stop.
 */

export type EventWait = {
  /** Aborted when it must end: at a stop, or by `end`. */
  readonly signal: AbortSignal
  /** Gives its place back. */
  end(): void
}

export type EventWaits = {
  /** A place for one more; undefined if all are taken, or after `stop`. */
  begin(): EventWait | undefined
  /** The number of those that wait now. */
  open(): number
  /** Ends them all. */
  stop(): void
}

export function createEventWaits(most: number): EventWaits {
  const open = new Set<AbortController>()
  let stopped = false
  return {
    begin() {
      if (stopped || open.size >= most) return undefined
      const waiting = new AbortController()
      open.add(waiting)
      const end = () => {
        open.delete(waiting)
        waiting.abort()
      }
      return { signal: waiting.signal, end }
    },
    open: () => open.size,
    stop() {
      stopped = true
      for (const waiting of open) waiting.abort()
      open.clear()
    },
  }
}
