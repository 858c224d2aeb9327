import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stripe } from 'stripe'
import { chargeCommit, refundCommit, START } from '../../../test/kit/commits.ts'
import type { Charge, Dispute, Refund } from '../../domain/charge.ts'
import { EVENT_TYPES, type EventType } from '../../domain/event.ts'
import { type ChargeSnapshot, encodeFacts } from '../../domain/snapshot.ts'
import { KEYLESS_SCOPE as scope } from '../../ports/store.ts'
import { carries } from './body.ts'
import { stripeBody } from './stripe.ts'
import { chargeOf, disputeOf, refundOf } from './stripe-objects.ts'

const TYPES = Object.keys(EVENT_TYPES) as EventType[]
const CHARGE: Charge = { ...chargeCommit({ scope }).charge, metadata: { order: '1' } }
const REFUND = refundCommit(CHARGE, { scope, amount: 300, key: 'refund-1' }).refund as Refund
const DISPUTE: Dispute = {
  ...{ id: 'dp_1', chargeId: CHARGE.id, provider: 'bank_a', providerReference: 'dsp_1', amount: 1_200 },
  ...{ currency: 'eur', amountBooked: 1_000, customer: CHARGE.customer, status: 'open', reason: null },
  ...{ evidenceDueAt: null, closedAt: null, createdAt: START },
}

const CARRIED: Readonly<Partial<Record<EventType, string>>> = {
  'payment.succeeded': 'charge.succeeded',
  'payment.authorized': 'charge.succeeded',
  'payment.failed': 'charge.failed',
  'payment.canceled': 'charge.refunded',
  'payment.refunded': 'charge.refunded',
  'refund.failed': 'refund.failed',
  'dispute.opened': 'charge.dispute.created',
  'dispute.updated': 'charge.dispute.updated',
  'dispute.won': 'charge.dispute.closed',
  'dispute.lost': 'charge.dispute.closed',
}

function read(type: EventType, facts: Partial<ChargeSnapshot> = {}): Stripe.Event {
  const data = encodeFacts({ charge: CHARGE, ...factsOf(type), ...facts })
  const event = { sequence: 7, id: 'evt_1', type, epoch: 'ep_1', createdAt: START, data }
  return JSON.parse(stripeBody(event, 'test'))
}

function factsOf(type: EventType): Partial<ChargeSnapshot> {
  if (type === 'payment.refunded' || type.startsWith('refund.')) return { refund: REFUND }
  if (type === 'payment.canceled') return { charge: { ...CHARGE, status: 'canceled', amountCaptured: 0 } }
  return type.startsWith('dispute.') ? { dispute: DISPUTE } : {}
}

test("the objects have every field that Stripe's types require", () => {
  // The types check it.
  const charge: Stripe.Charge = chargeOf(CHARGE, 'live', REFUND)
  const refund: Omit<Stripe.Refund, 'lastResponse'> = refundOf(REFUND)
  const dispute: Stripe.Dispute = disputeOf(DISPUTE, CHARGE, 'live')
  assert.deepEqual([charge.livemode, refund.object, dispute.status], [true, 'refund', 'needs_response'])
})

for (const type of TYPES)
  test(`${type} is ${CARRIED[type] ?? 'not sent'} to an endpoint of Stripe's format`, () => {
    assert.equal(carries('stripe', type), CARRIED[type] !== undefined)
    assert.ok(carries('minipay', type))
    if (!carries('stripe', type)) return assert.throws(() => read(type), /no event/)
    const event = read(type)
    assert.deepEqual(
      [event.object, event.type, event.created, event.livemode, event.id.slice(0, -1)],
      ['event', CARRIED[type], START / 1000, false, 'evt_1'],
    )
  })

test('a capture is sent as charge.captured, with the fields that it changed', () => {
  const charge: Charge = { ...CHARGE, capture: false, amountCaptured: 400 }
  const previous = { status: 'processing', amountCaptured: 0 } as const
  const event = read('payment.succeeded', { charge, previous })
  assert.equal(event.type, 'charge.captured')
  assert.deepEqual(event.data.previous_attributes, { amount_captured: 0, captured: false })
  assert.equal((event.data.object as Stripe.Charge).amount_captured, 400)
})

test('an authorized charge is paid and not captured', () => {
  const charge: Charge = { ...CHARGE, capture: false, status: 'authorized', amountCaptured: 0 }
  const { paid, captured, status } = read('payment.authorized', { charge }).data.object as Stripe.Charge
  assert.deepEqual([paid, captured, status], [true, false, 'succeeded'])
})

test('a canceled hold is refunded in full; one that expired, or that the customer never confirmed, expired', () => {
  const charge: Charge = { ...CHARGE, status: 'canceled', amountCaptured: 0 }
  const refunded = read('payment.canceled', { charge })
  const { amount_refunded, refunded: isRefunded, captured } = refunded.data.object as Stripe.Charge
  assert.deepEqual(
    [refunded.type, amount_refunded, isRefunded, captured],
    ['charge.refunded', charge.amount, true, false],
  )
  const lapsed = read('payment.canceled', { charge: { ...charge, declineCode: 'authorization_expired' } })
  assert.equal(lapsed.type, 'charge.expired')
  const previous = { redirectUrl: 'https://bank.example/confirm' }
  assert.equal(read('payment.canceled', { charge, previous }).type, 'charge.expired')
})

test('a refund is in its charge, whose former amounts are told', () => {
  const charge: Charge = { ...CHARGE, status: 'partially_refunded', amountRefunded: 500 }
  const { data } = read('payment.refunded', { charge, previous: { amountRefunded: 200 } })
  const object = data.object as Stripe.Charge
  assert.deepEqual(data.previous_attributes, { amount_refunded: 200 })
  assert.deepEqual([object.amount_refunded, object.refunded], [500, false])
  assert.deepEqual([object.refunds?.data[0]?.amount, object.refunds?.has_more], [300, true])
})

test("a decline has Stripe's code, and the charge is not paid", () => {
  for (const [declineCode, code] of [
    ['insufficient_funds', 'card_declined'],
    ['expired_card', 'expired_card'],
    ['provider_unavailable', 'processing_error'],
    [null, 'processing_error'],
  ] as const) {
    const charge: Charge = {
      ...CHARGE,
      status: 'failed',
      amountCaptured: 0,
      declineCode,
      failureMessage: 'No.',
    }
    const { failure_code, paid, status } = read('payment.failed', { charge }).data.object as Stripe.Charge
    assert.deepEqual([failure_code, paid, status], [code, false, 'failed'])
  }
})

test('a changed dispute tells its former amount', () => {
  const { data } = read('dispute.updated', { previousDispute: { amount: 900, amountBooked: 900 } })
  assert.deepEqual(data.previous_attributes, { amount: 900 })
})

test('an event names the request that caused it, and no request when a worker did', () => {
  const cause = { requestId: 'req_1', key: 'order-1' }
  assert.deepEqual(read('payment.succeeded', { cause }).request, { id: 'req_1', idempotency_key: 'order-1' })
  assert.deepEqual(read('payment.succeeded').request, { id: null, idempotency_key: null })
})
