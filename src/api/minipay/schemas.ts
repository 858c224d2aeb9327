/** The schemas that validate requests about charges and refunds and document them, and those of their answers. */
import { CHARGE_STATUSES, REFUND_STATUSES } from '../../domain/charge.ts'
import { ERROR_CODES } from '../../domain/error.ts'
import {
  array,
  boolean,
  componentOf,
  named,
  nullable,
  object,
  oneOf,
  optional,
  type Schema,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import {
  amount,
  createdFilters,
  currency,
  customer,
  declineCode,
  description,
  failureMessage,
  limit,
  metadata,
  providerName,
  refundId,
  startingAfter,
  sum,
  time,
  transactionId,
} from './fields.ts'
import { RuleProblem } from './routing-schemas.ts'

const chargeStatus = named(
  'ChargeStatus',
  oneOf(CHARGE_STATUSES, { description: 'The status of the charge.' }),
)
const refundStatus = named(
  'RefundStatus',
  oneOf(REFUND_STATUSES, {
    description:
      'A paid refund has the status of its charge after the refund: `partially_refunded` or `refunded`. Other refunds are `processing` or `failed`.',
  }),
)

export const ChargeBody = named(
  'CreateChargeRequest',
  strict({
    amount,
    currency,
    customer,
    payment_method: optional(
      string({
        minLength: 1,
        maxLength: 255,
        description: "The provider's token for the customer's card. The sandbox's tokens choose the outcome.",
        examples: ['tok_visa'],
      }),
    ),
    capture: optional({
      ...boolean(),
      default: true,
      description: 'With false the provider holds the money until you capture or cancel, or it expires.',
    }),
    description: optional(description),
    metadata: optional(metadata),
  }),
  'A charge to make.',
)
export type ChargeBody = Static<typeof ChargeBody>

export const CaptureBody = named(
  'CaptureChargeRequest',
  strict({
    amount: optional({
      ...amount,
      description: 'Minor units to capture. Without it, MiniPay captures the whole authorized amount.',
    }),
  }),
  'The amount to capture.',
)
export const NoBody = named('EmptyRequest', strict({}), 'No fields.')

export const RefundBody = named(
  'CreateRefundRequest',
  strict({
    transaction_id: transactionId,
    amount: optional({
      ...amount,
      description: 'Minor units to refund. Without it, MiniPay refunds the whole remainder.',
    }),
    reason: optional(
      string({
        minLength: 1,
        maxLength: 255,
        description: 'Why it is refunded, in your words.',
        examples: ['requested_by_customer'],
      }),
    ),
    description: optional(description),
    metadata: optional(metadata),
  }),
  'A refund to make.',
)
export type RefundBody = Static<typeof RefundBody>

const pageQuery = {
  limit,
  starting_after: startingAfter,
  ending_before: optional(
    string({ description: 'The first id of one page: the page before it has newer objects.' }),
  ),
  customer: optional(customer),
  currency: optional(currency),
  ...createdFilters,
}
export const ChargesQuery = strict({ ...pageQuery, status: optional(chargeStatus) })
export const RefundsQuery = strict({
  ...pageQuery,
  status: optional(refundStatus),
  transaction_id: optional(transactionId),
})

/** The path of an object with such an id. */
export const idOf = (id: Schema<string>) => object({ id })
export const NameParams = object({
  name: string({ description: 'The name of the provider, from your configuration.', examples: ['bank_a'] }),
})

export const Charge = named(
  'Charge',
  object({
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
    status: chargeStatus,
    capture: { ...boolean(), description: 'With false the provider holds the money until you capture it.' },
    payment_method: nullable(string({ description: "The provider's token for the customer's card." })),
    description: nullable(description),
    metadata,
    provider: { ...providerName, description: 'The provider that has the charge, or was called last.' },
    provider_reference: nullable(string({ description: "The provider's own id of the payment." })),
    decline_code: nullable(declineCode),
    failure_message: nullable(failureMessage),
    redirect_url: nullable(
      string({ description: 'Send the customer there while the status is `requires_action`.' }),
    ),
    expires_at: nullable({ ...time, description: 'When the authorization expires.' }),
    cancel_requested: {
      ...boolean(),
      description:
        'True if a cancel was requested while the outcome of a provider call was not known. MiniPay cancels or refunds the charge once it knows the outcome.',
    },
    idempotency_key: string({
      description: 'The Idempotency-Key of the request, or the UUID that MiniPay made.',
      examples: ['order-1234'],
    }),
    created_at: { ...time, description: 'When it was created.' },
  }),
  'A payment of a customer, with its captured, refunded and disputed amounts.',
)

export const Refund = named(
  'Refund',
  object({
    id: transactionId,
    refund_id: refundId,
    amount,
    currency,
    customer,
    status: refundStatus,
    reason: nullable(string({ description: 'Why it is refunded, in your words.' })),
    description: nullable(description),
    metadata,
    provider_reference: nullable(string({ description: "The provider's own id of the refund." })),
    decline_code: nullable(declineCode),
    failure_message: nullable(failureMessage),
    idempotency_key: string({
      description: 'The Idempotency-Key of the request, or the UUID that MiniPay made.',
      examples: ['refund-1234'],
    }),
    refunded_at: {
      ...time,
      description: 'When the refund was made. While `processing`, when it was requested.',
    },
  }),
  'A refund of a charge.',
)

const errorCode = named(
  'ErrorCode',
  oneOf(Object.keys(ERROR_CODES), { description: 'For programs. A code never changes its meaning.' }),
)
const request_id = string({
  description: 'The id of the request, as in the X-Request-Id header.',
  examples: ['req_01kasw5v8g000ne3r5yx2tb4qd'],
})
export const ErrorResponse = named(
  'Error',
  object({
    error: string({ description: 'A sentence for people. It may change.' }),
    code: errorCode,
    param: optional(string({ description: 'The field, query parameter or header that is wrong.' })),
    problems: optional({
      ...array(RuleProblem),
      description: 'Each error, if the request has several.',
    }),
    request_id,
  }),
  'Why a request was refused.',
)

const refusal = <const C extends string>(code: C) => ({
  error: nullable(
    string({ description: 'A sentence for people.', examples: ['The card has insufficient funds.'] }),
  ),
  code: oneOf([code], { description: 'For programs.' }),
  decline_code: declineCode,
})
const unavailable = {
  ...refusal('provider_unavailable'),
  decline_code: optional(string({ description: 'The same as `code`.', examples: ['provider_unavailable'] })),
}
export const DeclineResponse = named(
  'ChargeDeclined',
  object({ ...refusal('card_declined'), charge: Charge, request_id }),
  'An error with the charge that the provider declined.',
)
/** Where no provider could be called, and none has a place free, nothing is stored: then there is no object. */
export const UnavailableResponse = named(
  'ChargeNotTaken',
  object({ ...unavailable, charge: optional(Charge), request_id }),
  'An error with the charge that no provider took. Without `charge`, nothing was stored.',
)
export const FollowUpDeclineResponse = named(
  'ChargeUpdateDeclined',
  object({ ...refusal('provider_declined'), charge: Charge, request_id }),
  'An error with the charge whose capture or cancel the provider declined.',
)
export const RefundDeclineResponse = named(
  'RefundDeclined',
  object({ ...refusal('provider_declined'), refund: Refund, request_id }),
  'An error with the refund that the provider declined.',
)
export const RefundUnavailableResponse = named(
  'RefundNotTaken',
  object({ ...unavailable, refund: optional(Refund), request_id }),
  'An error with the refund that the provider did not take. Without `refund`, nothing was stored.',
)

export const Notified = named(
  'NotificationReceived',
  object({
    status: oneOf(['stored', 'duplicate'], { description: '`duplicate` when it had been stored before.' }),
  }),
  'Whether the notification was stored.',
)

/** A page of a list of such objects. */
export const page = <T>(item: Schema<T>) => {
  const list = object({
    data: { ...array(item), description: 'The objects of this page.' },
    has_more: { ...boolean(), description: 'True when there are more objects after this page.' },
  })
  const name = componentOf(item)?.name
  return named(`${name}List`, list, `A page of \`${name}\` objects.`)
}
