import {
  ALARM,
  AT_BANK,
  ATTEMPT,
  CHARGE,
  CHARGE_ID,
  DELIVERY,
  DISPUTE,
  EPOCH,
  HOLD,
  HOLD_AT_BANK,
  NEW_CHARGE,
  NEW_REFUND,
  PROVIDER,
  REFUND,
  RULES,
  TIME,
} from './example-objects.ts'

/**
 * Examples of requests with their answers, as a server gives them: `test/e2e/documented-examples.test.ts` sends each one.
 * Ids, times and durations are any; everything else is what the request determines.
 */

export type Example = {
  /** Of a request and its answer in the OpenAPI document. Without a `body` the answer is to the first example's. */
  readonly name: string
  readonly summary: string
  readonly body?: object
  readonly status: number
  readonly answer: object
}

/** What each operation's Idempotency-Key is in its examples. */
export const KEYS: Readonly<Record<string, string>> = {
  createCharge: 'order-1234',
  captureCharge: 'capture-1234',
  cancelCharge: 'cancel-1234',
  createRefund: 'refund-1234',
  closeAlarm: 'alarm-1234',
}

const request_id = 'req_01kasw5v8g000ne3r5yx2tb4qd'
const refused = (code: string, decline_code: string, error: string, object: object) => ({
  ...{ error, code, decline_code },
  ...object,
  request_id,
})
const DECLINE = 'The bank does not say why.'
const declined = (object: object) => refused('provider_declined', 'do_not_honor', DECLINE, object)
const NOT_CHARGED = 'It was not charged: ECONNREFUSED.'
const NOT_TAKEN = 'The provider did not take it: ECONNREFUSED'
const notTaken = (error: string, object: object) =>
  refused('provider_unavailable', 'provider_unavailable', error, object)

const CREATE_CHARGE: readonly Example[] = [
  { name: 'charge', summary: 'A charge', body: NEW_CHARGE, status: 201, answer: CHARGE },
  {
    name: 'hold',
    summary: 'An authorization, to be captured later',
    body: { ...NEW_CHARGE, capture: false },
    status: 201,
    answer: HOLD,
  },
  {
    name: 'declined',
    summary: 'A card that the sandbox declines',
    body: { ...NEW_CHARGE, payment_method: 'tok_chargeDeclinedInsufficientFunds' },
    status: 402,
    answer: refused('card_declined', 'insufficient_funds', 'The card has insufficient funds.', {
      charge: {
        ...CHARGE,
        amount_captured: 0,
        status: 'failed',
        payment_method: 'tok_chargeDeclinedInsufficientFunds',
        provider_reference: null,
        decline_code: 'insufficient_funds',
        failure_message: 'The card has insufficient funds.',
      },
    }),
  },
  { name: 'repeated', summary: 'The same request again', status: 200, answer: CHARGE },
  {
    name: 'processing',
    summary: 'A charge whose outcome is not known yet',
    status: 202,
    answer: { ...CHARGE, ...AT_BANK, status: 'processing', amount_captured: 0 },
  },
  {
    name: 'not_taken',
    summary: 'A charge that no provider took',
    status: 502,
    answer: notTaken(NOT_CHARGED, {
      charge: {
        ...CHARGE,
        status: 'failed',
        amount_captured: 0,
        provider: 'bank_b',
        provider_reference: null,
        decline_code: 'provider_unavailable',
        failure_message: NOT_CHARGED,
      },
    }),
  },
]

/** What a capture or a cancel is answered when it did not succeed at once. */
const UNDECIDED: readonly Example[] = [
  {
    name: 'processing',
    summary: 'The outcome is not known yet',
    status: 202,
    answer: { ...HOLD_AT_BANK, status: 'processing' },
  },
  {
    name: 'declined',
    summary: 'The provider declined',
    status: 402,
    answer: declined({ charge: HOLD_AT_BANK }),
  },
  {
    name: 'not_taken',
    summary: 'The provider cannot be called',
    status: 502,
    answer: notTaken(NOT_TAKEN, { charge: HOLD_AT_BANK }),
  },
]

const CREATE_REFUND: readonly Example[] = [
  { name: 'refund', summary: 'A part of a charge', body: NEW_REFUND, status: 200, answer: REFUND },
  {
    name: 'processing',
    summary: 'The outcome is not known yet',
    status: 202,
    answer: { ...REFUND, status: 'processing', provider_reference: null },
  },
  {
    name: 'declined',
    summary: 'The provider declined',
    status: 402,
    answer: declined({
      refund: {
        ...REFUND,
        status: 'failed',
        provider_reference: null,
        decline_code: 'do_not_honor',
        failure_message: DECLINE,
      },
    }),
  },
  {
    name: 'not_taken',
    summary: 'The provider cannot be called',
    status: 502,
    answer: notTaken(NOT_TAKEN, {
      refund: {
        ...REFUND,
        status: 'failed',
        provider_reference: null,
        decline_code: 'provider_unavailable',
        failure_message: NOT_TAKEN,
      },
    }),
  },
]

const shows = (name: string, summary: string, answer: object): readonly Example[] => [
  { name, summary, status: 200, answer },
]
const pageOf = (what: string, item: object) =>
  shows('page', `A page of ${what}`, { data: [item], has_more: false })

