/**
 * Counters of velocity limits. A window slides in steps of one sub-window, a tenth of it. A counter contains the current
 * sub-window and the ten before it, so each charge counts for ten to eleven tenths of the window. Ten sub-windows would
 * let two times the maximum pass within a window that begins and ends inside sub-windows.
 */

/** A sub-window is the window divided by this. A window is in whole seconds, so a sub-window is in whole ms. */
export const STEPS = 10
/** The number of sub-windows that a counter contains. */
export const SUB_WINDOWS = STEPS + 1

/** 30 days. */
export const MAX_WINDOW_MS = 30 * 24 * 60 * 60 * 1000

/** What a charge adds to one counter of a limit. */
export type LimitUse = {
  /** The name of the limit. */
  readonly limit: string
  /** Identifies the counter in its scope: a hash of the limit and its subject, so that no subject is stored. */
  readonly counter: string
  readonly windowMs: number
  readonly unit: 'charges' | 'amount'
  /** 1, or the charge's amount in minor units. */
  readonly by: number
  /** The most that a window may contain. */
  readonly max: number
}

/** A stored counter. */
export type VelocityCounter = {
  readonly counter: string
  readonly windowMs: number
  /** The number of its last sub-window, counted from 1970. */
  readonly newest: number
  /** The sums of the sub-windows up to the newest, oldest first: `SUB_WINDOWS` of them. */
  readonly sums: readonly number[]
  /** When none of them counts any more, in ms since 1970. */
  readonly endsAt: number
}

/** How much of the window that contains `at` (ms since 1970) is used. */
export function usedIn(stored: VelocityCounter | undefined, windowMs: number, at: number): number {
  return total(slide(stored, windowMs, at).sums)
}

/** Whether the use would take its counter past the maximum. */
export function isExceededBy(stored: VelocityCounter | undefined, use: LimitUse, at: number): boolean {
  // Not a sum of the two: it could be past the safe integers.
  return use.by > use.max - usedIn(stored, use.windowMs, at)
}

/** The counter with the use. */
export function countUse(
  stored: VelocityCounter | undefined,
  { counter, windowMs, by }: LimitUse,
  at: number,
): VelocityCounter {
  const { newest, sums } = slide(stored, windowMs, at)
  return {
    counter,
    windowMs,
    newest,
    sums: [...sums.slice(0, -1), (sums.at(-1) as number) + by],
    endsAt: (newest + SUB_WINDOWS) * (windowMs / STEPS),
  }
}

/**
 * The counter's window at a time. A time before its newest sub-window counts in that one: another node's clock, or a
 * commit that overtook this one, was a little ahead. A counter that is ahead by more than it contains is of a clock that
 * was set back since: it starts anew, so that it cannot block its subject for longer.
 */
function slide(
  stored: VelocityCounter | undefined,
  windowMs: number,
  at: number,
): Pick<VelocityCounter, 'newest' | 'sums'> {
  const current = Math.floor(at / (windowMs / STEPS))
  const passed = stored ? current - stored.newest : SUB_WINDOWS
  if (!stored || Math.abs(passed) > SUB_WINDOWS) return { newest: current, sums: NOTHING }
  if (passed <= 0) return stored
  return { newest: current, sums: [...stored.sums, ...NOTHING].slice(passed, passed + SUB_WINDOWS) }
}

const NOTHING: readonly number[] = Array.from({ length: SUB_WINDOWS }, () => 0)

function total(sums: readonly number[]): number {
  return sums.reduce((sum, each) => sum + each, 0)
}
