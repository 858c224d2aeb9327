import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endRequest, keyOf, leaveDialog, startRequest } from './dialog-key.ts'

/** A browser's storage, which the tabs of the browser share. */
function browserOf(t: {
  mock: { timers: { enable(options: { apis: ['Date']; now: number }): void } }
}): void {
  const items = new Map<string, string>()
  Object.assign(globalThis, {
    localStorage: {
      getItem: (name: string) => items.get(name) ?? null,
      setItem: (name: string, value: string) => void items.set(name, value),
      removeItem: (name: string) => void items.delete(name),
    },
  })
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 })
}

test('the same dialog in two tabs has one key, and the next dialog another', (t) => {
  browserOf(t)
  const key = keyOf('refund txn_1')
  assert.match(key, /^dashboard-[0-9a-f]{32}$/)
  assert.equal(keyOf('refund txn_1'), key)
  assert.notEqual(keyOf('refund txn_2'), key)
  startRequest('refund txn_1', key)
  endRequest('refund txn_1')
  assert.notEqual(keyOf('refund txn_1'), key)
})

test('a dialog that was closed leaves its key behind only while its request has no response', (t) => {
  browserOf(t)
  const unused = keyOf('refund txn_1')
  leaveDialog('refund txn_1')
  const used = keyOf('refund txn_1')
  assert.notEqual(used, unused)
  startRequest('refund txn_1', used)
  leaveDialog('refund txn_1')
  assert.equal(keyOf('refund txn_1'), used)
  t.mock.timers.tick(16 * 60_000)
  assert.notEqual(keyOf('refund txn_1'), used)
})
