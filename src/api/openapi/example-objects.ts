/** The objects of the examples: one charge of one customer, and its later objects. */
import {
  type ChargeEventType,
  type EndpointEventType,
  type EventType,
  isEndpointEvent,
} from '../../domain/event.ts'

export const TIME = '2026-11-23T12:00:00.000Z'
export const CHARGE_ID = 'txn_01kasw5v8g000ne3r5yx2tb4qd'
export const REFUND_ID = 're_01kasw6a40000ne3r5yx2tb4qd'
export const PAYMENT = 'pay_5c1f0a9be2d74e63a1b2c3d4'
export const EPOCH = 'ep_9f86d081884c7d65'

export const NEW_CHARGE = {
  amount: 2500,
  currency: 'usd',
  customer: 'cus_42',
  payment_method: 'tok_visa',
  metadata: { order: '1234' },
}
export const CHARGE = {
  id: CHARGE_ID,
  amount: 2500,
  amount_captured: 2500,
  amount_refunded: 0,
  amount_refund_pending: 0,
  amount_disputed: 0,
  currency: 'usd',
  customer: 'cus_42',
  status: 'succeeded',
  capture: true,
  payment_method: 'tok_visa',
  description: null,
  metadata: { order: '1234' },
  provider: 'sandbox',
  provider_reference: `sandbox_${CHARGE_ID}`,
  decline_code: null,
  failure_message: null,
  redirect_url: null,
  expires_at: null,
  cancel_requested: false,
  idempotency_key: 'order-1234',
  created_at: TIME,
}
export const SECRET = 'mp_test_4fV9kS7wQ2hL8dXr5mTzB3nJc6pGyE1aUxVR7Qb'
export const API_KEY = {
  id: 'key_01kasw5v8g000ne3r5yx2tb4qd',
  account: 'acct_default',
  mode: 'test',
  name: 'Support desk',
  hint: 'mp_test_…R7Qb',
  role: 'support',
  permissions: null,
  networks: null,
  rate_limit: null,
  expires_at: null,
  revoked_at: null,
  rolled_to: null,
  created_at: TIME,
  created_by: 'key_01kasw5v8g001ne3r5yx2tb4qd',
  last_used_at: null,
}
export const SESSION = {
  id: 'ses_01kasw5v8g000ne3r5yx2tb4qd',
  key: API_KEY.id,
  address: '203.0.113.7',
  browser: 'Firefox on Linux',
  created_at: TIME,
  last_used_at: TIME,
  current: false,
}
export const ACCOUNT = {
  id: 'acct_01kasw5v8g000ne3r5yx2tb4qd',
  name: 'Shop in Lisbon',
  created_at: TIME,
  closed_at: null,
}
export const FIRST_ACCOUNT = {
  id: 'acct_default',
  name: 'default',
  created_at: '1970-01-01T00:00:00.000Z',
  closed_at: null,
}
export const AT_BANK = { provider: 'bank_a', provider_reference: PAYMENT }
export const HOLD = {
  ...CHARGE,
  status: 'authorized',
  capture: false,
  amount_captured: 0,
  expires_at: '2026-11-30T12:00:00.000Z',
}
export const HOLD_AT_BANK = { ...HOLD, ...AT_BANK }

