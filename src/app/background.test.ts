import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBackground } from './background.ts'

test('a stop waits for all work in progress, and for the work that it begins', async () => {
  const background = createBackground()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  background.add(first.promise.then(() => background.add(second.promise)))
  let ended = false
  const end = background.ended().then(() => {
    ended = true
  })
  first.resolve()
  await new Promise(setImmediate)
  assert.deepEqual([ended, background.size()], [false, 1])
  second.resolve()
  await end
  assert.equal(background.size(), 0)
})

test('a stop does not wait when there is no work', async () => {
  await createBackground().ended()
})
