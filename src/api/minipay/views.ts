/** Our objects as the API shows them: in responses, in events, in webhooks. */

import type { Alarm } from '../../domain/alarm.ts'
import type { Attempt } from '../../domain/attempt.ts'
import { isCancelRequested } from '../../domain/cancel-request.ts'
import type { Dispute, Refund } from '../../domain/charge.ts'
import {
  type ChargeFacts,
  type ChargeSnapshot,
  decodeSnapshot,
  type EndpointFacts,
  type Era,
  type Snapshot,
} from '../../domain/snapshot.ts'
import type { LedgerEntry, StoredEvent } from '../../ports/store.ts'
import type { AlarmView } from './alarm-schemas.ts'
import type { AttemptView } from './attempt-schemas.ts'
import type { ChargeView } from './charge-schemas.ts'
import type { DisputeView } from './dispute-schemas.ts'
import type { ChargeEventData, EndpointEventData, EventView } from './event-schemas.ts'
import type { LedgerEntryView } from './ledger-schemas.ts'
import type { RefundView } from './refund-schemas.ts'

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

export function chargeView(charge: ChargeFacts): ChargeView {
  return {
    id: charge.id,
    amount: charge.amount,
    amount_captured: charge.amountCaptured,
    amount_refunded: charge.amountRefunded,
    amount_refund_pending: charge.amountRefundPending,
    amount_disputed: charge.amountDisputed,
    currency: charge.currency,
    customer: charge.customer,
    status: charge.status,
    capture: charge.capture,
    payment_method: charge.paymentMethod,
    description: charge.description,
    metadata: charge.metadata,
    provider: charge.provider,
    provider_reference: charge.providerReference,
    decline_code: charge.declineCode,
    failure_message: charge.failureMessage,
    redirect_url: charge.redirectUrl,
    expires_at: timeOrNull(charge.expiresAt),
    cancel_requested: isCancelRequested(charge),
    idempotency_key: charge.idempotencyKey,
    created_at: timestamp(charge.createdAt),
  }
}

/** `id` is the transaction's, as it always was; the refund's own id is `refund_id`. */
export function refundView(refund: Refund): RefundView {
  return {
    id: refund.chargeId,
    refund_id: refund.id,
    amount: refund.amount,
    currency: refund.currency,
    customer: refund.customer,
    status: refund.status,
    reason: refund.reason,
    description: refund.description,
    metadata: refund.metadata,
    provider_reference: refund.providerReference,
    decline_code: refund.declineCode,
    failure_message: refund.failureMessage,
    idempotency_key: refund.idempotencyKey,
    refunded_at: timestamp(refund.createdAt),
  }
}

export function disputeView(dispute: Dispute): DisputeView {
  return {
    id: dispute.id,
    transaction_id: dispute.chargeId,
    amount: dispute.amount,
    currency: dispute.currency,
    amount_booked: dispute.amountBooked,
    customer: dispute.customer,
    status: dispute.status,
    reason: dispute.reason,
    provider: dispute.provider,
    provider_reference: dispute.providerReference,
    evidence_due_at: timeOrNull(dispute.evidenceDueAt),
    closed_at: timeOrNull(dispute.closedAt),
    created_at: timestamp(dispute.createdAt),
  }
}

export const timeOrNull = (ms: number | null) => (ms === null ? null : timestamp(ms))

export function attemptView(attempt: Attempt): AttemptView {
  const { route } = attempt
  return {
    id: attempt.id,
    transaction_id: attempt.chargeId,
    refund_id: attempt.refundId,
    kind: attempt.kind,
    provider: attempt.provider,
    status: attempt.state,
    amount: attempt.amount,
    currency: attempt.currency,
    route: route && {
      version: route.ruleSetVersion,
      rule: route.rule,
      skipped: route.skipped,
      next: route.next,
      failover_on: route.failoverOn,
      notes: route.notes ?? [],
      again: route.again ?? null,
    },
    provider_reference: attempt.providerReference,
    decline_code: attempt.declineCode,
    reason: attempt.reason,
    resolved_by: attempt.resolvedBy,
    lookups: attempt.lookups,
    started_at: timestamp(attempt.startedAt),
    ended_at: timeOrNull(attempt.endedAt),
    duration_ms: attempt.endedAt === null ? null : attempt.endedAt - attempt.startedAt,
    next_lookup_at: timeOrNull(attempt.dueAt),
    unknown_since: timeOrNull(attempt.unknownSince),
  }
}

