import { nextLookupMs } from '../../domain/attempt.ts'
import { sleep } from '../../ports/runtime.ts'
import type { Context } from '../context.ts'
import { remoteProvider } from '../routing/serving.ts'
import { leaseUntil } from './lease.ts'
import type { LoadedAttempt } from './load-attempt.ts'
import { recoverAttempt } from './recover-attempt.ts'
import { mayLookUp } from './recovery-places.ts'

/** How long before an unknown attempt is due the process of the waiting request looks it up, in ms. */
const AHEAD_MS = 100

/**
 * The process whose request waits makes the first lookup of an attempt with an unknown outcome. Only this process
 * knows that the request is waiting, so only it may make the call once more. Does nothing if the request no longer
 * waits or the provider is unavailable; then recovery on any node makes the lookup. Rejects with `StoreUnavailable`.
 */
export async function lookUpFirst(
  context: Context,
  { scope, attempt, requestId = null }: LoadedAttempt,
): Promise<void> {
  const provider = remoteProvider(context, scope, attempt.provider)
  const waits = () => context.requests.isWaiting(scope, attempt.idempotencyKey)
  if (!provider || provider.capabilities.lookup === 'none' || !waits()) return
  await sleep(context.runtime, nextLookupMs('unknown', 0) - AHEAD_MS)
  if (!waits() || !mayLookUp(context, provider)) return
  const now = context.now()
  const lease = { now, leaseUntil: leaseUntil(provider, now), token: context.newKey() }
  const claimed = await context.store.claimAttempt(attempt.id, lease)
  if (claimed) await recoverAttempt(context, { ...claimed, requestId })
}
