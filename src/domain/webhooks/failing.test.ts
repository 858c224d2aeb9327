import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failingAfter, SOUND } from './failing.ts'

const DAY = 86_400_000

test('an endpoint is failing since its first failure after a success', () => {
  const first = failingAfter(SOUND, false, 10 * DAY, 1_000)
  assert.deepEqual(first, { failing: { since: 1_000, warnedAt: null }, consequence: null })
  assert.equal(failingAfter(first.failing, false, 10 * DAY, 2_000).failing.since, 1_000)
  assert.deepEqual(failingAfter(first.failing, true, 10 * DAY, 3_000), { failing: SOUND, consequence: null })
})

test('MiniPay warns once after half of the time, and disables after the whole', () => {
  const since = { since: 0, warnedAt: null }
  assert.equal(failingAfter(since, false, 10 * DAY, 5 * DAY - 1).consequence, null)
  const warned = failingAfter(since, false, 10 * DAY, 5 * DAY)
  assert.deepEqual(warned, { failing: { since: 0, warnedAt: 5 * DAY }, consequence: 'warn' })
  assert.equal(failingAfter(warned.failing, false, 10 * DAY, 10 * DAY - 1).consequence, null)
  assert.equal(failingAfter(warned.failing, false, 10 * DAY, 10 * DAY).consequence, 'disable')
})

test('an endpoint that gets few events is warned of first, and has half of the time from then', () => {
  const since = { since: 0, warnedAt: null }
  const warned = failingAfter(since, false, 10 * DAY, 30 * DAY)
  assert.equal(warned.consequence, 'warn')
  assert.equal(failingAfter(warned.failing, false, 10 * DAY, 34 * DAY).consequence, null)
  assert.equal(failingAfter(warned.failing, false, 10 * DAY, 35 * DAY).consequence, 'disable')
})

test('without a time, MiniPay neither warns of an endpoint nor disables it', () => {
  assert.equal(failingAfter({ since: 0, warnedAt: null }, false, null, 1_000 * DAY).consequence, null)
})

test('a success changes nothing about a sound endpoint', () => {
  const sound = { since: null, warnedAt: null }
  assert.equal(failingAfter(sound, true, DAY, 5).failing, sound)
})
