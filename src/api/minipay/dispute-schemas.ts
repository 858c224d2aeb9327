/** The schemas of disputes. */

import { DISPUTE_STATES } from '../../domain/charge.ts'
import { named, nullable, object, oneOf, optional, type Static, strict, string } from '../../http/schema.ts'
import {
  chargeId,
  currency,
  customer,
  disputeId,
  limit,
  listFormat,
  providerName,
  startingAfter,
  sum,
  time,
} from './fields.ts'

const disputeStatus = named(
  'DisputeStatus',
  oneOf(DISPUTE_STATES, { description: 'The status of the dispute.' }),
)

export const Dispute = named(
  'Dispute',
  object({
    id: disputeId,
    transaction_id: chargeId,
    amount: { ...sum, description: 'Minor units of `currency`, as the provider states it.' },
    currency: { ...currency, description: "As the provider states it. It may differ from the charge's." },
    amount_booked: {
      ...sum,
      description:
        "The part of it that the ledger contains, in minor units of the charge's currency. 0 once it is won.",
    },
    customer,
    status: disputeStatus,
    reason: nullable(
      string({ description: "The provider's word for the reason.", examples: ['fraudulent'] }),
    ),
    provider: providerName,
    provider_reference: string({ description: "The provider's own id of the dispute." }),
    evidence_due_at: nullable({
      ...time,
      description:
        'Until when the provider takes evidence. Null if it takes none, no more after evidence was submitted, or does not say.',
    }),
    closed_at: nullable({
      ...time,
      description:
        'When MiniPay learnt that it was won or lost. Null while it is open, and for disputes that a version without this field closed.',
    }),
    created_at: { ...time, description: 'When MiniPay stored it.' },
  }),
  'A payment that the customer disputes at the bank.',
)
export type DisputeView = Static<typeof Dispute>

export const DisputesQuery = strict({
  limit,
  starting_after: startingAfter,
  transaction_id: optional(chargeId),
  ...listFormat,
  status: optional(disputeStatus),
  due_before: optional({
    ...time,
    description:
      'Open disputes whose evidence is due before this RFC 3339 time, the soonest first. Those past due are the first.',
  }),
})
