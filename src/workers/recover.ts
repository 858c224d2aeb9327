import { leaseUntil } from '../app/attempts/lease.ts'
import { recoverAttempt } from '../app/attempts/recover-attempt.ts'
import { freeRecoveryPlaces } from '../app/attempts/recovery-places.ts'
import type { Context } from '../app/context.ts'
import { type Provider, recoveryPlaces } from '../ports/provider.ts'
import type { ScopedAttempt } from '../ports/store.ts'
import type { Loop } from './loop.ts'
import { startPool } from './pool.ts'

const POLL_MS = 500

/**
 * Resolves the attempts of one provider that a crash left, that are unknown or pending, and the authorizations that
 * are due. Each provider has its own places, so a provider that hangs delays only its own attempts. Attempts that
 * wait for a customer or a bank get only a few of these places, so they never delay those that may have moved money.
 */
export function startRecovery(context: Context, provider: Provider): Loop {
  const places = recoveryPlaces(provider.concurrency)
  /** Waiting attempts that are being looked up. */
  let waiting = 0
  return startPool<ScopedAttempt>({
    name: `recover ${provider.name}`,
    intervalMs: POLL_MS,
    concurrency: places.all,
    log: context.log,
    runtime: context.runtime,
    background: context.background,
    async claim(limit) {
      // While the provider is unavailable, a claim would only postpone its attempts, each with a write.
      const most = freeRecoveryPlaces(context, provider, limit)
      if (most === 0) return []
      const now = context.now()
      const claimed = await context.store.claimAttempts({
        provider: provider.name,
        limit: most,
        waiting: places.waiting - waiting,
        // A clock that was set forward ends no lease: the call under it may still be in progress.
        freeOnly: !context.clock.leasesHold(leaseUntil(provider, now) - now),
        now,
        leaseUntil: leaseUntil(provider, now),
        token: context.newKey(),
      })
      waiting += claimed.filter(waits).length
      return claimed
    },
    async handle(owned) {
      try {
        await recoverAttempt(context, owned)
      } finally {
        if (waits(owned)) waiting--
      }
    },
  })
}

function waits({ attempt: { state } }: ScopedAttempt): boolean {
  return state === 'pending' || state === 'succeeded'
}
