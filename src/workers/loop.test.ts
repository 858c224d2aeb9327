import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Log } from '../ports/log.ts'
import { StoreUnavailable } from '../ports/store.ts'
import { manualRuntime } from '../runtime/manual.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { type Loop, startLoop } from './loop.ts'

const HOUR_MS = 3_600_000

type Run = { readonly done: () => void; readonly fail: (error: Error) => void }

/** A loop on a test clock; each run waits until the test ends it. */
function steppedLoop(t: TestContext) {
  const runtime = manualRuntime()
  const warnings: object[] = []
  const log: Log = { info() {}, error() {}, warn: (fields) => warnings.push(fields) }
  const started: Run[] = []
  let taken = 0
  const loop: Loop = startLoop({ name: 'test', intervalMs: HOUR_MS, log, runtime }, () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    started.push({ done: resolve, fail: reject })
    return promise
  })
  t.after(() => {
    for (const run of started) run.done()
    return loop.stop()
  })
  return {
    loop,
    warnings,
    started,
    runtime,
    /** The next run, which must begin after this many ms. */
    async nextRun(afterMs = 0): Promise<Run> {
      await runtime.advance(afterMs)
      return started[taken++] ?? assert.fail('no run has begun')
    },
  }
}

test('the work runs at once, and again after the interval without a wake', async (t) => {
  const { nextRun, started, runtime } = steppedLoop(t)
  ;(await nextRun()).done()
  for (let i = 2; i <= 3; i++) {
    await runtime.advance(HOUR_MS - 1)
    assert.equal(started.length, i - 1)
    ;(await nextRun(1)).done()
  }
})

test('a wake runs the work at once', async (t) => {
  const { loop, nextRun, runtime } = steppedLoop(t)
  ;(await nextRun()).done()
  await runtime.advance(0)
  loop.wake()
  await nextRun()
})

test('runs never overlap: wakes during a run make one more run after it', async (t) => {
  const { loop, nextRun, started, runtime } = steppedLoop(t)
  const first = await nextRun()
  for (let i = 0; i < 5; i++) loop.wake()
  await runtime.advance(2 * HOUR_MS)
  assert.equal(started.length, 1)
  first.done()
  const second = await nextRun()
  second.done()
  await runtime.advance(0)
  assert.equal(started.length, 2)
})

test('a run that fails is logged, and the work is tried again', async (t) => {
  const { nextRun, warnings } = steppedLoop(t)
  const failure = new Error('the store is away')
  ;(await nextRun()).fail(failure)
  await nextRun(HOUR_MS)
  assert.deepEqual(warnings, [{ worker: 'test', err: failure }])
})

test('of an outage its begin is logged, and that it is over; not every run that it fails', async (t) => {
  const { nextRun, warnings } = steppedLoop(t)
  const fail = (run: Run, message: string) => run.fail(new StoreUnavailable('connection', message))
  fail(await nextRun(), 'The server is starting.')
  for (let i = 0; i < 2; i++) fail(await nextRun(HOUR_MS), 'The server is starting.')
  ;(await nextRun(HOUR_MS)).done()
  fail(await nextRun(HOUR_MS), 'Again.')
  await nextRun(HOUR_MS)
  assert.deepEqual(warnings, [
    { worker: 'test', reason: 'connection', cause: 'The server is starting.' },
    { worker: 'test', reason: 'connection', cause: 'Again.' },
  ])
})

test('a stop waits for the run under way, and none begins after it', async (t) => {
  const { loop, nextRun, started, runtime } = steppedLoop(t)
  const first = await nextRun()
  loop.wake()
  let stopped = false
  const stopping = loop.stop().then(() => {
    stopped = true
  })
  await runtime.advance(HOUR_MS)
  assert.equal(stopped, false)
  first.done()
  await stopping
  loop.wake()
  await runtime.advance(HOUR_MS)
  assert.equal(started.length, 1)
})

test('a loop that is stopped before its first run never runs', async (t) => {
  const { loop, started, runtime } = steppedLoop(t)
  await loop.stop()
  await runtime.advance(HOUR_MS)
  assert.deepEqual([started.length, runtime.pending], [0, 0])
})

test('a loop is alive until no run has ended for twenty intervals', async (t) => {
  const { loop, nextRun, runtime } = steppedLoop(t)
  ;(await nextRun()).done()
  const hanging = await nextRun(HOUR_MS)
  await runtime.advance(19 * HOUR_MS - 1)
  assert.equal(loop.alive(), true)
  await runtime.advance(1)
  assert.equal(loop.alive(), false)
  hanging.done()
  await runtime.advance(0)
  assert.equal(loop.alive(), true)
})

test('work that wakes its own loop leaves everything else its turn', async (t) => {
  const MOST = 10_000
  let runs = 0
  let others = 0
  const other = () => {
    others++
    if (runs < MOST && others < 10) setImmediate(other)
  }
  const silent: Log = { info() {}, error() {}, warn() {} }
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const loop: Loop = startLoop(
    { name: 'test', intervalMs: HOUR_MS, log: silent, runtime: nodeRuntime },
    async () => {
      if (++runs === 1) setImmediate(other)
      if (runs < MOST && others < 10) loop.wake()
      else resolve()
    },
  )
  t.after(() => loop.stop())
  await ended
  assert.equal(others, 10, `${runs} runs`)
})
