/** Which request each event names, on every path, and the former values of what it changed. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type Charge, type Event, eventsAfter, type Refund, until } from '../kit/client.ts'
import { done, type Liar, no, order, startLiar } from './liar.ts'

let liar: Liar
before(async () => {
  liar = await startLiar()
  await liar.world.notify()
})
beforeEach(() => liar.says.clear())
after(() => liar?.close())

let requests = 0
/** A request with its own id and key. */
async function ask<T = Charge>(path: string, body: object, key?: string) {
  const id = `shop-${++requests}`
  const headers = { 'x-request-id': id, ...(key !== undefined && { 'idempotency-key': key }) }
  return { id, ...(await liar.world.api.post<T>(path, body, headers)) }
}
const charge = (fields: object, key: string) =>
  ask('/api/v1/charges', { amount: 1000, currency: 'usd', customer: 'cus_42', ...fields }, key)

async function eventsOf(id: string): Promise<Event[]> {
  return (await eventsAfter(liar.world.api)).filter(({ data }) => data.id === id)
}
/** The last event of a charge, once it has this type. */
async function last(id: string, type: Event['type']): Promise<Event> {
  const events = await until(
    () => eventsOf(id),
    (all) => all.at(-1)?.type === type,
  )
  return events.at(-1) as Event
}
const cause = ({ request_id, idempotency_key }: Event) => [request_id, idempotency_key]

test('a charge, its capture and its refund name their own requests, and what they changed', async () => {
  const made = await charge({ ...order('liar'), capture: false }, 'pay-1')
  const { id } = made.body
  const authorized = await last(id, 'payment.authorized')
  assert.deepEqual(cause(authorized), [made.id, 'pay-1'])
  // Commit 1 stored the charge before the call to its provider.
  assert.deepEqual(authorized.previous_attributes, {
    ...{ status: 'processing', provider_reference: null },
  })
  const captured = await ask(`/api/v1/charges/${id}/capture`, { amount: 600 }, 'capture-1')
  const succeeded = await last(id, 'payment.succeeded')
  assert.deepEqual(cause(succeeded), [captured.id, 'capture-1'])
  assert.deepEqual(succeeded.previous_attributes, { amount_captured: 0, status: 'processing' })
  const back = await ask<Refund>('/api/v1/refunds', { transaction_id: id, amount: 100 }, 'refund-1')
  const refunded = await last(id, 'payment.refunded')
  assert.deepEqual(cause(refunded), [back.id, 'refund-1'])
  assert.deepEqual(refunded.previous_attributes, {
    ...{ amount_refunded: 0, amount_refund_pending: 100, status: 'succeeded' },
    refund: { status: 'processing', provider_reference: null },
  })
})

test('a new charge of one commit has no previous attributes; its cancel has', async () => {
  const made = await charge(
    { ...order('other'), metadata: {}, payment_method: 'pm_card_chargeDeclined' },
    'no-1',
  )
  const failed = await last(
    (made.body as unknown as { charge: Charge }).charge?.id ?? made.body.id,
    'payment.failed',
  )
  assert.deepEqual(cause(failed), [made.id, 'no-1'])
  const held = await charge({ ...order('liar'), capture: false }, 'hold-1')
  const { id } = held.body
  const canceled = await ask(`/api/v1/charges/${id}/cancel`, {}, 'cancel-1')
  const event = await last(id, 'payment.canceled')
  assert.deepEqual(cause(event), [canceled.id, 'cancel-1'])
  assert.equal(event.previous_attributes?.status, 'processing')
})

test('a failed capture and a failed refund name their requests', async () => {
  const { body } = await charge({ ...order('liar'), capture: false }, 'pay-2')
  liar.says.set('capture', no('processing_error'))
  const capture = await ask(`/api/v1/charges/${body.id}/capture`, {}, 'capture-2')
  assert.deepEqual(cause(await last(body.id, 'payment.capture_failed')), [capture.id, 'capture-2'])
  const paid = await charge(order('liar'), 'pay-3')
  liar.says.set('refund', no('processing_error'))
  const refund = await ask<Refund>('/api/v1/refunds', { transaction_id: paid.body.id }, 'refund-2')
  const failed = await last(paid.body.id, 'refund.failed')
  assert.deepEqual(cause(failed), [refund.id, 'refund-2'])
  assert.equal(failed.previous_attributes?.refund?.status, 'processing')
})

