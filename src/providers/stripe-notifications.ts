import type Stripe from 'stripe'
import type { Mode } from '../domain/scope.ts'
import type { NotificationSubject, VerifiedNotification } from '../ports/provider.ts'
import type { StripeSettings } from './stripe.ts'
import { objectAt, textAt } from './stripe-responses.ts'

/** How old the signature of a notification may be, in seconds. */
const TOLERANCE_S = 300

/**
 * A notification (an event of Stripe's) that was signed with the endpoint's secret in the last five minutes, and is of
 * the same mode as the key (https://docs.stripe.com/api/events/object#event_object-livemode); null otherwise. `now` is in
 * ms since 1970. MiniPay reads only which object it is about.
 */
export function readNotification(
  webhooks: Stripe['webhooks'],
  { notificationSecret: secret, mode }: Pick<StripeSettings, 'notificationSecret' | 'mode'>,
  body: Buffer,
  signature: string | string[] | undefined,
  now = Date.now(),
): VerifiedNotification | null {
  if (typeof signature !== 'string') return null
  let event: unknown
  try {
    event = webhooks.constructEvent(body, signature, secret, TOLERANCE_S, undefined, now)
  } catch {
    return null
  }
  if (!isOfMode(event, mode)) return null
  const id = textAt(event, 'id')
  const type = textAt(event, 'type')
  if (id === null || type === null) return null
  return { id, subject: subjectOf(type, objectAt(objectAt(event, 'data'), 'object')) }
}

/** A test event at the endpoint of a live account, or the other way around, says nothing about its payments. */
function isOfMode(event: unknown, mode: Mode): boolean {
  return (
    typeof event === 'object' && event !== null && 'livemode' in event && event.livemode === (mode === 'live')
  )
}

/**
 * MiniPay puts the attempt's id into the metadata of a payment intent or a refund. So a notification identifies a
 * call whose response, and Stripe's reference with it, was lost. An inquiry is no dispute yet, and a dispute without
 * a payment intent is about no payment of ours.
 */
function subjectOf(type: string, object: Readonly<Record<string, unknown>>): NotificationSubject {
  const reference = textAt(object, 'id')
  if (reference === null) return { about: 'nothing' }
  if (type.startsWith('charge.dispute.')) {
    const inquiry = textAt(object, 'status')?.startsWith('warning_') === true
    return inquiry || object['payment_intent'] === null
      ? { about: 'nothing' }
      : { about: 'dispute', reference }
  }
  const about = type.startsWith('payment_intent.')
    ? 'payment'
    : type.startsWith('refund.') || type === 'charge.refund.updated'
      ? 'refund'
      : 'nothing'
  if (about === 'nothing') return { about }
  const attemptId = textAt(objectAt(object, 'metadata'), 'minipay_attempt')
  return attemptId === null ? { about, reference } : { about: 'attempt', attemptId }
}
