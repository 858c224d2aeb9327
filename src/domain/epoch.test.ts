import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstOfEpoch } from './epoch.ts'

const NOW = Date.UTC(2027, 0, 1)

test('an epoch begins beyond every number that could have been given out before', () => {
  const first = firstOfEpoch(NOW, 100)
  const busyDay = 86_400 * 20_000
  const again = firstOfEpoch(NOW + 86_400_000, 100)
  assert.ok(again > first + busyDay, 'the same backup, restored a day later')
  assert.ok(firstOfEpoch(NOW + 1_000, first + 20_000) > first + 20_000, 'one second later')
})

test('a clock that is behind leaves a gap all the same', () => {
  assert.equal(firstOfEpoch(0, 100), 1_000_100)
  assert.equal(firstOfEpoch(NOW - 1_000, NOW * 1_000 + 5), NOW * 1_000 + 1_000_005)
})

test('numbers stay integers that JSON readers know exactly until the year 2255', () => {
  const first = firstOfEpoch(Date.UTC(2255, 0, 1), 0)
  assert.ok(Number.isSafeInteger(first) && first > 0)
})

test('a clock of any year begins an epoch with numbers that are exact', () => {
  for (const year of [1, 1969, 2100, 2300, 9999, 200_000]) {
    const first = firstOfEpoch(Date.UTC(year, 0, 1), 100)
    assert.ok(Number.isSafeInteger(first + 1_000_000_000) && first > 100, String(year))
  }
})
