import assert from 'node:assert/strict'
import test from 'node:test'
import { DOWN, OK, responds, webhookWorld } from '../../../test/kit/couriers.ts'
import { changedEndpoint, disabled } from '../../../test/kit/webhooks.ts'
import { KEYLESS_SCOPE, StoreUnavailable } from '../../ports/store.ts'
import { LEASE_MS } from './dispatcher.ts'
import { WINDOW } from './work.ts'

const SECOND = 1_000

test('a stop waits for what is in flight, begins nothing more, and releases the cursor', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.receive(endpoint, () => ({ ms: 3_000, attempt: OK }))
  const dispatcher = world.start({ concurrency: 8 })
  await world.charges(50)
  await world.runtime.advance(SECOND)
  const sent = world.toldTo(endpoint).length
  let stopped = false
  void dispatcher.stop(8_000).then(() => {
    stopped = true
  })
  await world.charges(5)
  await world.runtime.advance(4 * SECOND)
  assert.equal(stopped, true)
  assert.equal(world.toldTo(endpoint).length, sent)
  assert.equal((await world.deliveries(endpoint)).length, sent)
  world.start({ concurrency: 8 })
  await world.runtime.advance(60 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 55, 'the next process continues, and repeats nothing')
})

test('a stop cuts what takes longer, and the next process sends it again', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  let slow = true
  world.receive(endpoint, () => ({ ms: slow ? 9_000 : 5, attempt: OK }))
  const dispatcher = world.start({ concurrency: 8 })
  await world.charges(8)
  await world.runtime.advance(SECOND)
  void dispatcher.stop(2_000)
  await world.runtime.advance(5 * SECOND)
  assert.equal(world.flying(), 0)
  assert.deepEqual(await world.deliveries(endpoint), [], 'a cut attempt is no failure')
  slow = false
  world.start()
  await world.runtime.advance(SECOND)
  assert.equal((await world.deliveries(endpoint)).length, 8)
})

test('an outage of the store for a minute loses nothing, and repeats nothing', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.receive(endpoint, () => ({ ms: 20, attempt: OK }))
  world.start()
  const before = await world.charges(2_000)
  await world.runtime.advance(60)
  world.instant.outage = true
  await world.runtime.advance(60 * SECOND)
  const during = world.toldTo(endpoint).length
  assert.ok(during <= WINDOW + 200, `${during} sent, which nothing could store`)
  world.instant.outage = false
  await world.runtime.advance(10 * SECOND)
  assert.equal(world.toldTo(endpoint).length, before.length)
  assert.equal((await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id))?.backlog, 0)
})

test('a stop during an outage ends', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.receive(endpoint, () => ({ ms: 500, attempt: OK }))
  const dispatcher = world.start()
  await world.charges(50)
  await world.runtime.advance(100)
  world.instant.outage = true
  let stopped = false
  void dispatcher.stop(1_000).then(() => {
    stopped = true
  })
  await world.runtime.advance(5 * SECOND)
  assert.equal(stopped, true)
})

test('a crash repeats at most what was in flight or not stored, though a slow event held up the cursor', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  let n = 0
  world.receive(endpoint, () => ({ ms: n++ === 0 ? 9_000 : 10, attempt: OK }))
  const first = world.start()
  await world.charges(WINDOW - 56)
  await world.runtime.advance(SECOND)
  assert.equal(world.toldTo(endpoint).length, WINDOW - 56)
  first.crash()
  world.start()
  await world.runtime.advance(60 * SECOND)
  assert.equal(world.toldTo(endpoint).length, WINDOW - 56 + 1, 'only the one in flight is sent again')
})

test('a second process takes over when the lease of the first has ended, and not before', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  const first = world.start()
  await world.runtime.advance(SECOND)
  first.crash()
  world.start()
  await world.charges(3)
  await world.runtime.advance(3 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 0)
  await world.runtime.advance(5 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 3)
})

test('a process that cannot renew its leases begins nothing more before another may take over', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.receive(endpoint, () => ({ ms: 500, attempt: OK }))
  let away = false
  const claimWebhookCursors: typeof world.store.claimWebhookCursors = (claim) =>
    away
      ? Promise.reject(new StoreUnavailable('connection', 'An outage.'))
      : world.store.claimWebhookCursors(claim)
  world.start({ concurrency: 1, store: { ...world.store, claimWebhookCursors } })
  await world.charges(40)
  await world.runtime.advance(SECOND)
  away = true
  const since = world.runtime.now()
  await world.runtime.advance(10 * SECOND)
  const late = world.toldTo(endpoint).filter(({ at }) => at > since + LEASE_MS / 2)
  assert.deepEqual(late, [])
  away = false
  await world.runtime.advance(30 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 40)
})

test('after an outage each process has time to store what its receivers said, and repeats nothing', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.receive(endpoint, () => ({ ms: 200, attempt: OK }))
  // The first is back 2 s after the second.
  let late = false
  const store = new Proxy(world.store, {
    get: (target, name) =>
      late && typeof Reflect.get(target, name) === 'function' && name !== 'now'
        ? () => Promise.reject(new StoreUnavailable('connection', 'An outage.'))
        : Reflect.get(target, name),
  })
  world.start({ store })
  await world.runtime.advance(SECOND)
  world.start()
  await world.charges(4)
  await world.runtime.advance(100)
  assert.equal(world.toldTo(endpoint).length, 4)
  world.instant.outage = true
  late = true
  await world.runtime.advance(20 * SECOND)
  world.instant.outage = false
  await world.charges(3)
  await world.runtime.advance(2 * SECOND)
  late = false
  await world.runtime.advance(10 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 7)
  assert.equal((await world.deliveries(endpoint)).length, 7)
})

