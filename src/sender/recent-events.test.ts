import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredEvent } from '../ports/store.ts'
import { createRecentEvents } from './recent-events.ts'

const event = (sequence: number): StoredEvent => ({
  ...{ sequence, id: `evt_${sequence}`, type: 'payment.succeeded', createdAt: 0, data: '{}', epoch: 'ep_1' },
})

test('an event that comes again is the one that came before, and old ones are forgotten', () => {
  const recent = createRecentEvents(2)
  const [first, second] = [event(1), event(2)]
  assert.equal(recent.shared(first), first)
  assert.equal(recent.shared(second), second)
  assert.equal(recent.shared(event(1)), first)
  for (const sequence of [3, 4, 5, 6]) recent.shared(event(sequence))
  const again = event(1)
  assert.equal(recent.shared(again), again)
})
