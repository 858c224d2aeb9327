import { nextLookMs } from '../domain/attempt.ts'
import { mayLookUp } from './apart.ts'
import type { Work } from './ask.ts'
import { type Context, slotOf } from './context.ts'
import { recover } from './recover.ts'
import { leaseUntil } from './route.ts'

/** So long before an unknown attempt is due the process whose request waits looks at it, in ms. */
const AHEAD_MS = 100

/**
 * The first look at an attempt that ended unknown is that of the process whose request waits for it: no other node knows
 * that it does, and so none may call the provider once more. It does nothing when the request has stopped waiting, or the
 * provider can't be asked now: then recovery looks, on whatever node. Rejects with `StoreUnavailable`.
 */
export async function lookFirst(context: Context, { scope, attempt }: Work): Promise<void> {
  const provider = context.providers.get(attempt.provider)
  const waits = () => context.waiting.has(slotOf(scope, attempt.idempotencyKey))
  if (!provider?.remote || provider.capabilities.lookup === 'none' || !waits()) return
  await new Promise((resolve) => setTimeout(resolve, nextLookMs('unknown', 0) - AHEAD_MS))
  if (!waits() || !mayLookUp(context, provider)) return
  const now = context.now()
  const lease = { now, leaseUntil: leaseUntil(provider, now), token: context.newKey() }
  const claimed = await context.store.claimAttempt(attempt.id, lease)
  if (claimed) await recover(context, claimed)
}
