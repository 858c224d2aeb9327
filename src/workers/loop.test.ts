import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Log } from '../ports/log.ts'
import { StoreUnavailable } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { type Loop, startLoop } from './loop.ts'

const HOUR_MS = 3_600_000

type Run = { readonly done: () => void; readonly fail: (error: Error) => void }

/** A loop whose every run waits until the test ends it. */
function steppedLoop(t: TestContext, intervalMs: number) {
  const warnings: object[] = []
  const log: Log = { info() {}, error() {}, warn: (fields) => warnings.push(fields) }
  const started: Run[] = []
  const waiting: ((run: Run) => void)[] = []
  let taken = 0
  const loop: Loop = startLoop({ name: 'test', intervalMs, log, runtime: nodeRuntime }, () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const run = { done: resolve, fail: reject }
    started.push(run)
    waiting.shift()?.(run)
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
    /** The next run, when it has begun. */
    nextRun(): Promise<Run> {
      const run = started[taken++]
      return run ? Promise.resolve(run) : new Promise((resolve) => waiting.push(resolve))
    },
  }
}

/** Lets everything run that is due now. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('the work runs at once, and again after the interval without a wake', async (t) => {
  const { nextRun } = steppedLoop(t, 1)
  for (let i = 0; i < 3; i++) (await nextRun()).done()
})

test('a wake runs the work at once', async (t) => {
  const { loop, nextRun } = steppedLoop(t, HOUR_MS)
  ;(await nextRun()).done()
  await turn()
  loop.wake()
  await nextRun()
})

test('runs never overlap: wakes during a run make one more run after it', async (t) => {
  const { loop, nextRun, started } = steppedLoop(t, HOUR_MS)
  const first = await nextRun()
  for (let i = 0; i < 5; i++) loop.wake()
  await turn()
  assert.equal(started.length, 1)
  first.done()
  const second = await nextRun()
  second.done()
  await turn()
  assert.equal(started.length, 2)
})

test('a run that fails is logged, and the work is tried again', async (t) => {
  const { nextRun, warnings } = steppedLoop(t, 1)
  const failure = new Error('the store is away')
  ;(await nextRun()).fail(failure)
  await nextRun()
  assert.deepEqual(warnings, [{ worker: 'test', err: failure }])
})

test('of an outage its begin is logged, and that it is over; not every run that it fails', async (t) => {
  const { nextRun, warnings } = steppedLoop(t, 1)
  for (let i = 0; i < 3; i++)
    (await nextRun()).fail(new StoreUnavailable('connection', 'The server is starting.'))
  ;(await nextRun()).done()
  ;(await nextRun()).fail(new StoreUnavailable('connection', 'Again.'))
  await nextRun()
  assert.deepEqual(warnings, [
    { worker: 'test', reason: 'connection', cause: 'The server is starting.' },
    { worker: 'test', reason: 'connection', cause: 'Again.' },
  ])
})

test('a stop waits for the run under way, and none begins after it', async (t) => {
  const { loop, nextRun, started } = steppedLoop(t, 1)
  const first = await nextRun()
  loop.wake()
  let stopped = false
  const stopping = loop.stop().then(() => {
    stopped = true
  })
  await turn()
  assert.equal(stopped, false)
  first.done()
  await stopping
  loop.wake()
  await turn()
  assert.equal(started.length, 1)
})

test('a loop that is stopped before its first run never runs', async (t) => {
  const { loop, started } = steppedLoop(t, 1)
  await loop.stop()
  await turn()
  await turn()
  assert.equal(started.length, 0)
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
