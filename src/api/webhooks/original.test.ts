import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { chargeCommit, refundCommit, START } from '../../../test/kit/commits.ts'
import type { Alarm } from '../../domain/alarm.ts'
import type { Charge, Dispute, Refund } from '../../domain/charge.ts'
import { EVENT_TYPES, type EventType, isEndpointEvent } from '../../domain/event.ts'
import { type EndpointFacts, encodeFacts } from '../../domain/snapshot.ts'
import { type StoredEvent, KEYLESS_SCOPE as scope } from '../../ports/store.ts'
import { chargeView } from '../minipay/views.ts'
import { originalBody } from './original.ts'

const TYPES = Object.keys(EVENT_TYPES) as EventType[]
const CHARGE = { ...chargeCommit({ scope }).charge, idempotencyKey: 'order-1', metadata: { order: '1' } }

function disputeOf(status: Dispute['status']): Dispute {
  return {
    ...{ id: 'dp_1', chargeId: CHARGE.id, provider: 'bank_a', providerReference: 'dsp_1' },
    ...{ amount: 1_200, currency: 'eur', amountBooked: 1_000, customer: CHARGE.customer, status },
    ...{ reason: null, evidenceDueAt: null, closedAt: null, createdAt: START },
  }
}

function alarmOf(state: Alarm['state']): Alarm {
  return {
    ...{ id: 'alm_1', chargeId: CHARGE.id, attemptId: null, disputeId: null, kind: 'contradiction' },
    ...{ provider: 'bank_a', said: 'succeeded', reference: null, amount: null, currency: null, message: 'm' },
    ...{ state, inDoubt: false, openedAt: START, closedAt: null, reason: null },
  }
}

const ENDPOINT: EndpointFacts = {
  ...{ id: 'we_1', url: 'https://shop.example', urlFingerprint: 'abc', description: 'Shop' },
  ...{ status: 'disabled', disabledReason: 'failing', failingSince: START },
}

const refund = refundCommit(CHARGE, { scope, amount: 300, key: 'refund-1' }).refund as Refund

/** The data that is stored with an event of a type, on a charge that looks the same for all of them. */
function dataOf(type: EventType, charge: Charge = CHARGE): string {
  const [noun] = type.split('.')
  if (noun === 'webhook_endpoint') return encodeFacts({ endpoint: ENDPOINT })
  if (type === 'payment.refunded' || noun === 'refund') return encodeFacts({ charge, refund })
  if (noun === 'dispute') {
    const status = type === 'dispute.won' ? 'won' : type === 'dispute.lost' ? 'lost' : 'open'
    return encodeFacts({ charge, dispute: disputeOf(status) })
  }
  if (noun === 'alarm')
    return encodeFacts({ charge, alarm: alarmOf(type === 'alarm.opened' ? 'open' : 'closed') })
  return encodeFacts({ charge })
}

function told(type: EventType, event: Partial<StoredEvent> = {}): StoredEvent {
  return {
    ...{ type, id: 'evt_1', sequence: 7, epoch: 'ep_1', createdAt: START },
    data: dataOf(type),
    ...event,
  }
}

const read = (event: StoredEvent) => JSON.parse(originalBody(event)) as Record<string, unknown>

for (const first of TYPES)
  test(`no other type of event has the signed body of ${first}, and no other event of its own type`, () => {
    // All else equal, even what never is: the type alone has to tell them apart.
    for (const second of TYPES)
      assert.equal(originalBody(told(first)) === originalBody(told(second)), first === second, second)
    assert.notEqual(originalBody(told(first)), originalBody(told(first, { id: 'evt_2', sequence: 8 })))
  })

for (const [first, second] of [
  ['payment.refunded', 'refund.failed'],
  ['dispute.opened', 'dispute.lost'],
  ['dispute.opened', 'dispute.updated'],
] as const)
  test(`${first} and ${second} of one charge differ though all they tell is the same`, () => {
    const data = dataOf(first)
    assert.notEqual(originalBody(told(first, { data })), originalBody(told(second, { data })))
  })

