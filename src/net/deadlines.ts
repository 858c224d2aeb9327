/** One timer for all deadlines of one length: to begin and end one costs a fraction of a timer of its own. */

export type Expiring = { expire(): void }

export type Deadline = {
  /** The item does not expire any more. */
  cancel(): void
}

export type Deadlines = {
  /** The item's `expire` is called after the time of these deadlines, unless that is cancelled. */
  add(item: Expiring): Deadline
  /** Forgets everything that waits, and the timer. */
  stop(): void
}

type Time = {
  readonly after: (ms: number, action: () => void) => { cancel(): void }
  readonly monotonic: () => number
  readonly nextTurn: (action: () => void) => void
}

/** `previous` and `next` as long as it waits: one that has ended keeps nothing alive (see `PassingMap`). */
type Place = {
  item: Expiring | undefined
  readonly end: number
  previous: Place | undefined
  next: Place | undefined
}

/**
 * Deadlines of `ms` each. They end after the I/O that is ready then: on a busy machine a response may have arrived in
 * time, while the event loop was late.
 */
export function createDeadlines({ after, monotonic, nextTurn }: Time, ms: number): Deadlines {
  // In the order of their ends, because all have one length.
  let first: Place | undefined
  let last: Place | undefined
  let timer: { cancel(): void } | undefined

  function arm(): void {
    timer =
      first === undefined ? undefined : after(Math.max(first.end - monotonic(), 0), () => nextTurn(fire))
  }

  function fire(): void {
    const now = monotonic()
    for (let place = first; place !== undefined && place.end <= now; place = first) {
      const { item } = place
      leave(place)
      item?.expire()
    }
    arm()
  }

  function leave(place: Place): void {
    if (place.item === undefined) return
    const { previous, next } = place
    if (previous) previous.next = next
    else first = next
    if (next) next.previous = previous
    else last = previous
    place.item = place.previous = place.next = undefined
  }

  return {
    add(item) {
      const place: Place = { item, end: monotonic() + ms, previous: last, next: undefined }
      if (last) last.next = place
      else first = place
      last = place
      if (timer === undefined) arm()
      return { cancel: () => leave(place) }
    },
    stop() {
      timer?.cancel()
      timer = undefined
      while (first) leave(first)
    },
  }
}
