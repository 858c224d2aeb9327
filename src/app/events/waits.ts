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
  /** A place for one more of this owner; undefined if all are taken, or all that one owner may have, or after `stop`. */
  begin(owner?: string): EventWait | undefined
  /** The number of those that wait now. */
  open(): number
  /** Ends them all. */
  stop(): void
}

/** At most so many at once, and so many of one owner. */
export function createEventWaits(most: number, mostOfOne = most): EventWaits {
  const open = new Map<AbortController, string>()
  const of = (owner: string) => [...open.values()].filter((one) => one === owner).length
  let stopped = false
  return {
    begin(owner = '') {
      if (stopped || open.size >= most || (mostOfOne < most && of(owner) >= mostOfOne)) return undefined
      const waiting = new AbortController()
      open.set(waiting, owner)
      const end = () => {
        open.delete(waiting)
        waiting.abort()
      }
      return { signal: waiting.signal, end }
    },
    open: () => open.size,
    stop() {
      stopped = true
      for (const waiting of open.keys()) waiting.abort()
      open.clear()
    },
  }
}
