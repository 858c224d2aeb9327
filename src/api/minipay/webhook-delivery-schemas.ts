/** The schemas of webhook deliveries. */

import {
  boolean,
  integer,
  named,
  nullable,
  object,
  oneOf,
  optional,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { DELIVERY_STATES } from '../../ports/store.ts'
import { eventType } from './event-schemas.ts'
import { createdFilters, deliveryId, limit, sequence, startingAfter, time } from './fields.ts'

const deliveryStatus = named(
  'WebhookDeliveryStatus',
  oneOf(DELIVERY_STATES, { description: 'The status of the delivery.' }),
)

const endpoint = string({ description: 'The name of the receiver.', examples: ['default'] })

export const Delivery = named(
  'WebhookDelivery',
  object({
    id: deliveryId,
    endpoint,
    event_sequence: { ...sequence, description: 'The sequence of the event.' },
    event_type: eventType,
    status: deliveryStatus,
    attempts: integer({ description: 'The number of times that MiniPay has sent it.' }),
    next_attempt_at: nullable({ ...time, description: 'When MiniPay sends it next.' }),
    last_status: nullable(integer({ description: 'The HTTP status of the last response.' })),
    last_error: nullable(
      string({
        description:
          'The reason why the last attempt got no response, or why its body could not be rendered.',
      }),
    ),
    created_at: { ...time, description: 'When the event was stored.' },
  }),
  'An event on its way to your receiver.',
)
export type DeliveryView = Static<typeof Delivery>

export const DeliveriesQuery = strict({
  limit,
  starting_after: startingAfter,
  status: optional(oneOf(['failed'], { description: 'Only deliveries that failed.' })),
})

export const RetryBody = named(
  'RetryWebhookDeliveriesRequest',
  strict({
    event_type: optional(eventType),
    endpoint: optional({ ...endpoint, minLength: 1, maxLength: 64 }),
    last_status: optional({
      ...nullable(integer({ minimum: 100, maximum: 999 })),
      description:
        'The HTTP status of the last response. Null finds those whose last attempt got no response.',
    }),
    ...createdFilters,
    starting_after: optional(string({ description: '`next` of the previous response.' })),
    limit: optional(
      integer({ minimum: 1, maximum: 10_000, default: 10_000, description: 'The most deliveries to queue.' }),
    ),
    dry_run: optional({ ...boolean(), default: false, description: 'Count them, and change nothing.' }),
  }),
  'Which failed deliveries to queue. A delivery must match every field.',
)

export const Retried = named(
  'WebhookDeliveriesRetried',
  object({
    queued: integer({
      minimum: 0,
      description: 'The number of deliveries that were queued, or that would be in a dry run.',
    }),
    has_more: { ...boolean(), description: 'True when this call did not reach all failed deliveries.' },
    next: {
      ...nullable(string()),
      examples: [null],
      description: 'While `has_more` is true, send it as `starting_after` of the next call.',
    },
    dry_run: { ...boolean(), description: 'True when nothing was changed.' },
  }),
  'The number of deliveries that were queued.',
)
export type RetriedView = Static<typeof Retried>
