/**
 * The columns of every noun, once. To add a column: add it to the domain's type, to this file, and to a migration of
 * each engine. The type checker and `columns.test.ts` find the places that you forgot.
 */
import type { AccessKey, Account } from '../domain/access/access-key.ts'
import type { DashboardSession } from '../domain/access/dashboard-session.ts'
import type { Alarm } from '../domain/alarm.ts'
import type { Attempt } from '../domain/attempt.ts'
import type { AuditEntry } from '../domain/audit.ts'
import type { Charge, Dispute, Refund } from '../domain/charge.ts'
import type { FoundRecord, IdempotencyRecord, StoredEnding } from '../domain/idempotency.ts'
import type { ProviderPause } from '../domain/routing/pause.ts'
import type { VelocityCounter } from '../domain/velocity.ts'
import type { Delivery } from '../domain/webhooks/delivery.ts'
import type { WebhookEndpoint } from '../domain/webhooks/endpoint.ts'
import type { Replay } from '../domain/webhooks/replay.ts'
import type { EndedKey, KeyRecord } from '../ports/store.ts'
import {
  amount,
  changing,
  flag,
  integer,
  json,
  named,
  record,
  route,
  rows,
  table,
  text,
  time,
} from './table.ts'

export const CHARGES = table<Charge>('charges', 'txn', {
  id: text,
  version: changing(integer),
  status: changing(text),
  amount,
  amountCaptured: changing(amount),
  amountRefunded: changing(amount),
  amountRefundPending: changing(amount),
  amountDisputed: changing(amount),
  currency: text,
  customer: text,
  capture: flag,
  paymentMethod: text,
  description: text,
  metadata: record,
  provider: changing(text),
  providerReference: changing(text),
  declineCode: changing(text),
  failureMessage: changing(text),
  redirectUrl: changing(text),
  expiresAt: changing(time),
  cancelKey: changing(text),
  idempotencyKey: text,
  createdAt: time,
})

export const REFUNDS = table<Refund>('refunds', 're', {
  id: text,
  chargeId: named('transaction_id', text),
  status: changing(text),
  amount: changing(amount),
  currency: text,
  customer: text,
  reason: text,
  description: text,
  metadata: record,
  providerReference: changing(text),
  declineCode: changing(text),
  failureMessage: changing(text),
  idempotencyKey: text,
  createdAt: time,
})

export const DISPUTES = table<Dispute>('disputes', 'dp', {
  id: text,
  chargeId: named('transaction_id', text),
  provider: text,
  providerReference: text,
  status: changing(text),
  amount: changing(amount),
  amountBooked: changing(amount),
  currency: changing(text),
  reason: changing(text),
  evidenceDueAt: changing(time),
  closedAt: changing(time),
  customer: text,
  createdAt: time,
})

export const ATTEMPTS = table<Attempt>(
  'attempts',
  'att',
  {
    id: text,
    chargeId: named('transaction_id', text),
    refundId: text,
    kind: text,
    provider: text,
    state: changing(text),
    amount: changing(amount),
    currency: text,
    route: changing(route),
    providerReference: changing(text),
    declineCode: changing(text),
    reason: changing(text),
    resolvedBy: changing(text),
    idempotencyKey: text,
    startedAt: time,
    endedAt: changing(time),
    lookups: changing(integer),
    unknownSince: changing(time),
    dueAt: changing(time),
    token: changing(text),
  },
  ['id'],
)

export const ALARMS = table<Alarm>('alarms', 'alm', {
  id: text,
  chargeId: named('transaction_id', text),
  attemptId: text,
  disputeId: text,
  kind: text,
  provider: text,
  said: text,
  reference: text,
  amount,
  currency: text,
  message: changing(text),
  state: changing(text),
  inDoubt: changing(flag),
  openedAt: time,
  closedAt: changing(time),
  reason: changing(text),
})

export const ACCESS_KEYS = table<Omit<AccessKey, 'scope'>>(
  'access_keys',
  'key',
  {
    id: text,
    name: changing(text),
    expiresAt: changing(time),
    revokedAt: changing(time),
    rolledTo: changing(text),
    lastUsedAt: changing(time),
    hash: text,
    hint: text,
    role: text,
    permissions: json,
    networks: json,
    rateLimit: integer,
    createdAt: time,
    createdBy: text,
  },
  ['id'],
)

