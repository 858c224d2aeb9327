/** The schemas of charges, of the requests about them and their responses. */

import { CHARGE_STATUSES } from '../../domain/charge.ts'
import { LIMITS } from '../../domain/limits.ts'
import {
  boolean,
  named,
  nullable,
  object,
  oneOf,
  optional,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
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
  providerName,
  sum,
  time,
} from './fields.ts'
import { listParameters, searched, statusFilter } from './lists.ts'

const chargeStatus = named(
  'ChargeStatus',
  oneOf(CHARGE_STATUSES, { description: 'The status of the charge.' }),
)

export const Charge = named(
  'Charge',
  object({
    id: chargeId,
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
    provider: {
      ...providerName,
      description:
        'The provider that has the charge, or was called last. `none` if MiniPay called no provider.',
    },
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
export type ChargeView = Static<typeof Charge>

export const ChargeBody = named(
  'CreateChargeRequest',
  strict({
    amount,
    currency,
    customer,
    payment_method: optional(
      string({
        minLength: 1,
        maxLength: LIMITS.text,
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

export const ChargesQuery = strict({
  ...listParameters,
  status: statusFilter(CHARGE_STATUSES),
  provider: optional({ ...providerName, minLength: 1, description: 'At this provider.' }),
  ...searched,
})

export const DeclineResponse = named(
  'ChargeDeclined',
  object({ ...refusal('card_declined'), charge: Charge, request_id }),
  'An error with the charge that the provider declined.',
)

/** If MiniPay could call no provider because all were busy, it stored nothing, and the response has no object. */
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
