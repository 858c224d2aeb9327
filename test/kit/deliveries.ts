/** Deliveries of every state, for books with a history of every kind. */
import assert from 'node:assert/strict'
import { replayAudited } from '../../src/app/webhooks/audited.ts'
import type { WebhookEndpoint } from '../../src/domain/webhooks/endpoint.ts'
import type { KeyRecord, Scope, Store } from '../../src/ports/store.ts'
import { auditEntry } from './audit-entries.ts'
import { LIVE_SCOPE } from './scopes.ts'
import {
  addedEndpoint,
  changedEndpoint,
  claimCursors,
  disabled,
  recorded,
  replayOf,
  resultOf,
  T,
  webhookEndpointOf,
} from './webhooks.ts'

const LIVE = LIVE_SCOPE
const TEST: Scope = { ...LIVE, mode: 'test' }
const TOKEN = 'of the books'

/** The endpoint of `WEBHOOK_TARGET` in live mode. */
export function setDefault(store: Store): Promise<void> {
  return store.setDefaultWebhookEndpoint(webhookEndpointOf(LIVE, { id: 'default', secrets: [] }))
}

type Endpoints = { readonly ordered: WebhookEndpoint; readonly gone: WebhookEndpoint }

/** The endpoint of `WEBHOOK_TARGET`, an ordered one, one that is deleted later, and a disabled one in test mode. */
export async function registerEndpoints(store: Store): Promise<Endpoints> {
  await setDefault(store)
  const ordered = await addedEndpoint(store, LIVE, { ordered: true, metadata: { team: 'shop' } })
  const gone = await addedEndpoint(store, LIVE)
  await addedEndpoint(store, TEST, disabled)
  return { ordered, gone }
}

/** The first event is delivered to `WEBHOOK_TARGET`, the second one fails, and the third one waits. */
export async function deliverSome(store: Store): Promise<void> {
  await claimCursors(store, { token: TOKEN })
  const { data: stored } = await store.eventsToDeliver(LIVE, { after: 0, limit: 3 })
  const [sent, failed, waits] = stored.map((event) => ({ event, object: chargeIn(event.data) }))
  assert.ok(sent && failed && waits)
  await recorded(store, { scope: LIVE, id: 'default' }, TOKEN, {
    position: waits.event.sequence,
    failing: { since: T, warnedAt: null },
    results: [
      resultOf(sent.event, 'default', { object: sent.object }),
      resultOf(failed.event, 'default', { object: failed.object, state: 'failed' }),
      resultOf(waits.event, 'default', { object: waits.object, state: 'pending', dueAt: T }),
    ],
  })
}

/** So it is at all endpoints; the ordered one also has deliveries that wait for others, and replays of every state. */
export async function deliver(store: Store, { ordered, gone }: Endpoints): Promise<void> {
  await deliverSome(store)
  const { data: stored } = await store.eventsToDeliver(LIVE, { after: 0, limit: 6 })
  const results = stored.map((event, i) => {
    const [dueAt, tried] = [i === 1 ? T : null, i === 2 ? { try: null } : {}]
    const state = i === 1 || i === 2 ? 'pending' : i === 3 ? 'failed' : 'delivered'
    const object = i === 2 ? chargeIn(stored[1]?.data ?? '') : chargeIn(event.data)
    return resultOf(event, ordered.id, { object, state, dueAt, ...tried })
  })
  await recorded(store, ordered, TOKEN, { position: stored[4]?.sequence ?? null, results })
  const put = results[0]?.delivery.id ?? ''
  assert.ok(
    await store.retryWebhookDelivery(
      LIVE,
      put,
      T,
      auditEntry(LIVE, { action: 'delivery.retried', object: put }),
    ),
  )
  const replays = ['running', 'done', 'canceled'].map(() =>
    replayOf(ordered, { to: stored[5]?.sequence ?? 0, total: 6 }),
  )
  for (const [i, replay] of replays.entries()) {
    const audited = replayAudited('webhook_replay.created', replay)
    const ending = { kind: 'created', objectId: replay.id, facts: null } as const
    const key = i === 0 ? { ...recordOf('replay-1'), ending } : null
    assert.ok(await store.addReplay(replay, auditEntry(LIVE, audited), key))
  }
  assert.ok(await store.addIdempotencyRecord(LIVE, recordOf('retry-1'), T))
  const [, done, canceled] = replays
  const ended = { id: done?.id ?? '', position: done?.to ?? 0, sent: 6, delivered: 5, state: 'done' } as const
  await recorded(store, ordered, TOKEN, { replay: ended })
  assert.ok(await store.cancelReplay(LIVE, canceled?.id ?? '', T, null))
  await recorded(store, gone, TOKEN, {
    position: stored[1]?.sequence ?? null,
    results: [
      resultOf(stored[0] ?? assert.fail(), gone.id),
      resultOf(stored[1] ?? assert.fail(), gone.id, { state: 'pending', dueAt: T }),
    ],
  })
  await changedEndpoint(store, gone, { deletedAt: T })
}

/** The record of a request that retried deliveries. */
const recordOf = (key: string): KeyRecord => ({
  ...{ key, fingerprint: 'POST /api/v1/webhook_deliveries/retry {}', surface: 'minipay' },
  ending: { kind: 'done', objectId: '', facts: '{"queued":0,"hasMore":false,"last":null}' },
})

/** The id of the charge that an event's data shows first. */
const chargeIn = (data: string): string => (JSON.parse(data) as { charge: { id: string } }).charge.id
