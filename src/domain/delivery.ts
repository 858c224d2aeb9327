import { retryAfterMs } from './retry-after.ts'

/**
 * The result of one attempt to deliver a webhook: the response's HTTP status with its `Retry-After` header and the
 * beginning of its body, up to 500 characters that can be shown; or the reason why there was no response, in words.
 */
export type DeliveryAttempt =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly retryAfter?: string
      /** The beginning of the response's body. */
      readonly answer?: string
    }
  | { readonly kind: 'no_answer'; readonly error: string }

/** The state of a delivery after an attempt. `retryAt` is in ms since 1970. */
export type DeliveryVerdict =
  | { readonly state: 'delivered' }
  | { readonly state: 'failed' }
  | { readonly state: 'pending'; readonly retryAt: number }

/** The number of attempts before a delivery fails. */
export const MAX_ATTEMPTS = 6

const FIRST_DELAY_MS = 1_000
const MAX_DELAY_MS = 30_000
/** The longest wait that MiniPay accepts from a receiver's `Retry-After`, in ms. */
export const MAX_RETRY_AFTER_MS = 3_600_000

/** The receiver is slow, not ready yet, or has too many requests: the same request may succeed later. */
const LATER = new Set([408, 425, 429])

/**
 * The wait before the next attempt after `attempts` of them: 1, 2, 4, 8, 16 s and so on, at most 30 s.
 */
export function retryDelayMs(attempts: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), MAX_DELAY_MS)
}

/**
 * 2xx: delivered. 3xx and 4xx: failed without a retry, because the same request would get the same response (MiniPay
 * follows no redirects). The exceptions are 408, 425 and 429: these, 5xx and no response are retried until the 6th
 * attempt. Their `Retry-After` can make the wait longer, up to an hour, but never shorter. `attempts` counts this
 * one.
 */
export function judgeAttempt(attempt: DeliveryAttempt, attempts: number, now: number): DeliveryVerdict {
  let requestedMs = 0
  if (attempt.kind === 'response') {
    const { status, retryAfter } = attempt
    if (status >= 200 && status < 300) return { state: 'delivered' }
    if (status >= 300 && status < 500 && !LATER.has(status)) return { state: 'failed' }
    requestedMs = retryAfter === undefined ? 0 : retryAfterMs(retryAfter, now)
  }
  if (attempts >= MAX_ATTEMPTS) return { state: 'failed' }
  return {
    state: 'pending',
    retryAt: now + Math.max(retryDelayMs(attempts), Math.min(requestedMs, MAX_RETRY_AFTER_MS)),
  }
}
