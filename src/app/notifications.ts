import type { StoredNotification } from '../ports/store.ts'
import type { Context } from './context.ts'
import { bookDispute } from './disputes.ts'
import { review } from './recover.ts'

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
  if (subject.about === 'dispute') {
    const answer = await provider.dispute(subject.reference, AbortSignal.timeout(provider.deadlineMs))
    if (answer.kind === 'unknown') return later(answer.reason)
    if (answer.kind === 'not_found') return later('the provider does not find the dispute')
    return (await bookDispute(context, provider.name, answer))
      ? DONE
      : later('no payment has that reference', true)
  }
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
  return (await review(context, provider, found)) ? DONE : later('the provider could not be asked')
}
