/** The bodies of webhooks, by the format of their endpoint. */
import { type EventType, isEndpointEvent } from '../../domain/event.ts'
import type { Mode } from '../../domain/scope.ts'
import type { WebhookFormat } from '../../domain/webhooks/endpoint.ts'
import type { StoredEvent } from '../../ports/store.ts'
import { eventView } from '../minipay/views.ts'
import { originalBody } from './original.ts'
import { stripeBody, stripeCarries } from './stripe.ts'

/** Whether a format has the events of a type; an endpoint does not get those that its format lacks. */
export function carries(format: WebhookFormat, type: EventType): boolean {
  if (format === 'stripe') return stripeCarries(type)
  // The first versions sent no such events.
  return format === 'minipay' || !isEndpointEvent(type)
}

/**
 * The body of an event that the format `carries`, which is the same on every attempt: in `minipay` the event as the API
 * shows it, in `original` as the first versions sent it, in `stripe` an event of Stripe's API.
 */
export function webhookBody(format: WebhookFormat, event: StoredEvent, mode: Mode): string {
  if (format === 'original') return originalBody(event)
  return format === 'stripe' ? stripeBody(event, mode) : JSON.stringify(eventView(event))
}
