/** Rows as our nouns, and what both need. */
import type { Alarm } from '../../domain/alarm.ts'
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

/** What is of each scope, in the order of their names. */
export function byScope<T extends { readonly scope: Scope }>(items: readonly T[]): [Scope, T[]][] {
  const scopes = new Map<string, [Scope, T[]]>()
  for (const item of items) {
    const name = nameIn(item.scope)
    const of = scopes.get(name)
    if (of) of[1].push(item)
    else scopes.set(name, [item.scope, [item]])
  }
  return [...scopes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, of]) => of)
}

/** A name of what is in a scope, among those of every scope. */
export function nameIn(scope: Scope, ...names: readonly string[]): string {
  return `${scope.accountId}/${live(scope)}/${names.join('/')}`
}

export const CHARGE_COLUMNS = `id, version, amount, amount_captured AS "amountCaptured",
  amount_refunded AS "amountRefunded", amount_refund_pending AS "amountRefundPending",
  amount_disputed AS "amountDisputed", currency, customer, status, capture, payment_method AS "paymentMethod",
  description, metadata, provider, provider_reference AS "providerReference", decline_code AS "declineCode",
  failure_message AS "failureMessage", redirect_url AS "redirectUrl", expires_at AS "expiresAt",
  cancel_key AS "cancelKey",
  idempotency_key AS "idempotencyKey", created_at AS "createdAt"`

export function chargeOf(row: Row): Charge {
  const { capture, metadata, ...rest } = row as unknown as Omit<Charge, 'capture' | 'metadata'> & {
    capture: number
    metadata: string | null
  }
  return { ...rest, capture: capture === 1, metadata: metadataOf(metadata) }
}

export const REFUND_COLUMNS = `id, transaction_id AS "transactionId", amount, currency, customer, status, reason,
  description, metadata, provider_reference AS "providerReference", decline_code AS "declineCode",
  failure_message AS "failureMessage", idempotency_key AS "idempotencyKey", created_at AS "createdAt"`

export function refundOf(row: Row): Refund {
  const { metadata, ...rest } = row as unknown as Omit<Refund, 'metadata'> & { metadata: string | null }
  return { ...rest, metadata: metadataOf(metadata) }
}

export function metadataText(metadata: Metadata): string | null {
  for (const _ in metadata) return JSON.stringify(metadata)
  return null
}

function metadataOf(text: string | null): Metadata {
  return text === null ? {} : JSON.parse(text)
}

export const DISPUTE_COLUMNS = `id, transaction_id AS "transactionId", provider,
  provider_reference AS "providerReference", amount, currency, amount_booked AS "amountBooked", customer, status, reason,
  created_at AS "createdAt"`

export function disputeOf(row: Row): Dispute {
  return row as unknown as Dispute
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

export const ALARM_COLUMNS = `id, transaction_id AS "transactionId", attempt_id AS "attemptId",
  dispute_id AS "disputeId", kind, provider, said, reference, amount, currency, message, state,
  in_doubt AS "inDoubt", opened_at AS "openedAt", closed_at AS "closedAt", reason`

export function alarmOf(row: Row): Alarm {
  return { ...(row as unknown as Alarm), inDoubt: row['inDoubt'] === 1 }
}

export function recordOf(row: Row): IdempotencyRecord {
  const { fingerprint, kind, body } = row as { fingerprint: string; kind: StoredAnswer['kind']; body: string }
  return { fingerprint, answer: { kind, body } }
}
