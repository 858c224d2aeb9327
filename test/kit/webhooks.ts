/** Webhook endpoints, results and batches, for tests of the store. */
import assert from 'node:assert/strict'
import { sha256 } from '../../src/app/context.ts'
import type { EventType } from '../../src/domain/event.ts'
import { encodeFacts } from '../../src/domain/snapshot.ts'
import { type DeliveryTry, deliveryIdOf } from '../../src/domain/webhooks/delivery.ts'
import type { WebhookEndpoint } from '../../src/domain/webhooks/endpoint.ts'
import type { Replay } from '../../src/domain/webhooks/replay.ts'
import type { Scope, Store, StoredEvent } from '../../src/ports/store.ts'
import type {
  CursorClaim,
  DeliveryBatch,
  DeliveryResult,
  HeldCursor,
} from '../../src/ports/store-webhooks.ts'
import { endpointFacts } from '../../src/workers/webhooks/endpoint-news.ts'
import { chargeCommit, committed, newId, START, tick } from './commits.ts'

/** An endpoint that wants everything. */
export function webhookEndpointOf(scope: Scope, changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  const createdAt = tick()
  return {
    id: newId('we'),
    scope,
    url: 'https://hooks.example.com/minipay',
    description: null,
    metadata: {},
    events: ['*'],
    headers: {},
    rateLimit: null,
    schedule: null,
    format: 'minipay',
    ordered: false,
    secrets: [{ sealed: 'v1.key.nonce.text', until: null }],
    disableAfterMs: 432_000_000,
    status: 'enabled',
    disabledReason: null,
    version: 1,
    createdAt,
    deletedAt: null,
    ...changes,
  }
}

/** Stores an endpoint that wants everything. */
export async function addedEndpoint(
  store: Store,
  scope: Scope,
  changes: Partial<WebhookEndpoint> = {},
): Promise<WebhookEndpoint> {
  const endpoint = webhookEndpointOf(scope, changes)
  assert.equal(await store.addWebhookEndpoint(endpoint, null), true)
  return endpoint
}

/** Stores a change of an endpoint, and returns it as it is then. */
export async function changedEndpoint(
  store: Store,
  before: WebhookEndpoint,
  changes: Partial<WebhookEndpoint>,
): Promise<WebhookEndpoint> {
  const after = { ...before, ...changes, version: before.version + 1 }
  assert.equal(await store.changeWebhookEndpoint(before, after, null), true)
  return after
}

export const disabled = { status: 'disabled', disabledReason: 'request' } as const

/** The time of the claims and attempts of these tests. */
export const T = START + 3_600_000
export const LEASE_MS = 30_000

let tokens = 0
/** A claim at a time, of a process of its own unless the token is given. */
export function claimCursors(
  store: Store,
  options: Partial<Pick<CursorClaim, 'now' | 'token' | 'limit' | 'leave'>> = {},
): Promise<HeldCursor[]> {
  const { now = T, token = `process-${++tokens}`, limit = 100, leave = [] } = options
  return store.claimWebhookCursors({ now, leaseUntil: now + LEASE_MS, token, limit, leave })
}

/** Commits charges, each with one event, and returns the events. */
export async function events(store: Store, scope: Scope, count: number): Promise<StoredEvent[]> {
  const last = (await store.events(scope, { after: 0, limit: 1_000 })).data.at(-1)?.sequence ?? 0
  for (let i = 0; i < count; i++) await committed(store, chargeCommit({ scope }))
  return [...(await store.events(scope, { after: last, limit: count })).data]
}

export function tryOf(changes: Partial<DeliveryTry> = {}): DeliveryTry {
  return { at: T, ms: 12, status: 200, error: null, answer: 'ok', why: 'event', ...changes }
}

export const FAILED_TRY = tryOf({ status: 500, error: 'HTTP 500', answer: 'oops' })

/** The delivery of an event to an endpoint, as a courier makes it. */
export function deliveryOf(event: StoredEvent, endpoint: string, object: string | null = null) {
  const { id: eventId, type: eventType, sequence: eventSequence, createdAt } = event
  return { id: deliveryIdOf(endpoint, eventId, sha256), eventSequence, eventId, eventType, object, createdAt }
}

export function resultOf(
  event: StoredEvent,
  endpoint: string,
  changes: Partial<DeliveryResult> & { readonly object?: string } = {},
): DeliveryResult {
  const { object = null, ...rest } = changes
  const state = rest.state ?? 'delivered'
  return {
    delivery: deliveryOf(event, endpoint, object),
    revision: null,
    state,
    dueAt: null,
    try: state === 'delivered' ? tryOf() : FAILED_TRY,
    ...rest,
  }
}

export function batchOf(
  { scope, id }: Pick<WebhookEndpoint, 'scope' | 'id'>,
  token: string,
  changes: Partial<DeliveryBatch> = {},
): DeliveryBatch {
  const nothing = { position: null, failing: null, replay: null, change: null, event: null }
  return { scope, endpoint: id, token, at: T, ...nothing, results: [], ...changes }
}

/** Records one batch; it must be of a holder. */
export async function recorded(
  store: Store,
  endpoint: Pick<WebhookEndpoint, 'scope' | 'id'>,
  token: string,
  changes: Partial<DeliveryBatch>,
): Promise<void> {
  assert.deepEqual(await store.recordDeliveries([batchOf(endpoint, token, changes)]), [true])
}

/** An endpoint whose cursor this token holds, and events after its position. */
export async function heldEndpoint(
  store: Store,
  scope: Scope,
  token: string,
  count: number,
  changes: Partial<WebhookEndpoint> = {},
): Promise<{ endpoint: WebhookEndpoint; events: StoredEvent[] }> {
  const endpoint = await addedEndpoint(store, scope, changes)
  const stored = await events(store, scope, count)
  await claimCursors(store, { token })
  return { endpoint, events: stored }
}

export function replayOf(
  endpoint: Pick<WebhookEndpoint, 'scope' | 'id'>,
  changes: Partial<Replay> = {},
): Replay {
  const createdAt = tick()
  return {
    id: newId('rpl'),
    scope: endpoint.scope,
    endpoint: endpoint.id,
    kind: 'past',
    types: null,
    error: null,
    from: 0,
    to: 10,
    position: 0,
    state: 'running',
    total: null,
    sent: 0,
    delivered: 0,
    createdAt,
    endedAt: null,
    ...changes,
  }
}

/** Some type that a charge's event does not have. */
export const ANOTHER_TYPE: EventType = 'dispute.lost'

/** A charge, an endpoint that is disabled, and the event that says so: the second one of the scope. */
export async function endpointEvent(store: Store, scope: Scope): Promise<WebhookEndpoint> {
  const { endpoint } = await heldEndpoint(store, scope, 'mine', 1)
  const after = { ...endpoint, status: 'disabled', disabledReason: 'gone', version: 2 } as const
  const facts = { endpoint: endpointFacts(after, T) }
  await recorded(store, endpoint, 'mine', {
    position: 1,
    results: [],
    change: { before: endpoint, after, audit: null },
    event: { id: newId('evt'), type: 'webhook_endpoint.disabled', data: encodeFacts(facts) },
  })
  return after
}
