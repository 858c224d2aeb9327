import type { Mode } from '../../domain/scope.ts'
import { decodeSnapshot } from '../../domain/snapshot.ts'
import type { WebhookFormat } from '../../domain/webhooks/endpoint.ts'
import type { StoredEvent } from '../../ports/store.ts'
import { webhookBody } from './body.ts'
import { STRIPE_VERSION } from './stripe.ts'
import { seconds } from './stripe-objects.ts'

/** The body of a test event, which is about its endpoint, in every format: Stripe has no such event, but verifies its form. */
export function testBody(format: WebhookFormat, event: StoredEvent, mode: Mode): string {
  if (format !== 'stripe') return webhookBody(format, event, mode)
  const { endpoint } = decodeSnapshot(event.data)
  const livemode = mode === 'live'
  return JSON.stringify({
    ...{ id: event.id, object: 'event', api_version: STRIPE_VERSION, created: seconds(event.createdAt) },
    data: { object: { ...endpoint, object: 'webhook_endpoint', livemode } },
    ...{ livemode, pending_webhooks: 1, request: { id: null, idempotency_key: null }, type: event.type },
  })
}
