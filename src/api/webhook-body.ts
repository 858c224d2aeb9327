import { decodeSnapshot } from '../domain/snapshot.ts'
import type { Undefinable } from '../http/schema.ts'
import type { ClaimedDelivery } from '../ports/store.ts'
import { snapshotView } from './minipay/views.ts'
import type { WebhookView } from './minipay/webhook-schemas.ts'

export type DeliveredEvent = Pick<
  ClaimedDelivery,
  'eventType' | 'eventId' | 'sequence' | 'epoch' | 'eventAt' | 'data'
>

/**
 * The body of a webhook, which its signature covers: the five fields of the original's transaction first, then the
 * event and its change. No two events have the same body. Fields that an earlier version did not store are absent.
 */
export function webhookBody({ eventType, eventId, sequence, epoch, eventAt, data }: DeliveredEvent): string {
  const view = snapshotView(decodeSnapshot(data))
  const { id, amount, currency, customer, status, refund, dispute, alarm, ...rest } = view
  const body: Undefinable<WebhookView> = {
    ...{ id, amount, currency, customer, status },
    type: eventType,
    event_id: eventId,
    sequence,
    epoch,
    created_at: new Date(eventAt).toISOString(),
    amount_captured: rest.amount_captured,
    amount_refunded: rest.amount_refunded,
    amount_disputed: rest.amount_disputed,
    metadata: rest.metadata,
    idempotency_key: rest.idempotency_key,
    ...(eventType === 'payment.failed' && {
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
  return JSON.stringify(body)
}
