/** The schemas that validate requests and document them, and those of the answers. */
import { ATTEMPT_KINDS, ATTEMPT_STATES, RESOLVERS } from '../domain/attempt.ts'
import { CHARGE_STATUSES, DISPUTE_STATES, REFUND_STATUSES } from '../domain/charge.ts'
import { ERROR_CODES } from '../domain/error.ts'
import { MAX_AMOUNT } from '../domain/money.ts'
import { AttemptRoute } from './attempt-schemas.ts'
import { RuleProblem } from './routing-schemas.ts'
import {
  array,
  boolean,
  integer,
  nullable,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  type Static,
  strict,
  string,
} from './schema.ts'

const amount = integer({
  minimum: 1,
  maximum: MAX_AMOUNT,
  description: 'Minor units of the currency: cents for usd, whole yen for jpy.',
  examples: [2500],
})
const currency = string({
  minLength: 3,
  maxLength: 3,
  description: 'ISO 4217 code, in either case; answered in lower case.',
  examples: ['usd'],
})
const customer = string({
  minLength: 1,
  maxLength: 255,
  description: 'Your own id of the customer.',
  examples: ['cus_42'],
})
const description = string({ maxLength: 1000, description: 'Free text, up to 1,000 characters.' })
const metadata = record('^[\\s\\S]{1,40}$', string({ maxLength: 500 }), {
  maxProperties: 50,
  description: 'Up to 50 pairs of your own: keys of 1 to 40 characters, string values of up to 500.',
  examples: [{ order: '1234' }],
})
export const time = string({ format: 'date-time', examples: ['2026-11-23T12:00:00.000Z'] })
export const transactionId = string({
  description: "The transaction's id.",
  examples: ['txn_01kasw5v8g000ne3r5yx2tb4qd'],
})
const refundId = string({
  description: "The refund's own id.",
  examples: ['re_01kasw6a40000ne3r5yx2tb4qd'],
})

export const ChargeBody = strict({
  amount,
  currency,
  customer,
  payment_method: optional(
    string({
      minLength: 1,
      maxLength: 255,
      description: "The provider's token for the customer's card; the sandbox's choose the outcome.",
      examples: ['tok_visa'],
    }),
  ),
  capture: optional({
    ...boolean(),
    default: true,
    description: 'False has the money held, until it is captured, canceled, or expires.',
  }),
  description: optional(description),
  metadata: optional(metadata),
})
export type ChargeBody = Static<typeof ChargeBody>

export const CaptureBody = strict({
  amount: optional({
    ...amount,
    description: 'Minor units; without it, everything that was authorized is captured.',
  }),
})
export const NoBody = strict({})

export const RefundBody = strict({
  transaction_id: transactionId,
  amount: optional({
    ...amount,
    description: 'Minor units; without it, everything that is left is refunded.',
  }),
  reason: optional(string({ minLength: 1, maxLength: 255, examples: ['requested_by_customer'] })),
  description: optional(description),
  metadata: optional(metadata),
})
export type RefundBody = Static<typeof RefundBody>

export const limit = optional(
  integer({ minimum: 1, maximum: 100, default: 20, description: 'Objects a page.' }),
)

/** Filters by when something was made. */
export const createdFilters = {
  created_gte: optional({ ...time, description: 'Made at or after this RFC 3339 time.' }),
  created_gt: optional({ ...time, description: 'Made after this RFC 3339 time.' }),
  created_lte: optional({ ...time, description: 'Made at or before this RFC 3339 time.' }),
  created_lt: optional({ ...time, description: 'Made before this RFC 3339 time.' }),
}

const pageQuery = {
  limit,
  starting_after: optional(string({ description: 'The last id of the page before: the next, older page.' })),
  ending_before: optional(string({ description: 'The first id of the page after: the page of newer ones.' })),
  customer: optional(customer),
  currency: optional(currency),
  ...createdFilters,
}
export const ChargesQuery = strict({ ...pageQuery, status: optional(oneOf(CHARGE_STATUSES)) })
export const RefundsQuery = strict({
  ...pageQuery,
  status: optional(oneOf(REFUND_STATUSES)),
  transaction_id: optional(transactionId),
})
export type ListQuery = Static<typeof ChargesQuery> | Static<typeof RefundsQuery>

