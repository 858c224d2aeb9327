/**
 * Our nouns as rows, and back. A row is the columns after account_id and live (an attempt's: after its own id),
 * those that change first, in the order of the statements in write-commit and write-attempts.
 */
import type { Alarm } from '../../domain/alarm.ts'
import type { Attempt } from '../../domain/attempt.ts'
import type { Charge, Dispute, Metadata, Refund } from '../../domain/charge.ts'
import type { IdempotencyRecord, StoredAnswer } from '../../domain/idempotency.ts'
import type { OwnedAttempt, Scope } from '../../ports/store.ts'
import { ANSWER_BODY, DESCRIPTION, EVENT_DATA, longDetails, METADATA } from './long-texts.ts'

export type Value = string | number | null
export type Row = readonly Value[]

export function live(scope: Scope): number {
  return scope.mode === 'live' ? 1 : 0
}

/** Places in a charge's row. What changes stands from `version` up to `amount`, and the rest never does. */
export const CHARGE = { id: 0, version: 1, amount: 14, currency: 15, details: 23 } as const

/** In the place of its details a row of a charge or a refund has their text when they are long, and null otherwise. */
export function chargeRow(charge: Charge): Row {
  const metadata = metadataText(charge.metadata)
  const details = longDetails(charge.description, metadata)
  return [
    charge.id,
    charge.version,
    charge.status,
    charge.amountCaptured,
    charge.amountRefunded,
    charge.amountRefundPending,
    charge.amountDisputed,
    charge.provider,
    charge.providerReference,
    charge.declineCode,
    charge.failureMessage,
    charge.redirectUrl,
    charge.expiresAt,
    charge.cancelKey ?? null,
    charge.amount,
    charge.currency,
    charge.customer,
    charge.capture ? 1 : 0,
    charge.paymentMethod,
    details === null ? charge.description : null,
    details === null ? metadata : null,
    charge.idempotencyKey,
    charge.createdAt,
    details,
  ]
}

export const CHARGE_COLUMNS = `id, version, amount, amount_captured AS amountCaptured,
  amount_refunded AS amountRefunded, amount_refund_pending AS amountRefundPending,
  amount_disputed AS amountDisputed, currency, customer, status, capture, payment_method AS paymentMethod,
  ${DESCRIPTION} AS description, ${METADATA} AS metadata, provider, provider_reference AS providerReference, decline_code AS declineCode,
  failure_message AS failureMessage, redirect_url AS redirectUrl, expires_at AS expiresAt,
  cancel_key AS cancelKey, idempotency_key AS idempotencyKey, created_at AS createdAt`
export type ChargeColumns = Omit<Charge, 'capture' | 'metadata'> & {
  readonly capture: number
  readonly metadata: string | null
}

export function chargeOf(row: ChargeColumns): Charge {
  return { ...row, capture: row.capture === 1, metadata: metadataOf(row.metadata) }
}

/** Places in a refund's row. */
export const REFUND = { id: 0, details: 14 } as const

export function refundRow(refund: Refund): Row {
  const metadata = metadataText(refund.metadata)
  const details = longDetails(refund.description, metadata)
  return [
    refund.id,
    refund.status,
    refund.providerReference,
    refund.declineCode,
    refund.failureMessage,
    refund.transactionId,
    refund.amount,
    refund.currency,
    refund.customer,
    refund.reason,
    details === null ? refund.description : null,
    details === null ? metadata : null,
    refund.idempotencyKey,
    refund.createdAt,
    details,
  ]
}

export const REFUND_COLUMNS = `id, transaction_id AS transactionId, amount, currency, customer, status, reason,
  ${DESCRIPTION} AS description, ${METADATA} AS metadata, provider_reference AS providerReference,
  decline_code AS declineCode, failure_message AS failureMessage, idempotency_key AS idempotencyKey, created_at AS createdAt`
export type RefundColumns = Omit<Refund, 'metadata'> & { readonly metadata: string | null }

export function refundOf(row: RefundColumns): Refund {
  return { ...row, metadata: metadataOf(row.metadata) }
}

function metadataText(metadata: Metadata): string | null {
  for (const _ in metadata) return JSON.stringify(metadata)
  return null
}

function metadataOf(text: string | null): Metadata {
  return text === null ? {} : JSON.parse(text)
}

