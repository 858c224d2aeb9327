/** The schemas that validate requests and document them, and those of the answers. */
import { type Static, type TProperties, type TSchema, Type } from 'typebox'
import { CHARGE_STATUSES, REFUND_STATUSES } from '../domain/charge.ts'
import { ERROR_CODES } from '../domain/error.ts'
import { EVENT_TYPES } from '../domain/event.ts'
import { MAX_AMOUNT } from '../domain/money.ts'
import { DELIVERY_STATES } from '../ports/store.ts'

/** An object that refuses what it does not know. */
export function strict<T extends TProperties>(properties: T) {
  return Type.Object(properties, { additionalProperties: false })
}

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const enumeration = <const T extends string>(values: readonly T[], options: object = {}) =>
  Type.Unsafe<T>(Type.String({ enum: [...values], ...options }))

const amount = Type.Integer({
  minimum: 1,
  maximum: MAX_AMOUNT,
  description: 'Minor units of the currency: cents for usd, whole yen for jpy.',
  examples: [2500],
})
const currency = Type.String({
  minLength: 3,
  maxLength: 3,
  description: 'ISO 4217 code, in either case; answered in lower case.',
  examples: ['usd'],
})
const customer = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'Your own id of the customer.',
  examples: ['cus_42'],
})
const description = Type.String({ maxLength: 1000, description: 'Free text, up to 1,000 characters.' })
const metadata = Type.Record(Type.String({ pattern: '^[\\s\\S]{1,40}$' }), Type.String({ maxLength: 500 }), {
  maxProperties: 50,
  additionalProperties: false,
  description: 'Up to 50 pairs of your own: keys of 1 to 40 characters, string values of up to 500.',
  examples: [{ order: '1234' }],
})
const time = Type.String({ format: 'date-time', examples: ['2026-11-23T12:00:00.000Z'] })
const transactionId = Type.String({
  description: "The transaction's id.",
  examples: ['txn_01kasw5v8g000ne3r5yx2tb4qd'],
})
const refundId = Type.String({
  description: "The refund's own id.",
  examples: ['re_01kasw6a40000ne3r5yx2tb4qd'],
})

export const ChargeBody = strict({
  amount,
  currency,
  customer,
  payment_method: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: "The provider's token for the customer's card; the sandbox's choose the outcome.",
      examples: ['tok_visa'],
    }),
  ),
  description: Type.Optional(description),
  metadata: Type.Optional(metadata),
})
export type ChargeBody = Static<typeof ChargeBody>

export const RefundBody = strict({
  transaction_id: transactionId,
  amount: Type.Optional({
    ...amount,
    description: 'Minor units; without it, everything that is left is refunded.',
  }),
  reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255, examples: ['requested_by_customer'] })),
  description: Type.Optional(description),
  metadata: Type.Optional(metadata),
})
export type RefundBody = Static<typeof RefundBody>

const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'Objects a page.' }),
)

const pageQuery = {
  limit,
  starting_after: Type.Optional(
    Type.String({ description: 'The last id of the page before: the next, older page.' }),
  ),
  ending_before: Type.Optional(
    Type.String({ description: 'The first id of the page after: the page of newer ones.' }),
  ),
  customer: Type.Optional(customer),
  currency: Type.Optional(currency),
  created_gte: Type.Optional({ ...time, description: 'Made at or after this RFC 3339 time.' }),
  created_gt: Type.Optional({ ...time, description: 'Made after this RFC 3339 time.' }),
  created_lte: Type.Optional({ ...time, description: 'Made at or before this RFC 3339 time.' }),
  created_lt: Type.Optional({ ...time, description: 'Made before this RFC 3339 time.' }),
}
export const ChargesQuery = strict({ ...pageQuery, status: Type.Optional(enumeration(CHARGE_STATUSES)) })
export const RefundsQuery = strict({
  ...pageQuery,
  status: Type.Optional(enumeration(REFUND_STATUSES)),
  transaction_id: Type.Optional(transactionId),
})
export type ListQuery = Static<typeof ChargesQuery> | Static<typeof RefundsQuery>

const sequence = Type.Integer({ minimum: 0, maximum: MAX_AMOUNT })
export const EventsQuery = strict({
  after: Type.Optional({
    ...sequence,
    default: 0,
    description: 'Events with a greater sequence, oldest first.',
  }),
  limit,
  type: Type.Optional(enumeration(Object.keys(EVENT_TYPES) as (keyof typeof EVENT_TYPES)[])),
})
export const EntriesQuery = strict({
  limit,
  before: Type.Optional({ ...sequence, description: 'Entries with a smaller sequence, newest first.' }),
  transaction_id: Type.Optional(Type.String({ description: 'A transaction or refund id.' })),
  account: Type.Optional(Type.String({ minLength: 1, maxLength: 64, examples: ['merchant'] })),
  currency: Type.Optional(currency),
})
export const DeliveriesQuery = strict({
  limit,
  starting_after: Type.Optional(Type.String({ description: 'The last id of the page before.' })),
  status: Type.Optional(enumeration(['failed'])),
})
export const NoQuery = strict({})
export const IdParams = Type.Object({ id: Type.String() })