test('a disabled endpoint gets nothing, and everything once it is enabled again', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  const dispatcher = world.start()
  await world.charges(3)
  await world.runtime.advance(SECOND)
  const off = await changedEndpoint(world.store, endpoint, disabled)
  dispatcher.wake()
  await world.runtime.advance(10)
  await world.charges(5)
  await world.runtime.advance(60 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 3)
  await changedEndpoint(world.store, off, { status: 'enabled', disabledReason: null })
  dispatcher.wake()
  await world.runtime.advance(SECOND)
  assert.equal(world.toldTo(endpoint).length, 8)
})

test('a new URL, and an endpoint that is enabled again, get events at once, while an attempt hangs', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  let ms = 9_000
  world.receive(endpoint, () => ({ ms, attempt: OK }))
  const hosts: string[] = []
  const dispatcher = world.start({
    client: (of) => {
      hosts.push(of.url)
      return world.client(of)
    },
  })
  await world.charges(1)
  await world.runtime.advance(50)
  ms = 1
  let now = await changedEndpoint(world.store, endpoint, { url: 'https://other.example.com/' })
  dispatcher.wake()
  await world.runtime.advance(50)
  await world.charges(2)
  await world.runtime.advance(50)
  assert.equal(world.toldTo(endpoint).length, 3)
  assert.deepEqual(hosts, [endpoint.url, 'https://other.example.com/'])
  now = await changedEndpoint(world.store, now, disabled)
  dispatcher.wake()
  await world.runtime.advance(50)
  await world.charges(2)
  await world.runtime.advance(SECOND)
  assert.equal(world.toldTo(endpoint).length, 3)
  await changedEndpoint(world.store, now, { status: 'enabled', disabledReason: null })
  dispatcher.wake()
  await world.runtime.advance(100)
  assert.equal(world.flying(), 1, 'the first attempt still hangs')
  assert.equal(world.toldTo(endpoint).length, 5)
  await world.runtime.advance(30 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 5, 'and none is repeated')
  const states = (await world.deliveries(endpoint)).map(({ state }) => state)
  assert.deepEqual(states, Array(5).fill('delivered'))
})

test('attempts that are in flight when their endpoint is deleted are stored', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.receive(endpoint, () => {
    const place = world.told.length
    return { ms: 300 * place, attempt: place > 2 ? OK : DOWN }
  })
  const dispatcher = world.start()
  await world.charges(4)
  await world.runtime.advance(50)
  assert.equal(world.flying(), 4)
  await changedEndpoint(world.store, endpoint, { deletedAt: world.runtime.now(), secrets: [] })
  dispatcher.wake()
  await world.runtime.advance(10 * SECOND)
  await world.charges(2)
  await world.runtime.advance(10 * SECOND)
  // Ids of one millisecond are in no order.
  const deliveries = (await world.deliveries(endpoint)).toSorted((a, b) => a.eventSequence - b.eventSequence)
  assert.deepEqual(
    // Events of one millisecond have deliveries in any order.
    deliveries.map(({ state, tries, dueAt }) => `${state} ${tries.length} ${dueAt}`).toSorted(),
    [...Array(2).fill('delivered 1 null'), ...Array(2).fill('failed 1 null')],
  )
  assert.equal(world.toldTo(endpoint).length, 4, 'nothing more is sent')
  assert.deepEqual(dispatcher.held(), [])
})

test('a new URL, filter or rate limit counts from the next attempt', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ events: ['refund.*'] })
  const dispatcher = world.start()
  await world.charges(3)
  await world.runtime.advance(SECOND)
  const changes = { events: ['*'], url: 'https://other.example.com/' }
  await changedEndpoint(world.store, endpoint, changes)
  dispatcher.wake()
  await world.runtime.advance(10)
  await world.charges(2)
  await world.runtime.advance(3 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 2)
})

test('an event whose message cannot be made fails by the schedule, and holds up no other', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ schedule: [SECOND] })
  const [broken] = await world.charges(1)
  world.start({
    message(_endpoint, event, id) {
      if (event.id === broken!.id) throw new Error('Invalid time value')
      return { headers: { id }, body: JSON.stringify(event) }
    },
  })
  await world.charges(20)
  await world.runtime.advance(5 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 20)
  const row = (await world.deliveries(endpoint)).find(({ eventId }) => eventId === broken!.id)
  assert.deepEqual([row?.state, row?.attempts], ['failed', 2])
  assert.equal(row?.tries[0]?.error, 'The body cannot be rendered: Invalid time value')
})

test('of an object, an ordered endpoint gets one event after another, also while one fails', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ ordered: true, schedule: [2 * SECOND, 2 * SECOND] })
  const failing = new Map<string, number>()
  world.receive(endpoint, ({ event }) => {
    const tries = (failing.get(event.id) ?? 0) + 1
    failing.set(event.id, tries)
    const fails = tries === 1 && event.sequence % 3 === 0
    return { ms: 20, attempt: fails ? DOWN : event.sequence % 7 === 0 ? responds(500) : OK }
  })
  world.start()
  const stories = await Promise.all(Array.from({ length: 5 }, () => world.story(8)))
  await world.runtime.advance(120 * SECOND)
  const rows = await world.deliveries(endpoint)
  assert.equal(rows.length, 40)
  assert.ok(rows.every(({ state }) => state !== 'pending'))
  for (const story of stories) {
    const own = world
      .toldTo(endpoint)
      .filter(({ event }) => event.data.includes(`{"charge":{"id":"${story}"`))
    const sequences = own.map(({ event }) => event.sequence)
    assert.deepEqual(
      sequences,
      sequences.toSorted((a, b) => a - b),
      'no later event before an earlier one',
    )
  }
})
