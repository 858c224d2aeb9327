/** What a courier sends while the circuit breaker of its endpoint is open, and when. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { auditEntry } from '../../../test/kit/audit-entries.ts'
import { DOWN, OK, responds, webhookWorld } from '../../../test/kit/couriers.ts'
import { replayOf } from '../../../test/kit/webhooks.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** An endpoint whose receiver was down for half an hour, and works from now on. */
async function repaired(t: TestContext, changes: Partial<WebhookEndpoint>, events = 10) {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ disableAfterMs: null, ...changes })
  let up = false
  world.receive(endpoint, () => (up ? OK : DOWN))
  const dispatcher = world.start()
  await world.charges(events)
  await world.runtime.advance(30 * MINUTE)
  up = true
  return { world, endpoint, dispatcher }
}

test('a replay of the dead letter probes at once while the breaker is open, though nothing else is there', async (t) => {
  const { world, endpoint, dispatcher } = await repaired(t, { schedule: [SECOND] })
  const replay = replayOf(endpoint, { kind: 'failed', from: 0, position: 0, to: 10 })
  await world.store.addReplay(replay, null)
  dispatcher.wake()
  await world.runtime.advance(5 * SECOND)
  const ended = await world.store.replay(KEYLESS_SCOPE, replay.id)
  assert.deepEqual([ended?.state, ended?.sent, ended?.delivered], ['done', 10, 10])
})

test('a replay that found the receiver down continues once it works', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ schedule: [SECOND], disableAfterMs: null })
  let up = false
  world.receive(endpoint, () => (up ? OK : DOWN))
  const dispatcher = world.start()
  await world.charges(10)
  await world.runtime.advance(30 * MINUTE)
  const replay = replayOf(endpoint, { kind: 'failed', from: 0, position: 0, to: 10 })
  await world.store.addReplay(replay, null)
  dispatcher.wake()
  await world.runtime.advance(90 * SECOND)
  up = true
  await world.runtime.advance(2 * MINUTE)
  assert.equal((await world.store.replay(KEYLESS_SCOPE, replay.id))?.state, 'done')
})

test('a retry by hand is the next probe, at once, before deliveries that are due and in memory', async (t) => {
  const { world, endpoint, dispatcher } = await repaired(t, { schedule: [MINUTE] }, 40)
  const failed = (await world.deliveries(endpoint)).find(({ state }) => state === 'failed')
  assert.ok(failed)

  const before = world.told.length
  assert.ok(
    await world.store.retryWebhookDelivery(
      KEYLESS_SCOPE,
      failed.id,
      world.runtime.now(),
      auditEntry(KEYLESS_SCOPE),
    ),
  )
  dispatcher.wake()
  await world.runtime.advance(100)
  assert.equal(world.told[before]?.delivery, failed.id)
})

test('a retry by hand goes before more deliveries than fit into memory, which have been due for longer', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ schedule: [SECOND, 60 * MINUTE], disableAfterMs: null })
  let up = false
  world.receive(endpoint, () => (up ? OK : responds(400)))
  const dispatcher = world.start()
  await world.charges(300)
  await world.runtime.advance(70 * MINUTE)
  const pending = (await world.deliveries(endpoint)).filter(({ dueAt }) => dueAt !== null)
  const overdue = pending.filter(({ dueAt }) => dueAt! < world.runtime.now())
  assert.ok(overdue.length > 70, `${overdue.length} are due`)
  up = true
  const last = pending.at(-1)!
  const before = world.told.length
  const at = world.runtime.now()
  assert.ok(await world.store.retryWebhookDelivery(KEYLESS_SCOPE, last.id, at, auditEntry(KEYLESS_SCOPE)))
  dispatcher.wake()
  await world.runtime.advance(SECOND)
  assert.equal(world.told[before]?.delivery, last.id)
})

test('a change of the endpoint, and a test that it passed, make the probe due at once', async (t) => {
  const { world, endpoint, dispatcher } = await repaired(t, { schedule: [] }, 5)
  await world.charges(5)
  assert.equal(world.told.length, 5, 'the probe waits for its time')
  dispatcher.probe(endpoint)
  await world.runtime.advance(100)
  assert.equal(world.told.length, 10)
})

for (const [poison, minutes] of [
  [100, 1],
  [150, 15],
] as const)
  test(`after ${poison} events that the receiver fails at, a good one is sent within ${minutes} minutes`, async (t) => {
    const world = webhookWorld(t)
    const endpoint = await world.endpoint({ disableAfterMs: null })
    let last = Number.POSITIVE_INFINITY
    world.receive(endpoint, ({ event }) => (event.sequence <= last ? responds(500) : OK))
    await world.charges(poison)
    last = poison
    await world.charges(1)
    world.start()
    await world.runtime.advance(minutes * MINUTE)
    assert.ok(world.told.some(({ event }) => event.sequence > poison))
  })

test('a good event is sent while a failed one is due again at each probe', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ schedule: Array(30).fill(0), disableAfterMs: null })
  world.receive(endpoint, ({ event }) => (event.sequence <= 20 ? DOWN : OK))
  world.start()
  await world.charges(21)
  await world.runtime.advance(10 * MINUTE)
  assert.ok(world.told.some(({ event }) => event.sequence === 21))
})

test('a dead endpoint that responds makes few deliveries, and then some in a minute', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ disableAfterMs: null })
  world.receive(endpoint, () => responds(500))
  world.start()
  await world.charges(2_000)
  await world.runtime.advance(MINUTE)
  const first = (await world.deliveries(endpoint)).length
  assert.ok(first <= 150, `${first} deliveries`)
  await world.runtime.advance(60 * MINUTE)
  const rows = (await world.deliveries(endpoint)).length
  assert.ok(rows <= first + 60 * 4, `${rows} deliveries`)
})

for (const status of [429, 503])
  test(`${status} with Retry-After pauses the endpoint until then, and no longer`, async (t) => {
    const world = webhookWorld(t)
    const endpoint = await world.endpoint({ disableAfterMs: null })
    const opensAt = world.runtime.now() + 60 * MINUTE
    world.receive(endpoint, ({ at }) => (at < opensAt ? responds(status, '3600') : OK))
    world.start()
    await world.charges(100)
    await world.runtime.advance(MINUTE)
    const asked = world.told.length
    assert.ok(asked <= 16, `${asked} requests`)
    await world.charges(100)
    await world.runtime.advance(58 * MINUTE)
    assert.equal(world.told.length, asked)
    await world.runtime.advance(5 * MINUTE)
    assert.ok(world.told.length >= asked + 184, `${world.told.length} requests`)
  })

test('a Retry-After of a year pauses an endpoint for an hour, one with 500 not at all, and a person ends a pause', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ disableAfterMs: null })
  let response = responds(500, '3600')
  world.receive(endpoint, () => response)
  const dispatcher = world.start()
  await world.charges(1)
  await world.runtime.advance(SECOND)
  response = responds(429, '31536000')
  await world.charges(1)
  await world.runtime.advance(SECOND)
  assert.equal(world.told.length, 2)
  await world.charges(1)
  await world.runtime.advance(30 * MINUTE)
  assert.equal(world.told.length, 2)
  dispatcher.probe(endpoint)
  await world.runtime.advance(SECOND)
  assert.equal(world.told.length, 3)
  response = OK
  await world.charges(1)
  await world.runtime.advance(59 * MINUTE)
  assert.equal(world.told.length, 3)
  await world.runtime.advance(2 * MINUTE)
  assert.ok(world.told.length >= 4)
})
