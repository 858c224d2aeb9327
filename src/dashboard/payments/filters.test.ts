import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import type { RefundView } from '../../api/minipay/refund-schemas.ts'
import { formatTime } from '../format.ts'
import { isCancelable, isMuch, isRefundable, leftToRefund } from './actions.ts'
import { askedOf, fitsQuery, fitsRefunds, hiddenFilters } from './filters.ts'
import { checked } from './refund-dialog.ts'

const asked = (text: string) => askedOf(new URLSearchParams(text), true)
const CHARGE = {
  ...{ id: 'txn_1', status: 'failed', customer: 'cus_1', provider: 'bank_a', currency: 'usd', amount: 1241 },
  ...{ decline_code: 'lost_card', created_at: '2026-11-26T11:36:40.897Z', cancel_requested: false },
  ...{ amount_captured: 1000, amount_refunded: 300, amount_refund_pending: 200, amount_disputed: 100 },
} as ChargeView

test('the filters of the page become those of the API', () => {
  const { query } = asked(
    'status=failed&status=refunded&currency=kwd&least=1.5&most=2,25&from=2026-11-01&until=2026-11-30',
  )
  assert.equal(query['status'], 'failed,refunded')
  assert.deepEqual([query['amount_gte'], query['amount_lte']], ['1500', '2250'])
  assert.deepEqual(
    [query['created_gte'], query['created_lt']],
    ['2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
  )
})

test('an amount with too many decimals is a problem, and is not rounded', () => {
  const { query, problem } = asked('currency=jpy&least=12.5')
  assert.equal(problem, 'JPY has no decimals.')
  assert.equal(query['amount_gte'], null)
  assert.equal(asked('currency=jpy&least=0').problem, undefined)
  assert.equal(asked('currency=jpy&most=0').problem, 'Type an amount above zero.')
})

test('a link may bring exact times and amounts, which the page says in words', () => {
  const query = new URLSearchParams(
    'created_gte=2026-11-26T00:00:00Z&amount_gte=9007199254740991&currency=usd',
  )
  assert.equal(askedOf(query, true).query['created_gte'], '2026-11-26T00:00:00Z')
  assert.deepEqual(
    hiddenFilters(query).map(([, words]) => words),
    [`since ${formatTime('2026-11-26T00:00:00Z', 'minute')}`, 'at least 90071992547409.91'],
  )
})

test('an amount without its currency is a problem, and the page can take it away', () => {
  assert.equal(asked('least=12').problem, 'Choose the currency of the amount 12.')
  const words = (text: string) => hiddenFilters(new URLSearchParams(text)).map(([, one]) => one)
  assert.deepEqual(words('least=12&most=20'), ['at least 12', 'at most 20'])
  assert.deepEqual(words('least=12&currency=usd'), [])
})

test('a new refund counts only if it fits the filters', () => {
  const refund = { ...CHARGE, refunded_at: '2026-11-26T11:36:40.897Z' } as unknown as RefundView
  assert.equal(fitsRefunds(refund, asked('status=failed&currency=usd&from=2026-11-26').query), true)
  for (const other of ['status=refunded', 'customer=cus_2', 'currency=eur', 'until=2026-11-25'])
    assert.equal(fitsRefunds(refund, asked(other).query), false, other)
})

test('a new payment counts only if it fits the filters', () => {
  assert.equal(fitsQuery(CHARGE, {}), true)
  assert.equal(fitsQuery(CHARGE, asked('status=failed&customer=cus_1&decline_code=lost_card').query), true)
  for (const other of [
    ...['status=succeeded', 'customer=cus_2', 'provider=bank_b', 'currency=usd&least=12.42'],
    ...['from=2026-11-27', 'until=2026-11-25'],
  ])
    assert.equal(fitsQuery(CHARGE, asked(other).query), false, other)
})

test('what is left to refund leaves out refunds in progress and disputes', () => {
  assert.equal(leftToRefund(CHARGE), 400)
  assert.equal(isRefundable(CHARGE), false)
  assert.equal(isRefundable({ ...CHARGE, status: 'partially_refunded' }), true)
  assert.equal(isRefundable({ ...CHARGE, status: 'succeeded', amount_refunded: 700 }), false)
  assert.equal(isCancelable({ ...CHARGE, status: 'authorized' }), true)
  assert.equal(isCancelable({ ...CHARGE, status: 'processing', cancel_requested: true }), false)
  assert.deepEqual([isMuch(99_999), isMuch(100_000)], [false, true])
})

test('a typed amount is at least one minor unit, and at most what is left', () => {
  assert.deepEqual(checked('12.41', 'usd', 1241), { amount: 1241 })
  assert.deepEqual(checked('0.00', 'usd', 1241), { problem: 'Type an amount above zero.' })
  assert.deepEqual(checked('12.42', 'usd', 1241), { problem: 'At most 12.41 USD is left.' })
  assert.deepEqual(checked('9007199254740.991', 'kwd', Number.MAX_SAFE_INTEGER), {
    amount: Number.MAX_SAFE_INTEGER,
  })
})
