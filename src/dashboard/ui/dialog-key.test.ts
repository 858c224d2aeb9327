import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endRequest, failRequest, isUnresolved, keyOf, startRequest } from './dialog-key.ts'
import type { DialogOutcome } from './dialog-outcome.ts'

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

test('a dialog that was closed leaves its key behind for the next one, and for its request without a response', (t) => {
  browserOf(t)
  // Another tab may have the same dialog open: both must make one request.
  const key = keyOf('refund txn_1')
  assert.equal(keyOf('refund txn_1'), key)
  startRequest('refund txn_1', key)
  assert.equal(keyOf('refund txn_1'), key)
  t.mock.timers.tick(16 * 60_000)
  assert.notEqual(keyOf('refund txn_1'), key)
})

test('where storage is blocked or full, the page itself keeps the keys', (t) => {
  browserOf(t)
  const refuse = () => {
    throw new DOMException('refused', 'QuotaExceededError')
  }
  const blocked = { getItem: refuse, setItem: refuse, removeItem: refuse }
  const full = { ...globalThis.localStorage, setItem: refuse }
  for (const localStorage of [blocked, full]) {
    Object.assign(globalThis, { localStorage })
    const key = keyOf('refund txn_1')
    startRequest('refund txn_1', key)
    assert.equal(keyOf('refund txn_1'), key)
    endRequest('refund txn_1')
    assert.notEqual(keyOf('refund txn_1'), key)
    endRequest('refund txn_1')
  }
})

test('the key of a former request is left behind by the reader who closes the form, not by a reload', (t) => {
  browserOf(t)
  const key = keyOf('refund txn_1')
  assert.equal(isUnresolved('refund txn_1'), false)
  startRequest('refund txn_1', key)
  assert.equal(isUnresolved('refund txn_1'), true)
  assert.equal(failRequest('refund txn_1', 'former', true), false)
  assert.equal(keyOf('refund txn_1'), key)
  // The dialog does this when the reader closes it.
  endRequest('refund txn_1')
  assert.notEqual(keyOf('refund txn_1'), key)
})

test('a refusal after a lost response does not give up the key', (t) => {
  browserOf(t)
  const key = keyOf('refund txn_1')
  const send = (outcome: DialogOutcome, unresolved: boolean) => {
    startRequest('refund txn_1', key)
    const still = failRequest('refund txn_1', outcome, unresolved)
    return still
  }
  assert.equal(send('open', false), true)
  assert.equal(send('refused', true), true)
  assert.equal(keyOf('refund txn_1'), key)
  assert.equal(send('decided', true), false)
  assert.notEqual(keyOf('refund txn_1'), key)
  assert.equal(send('refused', false), false)
  assert.notEqual(keyOf('refund txn_1'), key)
})
