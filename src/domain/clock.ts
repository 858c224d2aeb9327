/**
 * How far the clock on the wall is believed. Nothing that can't be undone rests on one reading of it: what is forgotten is
 * counted by *observed* time, that processes have seen pass on a monotonic clock; what lapses waits for *trusted*
 * time, which goes no faster than that until the clock has run for a day without a step.
 */
import { STEP_MS } from './id.ts'

/** A clock that ran for so long without a step is believed, in ms of observed time. */
export const STEADY_MS = 86_400_000
/** Of the time between two looks so much is believed to have passed: a process that was stopped has not seen it pass. */
export const MOST_PASSED_MS = 60_000
/** A process that ends may be started again within this, in ms: its clock counts as one that ran on. */
export const RESTART_MS = 600_000
/**
 * A stop may last for so long before MiniPay warns that the clock may be wrong, in ms; longer where only the newest row
 * says when the database was used last.
 */
const LONG_STOP_MS = 86_400_000
const LONG_SILENCE_MS = 31 * 86_400_000

/** No clock that is right shows an earlier time: 2020, in ms since 1970. */
const EARLIEST_MS = 1_577_836_800_000

/** What a database remembers of its clock. All times are in ms. */
export type KeptClock = {
  /** How long processes have run on this database: it grows by what they have seen pass. */
  readonly observedMs: number
  /** The last reading, since 1970. */
  readonly wallMs: number
  /** Since 1970; never after `wallMs`. */
  readonly trustedMs: number
  /** The observed time at the last step. */
  readonly steadyFromMs: number
  /** How far the clock moved beside the time that passed, when a person should know of it; 0 otherwise. */
  readonly movedMs: number
}

/** Where the time that passed is counted from: the last step, or the start of the process. */
export type Anchor = Pick<KeptClock, 'observedMs' | 'wallMs'>

/** The clock after a reading, and how far it moved beside the time that passed; 0 when it ran on. */
export type Reading = { readonly clock: KeptClock; readonly movedMs: number }

/**
 * The first reading of a process. `kept` is null on a database that has not kept its clock before: then the time of its
 * newest row says when it was last used; null for one without rows.
 */
export function startClock(kept: KeptClock | null, newestMs: number | null, wallMs: number): Reading {
  const before = kept ?? {
    observedMs: 0,
    wallMs: newestMs ?? wallMs,
    trustedMs: newestMs ?? wallMs,
    steadyFromMs: 0,
    movedMs: 0,
  }
  // An empty database has nothing to compare the clock with.
  const stopMs = wallMs - (kept !== null || newestMs !== null ? before.wallMs : Math.max(wallMs, EARLIEST_MS))
  if (stopMs >= -STEP_MS && stopMs <= RESTART_MS) {
    const trustedMs = Math.min(wallMs, before.trustedMs + Math.max(stopMs, 0))
    return { clock: { ...before, wallMs, trustedMs }, movedMs: 0 }
  }
  const clock = {
    ...before,
    wallMs,
    trustedMs: Math.min(wallMs, before.trustedMs),
    steadyFromMs: before.observedMs,
    movedMs: stopMs < 0 || stopMs > (kept ? LONG_STOP_MS : LONG_SILENCE_MS) ? stopMs : before.movedMs,
  }
  return { clock, movedMs: stopMs }
}

/**
 * A further reading, `passedMs` after the one before by a monotonic clock. Neither a step nor a clock that runs
 * too fast or too slow goes unseen: both are measured from the anchor.
 */
export function readClock(before: KeptClock, anchor: Anchor, wallMs: number, passedMs: number): Reading {
  const passed = Math.min(Math.max(passedMs, 0), MOST_PASSED_MS)
  const observedMs = before.observedMs + passed
  const sinceAnchor = observedMs - anchor.observedMs
  const off = wallMs - anchor.wallMs - sinceAnchor
  if (Math.abs(off) > STEP_MS + sinceAnchor / 1_000) {
    const trustedMs = Math.min(wallMs, before.trustedMs + passed)
    return {
      clock: { observedMs, wallMs, trustedMs, steadyFromMs: observedMs, movedMs: off },
      movedMs: off,
    }
  }
  const isSteady = observedMs - before.steadyFromMs >= STEADY_MS
  const clock = {
    ...before,
    observedMs,
    wallMs,
    trustedMs: isSteady ? wallMs : Math.min(wallMs, before.trustedMs + passed),
    movedMs: isSteady ? 0 : before.movedMs,
  }
  return { clock, movedMs: 0 }
}

/** How long the clock has yet to run without a step until it is believed, in ms; 0 when it is. */
export function untilTrusted({ observedMs, steadyFromMs, trustedMs, wallMs }: KeptClock): number {
  return trustedMs >= wallMs - STEP_MS ? 0 : Math.max(0, STEADY_MS - (observedMs - steadyFromMs))
}

/** A step of the clock: ids that begin with a time before `fromId` were made before it. */
export type Step = { readonly fromId: number; readonly movedMs: number }

/**
 * What the time would be now by the clock that stamped what began at the time `madeMs` of its id: without the steps since.
 * So an age is not made shorter or longer by a clock that was set.
 */
export function nowFor(madeMs: number, nowMs: number, steps: readonly Step[]): number {
  let now = nowMs
  for (const { fromId, movedMs } of steps) if (madeMs < fromId) now -= movedMs
  return now
}
