import assert from 'node:assert/strict'
import test from 'node:test'
import { DOWN, OK, responds, webhookWorld } from '../../../test/kit/couriers.ts'
import { claimCursors, recorded, replayOf, resultOf, tryOf } from '../../../test/kit/webhooks.ts'
import { KEPT_TRIES } from '../../domain/webhooks/delivery.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'

const SECOND = 1_000

test('a replay of the past sends the events of its range again, and adds their attempts to their deliveries', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  const dispatcher = world.start()
  const events = await world.charges(100)
  await world.runtime.advance(5 * SECOND)
  const replay = replayOf(endpoint, { from: 10, position: 10, to: 60 })
  assert.ok(await world.store.addReplay(replay, null))
  dispatcher.wake()
  await world.runtime.advance(5 * SECOND)
  const again = world.toldTo(endpoint).slice(100)
  assert.deepEqual(
    again.map(({ event }) => event.id),
    events.slice(10, 60).map(({ id }) => id),
  )
  const ended = await world.store.replay(KEYLESS_SCOPE, replay.id)
  assert.deepEqual([ended?.state, ended?.sent, ended?.delivered, ended?.position], ['done', 50, 50, 60])
  const rows = await world.deliveries(endpoint)
  assert.equal(rows.length, 100, 'one delivery an event')
  assert.deepEqual(
    rows.find(({ eventSequence }) => eventSequence === 11)?.tries.map(({ why }) => why),
    ['event', 'replay'],
  )
})

test('a replay of what failed sends the dead letter again', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ schedule: [], disableAfterMs: null })
  let up = false
  let n = 0
  world.receive(endpoint, () => (up || ++n % 2 === 0 ? OK : responds(500)))
  const dispatcher = world.start()
  await world.charges(40)
  await world.runtime.advance(5 * SECOND)
  assert.equal((await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id))?.failed, 20)
  up = true
  await world.store.addReplay(replayOf(endpoint, { kind: 'failed', from: 0, position: 0, to: 40 }), null)
  dispatcher.wake()
  await world.runtime.advance(5 * SECOND)
  assert.equal((await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id))?.failed, 0)
  assert.equal(world.toldTo(endpoint).length, 60)
})

/** Metadata that makes an event of 20 KB: about thirteen fit into a page of SQLite. */
const LONG = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`note_${i}`, 'v'.repeat(480)]))

test('a replay of long events sends every one of them', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  const dispatcher = world.start()
  await world.charges(60, KEYLESS_SCOPE, LONG)
  await world.runtime.advance(20 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 60)
  const replay = replayOf(endpoint, { from: 0, position: 0, to: 60 })
  await world.store.addReplay(replay, null)
  dispatcher.wake()
  await world.runtime.advance(20 * SECOND)
  const ended = await world.store.replay(KEYLESS_SCOPE, replay.id)
  assert.deepEqual([ended?.state, ended?.sent, ended?.delivered], ['done', 60, 60])
})

test('a replay of what failed reaches every delivery, however long their tries are', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  const { store } = world
  await claimCursors(store, { token: 'former', now: world.runtime.now() })
  const error = 'x'.repeat(500)
  const results = (await world.charges(60)).map((event) =>
    resultOf(event, endpoint.id, { state: 'failed', try: tryOf({ status: null, error }) }),
  )
  for (let i = 0; i < KEPT_TRIES; i++) {
    const again = results.map((result) => ({ ...result, revision: i === 0 ? null : 0 }))
    await recorded(store, endpoint, 'former', { position: 60, results: again })
  }
  await store.releaseWebhookCursors('former')
  assert.equal((await store.webhookCursor(KEYLESS_SCOPE, endpoint.id))?.failed, 60)
  const replay = replayOf(endpoint, { kind: 'failed', from: 0, position: 0, to: 60 })
  await store.addReplay(replay, null)
  world.start()
  await world.runtime.advance(20 * SECOND)
  assert.equal((await store.replay(KEYLESS_SCOPE, replay.id))?.state, 'done')
  assert.equal((await store.webhookCursor(KEYLESS_SCOPE, endpoint.id))?.failed, 0)
})

test('new events do not wait for a replay, which uses a quarter of the slots', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.receive(endpoint, () => ({ ms: 200, attempt: OK }))
  const dispatcher = world.start({ concurrency: 16 })
  await world.charges(400)
  await world.runtime.advance(30 * SECOND)
  await world.store.addReplay(replayOf(endpoint, { from: 0, position: 0, to: 400 }), null)
  dispatcher.wake()
  world.most.clear()
  await world.runtime.advance(3 * SECOND)
  assert.equal(world.most.get(endpoint.id), 4)
  const [event] = await world.charges(1)
  await world.runtime.advance(10)
  assert.equal(world.told.at(-1)?.event.id, event?.id)
})

