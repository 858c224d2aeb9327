import { isOpen } from '../domain/attempt.ts'
import type { RemoteProvider } from '../ports/provider.ts'
import type { StoredNotification } from '../ports/store.ts'
import { counted } from './ask.ts'
import type { Context } from './context.ts'
import { bookDispute } from './disputes.ts'
import { review } from './recover.ts'
import { available } from './route.ts'

/** What came of acting on a notification. What is not done is tried again; what seems not to be ours, not for long. */
export type Acted =
  | { readonly done: true }
  | { readonly done: false; readonly error: string; readonly foreign: boolean }

const DONE: Acted = { done: true }
const later = (error: string, foreign = false): Acted => ({ done: false, error, foreign })

/**
 * Acts on a stored notification: finds what it is about and asks its provider. The same one twice, or an old
 * one after a new one, changes nothing: what counts is what the provider says now. Rejects with
 * `StoreUnavailable`.
 */
export async function act(context: Context, notification: StoredNotification): Promise<Acted> {
  const { subject } = notification
  const provider = context.providers.get(notification.provider)
  if (subject.about === 'nothing') return DONE
  if (!provider?.remote) return later('its provider is not configured')
  if (subject.about === 'dispute') return disputed(context, provider, subject.reference)
  const found =
    subject.about === 'attempt'
      ? await context.store.attempt(subject.attemptId)
      : await context.store.attemptByReference(
          provider.name,
          subject.about === 'refund' ? 'refund' : 'authorize',
          subject.reference,
        )
  // Its answer may still be on its way to us, or it is not ours at all.
  if (found?.attempt.provider !== provider.name) return later('no attempt of ours has that reference', true)
  const { scope } = found
  const { id, transactionId, kind } = found.attempt
  // What is told of a payment may be the end of what was asked of it since.
  const others =
    kind === 'authorize' ? (await context.store.attempts(scope, { limit: 100, transactionId })).data : []
  const open = others.filter((other) => other.id !== id && other.kind !== 'refund' && isOpen(other))
  for (const attempt of [found.attempt, ...open])
    if ((await review(context, provider, { scope, attempt })) === 'later')
      return later('the provider could not be asked, or can say nothing yet')
  return DONE
}

async function disputed(context: Context, provider: RemoteProvider, reference: string): Promise<Acted> {
  if (provider.capabilities.lookup === 'none') return later('its provider can be asked nothing')
  if (typeof available(context, provider.name, false) === 'string')
    return later('the provider can not be asked now')
  const answer = await counted(context, provider.name, () =>
    provider.dispute(reference, AbortSignal.timeout(provider.deadlineMs)),
  )
  if (answer.kind === 'unknown') return later(answer.reason)
  if (answer.kind === 'not_found') return later('the provider does not find the dispute')
  const booked = await bookDispute(context, provider.name, answer)
  if (booked === 'booked') return DONE
  return booked === 'foreign'
    ? later('no payment of ours has that reference', true)
    : later('the payment is not captured, so far as we know')
}
