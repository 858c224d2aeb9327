import assert from 'node:assert/strict'
import test from 'node:test'
import { DOWN, OK, responds, webhookWorld } from '../../../test/kit/couriers.ts'
import { sha256 } from '../../app/context.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

test('an endpoint gets every event that it wants, in order, and nothing from before it was made', async (t) => {
  const world = webhookWorld(t)
  await world.charges(3)
  const endpoint = await world.endpoint()
  const events = await world.charges(5)
  world.start()
  await world.runtime.advance(100)
  const later = await world.charges(400)
  await world.runtime.advance(1_000)
  const told = world.toldTo(endpoint).map(({ event }) => event.id)
  assert.deepEqual(
    told,
    [...events, ...later].map(({ id }) => id),
  )
  const cursor = await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id)
  assert.deepEqual([cursor?.backlog, cursor?.pending, cursor?.failed], [0, 0, 0])
  const [first] = await world.deliveries(endpoint)
  assert.deepEqual(
    [first?.state, first?.attempts, first?.tries[0]?.status, first?.tries[0]?.answer, first?.tries[0]?.why],
    ['delivered', 1, 200, 'ok', 'event'],
  )
})

test('a backlog of long events is sent without waiting for a poll between its pages', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  const metadata = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`note_${i}`, 'v'.repeat(480)]))
  await world.charges(60, KEYLESS_SCOPE, metadata)
  world.start()
  await world.runtime.advance(200)
  assert.equal(world.toldTo(endpoint).length, 60)
})

test('a new event is sent at once, without a poll', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.start()
  await world.runtime.advance(100)
  const before = world.runtime.now()
  await world.charges(1)
  await world.runtime.advance(2)
  assert.ok(world.toldTo(endpoint)[0]!.at - before <= 1)
})

test('events that the filter leaves out are passed, and write no delivery', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ events: ['refund.*'] })
  world.start()
  await world.charges(300)
  await world.runtime.advance(3 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 0)
  assert.deepEqual(await world.deliveries(endpoint), [])
  assert.equal((await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id))?.backlog, 0)
})

test('a delivery is tried ten times by the default schedule, and rests in the dead letter', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ disableAfterMs: null })
  world.receive(endpoint, () => responds(500))
  world.start({ pollMs: HOUR })
  await world.charges(1)
  await world.runtime.advance(90 * HOUR)
  const times = world.toldTo(endpoint).map(({ at }) => at)
  const waits = times.slice(1).map((at, i) => Math.round((at - times[i]!) / SECOND))
  const least = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
  assert.equal(waits.length, least.length)
  for (const [i, wait] of waits.entries())
    assert.ok(wait >= least[i]! && wait <= least[i]! * 1.1 + 61, `wait ${i + 1}: ${wait} s`)
  const [delivery] = await world.deliveries(endpoint)
  assert.deepEqual([delivery?.state, delivery?.attempts, delivery?.tries.length], ['failed', 10, 10])
  await world.runtime.advance(100 * HOUR)
  assert.equal(world.toldTo(endpoint).length, 10)
})

test('a dead endpoint makes few deliveries, its backlog stays a number, and one success brings everything', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ disableAfterMs: null })
  let up = false
  world.receive(endpoint, () => (up ? OK : DOWN))
  const dispatcher = world.start({ pollMs: MINUTE })
  await world.charges(1_000)
  await world.runtime.advance(10 * MINUTE)
  const rows = await world.deliveries(endpoint)
  assert.ok(rows.length <= 40, `${rows.length} rows`)
  assert.ok(world.toldTo(endpoint).length <= 60, `${world.toldTo(endpoint).length} attempts`)
  assert.ok(dispatcher.held()[0]?.isOpen)
  const cursor = await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id)
  assert.equal(cursor!.backlog, 1_000 - rows.length)
  assert.ok(Math.abs(dispatcher.held()[0]!.lagMs - 10 * MINUTE) < 100)
  up = true
  await world.runtime.advance(2 * HOUR)
  const after = await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id)
  assert.deepEqual([after?.backlog, after?.pending, after?.failingSince], [0, 0, null])
  assert.equal(new Set(world.toldTo(endpoint).map(({ event }) => event.id)).size, 1_000)
  assert.deepEqual([dispatcher.held()[0]?.isOpen, dispatcher.held()[0]?.lagMs], [false, 0])
})

test('a dead endpoint is probed at least every minute, one attempt at a time', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ disableAfterMs: null })
  world.receive(endpoint, () => ({
    ms: 9_000,
    attempt: { kind: 'no_answer', error: 'no response within 10 s' },
  }))
  world.start({ pollMs: MINUTE })
  await world.charges(500)
  await world.runtime.advance(5 * MINUTE)
  world.most.clear()
  const from = world.runtime.now()
  await world.runtime.advance(30 * MINUTE)
  const probes = world.toldTo(endpoint).filter(({ at }) => at > from)
  assert.equal(world.most.get(endpoint.id), 1)
  for (const [i, { at }] of probes.slice(1).entries()) assert.ok(at - probes[i]!.at <= 70 * SECOND)
})

