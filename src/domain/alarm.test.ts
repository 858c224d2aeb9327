import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Alarm, closedAlarm, isSameStatement, newAlarm, type ProviderStatement } from './alarm.ts'

const SAID: ProviderStatement = {
  kind: 'amount_mismatch',
  provider: 'bank',
  attemptId: 'att_1',
  disputeId: null,
  said: 'succeeded',
  reference: 'ref_1',
  amount: 900,
  currency: 'usd',
  message: 'It is another amount.',
  inDoubt: true,
}
const alarm = newAlarm('alm_1', { id: 'txn_1' }, SAID, 7)

test('a new alarm is open, belongs to its charge, and has the statement', () => {
  assert.deepEqual(alarm, {
    ...SAID,
    id: 'alm_1',
    chargeId: 'txn_1',
    state: 'open',
    openedAt: 7,
    closedAt: null,
    reason: null,
  })
  assert.equal(newAlarm('alm_1', { id: 'txn_1' }, { ...SAID, inDoubt: false }, 7).inDoubt, false)
})

test('a closed alarm keeps no money from moving, and everything else that it says', () => {
  assert.deepEqual(closedAlarm(alarm, 'I looked.', 9), {
    ...alarm,
    state: 'closed',
    inDoubt: false,
    closedAt: 9,
    reason: 'I looked.',
  })
})

test('the same statement is said again, open or closed, in other words and of doubt or not', () => {
  const words = { ...SAID, message: 'Another.', inDoubt: false, provider: 'other' }
  for (const one of [alarm, closedAlarm(alarm, 'I looked.', 9)]) {
    assert.equal(isSameStatement(one, SAID), true)
    assert.equal(isSameStatement(one, words), true)
  }
})

test('a statement that differs in anything else is another one', () => {
  const others: Partial<ProviderStatement>[] = [
    { kind: 'contradiction' },
    { attemptId: 'att_2' },
    { attemptId: null },
    { disputeId: 'dp_1' },
    { said: 'declined' },
    { reference: 'ref_2' },
    { amount: 901 },
    { amount: null },
    { currency: 'eur' },
  ]
  for (const other of others)
    assert.equal(isSameStatement(alarm, { ...SAID, ...other }), false, JSON.stringify(other))
})

test('an open dispute is the same statement while its amount is the same', () => {
  const dispute: Alarm = {
    ...alarm,
    kind: 'dispute_mismatch',
    attemptId: null,
    disputeId: 'dp_1',
    said: 'open',
  }
  assert.equal(isSameStatement(dispute, { ...dispute, said: 'lost' }), true)
  assert.equal(isSameStatement(dispute, { ...dispute, said: 'lost', amount: 901 }), false)
  assert.equal(isSameStatement(dispute, { ...dispute, disputeId: 'dp_2' }), false)
})
