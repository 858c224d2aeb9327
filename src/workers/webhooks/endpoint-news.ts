/** What MiniPay does to an endpoint that failed, and the event that tells of it. */
import { shownUrl } from '../../app/webhooks/audited.ts'
import type { EndpointEventType } from '../../domain/event.ts'
import type { IdPrefix } from '../../domain/id.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import { type EndpointFacts, encodeFacts } from '../../domain/snapshot.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { DeliveryBatch } from '../../ports/store-webhooks.ts'

export type EndpointNews = Pick<DeliveryBatch, 'change' | 'event'>

export type NewsMaker = {
  readonly newId: (prefix: IdPrefix) => string
  /** ms since 1970. */
  readonly now: () => number
}

/** The event that warns of an endpoint before it is disabled. */
export function endpointFailing(
  maker: NewsMaker,
  endpoint: WebhookEndpoint,
  since: number | null,
): EndpointNews {
  return { change: null, event: eventOf(maker, 'webhook_endpoint.failing', endpoint, since) }
}

/** The disabled endpoint, with its event and the entry in the audit log. */
export function endpointDisabled(
  maker: NewsMaker,
  before: WebhookEndpoint,
  reason: 'gone' | 'failing',
  since: number | null,
): EndpointNews & { readonly change: NonNullable<DeliveryBatch['change']> } {
  const after: WebhookEndpoint = {
    ...before,
    status: 'disabled',
    disabledReason: reason,
    version: before.version + 1,
  }
  const audit = {
    ...{ id: maker.newId('aud'), scope: before.scope, at: maker.now(), actor: 'server' },
    ...{ action: 'webhook_endpoint.disabled' as const, object: before.id },
    ...{ before: audited(before), after: audited(after), address: null, requestId: null },
  }
  return {
    change: { before, after, audit },
    event: eventOf(maker, 'webhook_endpoint.disabled', after, since),
  }
}

function audited({ status, disabledReason }: WebhookEndpoint): string {
  return canonicalJson({ status, disabled_reason: disabledReason })
}

function eventOf(
  { newId }: NewsMaker,
  type: EndpointEventType,
  endpoint: WebhookEndpoint,
  failingSince: number | null,
): NonNullable<DeliveryBatch['event']> {
  const data = encodeFacts({ endpoint: endpointFacts(endpoint, failingSince) })
  return { id: newId('evt'), type, data }
}

/** An endpoint in an event. */
export function endpointFacts(endpoint: WebhookEndpoint, failingSince: number | null): EndpointFacts {
  const { id, description, status, disabledReason } = endpoint
  return { id, ...shownUrl(endpoint), description, status, disabledReason, failingSince }
}
