/**
 * Spreads the cursors of webhook endpoints over the nodes: a process that holds more than its share gives some back, a
 * few at a time. Others claim them, because it claims none for a moment. If it gets one back, the others do not take
 * any: then it waits for longer and longer. Pure; times are in ms of a clock that does not step back.
 */

/** The most cursors that it gives back at once; fewer when few are too many. */
const MOST = 10
/** Of those that are too many, it gives back this part at once. */
const PART = 0.25
/** After it gave some back, it claims none for so long: every other node claims once a second. */
const MODEST_MS = 2_500
/** The wait after a cursor came back, and the longest. */
const FIRST_WAIT_MS = 60_000
const LAST_WAIT_MS = 3_600_000

export type Balance = {
  /** Whether this process leaves free cursors to others. */
  isModest(now: number): boolean
  /** How many of the `held` cursors it shall give back; `share` is what each node should hold at most. */
  surplus(held: number, share: number, now: number): number
  /** It gave the cursor of this name back. */
  gave(name: string, now: number): void
  /** It claimed the cursor of this name. */
  claimed(name: string, now: number): void
}

export function createBalance(): Balance {
  let given = new Set<string>()
  let modestUntil = Number.NEGATIVE_INFINITY
  let waitMs = FIRST_WAIT_MS
  let waitUntil = Number.NEGATIVE_INFINITY
  return {
    isModest: (now) => now < modestUntil,
    surplus(held, share, now) {
      const tooMany = held - share
      if (tooMany <= 0 || now < waitUntil) return 0
      given = new Set()
      return Math.min(MOST, Math.ceil(tooMany * PART))
    },
    gave(name, now) {
      given.add(name)
      modestUntil = now + MODEST_MS
    },
    claimed(name, now) {
      if (!given.delete(name)) return
      waitUntil = now + waitMs
      waitMs = Math.min(LAST_WAIT_MS, 2 * waitMs)
    },
  }
}
