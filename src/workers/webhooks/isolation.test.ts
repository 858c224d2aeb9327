/** What one endpoint does changes nothing for another one. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { DOWN, OK, type Response, webhookWorld } from '../../../test/kit/couriers.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'
import { createOverall } from './slots.ts'

const SECOND = 1_000
/** How long a world is watched, twice, in seconds. */
const SECONDS = 30
const QUICK: Response = { ms: 5, attempt: OK }
const SILENCE: Response = { ms: 10_000, attempt: { kind: 'no_answer', error: 'no response within 10 s' } }

/** How late the events of an endpoint are at most, in ms, beside these many others, most of which were there before it. */
async function lateness(
  t: Parameters<typeof webhookWorld>[0],
  others: number,
  behave: () => Response,
  { isLast = false, restart = false, own = QUICK, perSecond = 20 } = {},
) {
  const world = webhookWorld(t)
  const first = isLast ? undefined : await world.endpoint()
  for (let i = 0; i < others; i++) world.receive(await world.endpoint({ disableAfterMs: null }), behave)
  const endpoint = first ?? (await world.endpoint())
  const due = new Map<string, number>()
  const late: number[] = []
  world.receive(endpoint, ({ event, at }) => {
    late.push(at - due.get(event.id)!)
    return own
  })
  const second = async () => {
    const at = world.runtime.now()
    for (const { id } of await world.charges(perSecond)) due.set(id, at)
    await world.runtime.advance(SECOND)
  }
  const former = world.start({ overall: createOverall(128) })
  for (let i = 0; i < SECONDS; i++) await second()
  const learning = late.splice(0)
  if (restart) {
    const stopped = former.stop(0)
    await world.runtime.advance(SECOND)
    await stopped
    world.start({ overall: createOverall(128) })
  }
  for (let i = 0; i < SECONDS; i++) await second()
  await world.runtime.advance(10 * SECOND)
  assert.equal(new Set(world.toldTo(endpoint).map(({ event }) => event.id)).size, 2 * SECONDS * perSecond)
  return {
    learning: Math.max(...learning),
    after: Math.max(...late),
    worst: Math.max(...learning, ...late),
    world,
  }
}

for (const [name, behave] of [
  ['hang', () => SILENCE],
  ['are down', () => ({ ms: 1, attempt: DOWN })],
  ['respond after five seconds', () => ({ ms: 5_000, attempt: OK })],
] as const)
  test(`an endpoint gets its events within 100 ms beside ten that ${name}`, async (t) => {
    const { worst } = await lateness(t, 10, behave)
    assert.ok(worst <= 100, `${worst} ms`)
  })

test('an endpoint gets its events within the time of one attempt beside 150 that hang, more than there are slots', async (t) => {
  const { worst } = await lateness(t, 150, () => SILENCE)
  assert.ok(worst <= 11 * SECOND, `${worst} ms`)
})

test('the last of 151 new endpoints waits for two attempts of those that hang, and for none at the next start', async (t) => {
  const { learning, after } = await lateness(t, 150, () => SILENCE, { isLast: true, restart: true })
  assert.ok(learning <= 21 * SECOND, `${learning} ms`)
  assert.ok(after <= 100, `${after} ms`)
})

test('a slow endpoint waits for none of 150 that hang, once they are known to', async (t) => {
  const own = { ms: 1_100, attempt: OK }
  const { after } = await lateness(t, 150, () => SILENCE, { isLast: true, own, perSecond: 3 })
  assert.ok(after <= 100, `${after} ms`)
})

test('an endpoint that waits for a slot sets no timers meanwhile', async (t) => {
  const world = webhookWorld(t)
  for (let i = 0; i < 40; i++) world.receive(await world.endpoint({ disableAfterMs: null }), () => SILENCE)
  let timers = 0
  const after = (ms: number, action: () => void) => {
    timers++
    return world.runtime.after(ms, action)
  }
  world.start({ overall: createOverall(2), runtime: { ...world.runtime, after } })
  await world.charges(20)
  await world.runtime.advance(300 * SECOND)
  assert.ok(timers < 5_000, `${timers} timers`)
})

test('all attempts together stay within the limit, and one endpoint leaves slots for others', async (t) => {
  const world = webhookWorld(t)
  const endpoints = await Promise.all(
    Array.from({ length: 6 }, () => world.endpoint({ disableAfterMs: null })),
  )
  let most = 0
  for (const endpoint of endpoints)
    world.receive(endpoint, () => {
      most = Math.max(most, world.flying())
      return { ms: 900, attempt: OK }
    })
  world.start({ overall: createOverall(40), concurrency: 32 })
  await world.charges(200)
  await world.runtime.advance(60 * SECOND)
  assert.ok(most <= 40, `${most} at once`)
  for (const endpoint of endpoints) {
    assert.equal(world.toldTo(endpoint).length, 200)
    assert.ok(world.most.get(endpoint.id)! <= 20, 'half of the slots')
  }
})

test('an endpoint that hangs loses slots, and the memory of its events is bounded by them', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ disableAfterMs: null })
  world.receive(endpoint, () => SILENCE)
  world.start()
  await world.charges(1_000)
  await world.runtime.advance(60 * SECOND)
  assert.ok(world.most.get(endpoint.id)! <= 16)
  const rows = (await world.deliveries(endpoint)).length
  assert.ok(rows <= 30, `${rows} deliveries`)
})

test('a receiver whose responses do not end loses slots, though it accepted the events', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  let most = 0
  let sent = 0
  world.receive(endpoint, () => {
    if (sent++ > 100) most = Math.max(most, world.flying())
    return { ms: 10, attempt: { ...OK, cut: true } as const }
  })
  world.start()
  await world.charges(1_000)
  await world.runtime.advance(60 * SECOND)
  assert.equal((await world.deliveries(endpoint)).filter(({ state }) => state === 'delivered').length, 1_000)
  assert.ok(most <= 4, `${most} at once`)
})

test('one event that takes long holds up neither the others nor the cursor', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  let first = true
  world.receive(endpoint, () => {
    const ms = first ? 9_500 : 2
    first = false
    return { ms, attempt: OK }
  })
  world.start()
  await world.charges(3_000)
  await world.runtime.advance(2 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 3_000)
  const cursor = await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id)
  assert.deepEqual([cursor?.backlog, cursor?.pending], [0, 1], 'it waits as a delivery')
  await world.runtime.advance(10 * SECOND)
  assert.equal((await world.store.webhookCursor(KEYLESS_SCOPE, endpoint.id))?.pending, 0)
  await world.runtime.advance(60 * SECOND)
  assert.equal(world.toldTo(endpoint).length, 3_000, 'and it is sent once')
})

test('reading work costs the same with a long backlog as without one', async (t) => {
  const world = webhookWorld(t)
  const dead = await world.endpoint({ disableAfterMs: null })
  world.receive(dead, () => DOWN)
  world.start()
  await world.charges(3_000)
  await world.runtime.advance(30 * SECOND)
  const before = new Map(world.instant.calls)
  await world.runtime.advance(60 * SECOND)
  const grown = (name: string) => (world.instant.calls.get(name) ?? 0) - (before.get(name) ?? 0)
  assert.ok(grown('eventsToDeliver') <= 70, `${grown('eventsToDeliver')} reads in a minute`)
  assert.ok(grown('dueDeliveries') <= 70, `${grown('dueDeliveries')} reads in a minute`)
})