test('a replay is resumed after a crash, without what it had sent', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.receive(endpoint, () => ({ ms: 50, attempt: OK }))
  const first = world.start({ concurrency: 16 })
  await world.charges(200)
  await world.runtime.advance(30 * SECOND)
  const replay = replayOf(endpoint, { from: 0, position: 0, to: 200 })
  await world.store.addReplay(replay, null)
  first.wake()
  await world.runtime.advance(SECOND)
  first.crash()
  const before = await world.store.replay(KEYLESS_SCOPE, replay.id)
  assert.ok(before!.sent > 40 && before!.sent < 120, `${before!.sent} sent`)
  world.start({ concurrency: 16 })
  await world.runtime.advance(60 * SECOND)
  const after = await world.store.replay(KEYLESS_SCOPE, replay.id)
  assert.equal(after?.state, 'done')
  assert.ok(world.toldTo(endpoint).length <= 400 + 8, `${world.toldTo(endpoint).length} attempts`)
})

test('a canceled replay stops', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  world.receive(endpoint, () => ({ ms: 100, attempt: OK }))
  const dispatcher = world.start({ concurrency: 8 })
  await world.charges(200)
  await world.runtime.advance(30 * SECOND)
  const replay = replayOf(endpoint, { from: 0, position: 0, to: 200 })
  await world.store.addReplay(replay, null)
  dispatcher.wake()
  await world.runtime.advance(SECOND)
  await world.store.cancelReplay(KEYLESS_SCOPE, replay.id, world.runtime.now(), null)
  dispatcher.wake()
  await world.runtime.advance(200)
  const sent = world.toldTo(endpoint).length
  await world.runtime.advance(60 * SECOND)
  assert.equal(world.toldTo(endpoint).length, sent)
  assert.equal((await world.store.replay(KEYLESS_SCOPE, replay.id))?.state, 'canceled')
})

test('a replay of a range without wanted events is done at once', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ events: ['dispute.*'] })
  const dispatcher = world.start()
  await world.charges(500)
  await world.runtime.advance(5 * SECOND)
  const replays = [
    replayOf(endpoint, { from: 0, position: 0, to: 500 }),
    replayOf(endpoint, { from: 500, position: 500, to: 500 }),
    replayOf(endpoint, { kind: 'failed', from: 0, position: 0, to: 500 }),
  ]
  for (const replay of replays) await world.store.addReplay(replay, null)
  dispatcher.wake()
  await world.runtime.advance(5 * SECOND)
  for (const { id } of replays) assert.equal((await world.store.replay(KEYLESS_SCOPE, id))?.state, 'done')
})

test('a replay to a dead endpoint waits until it responds again', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ disableAfterMs: null })
  let up = true
  world.receive(endpoint, () => (up ? OK : DOWN))
  const dispatcher = world.start()
  await world.charges(100)
  await world.runtime.advance(5 * SECOND)
  up = false
  await world.charges(10)
  await world.runtime.advance(60 * SECOND)
  const replay = replayOf(endpoint, { from: 0, position: 0, to: 100 })
  await world.store.addReplay(replay, null)
  dispatcher.wake()
  await world.runtime.advance(300 * SECOND)
  assert.equal((await world.store.replay(KEYLESS_SCOPE, replay.id))?.sent, 0)
  up = true
  await world.runtime.advance(400 * SECOND)
  const ended = await world.store.replay(KEYLESS_SCOPE, replay.id)
  assert.deepEqual([ended?.state, ended?.delivered], ['done', 100])
})

test('a replayed delivery that fails begins its schedule anew', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ schedule: [SECOND, SECOND], disableAfterMs: null })
  let up = false
  world.receive(endpoint, () => (up ? OK : responds(500)))
  const dispatcher = world.start()
  await world.charges(1)
  await world.runtime.advance(10 * SECOND)
  assert.equal((await world.deliveries(endpoint))[0]?.state, 'failed')
  await world.store.addReplay(replayOf(endpoint, { kind: 'failed', from: 0, position: 0, to: 1 }), null)
  dispatcher.wake()
  await world.runtime.advance(500)
  const [row] = await world.deliveries(endpoint)
  assert.deepEqual([row?.state, row?.attempts], ['pending', 1])
  await world.runtime.advance(1_200)
  assert.equal((await world.deliveries(endpoint))[0]?.attempts, 2)
  up = true
  await world.runtime.advance(2 * SECOND)
  const [after] = await world.deliveries(endpoint)
  assert.deepEqual([after?.state, after?.attempts, after?.tries.length], ['delivered', 3, 6])
})
