/** One event of each type, always the same, for the bodies of webhooks. */
import type { Alarm } from '../../src/domain/alarm.ts'
import type { Charge, Dispute, Refund } from '../../src/domain/charge.ts'
import { EVENT_TYPES, type EventType, isEndpointEvent } from '../../src/domain/event.ts'
import { type ChargeSnapshot, type EndpointFacts, encodeFacts } from '../../src/domain/snapshot.ts'
import type { StoredEvent } from '../../src/ports/store.ts'
import { START } from './commits.ts'

const ULID = '01kasw5v8g001ne3r5yx2tb4qd'
const CHARGE: Charge = {
  ...{ id: `txn_${ULID}`, amount: 2_500, amountCaptured: 2_500, amountRefunded: 0, amountRefundPending: 0 },
  ...{ amountDisputed: 0, currency: 'usd', customer: 'cus_42', status: 'succeeded', capture: true },
  ...{ paymentMethod: 'tok_visa', description: 'Two shirts', metadata: { order: '1234' } },
  ...{ provider: 'bank_a', providerReference: 'pay_1', declineCode: null, failureMessage: null },
  ...{ redirectUrl: null, expiresAt: null, cancelKey: null, idempotencyKey: 'order-1', createdAt: START },
  version: 2,
}
const REFUND: Refund = {
  ...{ id: `re_${ULID}`, chargeId: CHARGE.id, amount: 900, currency: 'usd', customer: 'cus_42' },
  ...{ status: 'partially_refunded', reason: 'duplicate', description: null, metadata: {} },
  ...{ providerReference: 'ref_1', declineCode: null, failureMessage: null, idempotencyKey: 'refund-1' },
  createdAt: START + 1_000,
}
const DISPUTE: Dispute = {
  ...{ id: `dp_${ULID}`, chargeId: CHARGE.id, provider: 'bank_a', providerReference: 'dsp_1', amount: 2_500 },
  ...{ currency: 'usd', amountBooked: 2_500, customer: 'cus_42', status: 'open', reason: 'fraudulent' },
  ...{ evidenceDueAt: null, closedAt: null, createdAt: START + 2_000 },
}
const ALARM: Alarm = {
  ...{ id: `alm_${ULID}`, chargeId: CHARGE.id, attemptId: null, disputeId: null, kind: 'contradiction' },
  ...{ provider: 'bank_a', said: 'succeeded', reference: null, amount: null, currency: null, message: 'm' },
  ...{ state: 'open', inDoubt: true, openedAt: START, closedAt: null, reason: null },
}
const DECLINED = { declineCode: 'insufficient_funds', failureMessage: 'The card has too little money.' }
const REFUNDED: Charge = { ...CHARGE, status: 'partially_refunded', amountRefunded: 900 }

const FACTS: Readonly<Partial<Record<EventType, Partial<ChargeSnapshot>>>> = {
  'payment.failed': { charge: { ...CHARGE, ...DECLINED, status: 'failed', amountCaptured: 0 } },
  'payment.refunded': {
    charge: REFUNDED,
    refund: REFUND,
    previous: { status: 'succeeded', amountRefunded: 0 },
  },
  'payment.authorized': { charge: { ...CHARGE, capture: false, status: 'authorized', amountCaptured: 0 } },
  'payment.requires_action': {
    charge: { ...CHARGE, status: 'requires_action', amountCaptured: 0, redirectUrl: 'https://bank.example' },
  },
  'payment.canceled': { charge: { ...CHARGE, capture: false, status: 'canceled', amountCaptured: 0 } },
  'refund.failed': { refund: { ...REFUND, ...DECLINED, status: 'failed' } },
  'dispute.opened': { charge: { ...CHARGE, amountDisputed: 2_500 }, dispute: DISPUTE },
  'dispute.updated': { dispute: { ...DISPUTE, amount: 900 }, previousDispute: { amount: 2_500 } },
  'dispute.won': { dispute: { ...DISPUTE, status: 'won' }, previousDispute: { status: 'open' } },
  'dispute.lost': { dispute: { ...DISPUTE, status: 'lost' }, previousDispute: { status: 'open' } },
  'alarm.opened': { alarm: ALARM },
  'alarm.closed': { alarm: { ...ALARM, state: 'closed', closedAt: START, reason: 'The bank was right.' } },
}

const ENDPOINT: EndpointFacts = {
  ...{ id: `we_${ULID}`, url: 'https://shop.example', urlFingerprint: '0123456789abcdef', description: null },
  ...{ status: 'enabled', disabledReason: null, failingSince: START },
}

/** The event of a type. */
export function deliveredEvent(type: EventType): StoredEvent {
  const cause = { requestId: `req_${ULID}`, key: 'order-1' }
  const data = isEndpointEvent(type)
    ? encodeFacts({ endpoint: ENDPOINT })
    : encodeFacts({ charge: CHARGE, cause, ...FACTS[type] })
  return {
    sequence: 7,
    id: `evt_${ULID}`,
    type,
    epoch: 'ep_5c1f0a9be2d74e63',
    createdAt: START + 3_000,
    data,
  }
}

export const DELIVERED_TYPES = Object.keys(EVENT_TYPES) as EventType[]
