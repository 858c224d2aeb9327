/** A person has an attempt looked up at its provider now, before a worker would do so. */
import { type Attempt, isOpen, type Outcome } from '../../domain/attempt.ts'
import { type Rejection, reject } from '../../domain/error.ts'
import { notFound } from '../../domain/not-found.ts'
import type { RemoteProvider } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import type { Audit } from '../audit.ts'
import type { Context } from '../context.ts'
import { holdingProvider } from '../routing/serving.ts'
import { leaseUntil } from './lease.ts'
import { findAttempt } from './list-attempts.ts'
import { loadAttempt } from './load-attempt.ts'
import { takeStep } from './recover-attempt.ts'
import { mayLookUp } from './recovery-places.ts'

export type LookedUp = {
  /** The attempt afterwards. */
  readonly attempt: Attempt
  /** What the lookup found. */
  readonly outcome: Outcome['kind']
  /** In words: why the outcome is unknown, or why the call was declined or not sent. */
  readonly reason: string | null
}

/**
 * Looks up an open attempt under a lease, as recovery does, and settles the outcome: only one lookup of an attempt runs at
 * a time, on any node. Takes at most the provider's deadline and the commit. Rejections: `attempt_not_found`;
 * `attempt_not_open` if it has ended, or while MiniPay sends it or looks it up; `provider_not_configured`;
 * `provider_not_capable` without lookups; `overloaded` if too many lookups of the provider run; `provider_unavailable` if
 * its circuit breaker for lookups is open. Rejects with `StoreUnavailable`.
 */
export async function lookUpNow(
  context: Context,
  scope: Scope,
  id: string,
  audit: Audit,
): Promise<LookedUp | Rejection> {
  const found = await findAttempt(context, scope, id)
  if (!found) return notFound('attempt', id)
  if (!isOpen(found) || found.state === 'sending') return notOpen(found)
  const provider = lookupProvider(context, scope, found)
  if ('rejected' in provider) return provider
  const now = context.now()
  const claim = { now, leaseUntil: leaseUntil(provider, now), token: context.newKey() }
  const claimed = await context.store.claimAttempt(id, claim)
  if (!claimed) return notOpen((await findAttempt(context, scope, id)) ?? found)
  const work = await loadAttempt(context, claimed)
  const audited: Audit = (done) => audit({ ...done, action: 'attempt.looked_up' })
  const outcome = await takeStep(context, provider, work, 'lookup', audited)
  const { attempt } = await loadAttempt(context, claimed)
  return { attempt, outcome: outcome.kind, reason: reasonOf(outcome) }
}

function notOpen({ state }: Attempt): Rejection {
  const message =
    state === 'sending'
      ? 'MiniPay is sending the attempt. Retry in a moment.'
      : isOpen({ state })
        ? 'MiniPay is looking up the attempt now, on this node or another. Read it again in a moment.'
        : `The attempt has ended: it is ${state}.`
  return reject('attempt_not_open', message)
}

function lookupProvider(
  context: Context,
  scope: Scope,
  { provider: name }: Attempt,
): RemoteProvider | Rejection {
  const provider = holdingProvider(context, scope, name)
  if (!provider)
    return reject('provider_not_configured', `The provider ${name} is not configured in ${scope.mode} mode.`)
  if (!provider.remote || provider.capabilities.lookup === 'none')
    return reject(
      'provider_not_capable',
      `The provider ${name} has no lookups. Check its dashboard, and resolve the attempt by hand.`,
    )
  if (mayLookUp(context, provider)) return provider
  if (context.health.peek(name, 'lookup') !== 'open')
    return reject('overloaded', `Too many lookups at ${name} are running. Retry in a moment.`)
  const { retryInMs } = context.health.snapshot(name).lookups
  return reject(
    'provider_unavailable',
    `Lookups at ${name} fail: its circuit breaker for lookups is open. Retry in ${Math.max(1, Math.ceil(retryInMs / 1_000))} s.`,
  )
}

function reasonOf(outcome: Outcome): string | null {
  if ('reason' in outcome) return outcome.reason
  return outcome.kind === 'declined' ? outcome.message : null
}