test('each delivery of the endpoint of the setting keeps its schedule, however many fail', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ id: 'default', disableAfterMs: null })
  world.receive(endpoint, () => responds(500))
  world.start({ pollMs: HOUR })
  await world.charges(4)
  await world.runtime.advance(MINUTE)
  const rows = await world.deliveries(endpoint)
  assert.equal(rows.length, 4)
  for (const { id, eventId, state } of rows) {
    const times = world.toldTo(endpoint).filter(({ event }) => event.id === eventId)
    const waits = times.slice(1).map(({ at }, i) => Math.round((at - times[i]!.at) / SECOND))
    assert.deepEqual([state, waits], ['failed', [1, 2, 4, 8, 16]], id)
  }
})

test('a receiver of the setting that was down gets all events within two seconds of its return', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ id: 'default', disableAfterMs: null })
  let attempt = DOWN
  world.receive(endpoint, () => attempt)
  world.start({ pollMs: HOUR })
  await world.charges(200)
  await world.runtime.advance(30 * SECOND)
  const cursor = await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id)
  assert.ok((cursor?.backlog ?? 0) > 0, 'new events wait')
  attempt = OK
  await world.charges(1)
  await world.runtime.advance(2 * SECOND)
  const after = await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id)
  assert.equal(after?.backlog, 0)
})

test('410 disables the endpoint, stores an event of it, and sends nothing more', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  const watcher = await world.endpoint({ events: ['webhook_endpoint.*'] })
  world.receive(endpoint, () => responds(410))
  world.start()
  await world.charges(1)
  await world.runtime.advance(2 * SECOND)
  await world.charges(5)
  await world.runtime.advance(HOUR)
  assert.equal(world.toldTo(endpoint).length, 1)
  const stored = await world.store.webhookEndpoint(KEYLESS_SCOPE, endpoint.id)
  assert.deepEqual([stored?.status, stored?.disabledReason], ['disabled', 'gone'])
  assert.deepEqual(
    world.toldTo(watcher).map(({ event }) => event.type),
    ['webhook_endpoint.disabled'],
  )
  assert.equal((await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id))?.backlog, 6)
})

test('an endpoint that fails everything is warned of, and then disabled', async (t) => {
  const world = webhookWorld(t)
  const url = 'https://shop.example:8443/hooks/T0P-SECRET?token=T0P-SECRET'
  const endpoint = await world.endpoint({ url, disableAfterMs: 10 * HOUR, events: ['payment.*'] })
  const watcher = await world.endpoint({ events: ['webhook_endpoint.*'] })
  world.receive(endpoint, () => DOWN)
  world.start({ pollMs: MINUTE })
  const began = world.runtime.now()
  for (let i = 0; i < 12; i++) {
    await world.charges(2)
    await world.runtime.advance(HOUR)
  }
  const news = world.toldTo(watcher).map(({ event, at }) => [event.type, Math.floor((at - began) / HOUR)])
  assert.deepEqual(news, [
    ['webhook_endpoint.failing', 5],
    ['webhook_endpoint.disabled', 10],
  ])
  for (const { event } of world.toldTo(watcher)) {
    assert.ok(!event.data.includes('SECRET'), 'the path of a URL may be a secret')
    const { url: shown, urlFingerprint } = JSON.parse(event.data).endpoint
    assert.deepEqual([shown, urlFingerprint], ['https://shop.example:8443', sha256(url).slice(0, 16)])
  }
  const stored = await world.store.webhookEndpoint(KEYLESS_SCOPE, endpoint.id)
  assert.deepEqual([stored?.status, stored?.disabledReason], ['disabled', 'failing'])
})

test('a delivery that was put back is sent at once, any number of times', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ schedule: [] })
  world.receive(endpoint, () => responds(500))
  const dispatcher = world.start()
  await world.charges(1)
  await world.runtime.advance(SECOND)
  const [failed] = await world.deliveries(endpoint)
  assert.equal(failed?.state, 'failed')
  for (let again = 1; again <= 3; again++) {
    const audit: AuditEntry = {
      ...{ id: `aud_${again}`, scope: KEYLESS_SCOPE, at: 1, actor: 'cli', action: 'delivery.retried' },
      ...{ object: failed!.id, before: null, after: null, address: null, requestId: null },
    }
    if (again === 2) world.receive(endpoint, () => OK)
    assert.ok(await world.store.retryWebhookDelivery(KEYLESS_SCOPE, failed!.id, world.runtime.now(), audit))
    dispatcher.wake()
    await world.runtime.advance(100)
    assert.equal(world.toldTo(endpoint).length, 1 + again)
  }
  const [delivery] = await world.deliveries(endpoint)
  assert.equal(delivery?.state, 'delivered')
  assert.deepEqual(
    delivery?.tries.map(({ why }) => why),
    ['event', 'manual', 'manual', 'manual'],
  )
})

test('an endpoint with a rate limit gets no more attempts a second', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ rateLimit: 5 })
  world.start()
  await world.charges(50)
  await world.runtime.advance(9 * SECOND)
  const times = world.toldTo(endpoint).map(({ at }) => at)
  assert.ok(times.length >= 42 && times.length <= 47, `${times.length}`)
  for (let i = 5; i < times.length; i++) assert.ok(times[i]! - times[i - 5]! >= 990)
})
