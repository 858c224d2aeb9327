import assert from 'node:assert/strict'
import test from 'node:test'
import { OK, webhookWorld } from '../../../test/kit/couriers.ts'
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
