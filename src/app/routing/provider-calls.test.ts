import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Provider, recoveryPlaces } from '../../ports/provider.ts'
import { createProviderCalls, type Lane } from './provider-calls.ts'

const BANK = { name: 'bank_a', concurrency: 2 } as Provider

/** Calls that do not end, this many at once. */
function calling(count: number, lane: Lane) {
  const calls = createProviderCalls()
  for (let i = 0; i < count; i++) calls.enter('bank_a', lane)
  return calls
}

test('a call occupies a place of its lane until it ends', () => {
  const calls = createProviderCalls()
  const leave = calls.enter('bank_a', 'recovery')
  assert.deepEqual(
    [calls.inFlight('bank_a'), calls.inFlight('bank_a', 'recovery'), calls.inFlight('bank_a', 'requests')],
    [1, 1, 0],
  )
  assert.equal(calls.inFlight('bank_b'), 0)
  leave()
  assert.equal(calls.inFlight('bank_a'), 0)
})

test('requests have as many places as the provider allows at once, and three may wait for each', () => {
  assert.equal(calling(1, 'requests').hasPlace(BANK, 'requests'), true)
  assert.equal(calling(2, 'requests').hasPlace(BANK, 'requests'), false)
  assert.equal(calling(7, 'requests').hasPlace(BANK, 'requests', true), true)
  assert.equal(calling(8, 'requests').hasPlace(BANK, 'requests', true), false)
})

test('recovery has its own places, and any number may wait for them', () => {
  const { all } = recoveryPlaces(BANK.concurrency)
  assert.equal(calling(100, 'requests').hasPlace(BANK, 'recovery'), true)
  assert.equal(calling(all - 1, 'recovery').hasPlace(BANK, 'recovery'), true)
  assert.equal(calling(all, 'recovery').hasPlace(BANK, 'recovery'), false)
  assert.equal(calling(all, 'recovery').hasPlace(BANK, 'recovery', true), true)
})