test('an outcome that a lookup finds after the request keeps the key, and the request while its process waits', async () => {
  liar.says.set('authorize', (body) => {
    liar.did.set(body['reference'], done(body))
    return { status: 'a word that MiniPay lacks' }
  })
  const made = await charge(order('liar'), 'late-1')
  assert.equal(made.status, 201)
  // The waiting request made the lookup.
  assert.deepEqual(cause(await last(made.body.id, 'payment.succeeded')), [made.id, 'late-1'])
})

test('a resolution by hand names the request of the person, and the key of the resolved one', async () => {
  liar.says.set('authorize', () => ({ status: 'a word that MiniPay lacks' }))
  const made = await charge(order('mute'), 'mute-1')
  assert.equal(made.status, 202)
  const { id } = made.body
  const attempt = await until(
    () => liar.attemptOf(id, 'authorize'),
    (one) => one.status === 'unknown',
  )
  const body = { outcome: 'succeeded', provider_reference: 'found' }
  const resolved = await ask(`/api/v1/attempts/${attempt.id}/resolve`, body)
  assert.equal(resolved.status, 200)
  assert.deepEqual(cause(await last(id, 'payment.succeeded')), [resolved.id, 'mute-1'])
})

test('an alarm that a provider causes names no request; the one that closes it does', async () => {
  liar.says.set('authorize', no('do_not_honor'))
  const made = await charge(order('liar'), 'alarm-1')
  const { id } = (made.body as unknown as { charge: Charge }).charge
  const attempt = await liar.attemptOf(id, 'authorize')
  liar.did.set(attempt.id, done({ reference: attempt.id, amount: 1000, currency: 'usd' }))
  await liar.notify(attempt.id)
  // The notification led to the success: no request, but the key whose outcome it is.
  assert.deepEqual(cause(await last(id, 'payment.succeeded')), [null, 'alarm-1'])
  const [opened] = (await eventsOf(id)).filter(({ type }) => type === 'alarm.opened')
  assert.deepEqual(opened && [...cause(opened), opened.previous_attributes], [null, null, null])
  const [alarm] = await liar.raised(id)
  const closed = await ask(`/api/v1/alarms/${alarm.id}/close`, { reason: 'Read.' }, 'close-1')
  assert.deepEqual(cause(await last(id, 'alarm.closed')), [closed.id, 'close-1'])
})

test('a dispute names no request; its end has the former values', async () => {
  const { body } = await charge(order('bank'), 'disputed-1')
  const bank = liar.world.bank('bank_a')
  const { dispute } = await bank.control('POST', '/disputes', {
    payment: body.provider_reference,
    amount: 400,
  })
  const opened = await last(body.id, 'dispute.opened')
  assert.deepEqual([cause(opened), opened.previous_attributes], [[null, null], { amount_disputed: 0 }])
  await bank.control('POST', `/disputes/${dispute}`, { status: 'won' })
  const won = await last(body.id, 'dispute.won')
  assert.deepEqual(won.previous_attributes, {
    amount_disputed: 400,
    dispute: {
      ...{ amount_booked: 400, status: 'open', closed_at: null },
      evidence_due_at: opened.data.dispute?.evidence_due_at,
    },
  })
})

test('a repeated request gets the same bytes, and names no second cause', async () => {
  const fields = { ...order('liar'), amount: 1234 }
  const first = await charge(fields, 'again-1')
  const [before] = await eventsOf(first.body.id)
  const second = await charge(fields, 'again-1')
  assert.deepEqual([second.status, second.body], [200, first.body])
  assert.deepEqual(await eventsOf(first.body.id), [before])
  assert.deepEqual(before && cause(before), [first.id, 'again-1'])
})
