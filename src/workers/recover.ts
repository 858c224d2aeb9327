import { roomApart } from '../app/apart.ts'
import type { Context } from '../app/context.ts'
import { recover } from '../app/recover.ts'
import { leaseUntil } from '../app/route.ts'
import { type Provider, recoveryPlaces } from '../ports/provider.ts'
import type { OwnedAttempt } from '../ports/store.ts'
import type { Loop } from './loop.ts'
import { startPool } from './pool.ts'

const POLL_MS = 500
/** Authorizations that lapse in this process can wait a little. */
const IN_PROCESS_POLL_MS = 10_000
/** Authorizations in this process whose time has come that are looked at at once. */
const IN_PROCESS = { all: 16, waiting: 16 }

/**
 * Finds out, provider by provider, what became of attempts that were left by a crash or ended unknown, of those
 * that are pending, and of authorizations whose time has come. A provider that hangs holds up only its own, and attempts
 * that wait, however many, hold up none that may have moved money.
 */
export function startRecovery(context: Context, provider: Provider): Loop {
  const places = provider.remote ? recoveryPlaces(provider.concurrency) : IN_PROCESS
  /** Attempts that wait, and are being looked at. */
  let waiting = 0
  return startPool<OwnedAttempt>({
    name: `recover ${provider.name}`,
    intervalMs: provider.remote ? POLL_MS : IN_PROCESS_POLL_MS,
    concurrency: places.all,
    log: context.log,
    runtime: context.runtime,
    background: context.background,
    async claim(limit) {
      // While the provider is unavailable, a claim would only postpone its attempts, each with a write.
      const most = provider.remote ? roomApart(context, provider, limit) : limit
      if (most === 0) return []
      const now = context.now()
      const claimed = await context.store.claimAttempts({
        provider: provider.name,
        limit: most,
        waiting: places.waiting - waiting,
        // A clock that was set forward ends no lease: the call under it may be under way.
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
        await recover(context, owned)
      } finally {
        if (waits(owned)) waiting--
      }
    },
  })
}

function waits({ attempt: { state } }: OwnedAttempt): boolean {
  return state === 'pending' || state === 'succeeded'
}