export const NEW_REFUND = { transaction_id: CHARGE_ID, amount: 1000, reason: 'requested_by_customer' }
export const REFUND = {
  id: CHARGE_ID,
  refund_id: REFUND_ID,
  amount: 1000,
  currency: 'usd',
  customer: 'cus_42',
  status: 'partially_refunded',
  reason: 'requested_by_customer',
  description: null,
  metadata: {},
  provider_reference: 'sandbox_att_01kasw6a40001ne3r5yx2tb4qd',
  decline_code: null,
  failure_message: null,
  idempotency_key: 'refund-1234',
  refunded_at: TIME,
}
export const ATTEMPT = {
  id: 'att_01kasw5v8g003ne3r5yx2tb4qd',
  transaction_id: CHARGE_ID,
  refund_id: null,
  kind: 'authorize',
  provider: 'bank_a',
  status: 'succeeded',
  amount: 2500,
  currency: 'usd',
  route: {
    version: null,
    rule: 'default',
    skipped: [],
    next: ['bank_b'],
    failover_on: [],
    notes: [],
    again: null,
  },
  provider_reference: PAYMENT,
  decline_code: null,
  reason: null,
  resolved_by: 'answer',
  lookups: 0,
  started_at: TIME,
  ended_at: TIME,
  duration_ms: 120,
  next_lookup_at: null,
  unknown_since: null,
}
export const ALARM = {
  id: 'alm_01kasw5v8g005ne3r5yx2tb4qd',
  transaction_id: CHARGE_ID,
  attempt_id: 'att_01kasw5v8g003ne3r5yx2tb4qd',
  dispute_id: null,
  kind: 'amount_mismatch',
  provider: 'bank_a',
  said: 'succeeded',
  provider_reference: PAYMENT,
  amount: 5000,
  currency: 'usd',
  message: 'requested 25.00 USD, the provider reports 50.00 USD',
  status: 'open',
  in_doubt: false,
  opened_at: TIME,
  closed_at: null,
  reason: null,
}
export const AUDIT_ENTRY = {
  id: 'aud_01kasw5v8g006ne3r5yx2tb4qd',
  action: 'alarm.closed',
  actor: 'keyless',
  object: ALARM.id,
  before: { kind: 'amount_mismatch', reason: null, status: 'open' },
  after: { kind: 'amount_mismatch', reason: 'The bank took the right amount.', status: 'closed' },
  address: '127.0.0.1',
  request_id: 'req_01kasw5v8g007ne3r5yx2tb4qd',
  created_at: TIME,
}
export const DISPUTE = {
  id: 'dp_01kasw5v8g004ne3r5yx2tb4qd',
  transaction_id: CHARGE_ID,
  amount: 2500,
  currency: 'usd',
  amount_booked: 2500,
  customer: 'cus_42',
  status: 'open',
  reason: 'fraudulent',
  provider: 'bank_a',
  provider_reference: 'dp_5c1f0a9be2d74e63a1b2c3d4',
  evidence_due_at: '2026-12-07T12:00:00.000Z',
  closed_at: null,
  created_at: TIME,
}
export const EVENT = {
  sequence: 1,
  epoch: EPOCH,
  id: 'evt_01kasw5v8g001ne3r5yx2tb4qd',
  type: 'payment.succeeded',
  created_at: TIME,
  request_id: 'req_01kasw5v8g007ne3r5yx2tb4qd',
  idempotency_key: CHARGE.idempotency_key,
  data: CHARGE,
  previous_attributes: null,
}
export const DELIVERY = {
  id: 'dlv_01kasw5v8g002ne3r5yx2tb4qd',
  endpoint: 'default',
  event_sequence: 1,
  event_type: 'payment.succeeded',
  status: 'failed',
  attempts: 1,
  next_attempt_at: null,
  last_status: 400,
  last_error: null,
  created_at: TIME,
}
const CLOSED = { state: 'closed', retry_in_ms: 0 }
export const PROVIDER = {
  name: 'sandbox',
  kind: 'sandbox',
  mode: 'test',
  capabilities: { idempotency_window_ms: null, lookup: 'none', void: true, partial_capture: true },
  payment_url: null,
  notification_path: null,
  pauses: [],
  calls: { in_flight: 0, recovery_in_flight: 0, concurrency: null },
  breaker: CLOSED,
  window: {
    ...{ seconds: 60, calls: 0, errors: 0, declines: 0 },
    ...{ success_rate: null, latency_p50_ms: null, latency_p95_ms: null },
  },
  lookups: { breaker: CLOSED, calls: 0, errors: 0 },
  notifications: null,
}
export const PAUSE = {
  all_accounts: false,
  reason: 'Bank A books charges twice, incident 4711.',
  paused_by: 'keyless',
  paused_at: TIME,
}
export const RULES = {
  rules: [
    {
      name: 'eu cards',
      when: "currency == 'eur' && amount < 100000",
      providers: ['bank_b', 'bank_a'],
      failover_on: ['processing_error'],
    },
  ],
  default: { providers: ['bank_a', 'bank_b'] },
}

const CHARGE_IN_WEBHOOK = {
  status: 'succeeded',
  amount_captured: 2500,
  amount_refunded: 0,
  amount_disputed: 0,
}
const NOTHING_TAKEN = { ...CHARGE_IN_WEBHOOK, amount_captured: 0 }
const HELD = { ...NOTHING_TAKEN, status: 'authorized' }
const DISPUTED = { ...CHARGE_IN_WEBHOOK, amount_disputed: 2500 }

