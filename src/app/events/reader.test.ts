import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logOf } from '../../../test/kit/event-log.ts'
import { KEYLESS_SCOPE as SCOPE, type Scope } from '../../ports/store.ts'
import { manualRuntime } from '../../runtime/manual.ts'

const numbers = (events: readonly { readonly sequence: number }[]) => events.map(({ sequence }) => sequence)

test('those who have read equally far share a read, also those who are a little behind', async () => {
  const log = logOf(manualRuntime())
  for (let i = 0; i < 5; i++) log.add()
  const { eventReader } = log.context
  const pages = await Promise.all([0, 0, 0].map((after) => eventReader.read(SCOPE, after)))
  assert.deepEqual(
    pages.map(numbers),
    [1, 2, 3].map(() => [1, 2, 3, 4, 5]),
  )
  assert.deepEqual(numbers(await eventReader.read(SCOPE, 3)), [4, 5])
  assert.deepEqual(await eventReader.read(SCOPE, 5), [])
  assert.equal(log.reads(), 1)
})

test('an event that is stored during a read is found by who comes after it', async () => {
  const log = logOf(manualRuntime())
  const { eventReader } = log.context
  const early = eventReader.read(SCOPE, 0)
  log.add()
  // The read that is under way does not have the event, and its ring has passed.
  const late = eventReader.read(SCOPE, 0)
  assert.deepEqual([numbers(await early), numbers(await late)], [[], [1]])
  assert.equal(log.reads(), 2)
})

test('the end of the log is read again after a ring, and after a while without one', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const { eventReader } = log.context
  log.add()
  assert.deepEqual(numbers(await eventReader.read(SCOPE, 0)), [1])
  assert.deepEqual(await eventReader.read(SCOPE, 1), [])
  log.add()
  assert.deepEqual(numbers(await eventReader.read(SCOPE, 1)), [2])
  log.addSilently()
  assert.deepEqual(await eventReader.read(SCOPE, 2), [])
  await runtime.advance(600)
  assert.deepEqual(numbers(await eventReader.read(SCOPE, 2)), [3])
})

test('a page of one scope is never taken for that of another', async () => {
  const log = logOf(manualRuntime())
  log.add()
  const { eventReader } = log.context
  await eventReader.read(SCOPE, 0)
  const other: Scope = { ...SCOPE, mode: 'live' }
  await eventReader.read(other, 0)
  assert.equal(log.reads(), 2)
})

test('a read that fails is not remembered', async () => {
  const log = logOf(manualRuntime())
  const { eventReader } = log.context
  log.failNext()
  await assert.rejects(eventReader.read(SCOPE, 0))
  log.add()
  assert.deepEqual(numbers(await eventReader.read(SCOPE, 0)), [1])
})

test('a page that ends early, because it is long, is not taken for the end of the log', async () => {
  const log = logOf(manualRuntime())
  for (let i = 0; i < 5; i++) log.add()
  log.endPagesAfter(2)
  const { eventReader } = log.context
  assert.deepEqual(numbers(await eventReader.read(SCOPE, 0)), [1, 2])
  assert.deepEqual(numbers(await eventReader.read(SCOPE, 2)), [3, 4])
  assert.deepEqual(numbers(await eventReader.read(SCOPE, 4)), [5])
})