export const Charge = Type.Object({
  id: transactionId,
  amount,
  amount_refunded: {
    ...amount,
    minimum: 0,
    description: 'Minor units that were refunded so far.',
    examples: [0],
  },
  currency,
  customer,
  status: enumeration(CHARGE_STATUSES),
  payment_method: nullable(Type.String()),
  description: nullable(Type.String()),
  metadata,
  provider: Type.String({ examples: ['sandbox'] }),
  provider_reference: nullable(Type.String({ description: "The provider's own id of the payment." })),
  decline_code: nullable(
    Type.String({ description: 'Why the provider declined.', examples: ['insufficient_funds'] }),
  ),
  failure_message: nullable(Type.String()),
  idempotency_key: Type.String({
    description: 'The key that was sent, or the UUID that was made.',
    examples: ['order-1234'],
  }),
  created_at: time,
})

export const Refund = Type.Object({
  id: transactionId,
  refund_id: refundId,
  amount,
  currency,
  customer,
  status: enumeration(REFUND_STATUSES, { description: 'What the refund left its transaction as.' }),
  reason: nullable(Type.String()),
  description: nullable(Type.String()),
  metadata,
  idempotency_key: Type.String({ examples: ['refund-1234'] }),
  refunded_at: time,
})

export const ErrorAnswer = Type.Object({
  error: Type.String({ description: 'A sentence for people.' }),
  code: enumeration(Object.keys(ERROR_CODES), { description: 'For programs; see the table of codes.' }),
  param: Type.Optional(Type.String({ description: 'The field to blame.' })),
  request_id: Type.String({ description: 'Also in the X-Request-Id header.' }),
})

export const DeclineAnswer = Type.Object({
  error: Type.String(),
  code: enumeration(['card_declined']),
  decline_code: Type.String({ examples: ['insufficient_funds'] }),
  charge: Charge,
  request_id: Type.String(),
})

export const Event = Type.Object({
  sequence: { ...sequence, minimum: 1 },
  id: Type.String({ examples: ['evt_01kasw5v8g001ne3r5yx2tb4qd'] }),
  type: enumeration(Object.keys(EVENT_TYPES)),
  created_at: time,
  data: Type.Object(
    {},
    { description: 'The charge as it became; a refund adds `refund`.', additionalProperties: true },
  ),
})

export const LedgerAccount = Type.Object({
  account: Type.String({ examples: ['merchant', 'provider:sandbox'] }),
  currency,
  balance: Type.Integer({
    description: 'Sum of its entries: debits are positive, credits negative.',
    examples: [-1250],
  }),
})

export const LedgerEntry = Type.Object({
  sequence: { ...sequence, minimum: 1 },
  transaction_id: Type.String({
    description: 'The charge or refund that posted it.',
    examples: ['txn_01kasw5v8g000ne3r5yx2tb4qd'],
  }),
  account: Type.String({ examples: ['merchant'] }),
  currency,
  amount: Type.Integer({ description: 'A debit is positive, a credit negative.', examples: [-2500] }),
  created_at: time,
})

export const Delivery = Type.Object({
  id: Type.String({ examples: ['dlv_01kasw5v8g002ne3r5yx2tb4qd'] }),
  endpoint: Type.String({ description: 'Whom it goes to.', examples: ['default'] }),
  event_sequence: sequence,
  event_type: enumeration(Object.keys(EVENT_TYPES)),
  status: enumeration(DELIVERY_STATES),
  attempts: Type.Integer(),
  next_attempt_at: nullable(time),
  last_status: nullable(Type.Integer({ description: 'HTTP status of the last answer.' })),
  last_error: nullable(Type.String({ description: 'Why the last attempt had no answer.' })),
  created_at: time,
})

export const page = <T extends TSchema>(item: T) =>
  Type.Object({ data: Type.Array(item), has_more: Type.Boolean() })

const count = Type.Integer({ minimum: 0, examples: [1] })
export const Balance = Type.Object({
  successful_transactions: { ...count, description: 'Charges that succeeded, whatever was refunded later.' },
  refunded_transactions: { ...count, description: 'Charges of which something was refunded.' },
  balance: {
    ...nullable(Type.Integer()),
    description: 'What succeeded less what was refunded. Null while several currencies are in use.',
    examples: [1250],
  },
  currency: {
    ...nullable(currency),
    description: 'Of `balance`; null while none or several are in use.',
    examples: ['usd'],
  },
  balances: Type.Array(
    Type.Object({
      currency,
      exponent: Type.Integer({ description: 'Decimal digits of the minor unit (ISO 4217).', examples: [2] }),
      balance: Type.Integer({ examples: [1250] }),
      successful_transactions: count,
      refunded_transactions: count,
    }),
  ),
})

export const MetricsAnswer = Type.Object({
  total_charges: { ...count, description: 'Charges that succeeded.' },
  total_refunds: count,
  pending_webhooks: count,
  delivered_webhooks: count,
  failed_webhooks: count,
  webhook_retries: count,
})

export const Status = Type.Object({ status: Type.String({ examples: ['ok'] }) })