export function alarmView(alarm: Alarm): AlarmView {
  return {
    id: alarm.id,
    transaction_id: alarm.chargeId,
    attempt_id: alarm.attemptId,
    dispute_id: alarm.disputeId,
    kind: alarm.kind,
    provider: alarm.provider,
    said: alarm.said,
    provider_reference: alarm.reference,
    amount: alarm.amount,
    currency: alarm.currency,
    message: alarm.message,
    status: alarm.state,
    in_doubt: alarm.inDoubt,
    opened_at: timestamp(alarm.openedAt),
    closed_at: timeOrNull(alarm.closedAt),
    reason: alarm.reason,
  }
}

/** Fields that views have since a schema, from the first on: what an earlier one stored is shown without them. */
const CAME_LATER: readonly (readonly string[])[] = [
  [
    ...[
      'amount_captured',
      'amount_refund_pending',
      'amount_disputed',
      'capture',
      'redirect_url',
      'expires_at',
    ],
    ...['refund_provider_reference', 'refund_decline_code', 'refund_failure_message'],
  ],
  ['dispute_amount_booked'],
  ['cancel_requested'],
]

/** A view as it was when a former schema stored its object: without the fields that came later. */
export function asOf<View extends object>(era: Era | undefined, view: View, part = ''): View {
  if (era === undefined) return view
  const later = CAME_LATER.slice(era - 1).flat()
  const kept = Object.entries(view).filter(([name]) => !later.includes(part + name))
  return Object.fromEntries(kept) as View
}

/** An event's data: the object after the change. */
export function snapshotView(snapshot: Snapshot): EventView['data'] {
  return snapshot.endpoint ? endpointFactsView(snapshot.endpoint) : chargeSnapshotView(snapshot)
}

/** A webhook endpoint as an event stored it. */
export function endpointFactsView(endpoint: EndpointFacts): EndpointEventData {
  return {
    id: endpoint.id,
    url: endpoint.url,
    url_fingerprint: endpoint.urlFingerprint,
    description: endpoint.description,
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    failing_since: timeOrNull(endpoint.failingSince),
  }
}

/** The charge after the change, and the changed refund, dispute or alarm. */
export function chargeSnapshotView(snapshot: ChargeSnapshot): ChargeEventData {
  const { charge, refund, dispute, alarm, era } = snapshot
  return {
    ...asOf(era, chargeView(charge)),
    ...(refund && { refund: asOf(era, refundView(refund), 'refund_') }),
    ...(dispute && { dispute: asOf(era, disputeView(dispute), 'dispute_') }),
    ...(alarm && { alarm: alarmView(alarm) }),
  }
}

type PreviousAttributes = EventView['previous_attributes']

/**
 * The former values of what an event changed, as the API shows them; null if it changed nothing that was there before,
 * or if a former schema stored it.
 */
function previousView(snapshot: Snapshot): PreviousAttributes {
  if (snapshot.endpoint) return null
  const { charge, previous, refund, previousRefund, dispute, previousDispute } = snapshot
  const former = {
    ...(previous && changed(chargeView, charge, previous)),
    ...(refund && previousRefund && { refund: changed(refundView, refund, previousRefund) }),
    ...(dispute && previousDispute && { dispute: changed(disputeView, dispute, previousDispute) }),
  }
  return Object.keys(former).length > 0 ? former : null
}

/** The fields of the former object's view that the view of the object now has other values for. */
function changed<T extends object, View extends object>(
  view: (object: T) => View,
  object: T,
  previous: Partial<T>,
): Partial<View> {
  const now = view(object)
  const before = Object.entries(view({ ...object, ...previous }))
  return Object.fromEntries(
    before.filter(([name, value]) => value !== now[name as keyof View]),
  ) as Partial<View>
}

export function eventView(event: StoredEvent): EventView {
  const snapshot = decodeSnapshot(event.data)
  const { requestId = null, key = null } = snapshot.cause ?? {}
  return {
    sequence: event.sequence,
    epoch: event.epoch,
    id: event.id,
    type: event.type,
    created_at: timestamp(event.createdAt),
    request_id: requestId,
    idempotency_key: key,
    data: snapshotView(snapshot),
    previous_attributes: previousView(snapshot),
  }
}

export function entryView(entry: LedgerEntry): LedgerEntryView {
  return {
    sequence: entry.sequence,
    transaction_id: entry.transactionId,
    account: entry.account,
    currency: entry.currency,
    amount: entry.amount,
    created_at: timestamp(entry.createdAt),
  }
}