/** By the id of the operation, the most usual first. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  createCharge: CREATE_CHARGE,
  listCharges: pageOf('charges', CHARGE),
  retrieveCharge: shows('charge', 'A charge', CHARGE),
  captureCharge: [
    {
      name: 'part',
      summary: 'A part of what was authorized',
      body: { amount: 2000 },
      status: 200,
      answer: { ...HOLD, status: 'succeeded', amount_captured: 2000, expires_at: null },
    },
    ...UNDECIDED,
  ],
  cancelCharge: [
    ...shows('canceled', 'A canceled charge', { ...HOLD, status: 'canceled', expires_at: null }),
    ...UNDECIDED,
  ],
  listChargeAttempts: pageOf('attempts', ATTEMPT),
  createRefund: CREATE_REFUND,
  listRefunds: pageOf('refunds', REFUND),
  retrieveRefund: shows('refund', 'A refund', REFUND),
  retrieveBalance: shows('balance', 'One currency in use', {
    successful_transactions: 1,
    refunded_transactions: 0,
    balance: 2500,
    currency: 'usd',
    balances: [
      {
        currency: 'usd',
        exponent: 2,
        balance: 2500,
        successful_transactions: 1,
        refunded_transactions: 0,
      },
    ],
  }),
  listLedgerAccounts: shows('page', 'Every account', {
    data: [
      { account: 'merchant', currency: 'usd', balance: -2500 },
      { account: 'provider:sandbox', currency: 'usd', balance: 2500 },
    ],
    has_more: false,
  }),
  listLedgerEntries: shows('page', 'A page of entries', {
    data: [
      { sequence: 2, account: 'merchant', amount: -2500 },
      { sequence: 1, account: 'provider:sandbox', amount: 2500 },
    ].map(({ sequence, account, amount }) => ({
      ...{ sequence, transaction_id: CHARGE_ID, account, currency: 'usd', amount, created_at: TIME },
    })),
    has_more: false,
  }),
  listEvents: shows('page', 'A page of events', {
    data: [
      {
        sequence: 1,
        epoch: EPOCH,
        id: 'evt_01kasw5v8g001ne3r5yx2tb4qd',
        type: 'payment.succeeded',
        created_at: TIME,
        data: CHARGE,
      },
    ],
    has_more: false,
    epoch: EPOCH,
    epoch_first_sequence: 1,
  }),
  listWebhookDeliveries: pageOf('deliveries', DELIVERY),
  retryWebhookDelivery: shows('retried', 'A failed delivery, queued again', {
    ...DELIVERY,
    status: 'pending',
    attempts: 0,
    next_attempt_at: TIME,
  }),
  retryWebhookDeliveries: [
    {
      name: 'retried',
      summary: 'Every failed delivery of one type',
      body: { event_type: 'payment.succeeded', last_status: 400 },
      status: 200,
      answer: { queued: 1, has_more: false, next: null, dry_run: false },
    },
  ],
  retrieveRoutingRules: shows('stored', 'Stored rules', { version: 1, document: RULES, created_at: TIME }),
  replaceRoutingRules: [
    {
      name: 'replaced',
      summary: 'The first rules',
      body: { document: RULES, version: 0 },
      status: 200,
      answer: { version: 1, document: RULES, created_at: TIME },
    },
  ],
  resetRoutingRules: shows('reset', 'The built-in rules', {
    version: 2,
    document: { rules: [], default: { providers: ['bank_a', 'bank_b'], failover_on: [] } },
    created_at: TIME,
  }),
  simulateRouting: [
    {
      name: 'charge',
      summary: 'One charge with the stored rules',
      body: { charge: { amount: 2500, currency: 'eur', customer: 'cus_42' } },
      status: 200,
      answer: {
        version: 1,
        charge: {
          rule: 'eu cards',
          providers: ['bank_b', 'bank_a'],
          failover_on: ['processing_error'],
          not_matched: [],
          skipped_now: [],
        },
        last: null,
      },
    },
  ],
  listProviders: pageOf('providers', PROVIDER),
  listAttempts: pageOf('attempts', ATTEMPT),
  resolveAttempt: [
    {
      name: 'resolved',
      summary: 'An attempt that failed',
      body: { outcome: 'failed', note: 'The bank has no such payment.' },
      status: 200,
      answer: {
        ...ATTEMPT,
        status: 'declined',
        provider_reference: null,
        decline_code: 'processing_error',
        reason: 'lookup: no answer in time; The bank has no such payment.',
        resolved_by: 'hand',
        lookups: 3,
      },
    },
  ],
  listDisputes: pageOf('disputes', DISPUTE),
  listAlarms: pageOf('alarms', ALARM),
  retrieveAlarm: shows('alarm', 'An open alarm', ALARM),
  closeAlarm: [
    {
      name: 'closed',
      summary: 'A closed alarm',
      body: { reason: 'The bank took the right amount.' },
      status: 200,
      answer: {
        ...ALARM,
        status: 'closed',
        closed_at: TIME,
        reason: 'The bank took the right amount.',
      },
    },
  ],
  receiveProviderNotification: [
    {
      name: 'http',
      summary: 'A notification of a provider of the kind `http`',
      body: { id: 'ntf_1', about: 'attempt', reference: ATTEMPT.id },
      status: 200,
      answer: { status: 'stored' },
    },
  ],
  retrieveMetrics: shows('counters', 'Counters', {
    total_charges: 1,
    total_refunds: 0,
    pending_webhooks: 0,
    delivered_webhooks: 0,
    failed_webhooks: 1,
    webhook_retries: 0,
  }),
  checkHealth: shows('alive', 'The process is alive', { status: 'ok' }),
  checkReadiness: shows('ready', 'The process can serve requests', { status: 'ready' }),
}
