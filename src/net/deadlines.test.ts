import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualRuntime } from '../runtime/manual.ts'
import { createDeadlines } from './deadlines.ts'

/** Deadlines of a second, and items that write down when they end. */
function second() {
  const runtime = manualRuntime()
  const ended: [name: string, at: number][] = []
  const deadlines = createDeadlines(runtime, 1_000)
  const item = (name: string) => ({ expire: () => void ended.push([name, runtime.monotonic()]) })
  return { runtime, ended, deadlines, item }
}

test('each item ends after its time, in the order in which they were added, with one timer for all', async () => {
  const { runtime, ended, deadlines, item } = second()
  deadlines.add(item('a'))
  await runtime.advance(300)
  deadlines.add(item('b'))
  deadlines.add(item('c'))
  assert.equal(runtime.pending, 1)
  await runtime.advance(699)
  assert.deepEqual(ended, [])
  await runtime.advance(1)
  assert.deepEqual(ended, [['a', 1_000]])
  await runtime.advance(1_000)
  assert.deepEqual(ended.slice(1), [
    ['b', 1_300],
    ['c', 1_300],
  ])
  assert.equal(runtime.pending, 0)
})

test('a cancelled deadline never ends, and the others keep their time', async () => {
  const { runtime, ended, deadlines, item } = second()
  const first = deadlines.add(item('first'))
  await runtime.advance(500)
  deadlines.add(item('last'))
  first.cancel()
  first.cancel()
  await runtime.advance(999)
  assert.deepEqual(ended, [])
  await runtime.advance(1)
  assert.deepEqual(ended, [['last', 1_500]])
})

test('an item may add and cancel others when it ends', async () => {
  const { runtime, ended, deadlines, item } = second()
  deadlines.add({
    expire() {
      other.cancel()
      deadlines.add(item('later'))
    },
  })
  const other = deadlines.add(item('other'))
  await runtime.advance(2_000)
  assert.deepEqual(ended, [['later', 2_000]])
})

test('after a stop nothing ends and no timer is left, and a later item ends again', async () => {
  const { runtime, ended, deadlines, item } = second()
  deadlines.add(item('stopped'))
  deadlines.stop()
  assert.equal(runtime.pending, 0)
  await runtime.advance(500)
  deadlines.add(item('later'))
  await runtime.advance(1_000)
  assert.deepEqual(ended, [['later', 1_500]])
})
