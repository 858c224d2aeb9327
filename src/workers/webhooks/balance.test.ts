import assert from 'node:assert/strict'
import test from 'node:test'
import { webhookWorld } from '../../../test/kit/couriers.ts'
import { createBalance } from './balance.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

test('a process gives back a quarter of what is too many, ten at most, and nothing within its share', () => {
  const balance = createBalance()
  assert.deepEqual(
    [0, 5, 6, 9, 30, 100].map((held) => balance.surplus(held, 5, 0)),
    [0, 0, 1, 1, 7, 10],
  )
})

test('a cursor that comes back makes it wait a minute, then twice as long, an hour at most', () => {
  const balance = createBalance()
  let now = 0
  const waits: number[] = []
  for (let i = 0; i < 8; i++) {
    balance.gave('one', now)
    balance.claimed('another', now)
    assert.equal(balance.surplus(9, 5, now), 1)
    balance.gave('one', now)
    assert.ok(balance.isModest(now) && !balance.isModest(now + 5 * SECOND))
    balance.claimed('one', now)
    const since = now
    while (balance.surplus(9, 5, now) === 0) now += SECOND
    waits.push((now - since) / MINUTE)
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60])
})

test('a process that starts beside another one gets its share, and no event is lost or repeated', async (t) => {
  const world = webhookWorld(t)
  const endpoints = []
  for (let i = 0; i < 6; i++) endpoints.push(await world.endpoint())
  let nodes = 1
  const store = { ...world.store, webhookShare: async () => Math.ceil(6 / nodes) }
  const first = world.start({ store })
  await world.runtime.advance(SECOND)
  assert.equal(first.held().length, 6)
  const second = world.start({ store })
  nodes = 2
  for (let i = 0; i < 60; i++) {
    await world.charges(1)
    await world.runtime.advance(SECOND / 2)
  }
  assert.deepEqual([first.held().length, second.held().length], [3, 3])
  await world.runtime.advance(5 * MINUTE)
  assert.deepEqual([first.held().length, second.held().length], [3, 3], 'and they stay so')
  for (const endpoint of endpoints)
    assert.deepEqual(
      world.toldTo(endpoint).map(({ event }) => event.sequence),
      Array.from({ length: 60 }, (_, i) => i + 1),
    )
})

test('without another process that takes them, its cursors come back, and serve', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  await world.endpoint()
  // Another node lives, but sends no webhooks.
  const only = world.start({ store: { ...world.store, webhookShare: async () => 1 } })
  for (let i = 0; i < 60; i++) {
    await world.charges(1)
    await world.runtime.advance(SECOND)
  }
  await world.runtime.advance(20 * SECOND)
  assert.equal(only.held().length, 2)
  assert.equal(world.toldTo(endpoint).length, 60)
})
