import type { Provider } from '../../ports/provider.ts'

/** How long after its deadline a call may take to be settled before another worker takes it over, in ms. */
const ATTEMPT_SETTLE_MS = 10_000

/** The end of a lease on an attempt at this provider, which may not be configured any more. */
export function leaseUntil(provider: Provider | undefined, now: number): number {
  return now + (provider?.deadlineMs ?? 0) + ATTEMPT_SETTLE_MS
}

/**
 * The token of the lease under which an attempt is sent first. Only the process that made the attempt sends it so, and every
 * other lease has a random token: it is short, because each charge stores it.
 */
export const SENDER = 'sender'
