import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNotificationCounts } from './notification-counts.ts'

test('repeated notifications count as verified, and refused ones do not change when the last verified one came', () => {
  let now = 1_000
  const counts = createNotificationCounts(() => now)
  assert.deepEqual(counts.of('bank_a'), { verified: 0, refused: 0, lastVerifiedAt: null })
  counts.count('bank_a', 'stored')
  now = 2_000
  counts.count('bank_a', 'duplicate')
  now = 3_000
  counts.count('bank_a', 'refused')
  assert.deepEqual(counts.of('bank_a'), { verified: 2, refused: 1, lastVerifiedAt: 2_000 })
  assert.deepEqual(counts.of('bank_b'), { verified: 0, refused: 0, lastVerifiedAt: null })
})