/** Found by the hash alone; their scope is that of their key. */
export const DASHBOARD_SESSIONS = rows<DashboardSession>('dashboard_sessions', ['hash'], {
  hash: text,
  usedAt: changing(time),
  id: text,
  proofHash: text,
  keyId: text,
  host: text,
  address: text,
  browser: text,
  createdAt: time,
})

/** Accounts have no scope: they are one. */
export const ACCOUNTS = rows<Account>('accounts', ['id'], {
  id: integer,
  name: changing(text),
  closedAt: changing(time),
  publicId: text,
  createdAt: time,
})

/** The table also has the entry's number in its scope. */
export const AUDIT = table<Omit<AuditEntry, 'scope'>>('audit_log', 'aud', {
  id: text,
  at: named('created_at', time),
  actor: text,
  action: text,
  object: text,
  before: text,
  after: text,
  address: text,
  requestId: text,
})

/** The record of an idempotency key. Its table also has the record's time and the number of its event. */
export type KeyFacts = Pick<IdempotencyRecord, 'fingerprint' | 'surface'> & EndedFacts
/** The columns that change when the request ends. */
export type EndedFacts = {
  readonly key: string
  readonly ending: StoredEnding['kind']
  readonly objectId: string
  readonly facts: string | null
}

export const KEYS = rows<KeyFacts>('idempotency_keys', ['account_id', 'live', 'key'], {
  key: text,
  ending: changing(text),
  objectId: changing(text),
  facts: changing(text),
  fingerprint: text,
  surface: text,
})

export function keyFactsOf({ key, fingerprint, surface, ending }: KeyRecord): KeyFacts {
  return { ...endedFactsOf({ key, ending }), fingerprint, surface }
}

export function endedFactsOf({ key, ending: { kind, objectId, facts } }: EndedKey): EndedFacts {
  return { key, ending: kind, objectId, facts }
}

/** A record that was read together with the data of its event. */
export type FoundKey = KeyFacts & { readonly event: string | null }

export function recordOf({
  fingerprint,
  surface,
  ending: kind,
  objectId,
  facts,
  event,
}: FoundKey): FoundRecord {
  return { fingerprint, surface, ending: { kind, objectId, facts }, event }
}

export const PROVIDER_PAUSES = rows<ProviderPause>(
  'provider_pauses',
  ['live', 'account_id', 'all_accounts', 'provider'],
  { provider: text, allAccounts: flag, reason: text, pausedBy: text, pausedAt: time },
)

export const VELOCITY_COUNTERS = rows<VelocityCounter>(
  'velocity_counters',
  ['account_id', 'live', 'counter'],
  { counter: text, windowMs: amount, newest: changing(amount), sums: changing(json), endsAt: changing(time) },
)

export const WEBHOOK_ENDPOINTS = table<Omit<WebhookEndpoint, 'scope'>>('webhook_endpoints', 'we', {
  id: text,
  version: changing(integer),
  url: changing(text),
  description: changing(text),
  metadata: changing(record),
  events: changing(json),
  headers: changing(record),
  rateLimit: changing(integer),
  schedule: changing(json),
  format: changing(text),
  ordered: changing(flag),
  secrets: changing(json),
  disableAfterMs: changing(time),
  status: changing(text),
  disabledReason: changing(text),
  deletedAt: changing(time),
  createdAt: time,
})

export const WEBHOOK_DELIVERIES = table<Delivery>('webhook_deliveries', 'dlv', {
  id: text,
  state: changing(text),
  attempts: changing(integer),
  dueAt: changing(time),
  revision: changing(integer),
  tries: changing(json),
  settledAt: changing(time),
  endpoint: text,
  eventSequence: named('event_seq', time),
  eventId: text,
  eventType: text,
  object: text,
  createdAt: time,
})

export const WEBHOOK_REPLAYS = table<Omit<Replay, 'scope'>>('webhook_replays', 'rpl', {
  id: text,
  position: changing(time),
  state: changing(text),
  sent: changing(amount),
  delivered: changing(amount),
  endedAt: changing(time),
  endpoint: text,
  kind: text,
  types: json,
  error: text,
  from: named('from_seq', time),
  to: named('to_seq', time),
  total: time,
  createdAt: time,
})

/** Every noun that has a list. */
export const NOUNS = [
  ...[CHARGES, REFUNDS, DISPUTES, ATTEMPTS, ALARMS, ACCESS_KEYS],
  ...[WEBHOOK_ENDPOINTS, WEBHOOK_DELIVERIES, WEBHOOK_REPLAYS],
] as const
