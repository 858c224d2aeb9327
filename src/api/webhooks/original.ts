/** The bodies of webhooks as the first versions of MiniPay sent them, which the endpoint of `WEBHOOK_TARGET` gets. */
import { type ChargeSnapshot, decodeSnapshot, type EndpointFacts } from '../../domain/snapshot.ts'
import type { Undefinable } from '../../http/schema.ts'
import type { StoredEvent } from '../../ports/store.ts'
import { chargeSnapshotView, endpointFactsView } from '../minipay/views.ts'
import type { EndpointWebhookView, WebhookView } from '../minipay/webhook-schemas.ts'

/**
 * The body of a webhook, which its signature covers: the five fields of the original's transaction first, then the
 * event and its change. No two events have the same body. Fields that an earlier version did not store are absent.
 */
export function originalBody(event: StoredEvent): string {
  const snapshot = decodeSnapshot(event.data)
  const body = snapshot.endpoint ? endpointBody(event, snapshot.endpoint) : chargeBody(event, snapshot)
  return JSON.stringify(body)
}

function endpointBody(event: StoredEvent, endpoint: EndpointFacts): EndpointWebhookView {
  const { id, ...rest } = endpointFactsView(endpoint)
  return { id, ...factsOfEvent(event), ...rest }
}

const factsOfEvent = ({ type, id, sequence, epoch, createdAt }: StoredEvent) => ({
  ...{ type, event_id: id, sequence, epoch },
  created_at: new Date(createdAt).toISOString(),
})

function chargeBody(event: StoredEvent, snapshot: ChargeSnapshot): Undefinable<WebhookView> {
  const view = chargeSnapshotView(snapshot)
  const { id, amount, currency, customer, status, refund, dispute, alarm, ...rest } = view
  return {
    ...{ id, amount, currency, customer, status },
    ...factsOfEvent(event),
    amount_captured: rest.amount_captured,
    amount_refunded: rest.amount_refunded,
    amount_disputed: rest.amount_disputed,
    metadata: rest.metadata,
    idempotency_key: rest.idempotency_key,
    ...(event.type === 'payment.failed' && {
      decline_code: rest.decline_code,
      failure_message: rest.failure_message,
    }),
    ...(refund && {
      refund_id: refund.refund_id,
      refund_amount: refund.amount,
      refund_status: refund.status,
      refund_idempotency_key: refund.idempotency_key,
    }),
    ...(dispute && {
      dispute_id: dispute.id,
      dispute_amount: dispute.amount,
      dispute_currency: dispute.currency,
      dispute_status: dispute.status,
    }),
    ...(alarm && { alarm_id: alarm.id, alarm_kind: alarm.kind }),
  }
}
