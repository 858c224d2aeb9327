/**
 * The circuit breaker of a webhook endpoint: after several failures in a row MiniPay sends no new events to it, and
 * probes it with one attempt at a time until one succeeds. Its backlog then waits as a number, not as failed
 * deliveries. Pure; times are in ms of any clock that does not step back.
 */

export type WebhookBreaker = {
  /** The weight of the failures in a row. */
  readonly weight: number
  /** Null while it is closed. */
  readonly open: {
    /** The earliest time of the next probe. */
    readonly probeAt: number
    readonly probes: number
    /** So many probes may be in flight. */
    readonly atOnce: number
  } | null
}

export const CLOSED: WebhookBreaker = { weight: 0, open: null }

/** So many failures in a row open it: a receiver that is down. */
export const OPENING_FAILURES = 5
/** So many do if each is a response of a receiver that works: it may only fail at some of the events. */
export const OPENING_RESPONSES = 50
const OPENING_WEIGHT = OPENING_RESPONSES
const FAILURE_WEIGHT = OPENING_WEIGHT / OPENING_FAILURES
/** A receiver that responds gets so many probes at once, to find an event that it takes among those that it does not. */
const PROBES_AT_ONCE = 8
/** After so many times it gets fewer: each new event that fails is a stored delivery. */
const MANY_PROBES = 20
const FEW_AT_ONCE = 2
const FIRST_PROBE_MS = 5_000
/** A probe comes at the latest after this time, unless the endpoint has a shorter one. */
export const MAX_PROBE_MS = 60_000

/**
 * The breaker after an attempt. `waitMs` is the wait of the failed delivery until its next attempt, if it has one: it is
 * the next probe, unless that would take too long. `responded`: the failure is a response of the receiver itself. While
 * the breaker is open, a failure counts only if it is the first probe's of those sent together: others were sent before it
 * opened. `maxProbeMs` is the longest wait for a probe.
 */
export function breakerAfter(
  breaker: WebhookBreaker,
  attempt: {
    readonly succeeded: boolean
    readonly probe: boolean
    readonly waitMs: number | null
    readonly responded: boolean
  },
  now: number,
  maxProbeMs: number = MAX_PROBE_MS,
): WebhookBreaker {
  if (attempt.succeeded) return CLOSED
  const weight = breaker.weight + (attempt.responded ? 1 : FAILURE_WEIGHT)
  if (!breaker.open && weight < OPENING_WEIGHT) return { weight, open: null }
  if (breaker.open && (!attempt.probe || now < breaker.open.probeAt)) return { weight, open: breaker.open }
  const probes = breaker.open ? breaker.open.probes + 1 : 0
  const waitMs = Math.min(
    FIRST_PROBE_MS * 2 ** Math.min(probes, 10),
    maxProbeMs,
    attempt.waitMs ?? maxProbeMs,
  )
  const many = probes < MANY_PROBES ? PROBES_AT_ONCE : FEW_AT_ONCE
  return { weight, open: { probeAt: now + waitMs, probes, atOnce: attempt.responded ? many : 1 } }
}

/** The breaker whose next probe, if it is open, comes at the latest then. */
export function probedAt(breaker: WebhookBreaker, at: number): WebhookBreaker {
  const { open, weight } = breaker
  return open && at < open.probeAt ? { weight, open: { ...open, probeAt: at } } : breaker
}