test('the five fields of the original come first and are what they were', () => {
  for (const type of TYPES.filter((type) => !isEndpointEvent(type))) {
    const { id, amount, currency, customer, status } = chargeView(CHARGE)
    assert.deepEqual(Object.entries(read(told(type))).slice(0, 5), [
      ['id', id],
      ['amount', amount],
      ['currency', currency],
      ['customer', customer],
      ['status', status],
    ])
  }
})

test('every event says which it is, when it was, and what is captured, refunded and disputed', () => {
  const { id, amount, currency, customer, status } = chargeView(CHARGE)
  assert.deepEqual(read(told('payment.succeeded')), {
    ...{ id, amount, currency, customer, status },
    ...{ type: 'payment.succeeded', event_id: 'evt_1', sequence: 7, epoch: 'ep_1' },
    created_at: '2027-01-01T00:00:00.000Z',
    ...{ amount_captured: 1_000, amount_refunded: 0, amount_disputed: 0 },
    metadata: { order: '1' },
    idempotency_key: 'order-1',
  })
})

test('the webhook of a partial capture has the captured amount', () => {
  const data = dataOf('payment.succeeded', { ...CHARGE, amountCaptured: 400 })
  const body = read(told('payment.succeeded', { data }))
  assert.deepEqual([body['amount'], body['amount_captured']], [1_000, 400])
})

test('the webhook of a refund has its id, amount, status and key', () => {
  const body = read(told('payment.refunded'))
  assert.deepEqual(
    ['refund_id', 'refund_amount', 'refund_status', 'refund_idempotency_key'].map((name) => body[name]),
    [refund.id, 300, 'partially_refunded', 'refund-1'],
  )
  assert.equal(body['idempotency_key'], 'order-1')
})

test('the webhook of a dispute has its own amount and currency, and its status', () => {
  for (const [type, status] of [
    ['dispute.opened', 'open'],
    ['dispute.updated', 'open'],
    ['dispute.won', 'won'],
    ['dispute.lost', 'lost'],
  ] as const) {
    const body = read(told(type))
    assert.deepEqual(
      ['dispute_id', 'dispute_amount', 'dispute_currency', 'dispute_status'].map((name) => body[name]),
      ['dp_1', 1_200, 'eur', status],
    )
  }
})

test('the webhook of an alarm has its id and kind', () => {
  const body = read(told('alarm.opened'))
  assert.deepEqual([body['alarm_id'], body['alarm_kind']], ['alm_1', 'contradiction'])
})

test('the webhook of a webhook endpoint has its facts and no charge', () => {
  assert.deepEqual(read(told('webhook_endpoint.disabled')), {
    ...{ id: 'we_1', type: 'webhook_endpoint.disabled', event_id: 'evt_1', sequence: 7, epoch: 'ep_1' },
    created_at: '2027-01-01T00:00:00.000Z',
    ...{ url: 'https://shop.example', url_fingerprint: 'abc', description: 'Shop', status: 'disabled' },
    ...{ disabled_reason: 'failing', failing_since: '2027-01-01T00:00:00.000Z' },
  })
})

test('webhooks of events from a former schema lack the fields that it did not store', () => {
  for (const [era, lacks] of [
    [1, ['amount_captured', 'amount_disputed']],
    [2, []],
    [3, []],
  ] as const) {
    const whole = read(told('payment.refunded'))
    const old = read(told('payment.refunded', { data: encodeFacts({ charge: CHARGE, refund, era }) }))
    for (const field of lacks) delete whole[field]
    assert.deepEqual(old, whole)
  }
})

test('every field is documented', () => {
  const page = readFileSync(new URL('../../../docs/webhooks.md', import.meta.url), 'utf8')
  const fields = new Set(TYPES.flatMap((type) => Object.keys(read(told(type)))))
  for (const field of fields) assert.match(page, new RegExp(`^\\|.*\`${field}\``, 'm'), field)
})
