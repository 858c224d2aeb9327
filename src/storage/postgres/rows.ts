/** Our nouns as rows, by the columns' names, and back. Rows go to the database as JSON: one parameter for any number of them. */
import type { Attempt } from '../../domain/attempt.ts'
import type { Charge, Dispute, Metadata, Refund } from '../../domain/charge.ts'
import type { IdempotencyRecord, StoredAnswer } from '../../domain/idempotency.ts'
import type { OwnedAttempt, Scope } from '../../ports/store.ts'
import type { Row } from './batch.ts'

export function live(scope: Scope): number {
  return scope.mode === 'live' ? 1 : 0
}

export function scopeOf(row: Row): Scope {
  return { accountId: row['accountId'] as number, mode: row['live'] === 1 ? 'live' : 'test' }
}

/** A name of what is in a scope, among those of every scope. */
export function nameIn(scope: Scope, ...names: readonly string[]): string {
  return `${scope.accountId}/${live(scope)}/${names.join('/')}`
}

export function chargeRow(scope: Scope, charge: Charge) {
  return {
    account_id: scope.accountId,
    live: live(scope),
    id: charge.id,
    version: charge.version,
    amount: charge.amount,
    amount_captured: charge.amountCaptured,
    amount_refunded: charge.amountRefunded,
    amount_refund_pending: charge.amountRefundPending,
    amount_disputed: charge.amountDisputed,
    currency: charge.currency,
    customer: charge.customer,
    status: charge.status,
    capture: charge.capture ? 1 : 0,
    payment_method: charge.paymentMethod,
    description: charge.description,
    metadata: metadataText(charge.metadata),
    provider: charge.provider,
    provider_reference: charge.providerReference,
    decline_code: charge.declineCode,
    failure_message: charge.failureMessage,
    redirect_url: charge.redirectUrl,
    expires_at: charge.expiresAt,
    idempotency_key: charge.idempotencyKey,
    created_at: charge.createdAt,
  }
}

export const CHARGE_COLUMNS = `id, version, amount, amount_captured AS "amountCaptured",
  amount_refunded AS "amountRefunded", amount_refund_pending AS "amountRefundPending",
  amount_disputed AS "amountDisputed", currency, customer, status, capture, payment_method AS "paymentMethod",
  description, metadata, provider, provider_reference AS "providerReference", decline_code AS "declineCode",
  failure_message AS "failureMessage", redirect_url AS "redirectUrl", expires_at AS "expiresAt",
  idempotency_key AS "idempotencyKey", created_at AS "createdAt"`

export function chargeOf(row: Row): Charge {
  const { capture, metadata, ...rest } = row as unknown as Omit<Charge, 'capture' | 'metadata'> & {
    capture: number
    metadata: string | null
  }
  return { ...rest, capture: capture === 1, metadata: metadataOf(metadata) }
}

export function refundRow(scope: Scope, refund: Refund) {
  return {
    account_id: scope.accountId,
    live: live(scope),
    id: refund.id,
    transaction_id: refund.transactionId,
    amount: refund.amount,
    currency: refund.currency,
    customer: refund.customer,
    status: refund.status,
    reason: refund.reason,
    description: refund.description,
    metadata: metadataText(refund.metadata),
    provider_reference: refund.providerReference,
    decline_code: refund.declineCode,
    failure_message: refund.failureMessage,
    idempotency_key: refund.idempotencyKey,
    created_at: refund.createdAt,
  }
}

export const REFUND_COLUMNS = `id, transaction_id AS "transactionId", amount, currency, customer, status, reason,
  description, metadata, provider_reference AS "providerReference", decline_code AS "declineCode",
  failure_message AS "failureMessage", idempotency_key AS "idempotencyKey", created_at AS "createdAt"`

export function refundOf(row: Row): Refund {
  const { metadata, ...rest } = row as unknown as Omit<Refund, 'metadata'> & { metadata: string | null }
  return { ...rest, metadata: metadataOf(metadata) }
}

function metadataText(metadata: Metadata): string | null {
  for (const _ in metadata) return JSON.stringify(metadata)
  return null
}

function metadataOf(text: string | null): Metadata {
  return text === null ? {} : JSON.parse(text)
}

export function disputeRow(scope: Scope, dispute: Dispute) {
  return {
    account_id: scope.accountId,
    live: live(scope),
    id: dispute.id,
    transaction_id: dispute.transactionId,
    provider: dispute.provider,
    provider_reference: dispute.providerReference,
    amount: dispute.amount,
    currency: dispute.currency,
    customer: dispute.customer,
    status: dispute.status,
    reason: dispute.reason,
    created_at: dispute.createdAt,
  }
}

export const DISPUTE_COLUMNS = `id, transaction_id AS "transactionId", provider,
  provider_reference AS "providerReference", amount, currency, customer, status, reason, created_at AS "createdAt"`

export function disputeOf(row: Row): Dispute {
  return row as unknown as Dispute
}

/** `owner` is the node that sends it or works on it, for as long as there is a lease. */
export function attemptRow(scope: Scope, attempt: Attempt, node: string) {
  return {
    id: attempt.id,
    account_id: scope.accountId,
    live: live(scope),
    transaction_id: attempt.transactionId,
    refund_id: attempt.refundId,
    kind: attempt.kind,
    provider: attempt.provider,
    state: attempt.state,
    amount: attempt.amount,
    currency: attempt.currency,
    route: attempt.route && JSON.stringify(attempt.route),
    provider_reference: attempt.providerReference,
    decline_code: attempt.declineCode,
    reason: attempt.reason,
    resolved_by: attempt.resolvedBy,
    idempotency_key: attempt.idempotencyKey,
    started_at: attempt.startedAt,
    ended_at: attempt.endedAt,
    lookups: attempt.lookups,
    unknown_since: attempt.unknownSince,
    due_at: attempt.dueAt,
    token: attempt.token,
    owner: attempt.token === null ? null : node,
  }
}

export const ATTEMPT_COLUMNS = `account_id AS "accountId", live, id, transaction_id AS "transactionId",
  refund_id AS "refundId", kind, provider, state, amount, currency, route,
  provider_reference AS "providerReference", decline_code AS "declineCode", reason, resolved_by AS "resolvedBy",
  idempotency_key AS "idempotencyKey", started_at AS "startedAt", ended_at AS "endedAt", lookups,
  unknown_since AS "unknownSince", due_at AS "dueAt", token`

export function ownedAttempt(row: Row): OwnedAttempt {
  const {
    accountId,
    live: _,
    route,
    ...rest
  } = row as unknown as Omit<Attempt, 'route'> & {
    accountId: number
    live: number
    route: string | null
  }
  return { scope: scopeOf(row), attempt: { ...rest, route: route === null ? null : JSON.parse(route) } }
}

export function recordOf(row: Row): IdempotencyRecord {
  const { fingerprint, kind, body } = row as { fingerprint: string; kind: StoredAnswer['kind']; body: string }
  return { fingerprint, answer: { kind, body } }
}
