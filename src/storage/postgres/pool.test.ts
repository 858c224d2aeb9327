import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Connection } from './connection.ts'
import { createPool } from './pool.ts'

const connection: Connection = {
  run: () => Promise.resolve([]),
  broken: () => false,
  close: () => Promise.resolve(),
}
/** Lets what was promised happen. */
const soon = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A pool, of two unless given, whose connections are opened, or refused, when the test says so. */
function pool(t: TestContext, size = 2) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  /** What the clock says at its next readings; then it says `now`. */
  const readings: number[] = []
  t.mock.method(performance, 'now', () => readings.shift() ?? now)
  const opening: PromiseWithResolvers<Connection>[] = []
  const made = createPool(size, () => {
    const one = Promise.withResolvers<Connection>()
    opening.push(one)
    return one.promise
  })
  const pass = (ms: number) => {
    now += ms
    t.mock.timers.tick(ms)
  }
  return { ...made, opening, pass, readings }
}

test('a first connection that takes its time is waited for', async (t) => {
  const { use, opening, pass } = pool(t)
  const work = use(() => Promise.resolve('done'))
  pass(3_000)
  opening[0]?.resolve(connection)
  assert.equal(await work, 'done')
})

test('once a connection was refused, and there is none, work is refused soon', async (t) => {
  const { use, opening, pass } = pool(t)
  const first = use(() => Promise.resolve('done'))
  opening[0]?.reject(new Error('refused'))
  await soon()
  const second = assert.rejects(
    use(() => Promise.resolve('done')),
    { name: 'StoreUnavailable', reason: 'connection', message: 'refused' },
  )
  pass(500)
  await second
  opening[1]?.resolve(connection)
  assert.equal(await first, 'done')
})

test('while no further connection is to be had, work waits for one that is in use', async (t) => {
  const { use, opening, pass } = pool(t)
  const { promise: busy, resolve: finish } = Promise.withResolvers<void>()
  const first = use(() => busy)
  opening[0]?.resolve(connection)
  await soon()
  const second = use(() => Promise.resolve('done'))
  for (let refusals = 1; refusals < 8; refusals++) {
    opening[refusals]?.reject(new Error('too many clients'))
    await soon()
    pass(500)
  }
  finish()
  await first
  assert.equal(await second, 'done')
})

test('connections that a burst opened are closed once they are idle, but for one, and opened again when needed', async (t) => {
  const { use, opening, pass } = pool(t, 3)
  const closed: number[] = []
  const open = async (i: number) => {
    opening[i]?.resolve({ ...connection, close: async () => void closed.push(i) })
    await soon()
  }
  const { promise: busy, resolve: finish } = Promise.withResolvers<void>()
  const burst = [0, 1, 2].map(() => use(() => busy))
  for (const i of [0, 1, 2]) await open(i)
  finish()
  await Promise.all(burst)
  for (let second = 1; second < 10; second++) {
    pass(1_000)
    assert.equal(await use(() => Promise.resolve('used')), 'used')
  }
  assert.deepEqual(closed, [])
  pass(1_000)
  assert.deepEqual(closed, [0, 1], 'the one that is used remains')
  pass(60_000)
  assert.deepEqual(closed, [0, 1], 'the last one remains')
  const again = [0, 1].map(() => use(() => soon()))
  await soon()
  await open(3)
  await Promise.all(again)
  assert.equal(opening.length, 4)
  pass(10_000)
  assert.equal(closed.length, 3)
})

test('no timer has a negative time: a connection may become due while others are closed', async (t) => {
  const { use, opening, pass, readings } = pool(t, 3)
  const set = globalThis.setTimeout
  const times: number[] = []
  t.mock.method(globalThis, 'setTimeout', (action: () => void, ms: number) => {
    times.push(ms)
    return set(action, ms)
  })
  const { promise: busy, resolve: finish } = Promise.withResolvers<void>()
  const burst = [0, 1, 2].map(() => use(() => busy))
  for (const one of [0, 1, 2]) {
    opening[one]?.resolve(connection)
    await soon()
  }
  times.length = 0
  // The first one is idle since 0, and its timer is set then; the others are a moment later.
  readings.push(0, 0, 0.02, 0.03)
  finish()
  await Promise.all(burst)
  // The sweep closes the first alone. When it looks at the second one again, that one is due, too.
  readings.push(10_000.01, 10_000.05)
  pass(10_000)
  assert.deepEqual([times[0], Math.min(...times), readings], [10_000, 0, []])
})
