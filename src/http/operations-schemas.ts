/** What operators are told. */
import { array, boolean, integer, object, oneOf, optional, string } from './schema.ts'

const count = integer({ minimum: 0, examples: [1] })

export const MetricsAnswer = object({
  total_charges: { ...count, description: 'Charges that succeeded.' },
  total_refunds: count,
  pending_webhooks: count,
  delivered_webhooks: count,
  failed_webhooks: count,
  webhook_retries: count,
})

export const Status = object({ status: oneOf(['ok']) })
export const Readiness = object({
  status: oneOf(['ready', 'store_unavailable', 'store_lost', 'worker_stopped', 'no_provider']),
  missing_providers: optional(
    array(
      object({
        provider: string({ examples: ['bank_a'] }),
        open_attempts: { ...count, description: 'Counted up to a thousand of each state.' },
        to_capture: boolean(),
        to_refund: boolean(),
        in_rules: boolean(),
      }),
    ),
  ),
})
