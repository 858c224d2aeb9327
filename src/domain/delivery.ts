/** How one attempt to deliver a webhook ended: the answer's HTTP status, or why there was none. */
export type DeliveryAttempt =
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'no_answer'; readonly error: string }

/** What becomes of a delivery after an attempt. `retryAt` is in ms since 1970. */
export type DeliveryVerdict =
  | { readonly state: 'delivered' }
  | { readonly state: 'failed' }
  | { readonly state: 'pending'; readonly retryAt: number }

/** A webhook is tried this often before it is failed. */
export const MAX_ATTEMPTS = 6

const FIRST_DELAY_MS = 1_000
const MAX_DELAY_MS = 30_000

/**
 * The wait before the next attempt after `attempts` of them: 1, 2, 4, 8, 16 s and so on, at most 30 s.
 */
export function retryDelayMs(attempts: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), MAX_DELAY_MS)
}

/**
 * The original's rule. 2xx: delivered. 3xx and 4xx: failed without a retry, since the receiver said that
 * this request will not do (redirects are not followed). Everything else, silence included, is retried
 * until the 6th attempt. `attempts` counts this one.
 */
export function judgeAttempt(attempt: DeliveryAttempt, attempts: number, now: number): DeliveryVerdict {
  if (attempt.kind === 'answered') {
    if (attempt.status >= 200 && attempt.status < 300) return { state: 'delivered' }
    if (attempt.status >= 300 && attempt.status < 500) return { state: 'failed' }
  }
  if (attempts >= MAX_ATTEMPTS) return { state: 'failed' }
  return { state: 'pending', retryAt: now + retryDelayMs(attempts) }
}
