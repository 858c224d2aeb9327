import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type Charge,
  type ChargeCommand,
  decideCharge,
  decideRefund,
  type Outcome,
  type RefundCommand,
  refundAmount,
  refundable,
} from './charge.ts'
import { isBalanced, type Posting } from './ledger.ts'
import { MAX_AMOUNT } from './money.ts'

const ACCEPTED: Outcome = { kind: 'succeeded', reference: 'ref_1' }
const DECLINED: Outcome = { kind: 'declined', declineCode: 'insufficient_funds', message: 'No funds.' }

const command = (amount: number): ChargeCommand => ({
  amount,
  currency: 'usd',
  customer: 'cus_1',
  paymentMethod: null,
  description: null,
  metadata: {},
})
const refundOf = (amount: number | undefined): RefundCommand => ({
  amount,
  reason: null,
  description: null,
  metadata: {},
})
const made = (id: string, now = 1_000) => ({ id, now, idempotencyKey: `key-${id}` })

const charged = (amount: number, outcome: Outcome = ACCEPTED): Charge =>
  decideCharge(command(amount), 'sandbox', outcome, made('txn_1')).charge

/** What the merchant is owed by these postings. */
const owed = (postings: readonly Posting[]) =>
  -postings.reduce((sum, p) => sum + (p.account === 'merchant' ? BigInt(p.amount) : 0n), 0n)

const amounts = fc.integer({ min: 1, max: MAX_AMOUNT })
/** Amounts around the charge's, whole refunds, and more than there is. */
const refundsOf = (amount: number) =>
  fc.array(
    fc.oneof(
      fc.constant(undefined),
      fc.integer({ min: 1, max: Math.max(1, Math.floor(amount / 3)) }),
      fc.integer({ min: 1, max: MAX_AMOUNT }),
    ),
    { maxLength: 20 },
  )

test('an accepted charge succeeds with balanced postings of its amount', () => {
  fc.assert(
    fc.property(amounts, (amount) => {
      const decision = decideCharge(command(amount), 'sandbox', ACCEPTED, made('txn_1'))
      assert.equal(decision.charge.status, 'succeeded')
      assert.equal(decision.charge.version, 1)
      assert.equal(decision.event, 'payment.succeeded')
      assert.deepEqual(decision.counts, ['charges_succeeded'])
      assert.ok(isBalanced(decision.postings))
      assert.equal(owed(decision.postings), BigInt(amount))
    }),
  )
})

test('a declined charge fails, says why and posts nothing', () => {
  const decision = decideCharge(command(100), 'sandbox', DECLINED, made('txn_1'))
  assert.equal(decision.charge.status, 'failed')
  assert.equal(decision.charge.declineCode, 'insufficient_funds')
  assert.equal(decision.charge.failureMessage, 'No funds.')
  assert.equal(decision.charge.providerReference, null)
  assert.deepEqual(decision.postings, [])
  assert.equal(decision.event, 'payment.failed')
  assert.deepEqual(decision.counts, ['charges_failed'])
})

test('the same inputs give the same decision', () => {
  const decide = () => decideCharge(command(100), 'sandbox', ACCEPTED, made('txn_1'))
  assert.deepEqual(decide(), decide())
})

test('no sequence of refunds takes more than the charge, and the books say the same', () => {
  const story = amounts.chain((amount) =>
    fc.record({ amount: fc.constant(amount), refunds: refundsOf(amount) }),
  )
  fc.assert(
    fc.property(story, ({ amount, refunds }) => {
      let charge = charged(amount)
      const postings = [...decideCharge(command(amount), 'sandbox', ACCEPTED, made('txn_1')).postings]
      let refunded = 0
      for (const [i, asked] of refunds.entries()) {
        const before = charge
        const taken = refundAmount(charge, refundOf(asked))
        if (typeof taken !== 'number') {
          assert.ok(refundable(charge) === 0 || (asked as number) > refundable(charge))
          continue
        }
        const decision = decideRefund(charge, refundOf(asked), taken, made(`re_${i}`))
        assert.equal(taken, asked ?? refundable(before))
        assert.equal(decision.charge.version, before.version + 1)
        assert.equal(decision.refund?.status, decision.charge.status)
        assert.ok(isBalanced(decision.postings))
        charge = decision.charge
        refunded += taken
        postings.push(...decision.postings)
      }
      assert.ok(refunded <= amount)
      assert.equal(charge.amountRefunded, refunded)
      assert.equal(refundable(charge), amount - refunded)
      assert.equal(owed(postings), BigInt(amount - refunded))
      const status = refunded === 0 ? 'succeeded' : refunded < amount ? 'partially_refunded' : 'refunded'
      assert.equal(charge.status, status)
    }),
  )
})

test('a refund without an amount takes all that is left', () => {
  const first = decideRefund(charged(100), refundOf(30), 30, made('re_1')).charge
  assert.equal(refundAmount(first, refundOf(undefined)), 70)
})

test('a refund larger than the remainder is rejected and names what is left', () => {
  const charge = decideRefund(charged(100), refundOf(30), 30, made('re_1')).charge
  assert.deepEqual(refundAmount(charge, refundOf(71)), {
    rejected: true,
    code: 'refund_exceeds_remaining',
    message: 'Only 70 of transaction txn_1 is left to refund.',
    param: 'amount',
  })
})

test('a fully refunded charge is rejected as such, whatever amount is asked', () => {
  const charge = decideRefund(charged(100), refundOf(undefined), 100, made('re_1')).charge
  for (const amount of [undefined, 1, 1000])
    assert.partialDeepStrictEqual(refundAmount(charge, refundOf(amount)), { code: 'already_refunded' })
})

test('a failed charge has nothing to refund', () => {
  const charge = charged(100, DECLINED)
  assert.equal(refundable(charge), 0)
  for (const amount of [undefined, 1, 1000])
    assert.partialDeepStrictEqual(refundAmount(charge, refundOf(amount)), { code: 'charge_not_refundable' })
})

test('only the first refund of a charge counts it as refunded', () => {
  const first = decideRefund(charged(100), refundOf(30), 30, made('re_1'))
  const second = decideRefund(first.charge, refundOf(30), 30, made('re_2'))
  assert.deepEqual(first.counts, ['charges_refunded', 'refunds'])
  assert.deepEqual(second.counts, ['refunds'])
  assert.equal(second.event, 'payment.refunded')
})

test('deciding a refund outside 1 to what is left is a fault of ours, and throws', () => {
  fc.assert(
    fc.property(amounts, fc.integer({ min: 1, max: MAX_AMOUNT }), (amount, excess) => {
      const charge = charged(amount)
      for (const wrong of [0, -excess, amount + excess])
        assert.throws(() => decideRefund(charge, refundOf(undefined), wrong, made('re_1')), /leaves/)
    }),
  )
  assert.throws(() => decideRefund(charged(100, DECLINED), refundOf(1), 1, made('re_1')), /leaves/)
})
