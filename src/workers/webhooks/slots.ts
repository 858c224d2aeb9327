/** How many webhooks are sent at once: as many as the receiver handles, and no more than leaves room for others. */
import type { DeliveryAttempt } from '../../domain/delivery.ts'
import type { Runtime } from '../../ports/runtime.ts'

/** An endpoint begins with so many slots; each response gives it one more. */
const FIRST_SLOTS = 4
/** A receiver that does not respond, or whose responses do not end, keeps this many slots. */
const MIN_SLOTS = 4
/** A receiver that responds within this time, in ms, is quick. */
const QUICK_MS = 1_000

/**
 * What the last attempt showed of a receiver, in the order in which they are served. `slow`: it responds and takes its time;
 * `new`: nothing was sent to it yet; `silent`: it did not respond, or its response had to be cut.
 */
const STANDINGS = ['quick', 'slow', 'new', 'silent'] as const
export type Standing = (typeof STANDINGS)[number]
/** The part of all slots that endpoints of this standing and of those after it may use together. */
const PART: Readonly<Record<Standing, number>> = { quick: 1, slow: 0.75, new: 0.625, silent: 0.5 }

/** The slots of all endpoints together. */
export type Overall = {
  inFlight(): number
  readonly limit: number
  /**
   * Whether an endpoint that has `own` in flight may send another one. If not, calls `wake` once, when it is the endpoint's
   * turn: a further call is in place of the one before.
   */
  mayBegin(own: number, standing: Standing, wake: () => void): boolean
  occupy(standing: Standing): void
  release(standing: Standing): void
}

/**
 * An endpoint may occupy no more slots than are free for all: so two that hang take a third each, three a quarter, and
 * another one finds some. Each standing leaves some slots to those before it. A slot that becomes free goes to an endpoint
 * that has none, before any gets a further one: so an endpoint waits for each other one once at most, however much that
 * has to send.
 */
export function createOverall(limit: number): Overall {
  const most = STANDINGS.map((standing) => Math.max(1, Math.floor(limit * PART[standing])))
  /** In flight, for each standing: to endpoints of it and of those after it. */
  const used = STANDINGS.map(() => 0)
  const inFlight = () => used[0] as number
  /** Those who wait: first the ones without a slot, by standing, then the others. */
  const queues = [...STANDINGS, ...STANDINGS].map(() => new Set<() => void>())
  const queueOf = (rank: number, isIdle: boolean) => queues[isIdle ? rank : rank + STANDINGS.length]

  const fits = (rank: number) => most.every((part, i) => i > rank || (used[i] as number) < part)
  const waitsIdle = () => STANDINGS.some((_, rank) => queueOf(rank, true)?.size && fits(rank))

  function count(standing: Standing, change: 1 | -1): void {
    for (let rank = STANDINGS.indexOf(standing); rank >= 0; rank--)
      used[rank] = (used[rank] as number) + change
  }

  function leave(wake: () => void): void {
    for (const queue of queues) queue.delete(wake)
  }

  /** The one whose turn is next, without these. */
  function next(passed: ReadonlySet<() => void>): (() => void) | undefined {
    for (const [place, queue] of queues.entries())
      if (queue.size > 0 && fits(place % STANDINGS.length))
        for (const wake of queue) if (!passed.has(wake)) return wake
    return undefined
  }

  return {
    inFlight,
    limit,
    mayBegin(own, standing, wake) {
      const rank = STANDINGS.indexOf(standing)
      const isIdle = own === 0
      const may = fits(rank) && own < limit - inFlight() && (isIdle || !waitsIdle())
      const queue = queueOf(rank, isIdle)
      // One that waits keeps its place.
      if (may || !queue?.has(wake)) leave(wake)
      if (!may) queue?.add(wake)
      return may
    },
    occupy: (standing) => count(standing, 1),
    release(standing) {
      count(standing, -1)
      // Endpoints that need no slot any more, or have enough.
      const passed = new Set<() => void>()
      for (let wake = next(passed); wake; wake = next(passed)) {
        const before = inFlight()
        leave(wake)
        wake()
        if (inFlight() === before) passed.add(wake)
      }
    },
  }
}

export type Slots = {
  /** True if another webhook may be sent now. If all endpoints together have no room, calls `onRoom` later. */
  free(): boolean
  /** How many the receiver has now, used or free. */
  count(): number
  inFlight(): number
  /**
   * Occupies a slot while it sends one webhook; then calls `onEnd`, with how long the receiver took in ms, or null if nothing
   * was sent to it. `post` never rejects.
   */
  send(
    post: () => Promise<DeliveryAttempt>,
    onEnd: (attempt: DeliveryAttempt, ms: number | null) => void,
  ): void
}

export type SlotOptions = {
  /** The most slots of this endpoint. */
  readonly most: number
  /** Whether its last attempt failed before this process had it. */
  readonly failing: boolean
  readonly overall: Overall
  readonly onRoom: () => void
  readonly runtime: Pick<Runtime, 'monotonic'>
  readonly onAttempt?: ((attempt: DeliveryAttempt, durationMs: number) => void) | undefined
}

/**
 * A receiver that does not respond loses half of its slots each time, down to four; each response gives one back. So does one
 * whose response has to be cut: each of its attempts costs a connection, though it succeeded.
 */
export function createSlots({ most, failing, overall, onRoom, runtime, onAttempt }: SlotOptions): Slots {
  let inFlight = 0
  let count = Math.min(FIRST_SLOTS, most)
  let standing: Standing = failing ? 'silent' : 'new'

  function learn(attempt: DeliveryAttempt, ms: number): void {
    const responded = attempt.kind === 'response' && attempt.cut === undefined
    standing = !responded ? 'silent' : ms < QUICK_MS ? 'quick' : 'slow'
    count = responded ? Math.min(most, count + 1) : Math.max(Math.min(MIN_SLOTS, most), count >> 1)
  }

  return {
    free: () => inFlight < count && overall.mayBegin(inFlight, standing, onRoom),
    count: () => count,
    inFlight: () => inFlight,
    send(post, onEnd) {
      const started = runtime.monotonic()
      const sentAs = standing
      inFlight++
      overall.occupy(sentAs)
      void post().then((attempt) => {
        const ms = wasSent(attempt) ? runtime.monotonic() - started : null
        if (ms !== null) {
          learn(attempt, ms)
          onAttempt?.(attempt, ms)
        }
        inFlight--
        overall.release(sentAs)
        onEnd(attempt, ms)
      })
    },
  }
}

const wasSent = (attempt: DeliveryAttempt) => attempt.kind === 'response' || attempt.unsent === undefined
