import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEventWaits } from './waits.ts'

test('no more wait than there are places, and an end gives its place back once', () => {
  const waits = createEventWaits(2)
  const [first, second] = [waits.begin(), waits.begin()]
  assert.ok(first && second)
  assert.equal(waits.begin(), undefined)
  assert.equal(waits.open(), 2)
  first.end()
  first.end()
  assert.equal(first.signal.aborted, true)
  assert.ok(waits.begin())
  assert.equal(waits.begin(), undefined)
})

test('one owner leaves places to the others', () => {
  const waits = createEventWaits(3, 2)
  const first = waits.begin('key_1')
  assert.ok(first && waits.begin('key_1'))
  assert.equal(waits.begin('key_1'), undefined)
  assert.ok(waits.begin('key_2'))
  first.end()
  assert.ok(waits.begin('key_1'))
  assert.equal(waits.begin('key_3'), undefined)
})

test('a stop ends all, and no further one begins', () => {
  const waits = createEventWaits(2)
  const wait = waits.begin()
  waits.stop()
  assert.equal(wait?.signal.aborted, true)
  assert.equal(waits.begin(), undefined)
})
