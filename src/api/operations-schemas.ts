/** The schemas of the endpoints for operators. */

import { array, boolean, integer, named, object, oneOf, optional, type Static } from '../http/schema.ts'
import { count, providerName } from './minipay/fields.ts'

export const MetricsResponse = named(
  'Metrics',
  object({
    total_charges: { ...count, description: 'Charges that succeeded.' },
    total_refunds: { ...count, description: 'Refunds that were paid.' },
    pending_webhooks: { ...count, description: 'Webhook deliveries that are waiting to be sent.' },
    delivered_webhooks: { ...count, description: 'Webhook deliveries that got a response with 2xx.' },
    failed_webhooks: { ...count, description: 'Webhook deliveries that failed.' },
    webhook_retries: { ...count, description: 'Attempts after the first one of a delivery.' },
  }),
  'Counters.',
)
export type MetricsView = Static<typeof MetricsResponse>

export const Status = named(
  'Health',
  object({ status: oneOf(['ok'], { description: 'The process is alive.' }) }),
  'The process is alive.',
)

export const missingProvider = named(
  'MissingProvider',
  object({
    provider: { ...providerName, examples: ['bank_a'] },
    open_attempts: {
      ...count,
      description: 'Attempts without an outcome, counted up to 1,000 of each state.',
    },
    to_capture: { ...boolean(), description: 'Some of its charges are authorized.' },
    to_refund: { ...boolean(), description: 'Some of its charges can be refunded.' },
    in_rules: { ...boolean(), description: 'The routing rules name it.' },
  }),
  'A provider that the database needs and the configuration lacks.',
)
export type MissingProviderView = Static<typeof missingProvider>
export const clockWarning = named(
  'ClockWarning',
  object({
    moved_by_seconds: integer({
      description:
        'Seconds that the clock moved compared with the time that passed: above 0 if it moved ahead, below 0 if it was set back.',
      examples: [2_592_000],
    }),
    trusted_in_seconds: {
      ...count,
      description:
        'How long the clock must still run without a step until holds expire by it again; 0 when no work waits for it.',
      examples: [86_400],
    },
  }),
  'A step of the clock that MiniPay has seen.',
)
export type ClockWarningView = Static<typeof clockWarning>
export const Readiness = named(
  'Readiness',
  object({
    status: oneOf(['ready', 'store_unavailable', 'store_lost', 'worker_stopped', 'no_provider'], {
      description: '`ready`, or the reason why the process cannot serve requests.',
    }),
    clock: optional({
      ...clockWarning,
      description: 'Present while MiniPay does not trust the clock, because it was set or may have been.',
    }),
    missing_providers: optional({
      ...array(missingProvider),
      description: 'Providers that the database needs and the configuration lacks.',
    }),
  }),
  'Whether the process can serve requests.',
)
export type ReadinessView = Static<typeof Readiness>
