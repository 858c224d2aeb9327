import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NotificationResult } from '../app/attempts/handle-notification.ts'
import { settlementOf } from './notifications.ts'

const acted = (why: 'failed' | 'foreign' | 'busy' | 'quiet'): NotificationResult => ({
  done: false,
  why,
  error: 'so',
})
const after = (why: 'failed' | 'foreign' | 'busy' | 'quiet', tries: number, ageMs: number) =>
  settlementOf(acted(why), { tries, receivedAt: 1_000 }, 1_000 + ageMs)

test('a notification that is done is not handled again', () => {
  const settled = settlementOf({ done: true }, { tries: 3, receivedAt: 0 }, 9)
  assert.deepEqual(settled, { state: 'done', dueAt: null, error: null })
})

test('a failed notification is retried with growing waits for a day; one about a foreign payment for half an hour', () => {
  const waits = [0, 1, 2, 9, 10, 148].map((tries) => Number(after('failed', tries, 0).dueAt) - 1_000)
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 512_000, 600_000, 600_000])
  assert.deepEqual(after('failed', 149, 0), { state: 'failed', dueAt: null, error: 'so' })
  assert.equal(after('foreign', 10, 0).state, 'pending')
  assert.equal(after('foreign', 11, 0).state, 'failed')
})

test('what waits for its charge is never given up, however long that takes, and does not count as tried', () => {
  const waits = [0, 4_000, 60_000, 86_400_000].map(
    (age) => Number(after('busy', 149, age).dueAt) - age - 1_000,
  )
  assert.deepEqual(waits, [1_000, 1_000, 15_000, 30_000])
  assert.equal(after('busy', 149, 86_400_000).inVain, false)
})

test('a notification without news is looked up a few more times, and is then done, regardless of earlier tries', () => {
  assert.deepEqual(after('quiet', 149, 0), {
    ...{ state: 'pending', dueAt: 11_000, error: 'so', inVain: false },
  })
  assert.equal(after('quiet', 0, 700_000).dueAt, 4_271_000)
  assert.deepEqual(after('quiet', 0, 4_270_000), { state: 'done', dueAt: null, error: null })
})