export function disputeRow(dispute: Dispute): Row {
  return [
    dispute.id,
    dispute.status,
    dispute.amount,
    dispute.amountBooked,
    dispute.reason,
    dispute.transactionId,
    dispute.provider,
    dispute.providerReference,
    dispute.currency,
    dispute.customer,
    dispute.createdAt,
  ]
}

export const DISPUTE_COLUMNS = `id, transaction_id AS transactionId, provider,
  provider_reference AS providerReference, amount, currency, amount_booked AS amountBooked, customer, status, reason,
  created_at AS createdAt`

/** Places in an attempt's row. What changes stands from `state` up to `transactionId`. */
export const ATTEMPT = {
  id: 0,
  state: 1,
  providerReference: 2,
  transactionId: 13,
  kind: 15,
  provider: 16,
} as const

export function attemptRow(attempt: Attempt): Row {
  return [
    attempt.id,
    attempt.state,
    attempt.providerReference,
    attempt.declineCode,
    attempt.reason,
    attempt.resolvedBy,
    attempt.endedAt,
    attempt.lookups,
    attempt.unknownSince,
    attempt.dueAt,
    attempt.token,
    attempt.route && JSON.stringify(attempt.route),
    attempt.amount,
    attempt.transactionId,
    attempt.refundId,
    attempt.kind,
    attempt.provider,
    attempt.currency,
    attempt.idempotencyKey,
    attempt.startedAt,
  ]
}

export const ATTEMPT_COLUMNS = `account_id AS accountId, live, id, transaction_id AS transactionId,
  refund_id AS refundId, kind, provider, state, amount, currency, route,
  provider_reference AS providerReference, decline_code AS declineCode, reason, resolved_by AS resolvedBy,
  idempotency_key AS idempotencyKey, started_at AS startedAt, ended_at AS endedAt, lookups,
  unknown_since AS unknownSince, due_at AS dueAt, token`
export type AttemptColumns = Omit<Attempt, 'route'> & {
  readonly accountId: number
  readonly live: number
  readonly route: string | null
}

export function ownedAttempt({ accountId, live, route, ...rest }: AttemptColumns): OwnedAttempt {
  return {
    scope: { accountId, mode: live === 1 ? 'live' : 'test' },
    attempt: { ...rest, route: route === null ? null : JSON.parse(route) },
  }
}

/** Places in an alarm's row. What changes stands from `state` up to `transactionId`. */
export const ALARM = { id: 0, state: 1, transactionId: 6, kind: 9 } as const

export function alarmRow(alarm: Alarm): Row {
  return [
    alarm.id,
    alarm.state,
    alarm.inDoubt ? 1 : 0,
    alarm.message,
    alarm.closedAt,
    alarm.reason,
    alarm.transactionId,
    alarm.attemptId,
    alarm.disputeId,
    alarm.kind,
    alarm.provider,
    alarm.said,
    alarm.reference,
    alarm.amount,
    alarm.currency,
    alarm.openedAt,
  ]
}

export const ALARM_COLUMNS = `id, transaction_id AS transactionId, attempt_id AS attemptId,
  dispute_id AS disputeId, kind, provider, said, reference, amount, currency, message, state,
  in_doubt AS inDoubt, opened_at AS openedAt, closed_at AS closedAt, reason`
export type AlarmColumns = Omit<Alarm, 'inDoubt'> & { readonly inDoubt: number }

export function alarmOf(row: AlarmColumns): Alarm {
  return { ...row, inDoubt: row.inDoubt === 1 }
}

/**
 * The stored answer of a key; shared by the writer, which finds a key taken, and the reader. Not a join: SQLite prepares a
 * join with a table that has a partial index anew each time its parameters are bound, which took 10 µs of each request.
 */
export const FIND_KEY = `SELECT k.fingerprint, k.answer_kind, coalesce(${ANSWER_BODY}, (
    SELECT ${EVENT_DATA} FROM events e
    WHERE e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq))
  FROM idempotency_keys k
  WHERE k.account_id = ? AND k.live = ? AND k.key = ?`
export type FoundKey = [fingerprint: string, kind: StoredAnswer['kind'], body: string]

export function recordOf([fingerprint, kind, body]: FoundKey): IdempotencyRecord {
  return { fingerprint, answer: { kind, body } }
}
