/** Webhooks under random failures, crashes, retries by hand, replays, changes of filters and outages. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { DOWN, OK, responds, type Told, webhookWorld } from '../../../test/kit/couriers.ts'
import { drawsFrom } from '../../../test/kit/draws.ts'
import { replayOf } from '../../../test/kit/webhooks.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'
import { WINDOW } from './work.ts'

const SEEDS = Number(process.env['WEBHOOK_SEEDS'] ?? 4)
const SCHEDULE = [1_000, 5_000, 60_000]

type Success = Told & { readonly crashes: number }

async function live(t: TestContext, seed: number) {
  const world = webhookWorld(t, { seed })
  const draw = drawsFrom(seed)
  const pick = (most: number) => draw.between(0, Math.max(0, most - 1))
  const made = { schedule: SCHEDULE, disableAfterMs: null }
  const all = await world.endpoint(made)
  const ordered = await world.endpoint({ ...made, ordered: true })
  let filtered = await world.endpoint({ ...made, events: ['refund.*', 'payment.refunded'], rateLimit: 50 })
  const endpoints = [all, ordered, filtered]
  const successes: Success[] = []
  let crashes = 0
  let mood = 0.1
  for (const endpoint of endpoints)
    world.receive(endpoint, (told) => {
      const ms = draw.chance(0.1) ? pick(9_000) : pick(40)
      const failed = draw.chance(mood)
      if (!failed) successes.push({ ...told, crashes })
      const how = pick(3)
      const failure = how === 0 ? DOWN : how === 1 ? responds(500) : responds(429, '3')
      return { ms, attempt: failed ? failure : OK }
    })
  let dispatcher = world.start({ pollMs: 2_000 })
  const audit = (n: number): AuditEntry => ({
    ...{ id: `aud_${n}`, scope: KEYLESS_SCOPE, at: 1, actor: 'cli', action: 'delivery.retried' },
    ...{ object: null, before: null, after: null, address: null, requestId: null },
  })
  let byHand = 0
  const retriedByHand = new Set<string>()
  for (let step = 0; step < 60; step++) {
    const action = pick(12)
    if (action < 4) for (let i = pick(6); i >= 0; i--) await world.story(1 + pick(6))
    else if (action < 5) await world.charges(pick(120))
    else if (action < 6) mood = [0, 0.1, 0.6, 1][pick(4)]!
    else if (action < 8) {
      dispatcher.crash()
      crashes++
      dispatcher = world.start({ pollMs: 2_000 })
      // The leases of the former process end, as they do at the start of a server.
      await world.runtime.advance(31_000)
    } else if (action < 9) {
      const rows = await world.deliveries(endpoints[pick(3)]!)
      const row = rows[pick(rows.length || 1)]
      if (row) {
        retriedByHand.add(row.id)
        await world.store.retryWebhookDelivery(KEYLESS_SCOPE, row.id, world.runtime.now(), audit(++byHand))
        dispatcher.wake()
      }
    } else if (action < 10) {
      const events = filtered.events.length === 1 ? ['payment.refunded', 'refund.*'] : ['payment.refunded']
      const after = { ...filtered, events, version: filtered.version + 1 }
      if (await world.store.changeWebhookEndpoint(filtered, after, null)) filtered = after
      dispatcher.wake()
    } else if (action < 11) {
      world.instant.outage = true
      await world.runtime.advance(pick(60_000))
      world.instant.outage = false
    } else {
      const { data } = await world.store.events(KEYLESS_SCOPE, { after: 0, limit: 1_000 })
      const to = data.at(-1)?.sequence ?? 0
      const kind = pick(2) === 0 ? 'past' : 'failed'
      await world.store.addReplay(replayOf(all, { kind, from: 0, position: 0, to }), null)
      dispatcher.wake()
    }
    await world.runtime.advance(pick(20_000))
  }
  mood = 0
  await world.runtime.advance(600_000)
  return { world, endpoints, successes, crashes, retriedByHand }
}

async function eventsOf(world: Awaited<ReturnType<typeof live>>['world']) {
  const { data } = await world.store.events(KEYLESS_SCOPE, { after: 0, limit: 10_000 })
  return data
}

const wantsOf = ({ events }: WebhookEndpoint, type: string) =>
  events.includes('*') || type === 'payment.refunded'

for (let seed = 1; seed <= SEEDS; seed++)
  test(`every event is delivered or rests in the dead letter, and nothing is stuck, seed ${seed}`, async (t) => {
    const { world, endpoints, successes, crashes, retriedByHand } = await live(t, seed)
    const events = await eventsOf(world)
    for (const endpoint of endpoints) {
      const cursor = await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id)
      assert.deepEqual([cursor?.backlog, cursor?.pending], [0, 0], 'nothing waits')
      const rows = new Map((await world.deliveries(endpoint)).map((row) => [row.eventId, row]))
      const told = successes.filter((one) => one.endpoint === endpoint.id)
      const heard = new Set(told.map(({ event }) => event.id))
      for (const event of events.filter(({ type }) => wantsOf(endpoint, type))) {
        const row = rows.get(event.id)
        assert.ok(row, `event ${event.sequence} has a delivery`)
        if (row.state === 'delivered') assert.ok(heard.has(event.id), `event ${event.sequence} was told`)
        else assert.equal(row.state, 'failed')
      }
      for (const row of rows.values()) {
        const usual = row.tries.filter(({ why }) => why === 'event' || why === 'retry')
        if (!retriedByHand.has(row.id) && endpoint !== endpoints[0])
          assert.ok(usual.length <= SCHEDULE.length + 1 + crashes, `${usual.length} tries of ${row.id}`)
        if (!retriedByHand.has(row.id) && endpoint !== endpoints[0])
          assert.ok(row.attempts <= SCHEDULE.length + 1, `${row.attempts} attempts of ${row.id}`)
      }
      // The first endpoint also gets replays.
      if (endpoint === endpoints[0]) continue
      const again =
        told.filter(({ event, delivery }) => !retriedByHand.has(delivery) && event).length - heard.size
      assert.ok(again <= crashes * WINDOW, `${again} duplicates after ${crashes} crashes`)
    }
    assertOrdered(
      successes.filter(({ endpoint }) => endpoint === endpoints[1]!.id),
      retriedByHand,
    )
  })

/** The first success of each event of an object comes after those of its earlier events that succeeded at all. */
function assertOrdered(told: readonly Success[], retriedByHand: ReadonlySet<string>): void {
  const last = new Map<string, number>()
  const heard = new Set<string>()
  for (const { event, delivery } of told) {
    if (heard.has(event.id) || retriedByHand.has(delivery)) continue
    heard.add(event.id)
    const object = /"id":"([^"]+)"/.exec(event.data)![1]!
    assert.ok((last.get(object) ?? 0) < event.sequence, `${object}: event ${event.sequence} came late`)
    last.set(object, event.sequence)
  }
}
