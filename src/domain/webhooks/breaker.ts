/**
 * The circuit breaker of a webhook endpoint: after several failures in a row MiniPay sends no new events to it, and
 * probes it with one attempt at a time until one succeeds. Its backlog then waits as a number, not as failed
 * deliveries. Pure; times are in ms of any clock that does not step back.
 */

export type WebhookBreaker = {
  /** Failures in a row. */
  readonly failures: number
  /** Null while it is closed. */
  readonly open: {
    /** The earliest time of the next probe. */
    readonly probeAt: number
    readonly probes: number
  } | null
}

export const CLOSED: WebhookBreaker = { failures: 0, open: null }

/** So many failures in a row open it. */
export const OPENING_FAILURES = 5
const FIRST_PROBE_MS = 5_000
/** A probe comes at the latest after this time. */
export const MAX_PROBE_MS = 60_000

/**
 * The breaker after an attempt. `waitMs` is the wait of the failed delivery until its next attempt, if it has one: it is
 * the next probe, unless that would take too long. While the breaker is open, a failure counts only if it is the
 * probe's: others were sent before it opened.
 */
export function breakerAfter(
  breaker: WebhookBreaker,
  attempt: { readonly succeeded: boolean; readonly probe: boolean; readonly waitMs: number | null },
  now: number,
): WebhookBreaker {
  if (attempt.succeeded) return CLOSED
  const failures = breaker.failures + 1
  if (!breaker.open && failures < OPENING_FAILURES) return { failures, open: null }
  if (breaker.open && !attempt.probe) return { failures, open: breaker.open }
  const probes = breaker.open ? breaker.open.probes + 1 : 0
  const waitMs = Math.min(
    FIRST_PROBE_MS * 2 ** Math.min(probes, 10),
    MAX_PROBE_MS,
    attempt.waitMs ?? MAX_PROBE_MS,
  )
  return { failures, open: { probeAt: now + waitMs, probes } }
}

/** The breaker whose next probe, if it is open, comes at the latest then. */
export function probedAt(breaker: WebhookBreaker, at: number): WebhookBreaker {
  const { open, failures } = breaker
  return open && at < open.probeAt ? { failures, open: { ...open, probeAt: at } } : breaker
}
