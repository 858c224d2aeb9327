import { roomApart } from '../app/apart.ts'
import type { Context } from '../app/context.ts'
import { recover } from '../app/recover.ts'
import { leaseUntil } from '../app/route.ts'
import type { Provider } from '../ports/provider.ts'
import type { Loop } from './loop.ts'
import { startPool } from './pool.ts'

const POLL_MS = 500
/** Authorizations that lapse in this process can wait a little. */
const IN_PROCESS_POLL_MS = 10_000
/** Attempts at one provider that are looked at at once: few, since requests want its answers too. */
const CONCURRENCY = 16

/**
 * Finds out, provider by provider, what became of attempts that were left by a crash or ended unknown, of those
 * that are pending, and of authorizations whose time has come. A provider that hangs holds up only its own.
 */
export function startRecovery(context: Context, provider: Provider): Loop {
  return startPool({
    name: `recover ${provider.name}`,
    intervalMs: provider.remote ? POLL_MS : IN_PROCESS_POLL_MS,
    concurrency: CONCURRENCY,
    log: context.log,
    ongoing: context.ongoing,
    async claim(limit) {
      // While the provider can't be asked a claim would only put its attempts off, each with a write.
      const most = provider.remote ? roomApart(context, provider, limit) : limit
      if (most === 0) return []
      const now = context.now()
      const token = context.newKey()
      return context.store.claimAttempts({
        provider: provider.name,
        limit: most,
        now,
        leaseUntil: leaseUntil(provider, now),
        token,
      })
    },
    handle: (owned) => recover(context, owned),
  })
}