export const sequence = integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const EntriesQuery = strict({
  limit,
  before: optional({ ...sequence, description: 'Entries with a smaller sequence, newest first.' }),
  transaction_id: optional(string({ description: 'A transaction or refund id.' })),
  account: optional(string({ minLength: 1, maxLength: 64, examples: ['merchant'] })),
  currency: optional(currency),
})
export const NoQuery = strict({})
export const IdParams = object({ id: string() })
export const NameParams = object({ name: string({ examples: ['bank_a'] }) })

export const sum = { ...amount, minimum: 0, examples: [0] }

export const Charge = object({
  id: transactionId,
  amount,
  amount_captured: { ...sum, description: 'Minor units that were taken.', examples: [2500] },
  amount_refunded: { ...sum, description: 'Minor units that were refunded so far.' },
  amount_refund_pending: {
    ...sum,
    description: 'Minor units of refunds that the provider has not confirmed.',
  },
  amount_disputed: { ...sum, description: 'Minor units in disputes that are open or lost.' },
  currency,
  customer,
  status: oneOf(CHARGE_STATUSES),
  capture: { ...boolean(), description: 'False: the money is held until it is captured.' },
  payment_method: nullable(string()),
  description: nullable(string()),
  metadata,
  provider: string({ examples: ['sandbox'] }),
  provider_reference: nullable(string({ description: "The provider's own id of the payment." })),
  decline_code: nullable(
    string({ description: 'Why the provider declined.', examples: ['insufficient_funds'] }),
  ),
  failure_message: nullable(string()),
  redirect_url: nullable(
    string({ description: 'Where the customer has to go, while the status is `requires_action`.' }),
  ),
  expires_at: nullable({ ...time, description: 'When the authorization lapses.' }),
  cancel_requested: {
    ...boolean(),
    description: 'It is to be canceled, or refunded, as soon as it is known what became of it; or was.',
  },
  idempotency_key: string({
    description: 'The key that was sent, or the UUID that was made.',
    examples: ['order-1234'],
  }),
  created_at: time,
})

export const Refund = object({
  id: transactionId,
  refund_id: refundId,
  amount,
  currency,
  customer,
  status: oneOf(REFUND_STATUSES, {
    description: 'What the refund left its transaction as; or that it is `processing`, or `failed`.',
  }),
  reason: nullable(string()),
  description: nullable(string()),
  metadata,
  provider_reference: nullable(string({ description: "The provider's own id of the refund." })),
  decline_code: nullable(string()),
  failure_message: nullable(string()),
  idempotency_key: string({ examples: ['refund-1234'] }),
  refunded_at: time,
})

export const ErrorAnswer = object({
  error: string({ description: 'A sentence for people.' }),
  code: oneOf(Object.keys(ERROR_CODES), { description: 'For programs; see the table of codes.' }),
  param: optional(string({ description: 'The field to blame.' })),
  problems: optional(array(RuleProblem)),
  request_id: string({ description: 'Also in the X-Request-Id header.' }),
})

const request_id = string()
const refusal = <const C extends string>(code: C) => ({
  error: nullable(string({ examples: ['The card has insufficient funds.'] })),
  code: oneOf([code]),
  decline_code: string({ examples: ['insufficient_funds'] }),
})
const unavailable = {
  ...refusal('provider_unavailable'),
  decline_code: string({ examples: ['provider_unavailable'] }),
}
export const DeclineAnswer = object({ ...refusal('card_declined'), charge: Charge, request_id })
/** Where no provider could be asked, and none has a place free, nothing is stored: then there is no object. */
export const UnavailableAnswer = object({
  ...unavailable,
  decline_code: optional(unavailable.decline_code),
  charge: optional(Charge),
  request_id,
})
export const FollowUpDeclineAnswer = object({ ...refusal('provider_declined'), charge: Charge, request_id })
export const RefundDeclineAnswer = object({ ...refusal('provider_declined'), refund: Refund, request_id })
export const RefundUnavailableAnswer = object({
  ...unavailable,
  decline_code: optional(unavailable.decline_code),
  refund: optional(Refund),
  request_id,
})

