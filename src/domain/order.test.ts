import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRejection, type Rejection } from './error.ts'
import { type ChargeOrder, type RefundOrder, readChargeOrder, readRefundOrder } from './order.ts'

const ORDER = { amount: 2500, currency: 'USD', customer: 'cus_42' }

/** The code and the parameter of a rejection. */
function refused(result: object): string {
  assert.ok(isRejection(result), JSON.stringify(result))
  const { code, param } = result as Rejection
  return `${code} ${param}`
}
/** An order as an untyped program may pass it. */
const read = (fields: object) => readChargeOrder({ ...ORDER, ...fields } as ChargeOrder)

test('an order becomes a command with its currency in lower case and every default filled in', () => {
  assert.deepEqual(readChargeOrder(ORDER), {
    ...{ amount: 2500, currency: 'usd', customer: 'cus_42', capture: true },
    ...{ paymentMethod: null, description: null, metadata: {} },
  })
  assert.deepEqual(readRefundOrder({ chargeId: 'txn_1' }), {
    ...{ amount: undefined, reason: null, description: null, metadata: {} },
  })
})

test('an amount that is not a whole positive number of minor units is refused', () => {
  for (const amount of [0, -1, 0.5, 2 ** 53, Number.NaN, '2500', 2500n, null, undefined])
    assert.equal(refused(read({ amount })), 'amount_invalid amount')
  assert.equal(refused(readRefundOrder({ chargeId: 'txn_1', amount: 0 })), 'amount_invalid amount')
})

test('a currency that is unknown, withdrawn or no text is refused', () => {
  for (const currency of ['usdd', 'xau', 'dem', '', 5, undefined])
    assert.equal(refused(read({ currency })), 'currency_invalid currency')
})

test('a text that is missing, of another type, too long or not well-formed is refused', () => {
  assert.equal(refused(read({ customer: undefined })), 'parameter_missing customer')
  for (const customer of ['', 'c'.repeat(256), 42, null, 'a\0', '\ud800'])
    assert.equal(refused(read({ customer })), 'parameter_invalid customer')
  assert.ok(!isRejection(read({ customer: '😀'.repeat(255), description: 'd'.repeat(1_000) })))
  assert.equal(refused(read({ description: 'd'.repeat(1_001) })), 'parameter_invalid description')
  assert.equal(refused(read({ capture: 'no' })), 'parameter_invalid capture')
  assert.equal(refused(readRefundOrder({ chargeId: 'txn_1', reason: '' })), 'parameter_invalid reason')
})

test('metadata other than a few pairs of short texts is refused', () => {
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v']))
  const own = JSON.parse('{"__proto__":"x"}')
  for (const metadata of [
    many,
    own,
    { 'a\\b': 'v' },
    { k: 5 },
    { k: 'v'.repeat(501) },
    { ['k'.repeat(41)]: 'v' },
    { '': 'v' },
    [],
  ])
    assert.equal(refused(read({ metadata })), 'parameter_invalid metadata')
})

test('a card number is refused wherever it is', () => {
  const card = '4242 4242 4242 4242'
  for (const field of ['customer', 'paymentMethod', 'description'])
    assert.equal(refused(read({ [field]: card })), `card_number_refused ${field}`)
  for (const metadata of [{ card }, { [card]: 'x' }])
    assert.equal(refused(read({ metadata })), 'card_number_refused metadata')
})

test('a field that does not exist is refused, because a misspelled one would be ignored', () => {
  assert.match(refused(read({ payment_method: 'tok_visa' })), /parameter_unknown/)
  assert.match(refused(readRefundOrder({ chargeId: 'txn_1', sum: 1 } as RefundOrder)), /parameter_unknown/)
})
