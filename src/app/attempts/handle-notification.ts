import { isOpen } from '../../domain/attempt.ts'
import type { DisputeLookup, RemoteProvider } from '../../ports/provider.ts'
import { withDeadline } from '../../ports/runtime.ts'
import type { ScopedAttempt, StoredNotification } from '../../ports/store.ts'
import type { Context } from '../context.ts'
import { alarmMissingDispute, bookDispute } from '../payments/disputes.ts'
import { GRACE_MS } from './call-provider.ts'
import { reviewAttempt } from './recover-attempt.ts'
import { mayLookUp } from './recovery-places.ts'

/**
 * The result of handling a notification. MiniPay retries one that is not done: `failed` for about a day, `foreign` for
 * a shorter time. It waits while its charge is `busy`. `quiet`: the provider reports nothing new, possibly because its
 * lookup lags behind its notification.
 */
export type NotificationResult =
  | { readonly done: true }
  | {
      readonly done: false
      readonly why: 'failed' | 'foreign' | 'busy' | 'quiet'
      readonly error: string
    }

/** How long a known dispute may be missing at the provider, in ms, before an alarm is raised. */
const MISSING_MS = 600_000

const DONE: NotificationResult = { done: true }
const later = (error: string, why: 'failed' | 'foreign' = 'failed'): NotificationResult => ({
  done: false,
  why,
  error,
})
const BUSY: NotificationResult = {
  done: false,
  why: 'busy',
  error: 'another call of its charge is in progress',
}
const QUIET: NotificationResult = { done: false, why: 'quiet', error: 'the provider reports nothing new' }

/**
 * Handles a stored notification: finds its object and looks it up at the provider. Only the current state at the
 * provider counts, so a repeated or outdated notification changes nothing. Rejects with `StoreUnavailable`.
 */
export async function handleNotification(
  context: Context,
  notification: StoredNotification,
  looks: SharedLookups = createSharedLookups(),
): Promise<NotificationResult> {
  const { subject, receivedAt } = notification
  const provider = context.providers.get(notification.provider)
  if (subject.about === 'nothing') return DONE
  if (!provider?.remote) return later('its provider is not configured')
  const once = (about: string, look: () => Promise<NotificationResult>) =>
    looks(`${provider.name} ${about}`, receivedAt, context.now(), look)
  if (subject.about === 'dispute')
    return once(`dispute ${subject.reference}`, () =>
      handleDispute(context, provider, subject.reference, receivedAt),
    )
  const found =
    subject.about === 'attempt'
      ? await context.store.attempt(subject.attemptId)
      : await context.store.attemptByReference(
          provider.name,
          subject.about === 'refund' ? 'refund' : 'authorize',
          subject.reference,
        )
  // The response of the call may still be on its way, or the payment does not belong to MiniPay.
  if (found?.attempt.provider !== provider.name || found.scope.mode !== provider.mode)
    return later('no attempt has that reference', 'foreign')
  return once(found.attempt.id, () => reviewPayment(context, provider, found))
}

/**
 * A notification about a payment may report the outcome of its capture, cancel or refund, so open ones are looked up
 * first.
 */
async function reviewPayment(
  context: Context,
  provider: RemoteProvider,
  found: ScopedAttempt,
): Promise<NotificationResult> {
  const { scope, attempt } = found
  const { id, chargeId, kind } = attempt
  const others =
    kind === 'authorize' ? (await context.store.attempts(scope, { limit: 100, chargeId })).data : []
  const open = others.filter(
    (other) =>
      other.provider === provider.name && other.id !== id && other.kind !== 'refund' && isOpen(other),
  )
  for (const each of [...open, attempt]) {
    const came = await reviewAttempt(context, provider, { scope, attempt: each })
    if (came === 'later') return later('no lookup was possible, or it had no result yet')
    if (came === 'busy') return BUSY
    if (came === 'same' && each === attempt) return QUIET
  }
  return DONE
}

async function handleDispute(
  context: Context,
  provider: RemoteProvider,
  reference: string,
  receivedAt: number,
): Promise<NotificationResult> {
  if (provider.capabilities.lookup === 'none') return later('its provider has no lookup')
  if (!mayLookUp(context, provider)) return later('the provider is not available now')
  const late: DisputeLookup = { kind: 'unknown', reason: `no response within ${provider.deadlineMs} ms` }
  const leave = context.calls.enter(provider.name, 'recovery')
  const response = await withDeadline(
    context.runtime,
    { ms: provider.deadlineMs, graceMs: GRACE_MS },
    (signal) => provider.dispute(reference, signal),
    late,
  ).finally(leave)
  if (response.kind === 'unknown') return later(response.reason)
  if (response.kind === 'not_found') {
    // A provider's lookup may lag behind its notification, but not for that long.
    if (context.clock.trusted() - receivedAt >= MISSING_MS)
      await alarmMissingDispute(context, provider, reference)
    return later('the provider does not find the dispute')
  }
  const booked = await bookDispute(context, provider, response)
  // Disputes are few, so MiniPay does not distinguish whether this state is the new one or was there before.
  if (booked === 'booked') return QUIET
  return booked === 'foreign'
    ? later('no payment has that reference', 'foreign')
    : later('the payment is not captured, so far as we know')
}

/** Runs a lookup, or shares one; see `createSharedLookups`. Times are in ms since 1970. */
export type SharedLookups = (
  what: string,
  receivedAt: number,
  now: number,
  look: () => Promise<NotificationResult>,
) => Promise<NotificationResult>

/** From this age on, in ms, a notification shares lookups, namely those that began within this time. */
const SHARED_FROM_MS = 10_000
const SHARED_MS = 5_000

/**
 * Providers send several notifications about one change, such as a refund that is created, updated and paid. When
 * MiniPay repeats a lookup because it showed nothing new, one lookup serves all notifications that came before it.
 */
export function createSharedLookups(): SharedLookups {
  const looks = new Map<string, { readonly at: number; readonly acted: Promise<NotificationResult> }>()
  return (what, receivedAt, now, look) => {
    for (const [other, { at }] of looks) {
      if (now - at < SHARED_MS) break
      looks.delete(other)
    }
    const shared = looks.get(what)
    if (shared && shared.at >= receivedAt && now - receivedAt >= SHARED_FROM_MS) return shared.acted
    const acted = look()
    looks.delete(what)
    looks.set(what, { at: now, acted })
    return acted
  }
}
