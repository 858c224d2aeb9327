/** When a delivery is tried again, and when it fails for good. */
import type { DeliveryAttempt } from '../delivery.ts'
import { retryAfterMs } from '../retry-after.ts'
import { MAX_PROBE_MS } from './breaker.ts'
import { DEFAULT_ENDPOINT, type WebhookEndpoint } from './endpoint.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** The waits between attempts, in ms, of an endpoint without a schedule of its own: ten attempts in three days. */
export const DEFAULT_SCHEDULE: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
]
/** The most waits of a schedule, and the longest, in ms. */
export const MAX_WAITS = 30
export const MAX_WAIT_MS = 7 * 24 * HOUR_MS

/** Each wait is up to this much longer, so that many deliveries that failed together are not due together. */
const JITTER = 0.1

export type AttemptPolicy = {
  /** The waits between attempts, in ms: one attempt more than there are waits. */
  readonly schedule: readonly number[]
  /** The most by which a wait grows, as a part of it. */
  readonly jitter: number
  /** Whether a response that a repetition would only get again (3xx, and most 4xx) fails the delivery at once. */
  readonly failsAtOnce: boolean
  /** Whether stored deliveries are retried by their schedule even while the breaker is open, and not one at a time. */
  readonly retriesWhileOpen: boolean
  /** While the breaker is open, a probe comes at the latest after this time, in ms. */
  readonly maxProbeMs: number
  /** Whether 410 ends the endpoint itself. */
  readonly endsWhenGone: boolean
  /** The longest wait that MiniPay accepts from a receiver's `Retry-After`, in ms. */
  readonly maxRetryAfterMs: number
  /** A `Retry-After` keeps other deliveries back for this long at most, in ms. */
  readonly maxPauseMs: number
}

/** The schedule of the original, of which the endpoint of `WEBHOOK_TARGET` keeps every rule. */
const ORIGINAL: AttemptPolicy = {
  schedule: [1, 2, 4, 8, 16].map((seconds) => seconds * SECOND_MS),
  jitter: 0,
  failsAtOnce: true,
  retriesWhileOpen: true,
  maxProbeMs: SECOND_MS,
  endsWhenGone: false,
  maxRetryAfterMs: HOUR_MS,
  maxPauseMs: 0,
}

export function policyOf({ id, schedule }: Pick<WebhookEndpoint, 'id' | 'schedule'>): AttemptPolicy {
  if (id === DEFAULT_ENDPOINT) return ORIGINAL
  return {
    schedule: schedule ?? DEFAULT_SCHEDULE,
    jitter: JITTER,
    failsAtOnce: false,
    retriesWhileOpen: false,
    maxProbeMs: MAX_PROBE_MS,
    endsWhenGone: true,
    maxRetryAfterMs: 24 * HOUR_MS,
    maxPauseMs: HOUR_MS,
  }
}

/**
 * The state of a delivery after an attempt. `retryAt` is in ms since 1970. `gone`: the endpoint exists no longer.
 * `refused`: the receiver works, and refused this message; a repetition would only get the same response.
 */
export type Judgement =
  | { readonly state: 'delivered' }
  | { readonly state: 'failed'; readonly gone: boolean; readonly refused?: boolean }
  | { readonly state: 'pending'; readonly retryAt: number }

/** The receiver is slow, not ready yet, or has too many requests: the same request may succeed later. */
const LATER = new Set([408, 425, 429])
const GONE = 410

/**
 * 2xx: delivered. Everything else is tried again by the schedule, until the attempt after its last wait; MiniPay follows
 * no redirects. A policy may make exceptions: see `AttemptPolicy`. `Retry-After` can make a wait longer, up to the
 * policy's bound, but never shorter, and adds no attempt. `attempts` counts this one, since the delivery was last put
 * back. `random` is at least 0 and less than 1, and chooses the jitter.
 */
export function judgeAttempt(
  policy: AttemptPolicy,
  attempt: DeliveryAttempt,
  attempts: number,
  now: number,
  random: number,
): Judgement {
  let requestedMs = 0
  if (attempt.kind === 'response') {
    const { status, retryAfter } = attempt
    if (status >= 200 && status < 300) return { state: 'delivered' }
    if (policy.endsWhenGone && status === GONE) return { state: 'failed', gone: true }
    if (policy.failsAtOnce && status >= 300 && status < 500 && !LATER.has(status))
      return { state: 'failed', gone: false, refused: true }
    requestedMs = retryAfter === undefined ? 0 : retryAfterMs(retryAfter, now)
  }
  const wait = policy.schedule[attempts - 1]
  if (wait === undefined) return { state: 'failed', gone: false }
  const planned = Math.round(wait * (1 + policy.jitter * random))
  return { state: 'pending', retryAt: now + Math.max(planned, Math.min(requestedMs, policy.maxRetryAfterMs)) }
}

/** A receiver that takes longer to respond, in ms, may be in trouble as a whole. */
const PROMPT_MS = 1_000
/** A proxy whose receiver is down, or a receiver that takes nothing at present. */
const TAKES_NOTHING = new Set([408, 425, 429, 502, 503, 504])

/** Whether the receiver itself responded, soon: if that is a failure, it may be one of this event alone. */
export function respondsItself(attempt: DeliveryAttempt, ms: number): boolean {
  return attempt.kind === 'response' && ms < PROMPT_MS && !TAKES_NOTHING.has(attempt.status)
}

/** With `Retry-After` they are about the receiver as a whole. */
const PAUSES = new Set([429, 503])

/** For how long from `now` (ms since 1970) an endpoint gets nothing after this attempt, in ms: its receiver said so. */
export function pauseMsOf(
  { maxPauseMs }: Pick<AttemptPolicy, 'maxPauseMs'>,
  attempt: DeliveryAttempt,
  now: number,
): number {
  if (attempt.kind !== 'response' || attempt.retryAfter === undefined || !PAUSES.has(attempt.status)) return 0
  return Math.min(retryAfterMs(attempt.retryAfter, now), maxPauseMs)
}

/** Why an attempt failed, in words; null if it succeeded. */
export function failureOf(attempt: DeliveryAttempt): string | null {
  if (attempt.kind === 'no_answer') return attempt.error
  const { status } = attempt
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400)
    return `the receiver redirected with ${status}, which MiniPay does not follow`
  return `the receiver responded with ${status}`
}
