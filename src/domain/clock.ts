/**
 * How far MiniPay trusts the clock. It does nothing irreversible on one reading. The age of data to delete is counted
 * in *observed* time, which processes have seen pass on a monotonic clock. Expiry waits for *trusted* time, which
 * goes no faster than observed time until the clock has run for a day without a step.
 */
import { STEP_MS } from './id.ts'

/** MiniPay trusts a clock that has run this long without a step, in ms of observed time. */
export const STEADY_MS = 86_400_000
/**
 * The most time that counts as observed between two readings: a process that was stopped has not seen the rest pass.
 */
export const MOST_PASSED_MS = 60_000
/** After a restart within this time, in ms, the clock counts as one that ran on. */
export const RESTART_MS = 600_000
/**
 * The longest stop before MiniPay warns that the clock may be wrong, in ms; longer if only the newest row shows when
 * the database was last used.
 */
const LONG_STOP_MS = 86_400_000
const LONG_SILENCE_MS = 31 * 86_400_000

/** The earliest time that a correct clock can show: 2020, in ms since 1970. */
const EARLIEST_MS = 1_577_836_800_000

/** The stored state of a database's clock. All times are in ms. */
export type KeptClock = {
  /** How long processes have run on this database: the sum of the time that they have seen pass. */
  readonly observedMs: number
  /** The last reading, since 1970. */
  readonly wallMs: number
  /** Since 1970; never after `wallMs`. */
  readonly trustedMs: number
  /** The observed time at the last step. */
  readonly steadyFromMs: number
  /** How far the clock moved compared with the time that passed, if a person should know of it; 0 otherwise. */
  readonly movedMs: number
}

/** The start of the measurement of passed time: the last step, or the start of the process. */
export type Anchor = Pick<KeptClock, 'observedMs' | 'wallMs'>

/** The clock after a reading, and how far it moved compared with the time that passed; 0 without a step. */
export type Reading = { readonly clock: KeptClock; readonly movedMs: number }

/**
 * The first reading of a process. `kept` is null on a database without a stored clock. Then the time of its newest
 * row shows when it was last used; null if there are no rows.
 */
export function startClock(stored: KeptClock | null, newestMs: number | null, wallMs: number): Reading {
  const before = stored ?? {
    observedMs: 0,
    wallMs: newestMs ?? wallMs,
    trustedMs: newestMs ?? wallMs,
    steadyFromMs: 0,
    movedMs: 0,
  }
  // An empty database has nothing to compare the clock with.
  const stopMs =
    wallMs - (stored !== null || newestMs !== null ? before.wallMs : Math.max(wallMs, EARLIEST_MS))
  if (stopMs >= -STEP_MS && stopMs <= RESTART_MS) {
    const trustedMs = Math.min(wallMs, before.trustedMs + Math.max(stopMs, 0))
    return { clock: { ...before, wallMs, trustedMs }, movedMs: 0 }
  }
  const clock = {
    ...before,
    wallMs,
    trustedMs: Math.min(wallMs, before.trustedMs),
    steadyFromMs: before.observedMs,
    movedMs: stopMs < 0 || stopMs > (stored ? LONG_STOP_MS : LONG_SILENCE_MS) ? stopMs : before.movedMs,
  }
  return { clock, movedMs: stopMs }
}

/**
 * A further reading, `passedMs` after the one before by a monotonic clock. Both steps and a clock that runs too fast
 * or too slow are detected, because both are measured from the anchor.
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

/** How long the clock must still run without a step until MiniPay trusts it, in ms; 0 if it does. */
export function untilTrusted({ observedMs, steadyFromMs, trustedMs, wallMs }: KeptClock): number {
  return trustedMs >= wallMs - STEP_MS ? 0 : Math.max(0, STEADY_MS - (observedMs - steadyFromMs))
}

/** A step of the clock. Ids that begin with a time before `fromId` were made before it. */
export type Step = { readonly fromId: number; readonly movedMs: number }

/**
 * The current time by the clock that made the time `madeMs` of an id: without the steps since. So a clock that is set
 * makes no age shorter or longer.
 */
export function nowForId(madeMs: number, nowMs: number, steps: readonly Step[]): number {
  let now = nowMs
  for (const { fromId, movedMs } of steps) if (madeMs < fromId) now -= movedMs
  return now
}
