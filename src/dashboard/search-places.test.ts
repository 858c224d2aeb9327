import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAnyId, lineOf, placeOf, screensOf } from './search-places.ts'

const tail = '01kasw5v8g000ne3r5yx2tb4qd'
const result = (kind: string, id: string, transaction_id: string | null = null) => ({
  ...{ kind, id, matched: 'id' as const, transaction_id, status: null, amount: null },
  ...{ currency: null, customer: null, created_at: null },
})

test('an id of any kind is recognized, and nothing else is', () => {
  for (const prefix of ['txn', 're', 'att', 'dp', 'evt', 'dlv', 'we', 'alm', 'req'])
    assert.ok(isAnyId(`${prefix}_${tail}`))
  for (const text of ['txn_1', `txn_${tail} `, `TXN_${tail}`, `cus_${tail}`, `txn_${tail}0`])
    assert.ok(!isAnyId(text), text)
})

test('each kind of object leads to the page that shows it', () => {
  const payment = `/dashboard/payments/txn_${tail}`
  assert.equal(placeOf(result('charge', `txn_${tail}`, `txn_${tail}`)), payment)
  for (const kind of ['refund', 'attempt', 'dispute', 'alarm', 'event'])
    assert.equal(placeOf(result(kind, `x_${tail}`, `txn_${tail}`)), payment, kind)
  assert.equal(placeOf(result('delivery', `dlv_${tail}`, `txn_${tail}`)), `/dashboard/deliveries/dlv_${tail}`)
  assert.equal(placeOf(result('webhook_endpoint', `we_${tail}`)), `/dashboard/webhooks/we_${tail}`)
  assert.equal(placeOf(result('event', `evt_${tail}`)), '/dashboard/events')
})

test('a line says what matched, unless it was the id', () => {
  assert.equal(lineOf(result('charge', 'txn_1')).about, undefined)
  assert.equal(
    lineOf({ ...result('charge', 'txn_1'), matched: 'idempotency_key' }).about,
    'by its idempotency key',
  )
})

test('screens are found by the beginning of a word, if the reader may see them', () => {
  const titles = (text: string, may = true) => screensOf(text, () => may).map(({ title }) => title)
  assert.deepEqual(titles('rout'), ['Go to Routing'])
  assert.ok(titles('KEYS').includes('Go to API keys'))
  assert.deepEqual(titles('rout', false), [])
  assert.deepEqual(titles('r'), [])
})
