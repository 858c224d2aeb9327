/**
 * A circuit breaker: after too many errors MiniPay stops calling a provider for a while, then probes it with one call
 * at a time until one succeeds. Pure; times are in ms of any clock that does not step back.
 */

/**
 * The calls that the breaker counts: those of this generation and of the one before. A generation ends after 50 calls
 * or 30 s, so the breaker looks at the last 50 to 100 calls, none older than a minute. With a time limit alone, a
 * provider with a thousand calls a second would need half a minute of errors to reach the rate. With a call limit
 * alone, yesterday's calls would count for a provider that is rarely called.
 */
export type Tally = {
  readonly since: number
  readonly calls: number
  readonly errors: number
  readonly before: { readonly calls: number; readonly errors: number }
}

export type Breaker =
  | { readonly tripped: false; readonly tally: Tally }
  | {
      readonly tripped: true
      /** How long it stays open this time. */
      readonly openMs: number
      /** Open until then; half-open afterwards. */
      readonly until: number
      /** When MiniPay gives up on the probe in flight; 0 if there is none. */
      readonly probeUntil: number
    }

export const BREAKER_STATES = ['closed', 'open', 'half_open'] as const
export type BreakerState = (typeof BREAKER_STATES)[number]

/** `closed`: call it. `probe`: call it, and report the result as the probe's. `open`: do not call it. */
export type Admission = 'closed' | 'probe' | 'open'

const GENERATION_CALLS = 50
const GENERATION_MS = 30_000
const MIN_ERRORS = 5
const MAX_ERROR_RATE = 0.5
const FIRST_OPEN_MS = 5_000
const MAX_OPEN_MS = 60_000
/** A probe may never report its result. After this time, in ms, another probe is admitted. */
const PROBE_MS = 30_000

const NONE = { calls: 0, errors: 0 }

export function closedBreaker(now: number): Breaker {
  return { tripped: false, tally: { since: now, ...NONE, before: NONE } }
}

export function breakerState(breaker: Breaker, now: number): BreakerState {
  if (!breaker.tripped) return 'closed'
  return now < breaker.until ? 'open' : 'half_open'
}

/** Whether MiniPay may make a call now, and the breaker after this decision. */
export function admit(breaker: Breaker, now: number): { breaker: Breaker; admission: Admission } {
  if (!breaker.tripped) return { breaker, admission: 'closed' }
  if (now < breaker.until || now < breaker.probeUntil) return { breaker, admission: 'open' }
  return { breaker: { ...breaker, probeUntil: now + PROBE_MS }, admission: 'probe' }
}

/**
 * The breaker after a call ended. While it is tripped only a probe's result counts: other calls were sent before it
 * tripped and give no new information.
 */
export function report(breaker: Breaker, call: { error: boolean; probe: boolean }, now: number): Breaker {
  if (!breaker.tripped) {
    const tally = countCall(breaker.tally, call.error, now)
    return call.error && hasTooManyErrors(tally) ? openBreaker(FIRST_OPEN_MS, now) : { tripped: false, tally }
  }
  if (!call.probe) return breaker
  if (!call.error) return closedBreaker(now)
  // Of two probes that fail, the late one does not count against the provider twice.
  return now < breaker.until ? breaker : openBreaker(Math.min(2 * breaker.openMs, MAX_OPEN_MS), now)
}

function openBreaker(openMs: number, now: number): Breaker {
  return { tripped: true, openMs, until: now + openMs, probeUntil: 0 }
}

function countCall(tally: Tally, error: boolean, now: number): Tally {
  const { since, calls, errors, before } = ageTally(tally, now)
  return { since, calls: calls + 1, errors: errors + (error ? 1 : 0), before }
}

function ageTally(tally: Tally, now: number): Tally {
  const age = now - tally.since
  if (age < GENERATION_MS && tally.calls < GENERATION_CALLS) return tally
  const { calls, errors } = tally
  return { since: now, ...NONE, before: age < 2 * GENERATION_MS ? { calls, errors } : NONE }
}

function hasTooManyErrors({ calls, errors, before }: Tally): boolean {
  const allErrors = errors + before.errors
  return allErrors >= MIN_ERRORS && allErrors >= MAX_ERROR_RATE * (calls + before.calls)
}
