/** Our objects as the API shows them: in answers, in events, in webhooks. */
import type { Charge, Refund } from '../domain/charge.ts'
import type { Delivery, LedgerEntry, StoredEvent } from '../ports/store.ts'

let lastMs = 0
let lastText = '1970-01-01T00:00:00.000Z'

/** RFC 3339 in UTC with milliseconds. The last one is kept: under load many requests share a millisecond. */
export function timestamp(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString()
    lastMs = ms
  }
  return lastText
}

export function chargeView(charge: Charge) {
  return {
    id: charge.id,
    amount: charge.amount,
    amount_refunded: charge.amountRefunded,
    currency: charge.currency,
    customer: charge.customer,
    status: charge.status,
    payment_method: charge.paymentMethod,
    description: charge.description,
    metadata: charge.metadata,
    provider: charge.provider,
    provider_reference: charge.providerReference,
    decline_code: charge.declineCode,
    failure_message: charge.failureMessage,
    idempotency_key: charge.idempotencyKey,
    created_at: timestamp(charge.createdAt),
  }
}

/** `id` is the transaction's, as it always was; the refund's own id is `refund_id`. */
export function refundView(refund: Refund) {
  return {
    id: refund.transactionId,
    refund_id: refund.id,
    amount: refund.amount,
    currency: refund.currency,
    customer: refund.customer,
    status: refund.status,
    reason: refund.reason,
    description: refund.description,
    metadata: refund.metadata,
    idempotency_key: refund.idempotencyKey,
    refunded_at: timestamp(refund.createdAt),
  }
}

/** An event's `data`: the charge as it became, and the refund that changed it. */
export function eventData(charge: Charge, refund: Refund | null): string {
  return JSON.stringify(refund ? { ...chargeView(charge), refund: refundView(refund) } : chargeView(charge))
}

export function eventView(event: StoredEvent) {
  return {
    sequence: event.sequence,
    id: event.id,
    type: event.type,
    created_at: timestamp(event.createdAt),
    data: JSON.parse(event.data),
  }
}

export function entryView(entry: LedgerEntry) {
  return {
    sequence: entry.sequence,
    transaction_id: entry.transactionId,
    account: entry.account,
    currency: entry.currency,
    amount: entry.amount,
    created_at: timestamp(entry.createdAt),
  }
}

export function deliveryView(delivery: Delivery) {
  return {
    id: delivery.id,
    endpoint: delivery.endpoint,
    event_sequence: delivery.eventSequence,
    event_type: delivery.eventType,
    status: delivery.state,
    attempts: delivery.attempts,
    next_attempt_at: delivery.nextAttemptAt === null ? null : timestamp(delivery.nextAttemptAt),
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    created_at: timestamp(delivery.createdAt),
  }
}
