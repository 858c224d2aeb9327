import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wants } from './endpoint.ts'

const wanting = (...events: string[]) => ({ events })

test('an endpoint wants the types that it names, those of a prefix, or all', () => {
  assert.equal(wants(wanting('*'), 'dispute.lost'), true)
  assert.equal(wants(wanting('payment.*'), 'payment.refunded'), true)
  assert.equal(wants(wanting('payment.*'), 'refund.failed'), false)
  assert.equal(wants(wanting('refund.failed', 'dispute.won'), 'dispute.won'), true)
  assert.equal(wants(wanting('refund.failed'), 'dispute.won'), false)
})

test('a prefix ends at a dot, and no filter wants nothing', () => {
  assert.equal(wants(wanting('pay*'), 'payment.refunded'), false)
  assert.equal(wants(wanting('payment'), 'payment.refunded'), false)
  assert.equal(wants(wanting(), 'payment.refunded'), false)
})
