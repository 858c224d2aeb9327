import assert from 'node:assert/strict'
import { test } from 'node:test'
import Stripe from 'stripe'
import { readNotification } from './stripe-notifications.ts'

const { webhooks } = new Stripe('sk_test_nobody')
const SECRET = 'whsec_of0this0test'

type Settings = Parameters<typeof readNotification>[1]
const TEST = { notificationSecret: SECRET, mode: 'test' } as const

async function verified(event: unknown, secret = SECRET, at = Date.now(), settings: Settings = TEST) {
  const payload = typeof event === 'string' ? event : JSON.stringify(event)
  const timestamp = Math.floor(at / 1000)
  const signature = webhooks.generateTestHeaderString({ payload, secret, timestamp })
  return readNotification(webhooks, settings, Buffer.from(payload), signature)
}

const event = (type: string, object: object) => ({
  ...{ id: 'evt_1', object: 'event', livemode: false, type },
  data: { object },
})
const subject = async (type: string, object: object) => (await verified(event(type, object)))?.subject

const OURS = { metadata: { minipay_attempt: 'att_1', minipay_transaction: 'txn_1' } }

test('an event about a payment or refund of ours is about its attempt', async () => {
  for (const type of [
    'payment_intent.succeeded',
    'payment_intent.canceled',
    'refund.failed',
    'charge.refund.updated',
  ])
    assert.deepEqual(await subject(type, { id: 'x_1', ...OURS }), { about: 'attempt', attemptId: 'att_1' })
})

test('without our metadata an event is about the payment or the refund by its reference', async () => {
  const expected = { about: 'payment', reference: 'pi_1' }
  assert.deepEqual(await subject('payment_intent.payment_failed', { id: 'pi_1', metadata: {} }), expected)
  const refund = { about: 'refund', reference: 're_1' }
  for (const type of ['refund.created', 'refund.updated', 'charge.refund.updated'])
    assert.deepEqual(await subject(type, { id: 're_1' }), refund)
})

test('a dispute is one when it may take money, and when it is about a payment intent', async () => {
  const about = (status: string, payment_intent: string | null) =>
    subject('charge.dispute.updated', { id: 'dp_1', status, payment_intent })
  const dispute = { about: 'dispute', reference: 'dp_1' }
  for (const status of ['needs_response', 'won', 'lost', 'prevented'])
    assert.deepEqual(await about(status, 'pi_1'), dispute)
  for (const status of ['warning_needs_response', 'warning_under_review', 'warning_closed'])
    assert.deepEqual(await about(status, 'pi_1'), { about: 'nothing' })
  assert.deepEqual(await about('needs_response', null), { about: 'nothing' })
})

test('every other event is about nothing, and so is one about an object without an id', async () => {
  for (const type of ['charge.refunded', 'charge.succeeded', 'customer.created', 'payout.paid'])
    assert.deepEqual(await subject(type, { id: 'x_1', ...OURS }), { about: 'nothing' })
  assert.deepEqual(await subject('payment_intent.succeeded', {}), { about: 'nothing' })
})

test('what is signed but is no event is refused, and so is one whose time is not now', async () => {
  for (const odd of [
    '',
    '5',
    'null',
    '[]',
    '{}',
    '"text"',
    '{"id":5,"type":"x","livemode":false}',
    '{"id":"evt_1","livemode":false}',
    'not JSON',
  ])
    assert.equal(await verified(odd), null, odd)
  assert.equal(await verified(event('x', {}), 'whsec_of0another'), null)
  assert.equal(await verified(event('x', {}), SECRET, Date.now() - 310_000), null)
  assert.notEqual(await verified(event('x', {}), SECRET, Date.now() - 200_000), null)
})

test('no signature, several header fields or nonsense in one are refused', () => {
  const body = Buffer.from('{}')
  for (const signature of [undefined, [], ['t=1,v1=a', 't=2,v1=b'], '', 't=,v1=', 'v1=abc', 't=1'])
    assert.equal(readNotification(webhooks, TEST, body, signature), null)
})

test('an event of the other mode is refused, and so is one without a mode', async () => {
  const LIVE = { ...TEST, mode: 'live' } as const
  const of = (livemode: unknown) => ({ ...event('payment_intent.succeeded', { id: 'pi_1' }), livemode })
  const now = () => Date.now()
  for (const [settings, own] of [
    [TEST, false],
    [LIVE, true],
  ] as const) {
    assert.deepEqual((await verified(of(own), SECRET, now(), settings))?.subject, {
      about: 'payment',
      reference: 'pi_1',
    })
    for (const other of [!own, undefined, null, String(own), 1])
      assert.equal(await verified(of(other), SECRET, now(), settings), null, String(other))
  }
})