/** The charge as each type of event stores it. */
const AT_EVENT: Readonly<Record<ChargeEventType, typeof CHARGE_IN_WEBHOOK>> = {
  'payment.succeeded': CHARGE_IN_WEBHOOK,
  'payment.failed': { ...NOTHING_TAKEN, status: 'failed' },
  'payment.refunded': { ...CHARGE_IN_WEBHOOK, status: 'partially_refunded', amount_refunded: 1000 },
  'payment.authorized': HELD,
  'payment.requires_action': { ...NOTHING_TAKEN, status: 'requires_action' },
  'payment.canceled': { ...NOTHING_TAKEN, status: 'canceled' },
  'payment.capture_failed': HELD,
  'payment.cancel_failed': HELD,
  'refund.failed': CHARGE_IN_WEBHOOK,
  'dispute.opened': DISPUTED,
  'dispute.updated': DISPUTED,
  'dispute.won': CHARGE_IN_WEBHOOK,
  'dispute.lost': DISPUTED,
  'alarm.opened': { ...NOTHING_TAKEN, status: 'processing' },
  'alarm.closed': CHARGE_IN_WEBHOOK,
}

/** The body of an event's webhook, in the order in which MiniPay writes it. */
export function webhookExample(type: EventType): object {
  return isEndpointEvent(type) ? endpointWebhookExample(type) : chargeWebhookExample(type)
}

const OF_EVENT = { event_id: 'evt_01kasw5v8g001ne3r5yx2tb4qd', sequence: 1, epoch: EPOCH, created_at: TIME }

function endpointWebhookExample(type: EndpointEventType) {
  const isDisabled = type === 'webhook_endpoint.disabled'
  return {
    ...{ id: 'we_01kasw5v8g009ne3r5yx2tb4qd', type, ...OF_EVENT },
    ...{ url: 'https://shop.example', url_fingerprint: '6d1f2c0e9b7a4835', description: null },
    status: isDisabled ? 'disabled' : 'enabled',
    ...{ disabled_reason: isDisabled ? 'failing' : null, failing_since: TIME },
  }
}

function chargeWebhookExample(type: ChargeEventType): object {
  const { status, ...amounts } = AT_EVENT[type]
  const { id, amount, currency, customer, metadata, idempotency_key } = CHARGE
  const refunds = type === 'payment.refunded' || type === 'refund.failed'
  return {
    ...{ id, amount, currency, customer, status, type },
    ...OF_EVENT,
    ...amounts,
    ...{ metadata, idempotency_key },
    ...(type === 'payment.failed' && {
      decline_code: 'insufficient_funds',
      failure_message: 'The card has insufficient funds.',
    }),
    ...(refunds && {
      refund_id: REFUND_ID,
      refund_amount: REFUND.amount,
      refund_status: type === 'refund.failed' ? 'failed' : REFUND.status,
      refund_idempotency_key: REFUND.idempotency_key,
    }),
    ...(type.startsWith('dispute.') && {
      dispute_id: DISPUTE.id,
      dispute_amount: DISPUTE.amount,
      dispute_currency: DISPUTE.currency,
      dispute_status: type === 'dispute.won' ? 'won' : type === 'dispute.lost' ? 'lost' : 'open',
    }),
    ...(type.startsWith('alarm.') && { alarm_id: ALARM.id, alarm_kind: ALARM.kind }),
  }
}

/** The event of a type, as an endpoint with the format `minipay` gets it. */
export function eventExample(type: EventType): object {
  if (isEndpointEvent(type)) {
    const { id, url, url_fingerprint, description, ...rest } = endpointWebhookExample(type)
    const { status, disabled_reason, failing_since } = rest
    const data = { id, url, url_fingerprint, description, status, disabled_reason, failing_since }
    return { ...EVENT, type, data }
  }
  const refund = type === 'payment.refunded' || type === 'refund.failed'
  const data = {
    ...{ ...CHARGE, ...AT_EVENT[type] },
    ...(refund && { refund: REFUND }),
    ...(type.startsWith('dispute.') && { dispute: DISPUTE }),
    ...(type.startsWith('alarm.') && { alarm: ALARM }),
  }
  return { ...EVENT, type, data }
}
