/** Property tests: couriers, people and commits at once, in random order, on one store. */
import assert from 'node:assert/strict'
import type { WebhookEndpoint } from '../../../src/domain/webhooks/endpoint.ts'
import type { Scope, Store, StoredEvent } from '../../../src/ports/store.ts'
import type { DeliveryResult } from '../../../src/ports/store-webhooks.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { chargeCommit, committed, type Open, rule } from '../../kit/commits.ts'
import { type Draw, drawsOf } from '../../kit/draws.ts'
import {
  addedEndpoint,
  batchOf,
  claimCursors,
  deliveryOf,
  LEASE_MS,
  resultOf,
  T,
  tryOf,
} from '../../kit/webhooks.ts'

const SEEDS = Number(process.env['TEST_SEEDS'] ?? 2)
const ROUNDS = 30
const NODES = 3

type World = {
  readonly store: Store
  readonly scope: Scope
  readonly endpoint: WebhookEndpoint
  readonly draw: Draw
  now: number
  /** How often each event was sent, by its sequence. */
  readonly sent: Map<number, number>
  /** Results that the store accepted. */
  accepted: number
}

/** The events of a window after the position, sent, each with its own ending; the lowest may still be in flight. */
async function deliver(world: World, node: string): Promise<void> {
  const { store, scope, endpoint, draw } = world
  const held = await claimCursors(store, { now: world.now, token: node })
  const cursor = held.find((each) => each.endpoint.id === endpoint.id)
  if (!cursor) return
  const { data: window } = await store.eventsToDeliver(scope, {
    after: cursor.position,
    limit: draw.between(1, 5),
  })
  const ids = window.map((event) => deliveryOf(event, endpoint.id).id)
  const known = new Set((await store.storedDeliveries(scope, ids)).map(({ id }) => id))
  const results: DeliveryResult[] = []
  const inFlight: number[] = []
  for (const [i, event] of window.entries()) {
    if (known.has(ids[i] as string)) continue
    if (draw.chance(0.2)) inFlight.push(event.sequence)
    else results.push(attempt(world, event, null))
  }
  const last = window.at(-1)?.sequence ?? cursor.position
  const position = inFlight.length > 0 ? Math.min(...inFlight) - 1 : last
  await record(world, node, results, position)
}

/** Retries what is due. */
async function retry(world: World, node: string): Promise<void> {
  const { store, scope, endpoint } = world
  const { data: due } = await store.dueDeliveries(scope, endpoint.id, { now: world.now, limit: 3 })
  const results = due.map(({ delivery, event }) => attempt(world, event, delivery.revision))
  await record(world, node, results, null)
}

function attempt(
  { draw, now, sent, endpoint }: World,
  event: StoredEvent,
  revision: number | null,
): DeliveryResult {
  sent.set(event.sequence, (sent.get(event.sequence) ?? 0) + 1)
  const state = draw.of(['delivered', 'pending', 'failed'] as const)
  const dueAt = state === 'pending' ? now + draw.between(0, 20) : null
  return resultOf(event, endpoint.id, { state, dueAt, revision, try: tryOf({ at: now }) })
}

async function record(world: World, node: string, results: DeliveryResult[], position: number | null) {
  const { store, endpoint, now } = world
  const [stored] = await store.recordDeliveries([batchOf(endpoint, node, { at: now, results, position })])
  if (stored) world.accepted += results.length
}

async function putBack({ store, scope, draw, now }: World): Promise<void> {
  const { data } = await store.webhookDeliveries(scope, { limit: 50 })
  if (data.length > 0) await store.retryWebhookDelivery(scope, draw.of(data).id, now, auditEntry(scope))
}

/** Every event up to the position is stored, the counters are those of the rows, and no result is lost. */
async function check({ store, scope, endpoint, accepted, sent }: World): Promise<void> {
  const cursor = (await store.webhookCursor(scope, endpoint.id)) ?? assert.fail()
  const events = (await store.events(scope, { after: 0, limit: 1_000 })).data
  const rows = (await store.webhookDeliveries(scope, { limit: 1_000 })).data
  const stored = new Set(rows.map(({ eventSequence }) => eventSequence))
  for (const { sequence } of events) {
    if (sequence <= cursor.position)
      assert.ok(stored.has(sequence), `${sequence} was passed without a delivery`)
    if (stored.has(sequence)) assert.ok(sent.has(sequence), `${sequence} was never sent`)
  }
  assert.equal(cursor.backlog, events.filter(({ sequence }) => sequence > cursor.position).length)
  const inState = (state: string) => rows.filter((row) => row.state === state).length
  assert.deepEqual([cursor.pending, cursor.failed], [inState('pending'), inState('failed')])
  const tries = rows.reduce((sum, row) => sum + row.tries.length, 0)
  assert.equal(tries, accepted, 'every accepted result is a stored attempt')
  const totals = await store.webhookDeliveryTotals()
  assert.deepEqual(
    [totals.pending, totals.delivered, totals.failed],
    [inState('pending') + cursor.backlog, inState('delivered'), inState('failed')],
  )
}

export function webhookRaces(open: Open): void {
  for (let seed = 1; seed <= SEEDS; seed++)
    rule(
      open,
      `every event is sent or waits, with any holder of the cursor (seed ${seed})`,
      async (store, { live }) => {
        const draw = drawsOf(seed, 'webhooks')
        const endpoint = await addedEndpoint(store, live)
        const world: World = { store, scope: live, endpoint, draw, now: T, sent: new Map(), accepted: 0 }
        const steps = [
          () => committed(store, chargeCommit({ scope: live })),
          () => deliver(world, `node-${draw.between(1, NODES)}`),
          () => retry(world, `node-${draw.between(1, NODES)}`),
          () => putBack(world),
          () => store.releaseWebhookCursors(`node-${draw.between(1, NODES)}`),
        ]
        for (let round = 0; round < ROUNDS; round++) {
          await Promise.all(Array.from({ length: draw.between(1, 6) }, () => draw.of(steps)()))
          world.now += draw.chance(0.1) ? LEASE_MS : draw.between(0, 10)
          await check(world)
        }
        await finish(world)
      },
    )
}

/** Without faults every event arrives: nothing is stuck. */
async function finish(world: World): Promise<void> {
  const { store, scope, endpoint } = world
  const node = 'the last one'
  world.now += LEASE_MS
  await claimCursors(store, { now: world.now, token: node })
  for (let round = 0; round < 500; round++) {
    const cursor = (await store.webhookCursor(scope, endpoint.id)) ?? assert.fail()
    if (cursor.backlog + cursor.pending === 0) break
    await deliver(world, node)
    world.now = Math.max(world.now, (await store.nextDue(scope, endpoint.id)) ?? 0)
    await retry(world, node)
  }
  await check(world)
  const cursor = await store.webhookCursor(scope, endpoint.id)
  assert.deepEqual([cursor?.backlog, cursor?.pending], [0, 0])
  const rows = (await store.webhookDeliveries(scope, { limit: 1_000 })).data
  const events = (await store.events(scope, { after: 0, limit: 1_000 })).data
  assert.equal(rows.length, events.length)
}
