/** The schemas of refunds, of the requests about them and their responses. */

import { REFUND_STATUSES } from '../../domain/charge.ts'
import { LIMITS } from '../../domain/limits.ts'
import { named, nullable, object, oneOf, optional, type Static, strict, string } from '../../http/schema.ts'
import { refusal, request_id, unavailable } from './error-schemas.ts'
import {
  amount,
  chargeId,
  currency,
  customer,
  declineCode,
  description,
  failureMessage,
  metadata,
  refundId,
  time,
} from './fields.ts'
import { listParameters, searched, statusFilter } from './lists.ts'

const refundStatus = named(
  'RefundStatus',
  oneOf(REFUND_STATUSES, {
    description:
      'A paid refund has the status of its charge after the refund: `partially_refunded` or `refunded`. Other refunds are `processing` or `failed`.',
  }),
)

export const Refund = named(
  'Refund',
  object({
    id: chargeId,
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
export type RefundView = Static<typeof Refund>

export const RefundBody = named(
  'CreateRefundRequest',
  strict({
    transaction_id: chargeId,
    amount: optional({
      ...amount,
      description: 'Minor units to refund. Without it, MiniPay refunds the whole remainder.',
    }),
    reason: optional(
      string({
        minLength: 1,
        maxLength: LIMITS.text,
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

export const RefundsQuery = strict({
  ...listParameters,
  status: statusFilter(REFUND_STATUSES),
  ...searched,
  transaction_id: optional(chargeId),
})

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
