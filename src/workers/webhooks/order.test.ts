import assert from 'node:assert/strict'
import test from 'node:test'
import { committed, refundCommit } from '../../../test/kit/commits.ts'
import { OK, webhookWorld } from '../../../test/kit/couriers.ts'
import { replayOf } from '../../../test/kit/webhooks.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'

const SECOND = 1_000

test('an event that waited for a slow one of its object is sent, though later events fill the window', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ ordered: true })
  world.receive(endpoint, ({ event }) => ({ ms: event.sequence === 1 ? 5_000 : 2, attempt: OK }))
  world.start()
  await world.story(3)
  await world.charges(900)
  await world.runtime.advance(60 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 903)
  const cursor = await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id)
  assert.deepEqual([cursor?.backlog, cursor?.pending], [0, 0])
})

test('objects do not wait for one another', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ ordered: true })
  world.receive(endpoint, ({ event }) => ({ ms: event.sequence === 1 ? 8_000 : 2, attempt: OK }))
  world.start()
  await world.story(2)
  await world.charges(50)
  await world.runtime.advance(SECOND)
  assert.equal(world.toldTo(endpoint).length, 51)
})

test('a replay sends the events of an object one after another, and not beside a new one', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ ordered: true })
  const slowFrom = 7
  world.receive(endpoint, ({ event }) => ({ ms: event.sequence >= slowFrom ? 5_000 : 100, attempt: OK }))
  const dispatcher = world.start()
  const id = await world.story(6)
  await world.runtime.advance(20 * SECOND)
  const before = world.told.length
  for (let refund = 0; refund < 2; refund++) {
    const charge = await world.store.charge(KEYLESS_SCOPE, id)
    const step = { scope: KEYLESS_SCOPE, amount: 1, at: world.runtime.now() }
    await committed(world.store, refundCommit(charge ?? assert.fail(), step))
  }
  world.bell.ring(KEYLESS_SCOPE)
  await world.runtime.advance(50)
  await world.store.addReplay(replayOf(endpoint, { from: 0, position: 0, to: 6 }), null)
  dispatcher.wake()
  await world.runtime.advance(20 * SECOND)
  const sent = world.told.slice(before)
  assert.deepEqual(
    sent.map(({ event }) => event.sequence),
    [7, 8, 1, 2, 3, 4, 5, 6],
  )
  for (const [i, { at, event }] of sent.entries()) {
    const next = sent[i + 1]
    if (next) assert.ok(next.at - at >= (event.sequence >= slowFrom ? 5_000 : 100), `${next.at - at} ms`)
  }
})
