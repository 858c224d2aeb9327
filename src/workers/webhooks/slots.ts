/** How many webhooks are sent at once: as many as the receiver handles, and no more than leaves room for others. */
import type { DeliveryAttempt } from '../../domain/delivery.ts'
import type { Runtime } from '../../ports/runtime.ts'

/** An endpoint begins with so many slots; each response gives it one more. */
const FIRST_SLOTS = 16
/** A receiver that does not respond, or whose responses do not end, keeps this many slots. */
const MIN_SLOTS = 4
/** A receiver that responds within this time, in ms, is quick. */
const QUICK_MS = 1_000
/** The part of all slots that endpoints may use together whose receivers are slow, silent or unknown. */
const SLOW_PART = 0.75

/** The slots of all endpoints together. */
export type Overall = {
  inFlight(): number
  readonly limit: number
  /** Whether an endpoint that has `own` in flight may send another one. */
  hasRoom(own: number, quick: boolean): boolean
  /** Calls `wake` once, when a slot becomes free; quick receivers come first. */
  waitForRoom(wake: () => void, quick: boolean): void
  occupy(quick: boolean): void
  release(quick: boolean): void
}

/**
 * An endpoint may occupy no more slots than are free for all: so two that hang take a third each, three a quarter, and
 * another one finds some. Slow receivers together leave a quarter of the slots to quick ones.
 */
export function createOverall(limit: number): Overall {
  let inFlight = 0
  let slow = 0
  const waiting = { quick: new Set<() => void>(), slow: new Set<() => void>() }
  const most = Math.max(1, Math.floor(limit * SLOW_PART))
  return {
    inFlight: () => inFlight,
    limit,
    hasRoom: (own, quick) => own < limit - inFlight && (quick || slow < most),
    waitForRoom: (wake, quick) => void (quick ? waiting.quick : waiting.slow).add(wake),
    occupy(quick) {
      inFlight++
      if (!quick) slow++
    },
    release(quick) {
      inFlight--
      if (!quick) slow--
      // A copy: an endpoint that finds no room after all waits again.
      const woken = [...waiting.quick, ...waiting.slow]
      for (const wake of woken) {
        if (inFlight >= limit) break
        waiting.quick.delete(wake)
        waiting.slow.delete(wake)
        wake()
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
  /** Occupies a slot while it sends one webhook. */
  send(
    post: () => Promise<DeliveryAttempt>,
  ): Promise<{ readonly attempt: DeliveryAttempt; readonly ms: number }>
}

export type SlotOptions = {
  /** The most slots of this endpoint. */
  readonly most: number
  readonly overall: Overall
  readonly onRoom: () => void
  readonly runtime: Pick<Runtime, 'monotonic'>
  readonly onAttempt?: ((attempt: DeliveryAttempt, durationMs: number) => void) | undefined
}

/**
 * A receiver that does not respond loses half of its slots each time, down to four; each response gives one back. So does one
 * whose response has to be cut: each of its attempts costs a connection, though it succeeded.
 */
export function createSlots({ most, overall, onRoom, runtime, onAttempt }: SlotOptions): Slots {
  let inFlight = 0
  let count = Math.min(FIRST_SLOTS, most)
  let quick = false

  function learn(attempt: DeliveryAttempt, ms: number): void {
    const responded = attempt.kind === 'response' && attempt.cut === undefined
    quick = responded && ms < QUICK_MS
    count = responded ? Math.min(most, count + 1) : Math.max(Math.min(MIN_SLOTS, most), count >> 1)
  }

  return {
    free() {
      if (inFlight >= count) return false
      if (overall.hasRoom(inFlight, quick)) return true
      overall.waitForRoom(onRoom, quick)
      return false
    },
    count: () => count,
    inFlight: () => inFlight,
    async send(post) {
      const started = runtime.monotonic()
      const asQuick = quick
      inFlight++
      overall.occupy(asQuick)
      try {
        const attempt = await post()
        const ms = runtime.monotonic() - started
        learn(attempt, ms)
        onAttempt?.(attempt, ms)
        return { attempt, ms }
      } finally {
        inFlight--
        overall.release(asQuick)
      }
    },
  }
}
