import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { onLoopback } from '../../test/kit/sockets.ts'
import { type CallSignal, every, type Runtime, sleep, withDeadline, within } from '../ports/runtime.ts'
import { manualRuntime } from './manual.ts'
import { nodeRuntime } from './node.ts'

const never = () => new Promise<never>(() => {})

/** Both runtimes keep these promises; `pass` lets at least that many ms go by. */
const RUNTIMES = {
  'the runtime of Node.js': () => ({
    runtime: nodeRuntime as Runtime,
    pass: (ms: number) => sleep(nodeRuntime, ms + 20),
  }),
  'the hand-driven runtime': () => {
    const runtime = manualRuntime()
    return { runtime: runtime as Runtime, pass: runtime.advance }
  },
}

for (const [name, make] of Object.entries(RUNTIMES)) {
  test(`${name} fires timers in the order of their times, and none that was canceled`, async () => {
    const { runtime, pass } = make()
    const fired: string[] = []
    runtime.after(20, () => fired.push('late'))
    const canceled = runtime.after(5, () => fired.push('canceled'))
    runtime.after(5, () => fired.push('early'))
    canceled.cancel()
    assert.deepEqual(fired, [])
    const before = runtime.monotonic()
    await pass(20)
    assert.deepEqual(fired, ['early', 'late'])
    assert.ok(runtime.monotonic() - before >= 19)
  })

  test(`${name} runs work of the next turn later, in its order`, async () => {
    const { runtime, pass } = make()
    const ran: number[] = []
    for (const one of [1, 2]) runtime.nextTurn(() => ran.push(one))
    assert.deepEqual(ran, [])
    await pass(0)
    assert.deepEqual(ran, [1, 2])
  })

  test(`${name} draws bytes and UUIDs that differ`, () => {
    const { runtime } = make()
    const [one, other] = [new Uint8Array(16), new Uint8Array(16)]
    runtime.random(one)
    runtime.random(other)
    assert.notDeepEqual(one, other)
    assert.match(runtime.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.notEqual(runtime.uuid(), runtime.uuid())
  })

  test(`${name} gives a promise that settles in time its result, and one that does not the late value`, async () => {
    const { runtime, pass } = make()
    assert.equal(await within(runtime, 1_000, Promise.resolve('done'), 'late'), 'done')
    await assert.rejects(within(runtime, 1_000, Promise.reject(new Error('no')), 'late'), /no/)
    const late = within(runtime, 10, never(), 'late')
    await pass(10)
    assert.equal(await late, 'late')
  })
}

test('a promise that settles in time leaves no timer, and a rejection that comes too late is ignored', async () => {
  const runtime = manualRuntime()
  await within(runtime, 1_000, Promise.resolve())
  assert.equal(runtime.pending, 0)
  const { promise, reject } = Promise.withResolvers<void>()
  const late = within(runtime, 1_000, promise)
  await runtime.advance(1_000)
  assert.equal(await late, undefined)
  reject(new Error('too late'))
  await runtime.advance(1)
})

test('a call with a deadline is aborted first, and given up when it ignores that', async () => {
  const runtime = manualRuntime()
  let signal: CallSignal | undefined
  const call = (given: CallSignal) => {
    signal = given
    return never()
  }
  let ended: string | undefined
  withDeadline(runtime, { ms: 100, graceMs: 50 }, call, 'late').then((value) => (ended = value))
  await runtime.advance(99)
  assert.deepEqual([signal?.aborted, ended], [false, undefined])
  await runtime.advance(1)
  assert.deepEqual([signal?.aborted, ended], [true, undefined])
  await runtime.advance(50)
  assert.deepEqual([ended, runtime.pending], ['late', 0])
})

test('a response that arrived before its deadline counts, although the event loop was late', async (t) => {
  const arrived = Promise.withResolvers<Socket>()
  const { port, close } = await onLoopback(createServer().once('connection', (peer) => arrived.resolve(peer)))
  const client = connect(port, '127.0.0.1')
  t.after(() => {
    client.destroy()
    return close()
  })
  const peer = await arrived.promise
  const call = async (signal: CallSignal) => {
    const late = new AbortController()
    signal.addEventListener('abort', () => late.abort())
    await once(client, 'data', { signal: late.signal })
    return 'in time'
  }
  const result = withDeadline(nodeRuntime, { ms: 20, graceMs: 20 }, call, 'late')
  peer.write('.')
  // Both times are over when the event loop continues.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  assert.equal(await result, 'in time')
})

test('a call that has ended is not aborted, also when its deadline had just passed', async () => {
  const runtime = manualRuntime()
  const turns: (() => void)[] = []
  const { promise, resolve } = Promise.withResolvers<string>()
  let signal: CallSignal | undefined
  const result = withDeadline(
    { after: runtime.after, nextTurn: (action) => void turns.push(action) },
    { ms: 100, graceMs: 50 },
    (given) => {
      signal = given
      return promise
    },
    'late',
  )
  await runtime.advance(100)
  resolve('in time')
  assert.equal(await result, 'in time')
  for (const turn of turns) turn()
  assert.deepEqual([turns.length, signal?.aborted, runtime.pending], [1, false, 0])
})

test('a call that throws rejects, and leaves no timer', async () => {
  const runtime = manualRuntime()
  const call = () => {
    throw new Error('no call')
  }
  await assert.rejects(withDeadline(runtime, { ms: 100, graceMs: 50 }, call, 'late'), /no call/)
  assert.equal(runtime.pending, 0)
})

test('an interval fires until it is canceled, also by its own action', async () => {
  const runtime = manualRuntime()
  let fired = 0
  const interval = every(runtime, 10, () => {
    if (++fired === 3) interval.cancel()
  })
  await runtime.advance(100)
  assert.deepEqual([fired, runtime.pending], [3, 0])
})

test('a hand-driven clock that is set moves no timer and no monotonic time', async () => {
  const runtime = manualRuntime({ now: 1_000 })
  let fired = false
  runtime.after(100, () => {
    fired = true
  })
  runtime.setClock(5_000_000)
  assert.deepEqual([runtime.now(), runtime.monotonic(), fired], [5_000_000, 0, false])
  await runtime.advance(100)
  assert.deepEqual([runtime.now(), runtime.monotonic(), fired], [5_000_100, 100, true])
})

test('two hand-driven runtimes of one seed are the same', () => {
  const uuids = [7, 7, 8].map((seed) => manualRuntime({ seed }).uuid())
  assert.equal(uuids[0], uuids[1])
  assert.notEqual(uuids[0], uuids[2])
})
