import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chargeOf } from '../../test/kit/charges.ts'
import {
  allows,
  assertAllows,
  CHARGE_STATUSES,
  type ChargeStatus,
  decide,
  type Transition,
} from './charge.ts'

const ALL: readonly Transition[] = [
  ...(['pend', 'require_action', 'authorize', 'succeed', 'fail', 'begin_capture', 'begin_cancel'] as const),
  ...(['undo', 'cancel', 'refund', 'dispute'] as const),
]
const UNDER_WAY: readonly Transition[] = ['pend', 'require_action', 'authorize', 'succeed', 'fail', 'cancel']
const TAKEN: readonly Transition[] = ['refund', 'dispute']
const ALLOWED: Readonly<Record<ChargeStatus, readonly Transition[]>> = {
  processing: [...UNDER_WAY, 'undo'],
  requires_action: [...UNDER_WAY, 'begin_cancel'],
  authorized: ['begin_capture', 'begin_cancel', 'cancel'],
  succeeded: TAKEN,
  partially_refunded: TAKEN,
  refunded: TAKEN,
  failed: [],
  canceled: [],
}

test('each status allows its own transitions, and every other one is a fault that is named', () => {
  assert.deepEqual(Object.keys(ALLOWED), [...CHARGE_STATUSES])
  for (const status of CHARGE_STATUSES)
    for (const transition of ALL) {
      const charge = chargeOf({ status })
      const allowed = ALLOWED[status].includes(transition)
      assert.equal(allows(charge, transition), allowed, `${status} ${transition}`)
      if (allowed) assertAllows(charge, transition)
      else
        assert.throws(() => assertAllows(charge, transition), {
          message: `txn_1 is ${status}, which does not allow ${transition}`,
        })
    }
})

test('a decision increases the version by one, makes the given changes, and no others', () => {
  const charge = chargeOf({ version: 7 })
  assert.deepEqual(decide(charge, { status: 'refunded' }, {}), {
    charge: { ...charge, status: 'refunded', version: 8 },
    previous: { status: 'succeeded' },
    previousRefund: null,
    previousDispute: null,
    refund: null,
    dispute: null,
    attempts: [],
    alarms: [],
    transactionId: 'txn_1',
    transfers: [],
    event: null,
    counts: [],
  })
  const rest = { event: 'payment.failed', counts: [['charges_failed', 1]], transactionId: 're_1' } as const
  assert.deepEqual(decide(charge, {}, rest), {
    ...decide(charge, {}, {}),
    event: 'payment.failed',
    counts: [['charges_failed', 1]],
    transactionId: 're_1',
  })
})
