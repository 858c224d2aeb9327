/** How long a webhook endpoint has failed every attempt, and what follows from it. */

export type Failing = {
  /** The time of the first failure after the last success, in ms since 1970; null: the last attempt succeeded. */
  readonly since: number | null
  /** When MiniPay warned of it, in ms since 1970; null: it did not. */
  readonly warnedAt: number | null
}

export const SOUND: Failing = { since: null, warnedAt: null }

/**
 * After an attempt: the new state, and whether to warn of the endpoint or to disable it. MiniPay warns once, when it has
 * failed everything for half of `disableAfterMs`, and disables it after the whole of it, but never sooner than half of it
 * after the warning: an endpoint that gets few events would otherwise be disabled with its second failure. Null: never.
 */
export function failingAfter(
  failing: Failing,
  succeeded: boolean,
  disableAfterMs: number | null,
  now: number,
): { readonly failing: Failing; readonly consequence: 'warn' | 'disable' | null } {
  if (succeeded) return { failing: failing.since === null ? failing : SOUND, consequence: null }
  const since = failing.since ?? now
  const { warnedAt } = failing
  const half = disableAfterMs === null ? Number.POSITIVE_INFINITY : disableAfterMs / 2
  if (warnedAt === null)
    return now - since < half
      ? { failing: failing.since === null ? { since, warnedAt } : failing, consequence: null }
      : { failing: { since, warnedAt: now }, consequence: 'warn' }
  const disable = now - since >= 2 * half && now - warnedAt >= half
  return { failing, consequence: disable ? 'disable' : null }
}