export const Attempt = object({
  id: string({ examples: ['att_01kasw5v8g003ne3r5yx2tb4qd'] }),
  transaction_id: transactionId,
  refund_id: nullable(refundId),
  kind: oneOf(ATTEMPT_KINDS),
  provider: string({ examples: ['bank_a'] }),
  status: oneOf(Object.keys(ATTEMPT_STATES)),
  amount,
  currency,
  route: AttemptRoute,
  provider_reference: nullable(string()),
  decline_code: nullable(string()),
  reason: nullable(string()),
  resolved_by: nullable(oneOf(RESOLVERS, { description: 'By what its end became known.' })),
  lookups: integer({ minimum: 0, description: 'How often the provider was asked about it afterwards.' }),
  started_at: time,
  ended_at: nullable(time),
  duration_ms: nullable(integer()),
  next_lookup_at: nullable(time),
  unknown_since: nullable(time),
})

export const AttemptsQuery = strict({
  limit,
  starting_after: optional(string({ description: 'The last id of the page before.' })),
  status: optional(oneOf(Object.keys(ATTEMPT_STATES) as (keyof typeof ATTEMPT_STATES)[])),
})

export const ResolveBody = strict({
  outcome: oneOf(['succeeded', 'failed'], {
    description: 'What the provider really did.',
    examples: ['succeeded'],
  }),
  provider_reference: optional(string({ minLength: 1, maxLength: 255 })),
  amount: optional({
    ...amount,
    description:
      'What was really taken or given back, in minor units, where that is less than was asked. Not of what is only held, or canceled.',
    examples: [400],
  }),
  note: optional(
    string({
      minLength: 1,
      maxLength: 200,
      description: "Why it failed, for the charge; the reason with which the attempt's alarms are closed.",
    }),
  ),
})

export const Dispute = object({
  id: string({ examples: ['dp_01kasw5v8g004ne3r5yx2tb4qd'] }),
  transaction_id: transactionId,
  amount: { ...sum, description: 'Minor units of `currency`, as the provider says it.' },
  currency: { ...currency, description: "As the provider says it; it may be another than the charge's." },
  amount_booked: {
    ...sum,
    description:
      "What of it stands in the ledger, in minor units of the charge's currency; 0 once it is won.",
  },
  customer,
  status: oneOf(DISPUTE_STATES),
  reason: nullable(string({ examples: ['fraudulent'] })),
  provider: string(),
  provider_reference: string(),
  created_at: time,
})

export const DisputesQuery = strict({
  limit,
  starting_after: optional(string({ description: 'The last id of the page before.' })),
  transaction_id: optional(transactionId),
})

export const Notified = object({ status: oneOf(['stored', 'duplicate']) })

export const LedgerAccount = object({
  account: string({ examples: ['merchant', 'provider:sandbox'] }),
  currency,
  balance: integer({
    description: 'Sum of its entries: debits are positive, credits negative.',
    examples: [-1250],
  }),
})

export const LedgerEntry = object({
  sequence: { ...sequence, minimum: 1 },
  transaction_id: string({
    description: 'The charge or refund that posted it.',
    examples: ['txn_01kasw5v8g000ne3r5yx2tb4qd'],
  }),
  account: string({ examples: ['merchant'] }),
  currency,
  amount: integer({ description: 'A debit is positive, a credit negative.', examples: [-2500] }),
  created_at: time,
})

export const page = <T>(item: Schema<T>) => object({ data: array(item), has_more: boolean() })

const count = integer({ minimum: 0, examples: [1] })
export const Balance = object({
  successful_transactions: { ...count, description: 'Charges that succeeded, whatever was refunded later.' },
  refunded_transactions: { ...count, description: 'Charges of which something was refunded.' },
  balance: {
    ...nullable(integer()),
    description: 'What succeeded less what was refunded. Null while several currencies are in use.',
    examples: [1250],
  },
  currency: {
    ...nullable(currency),
    description: 'Of `balance`; null while none or several are in use.',
    examples: ['usd'],
  },
  balances: array(
    object({
      currency,
      exponent: integer({ description: 'Decimal digits of the minor unit (ISO 4217).', examples: [2] }),
      balance: integer({ examples: [1250] }),
      successful_transactions: count,
      refunded_transactions: count,
    }),
  ),
})
