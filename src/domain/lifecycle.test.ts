import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attemptOf, command, DECLINED, made, refundOf, yes } from '../../test/kit/charges.ts'
import type { Outcome } from './attempt.ts'
import { CHARGE_STATUSES, type Charge, type Decision, type Refund, TRANSITIONS } from './charge.ts'
import { isRejection } from './error.ts'
import { transfer } from './ledger.ts'
import {
  beginCharge,
  beginFollowUp,
  cancelRefusal,
  captureAmount,
  concludeCharge,
  decideCharge,
  joinDecisions,
} from './lifecycle.ts'
import { beginRefund, concludeRefund, refundAmount } from './refund.ts'

const charged = (amount: number) => decideCharge(command(amount), 'bank', yes(amount), made('txn_1')).charge

function refundedAtOnce(charge: Charge, amount: number): Decision {
  const attempt = attemptOf('refund', amount, 're_1')
  const begun = beginRefund(charge, refundOf(amount), amount, attempt, made('re_1'))
  return joinDecisions(
    begun,
    concludeRefund(begun.charge, begun.refund as Refund, attempt, yes(amount), 'answer', 1_000),
  )
}

test('an accepted charge succeeds with a transfer of its amount', () => {
  const decision = decideCharge(command(100), 'bank', yes(100), made('txn_1'))
  assert.equal(decision.charge.status, 'succeeded')
  assert.equal(decision.charge.version, 1)
  assert.equal(decision.event, 'payment.succeeded')
  assert.deepEqual(decision.counts, [['charges_succeeded', 1]])
  assert.deepEqual(decision.transfers, [
    { debit: 'provider:bank', credit: 'merchant', currency: 'usd', amount: 100 },
  ])
})

test('a declined charge fails with its reason and transfers nothing', () => {
  const decision = decideCharge(command(100), 'bank', DECLINED, made('txn_1'))
  assert.equal(decision.charge.status, 'failed')
  assert.equal(decision.charge.declineCode, 'insufficient_funds')
  assert.equal(decision.charge.failureMessage, 'No funds.')
  assert.deepEqual(decision.transfers, [])
  assert.equal(decision.event, 'payment.failed')
})

test('a refund, a capture and a cancel in one step book only the final transfers', () => {
  const refund = refundedAtOnce(charged(100), 30)
  assert.deepEqual(refund.transfers, [transfer('merchant', 'provider:bank', 'usd', 30)])
  assert.equal(refund.charge.version, 2)
  assert.equal(refund.charge.amountRefundPending, 0)

  const held = decideCharge(command(100, false), 'bank', yes(100), made('txn_1')).charge
  const capture = attemptOf('capture', 40)
  const begun = beginFollowUp(held, capture)
  const taken = joinDecisions(begun, concludeCharge(begun.charge, capture, yes(40), 'answer', 1_000))
  assert.deepEqual(taken.transfers, [
    transfer('uncaptured', 'authorized:bank', 'usd', 100),
    transfer('provider:bank', 'merchant', 'usd', 40),
  ])
  assert.equal(taken.charge.version, 2)
})

test('every status but the ends of a charge leads on, and every transition is used somewhere', () => {
  for (const status of ['failed', 'canceled'] as const) assert.deepEqual(TRANSITIONS[status], {})
  const used = new Set(CHARGE_STATUSES.flatMap((status) => Object.keys(TRANSITIONS[status])))
  assert.deepEqual([...used].sort(), [
    'authorize',
    'begin_cancel',
    'begin_capture',
    'cancel',
    'dispute',
    'fail',
    'pend',
    'refund',
    'require_action',
    'succeed',
    'undo',
  ])
})

test('a refund without an amount refunds the remainder; a larger one is rejected with the remainder in its message', () => {
  const { charge } = refundedAtOnce(charged(100), 30)
  assert.equal(refundAmount(charge, refundOf()), 70)
  assert.deepEqual(refundAmount(charge, refundOf(71)), {
    rejected: true,
    code: 'refund_exceeds_remaining',
    message: 'Only 0.70 USD of transaction txn_1 is left to refund.',
    param: 'amount',
  })
})

test('a charge that is not captured, fully refunded or disputed has its own rejection', () => {
  const code = (charge: Charge, amount?: number) => {
    const result = refundAmount(charge, refundOf(amount))
    return typeof result === 'number' ? result : result.code
  }
  const failed = decideCharge(command(100), 'bank', DECLINED, made('txn_1')).charge
  const held = decideCharge(command(100, false), 'bank', yes(100), made('txn_1')).charge
  const whole = refundedAtOnce(charged(100), 100).charge
  for (const amount of [undefined, 1, 1000]) {
    assert.equal(code(failed, amount), 'charge_not_refundable')
    assert.equal(code(held, amount), 'charge_not_refundable')
    assert.equal(code(whole, amount), 'already_refunded')
  }
  assert.equal(code({ ...charged(100), amountDisputed: 100 }), 'charge_disputed')
  assert.equal(captureAmount(charged(100), 10) instanceof Object, true)
  assert.partialDeepStrictEqual(captureAmount(held, 101), { code: 'capture_exceeds_authorized' })
  assert.partialDeepStrictEqual(cancelRefusal(charged(100)), { code: 'charge_not_cancelable' })
})

test('deciding a refund outside 1 to the remainder is a bug, and throws', () => {
  for (const wrong of [0, -1, 101])
    assert.throws(
      () => beginRefund(charged(100), refundOf(), wrong, null, made('re_1')),
      /more than what is left/,
    )
})

test('a charge that waits for its customer holds nothing, and a failed cancel leaves it waiting', () => {
  const first = attemptOf('authorize', 100)
  const begun = beginCharge(command(100, false), 'bank', first, made('txn_1'))
  const redirect: Outcome = { kind: 'pending', reference: 'ref_1', redirectUrl: 'https://bank.test/go' }
  const waiting = concludeCharge(begun.charge, first, redirect, 'answer', 1_000)
  assert.equal(waiting.charge.status, 'requires_action')
  assert.equal(waiting.event, 'payment.requires_action')
  const again = concludeCharge(waiting.charge, first, redirect, 'lookup', 2_000)
  assert.equal(again.event, null)

  const cancel = attemptOf('cancel', 100)
  const canceling = beginFollowUp(again.charge, cancel)
  assert.deepEqual(canceling.transfers, [])
  const kept = concludeCharge(canceling.charge, cancel, DECLINED, 'answer', 3_000)
  assert.equal(kept.charge.status, 'requires_action')
  assert.equal(kept.event, 'payment.cancel_failed')
  const gone = concludeCharge(canceling.charge, cancel, yes(100), 'answer', 3_000)
  assert.equal(gone.charge.status, 'canceled')
  assert.deepEqual(gone.transfers, [])
})

test('a capture whose authorization has expired cancels the charge and releases the held amount', () => {
  const held = decideCharge(command(100, false), 'bank', yes(100), made('txn_1')).charge
  const capture = attemptOf('capture', 100)
  const begun = beginFollowUp(held, capture)
  const outcome = { ...DECLINED, declineCode: 'authorization_expired' } as const
  const decision = concludeCharge(begun.charge, capture, outcome, 'answer', 2_000)
  assert.equal(decision.charge.status, 'canceled')
  assert.equal(decision.event, 'payment.canceled')
  assert.deepEqual(decision.transfers, [transfer('capturing', 'authorized:bank', 'usd', 100)])
  assert.ok(isRejection(captureAmount(decision.charge, undefined) as object))
})
