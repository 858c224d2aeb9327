/** The schemas of webhook deliveries. */
import { DELIVERY_STATES, KEPT_TRIES } from '../../domain/webhooks/delivery.ts'
import {
  array,
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
import { eventType } from './event-schemas.ts'
import {
  chargeId,
  createdFilters,
  deliveryId,
  endingBefore,
  endpointId,
  eventId,
  limit,
  listFormat,
  sequence,
  startingAfter,
  time,
} from './fields.ts'
import { attemptFields } from './webhook-endpoint-schemas.ts'

const deliveryStatus = named(
  'WebhookDeliveryStatus',
  oneOf(DELIVERY_STATES, {
    description:
      '`pending`: it waits for another attempt. `delivered`: the endpoint responded with 2xx. `failed`: MiniPay does not try again by itself.',
  }),
)

const FIELDS = {
  id: deliveryId,
  endpoint: endpointId,
  event_id: eventId,
  event_sequence: { ...sequence, description: 'The sequence of the event.' },
  event_type: eventType,
  transaction_id: nullable({
    ...chargeId,
    description: 'The id of the charge that the event is about. Null: it is about none.',
  }),
  status: deliveryStatus,
  attempts: integer({
    description: 'The number of attempts since it was stored, or since it was last put back.',
  }),
  next_attempt_at: nullable({
    ...time,
    description:
      'When MiniPay sends it next. Null: never by itself, or not before an earlier delivery of its transaction ends.',
  }),
  last_status: nullable(integer({ description: 'The HTTP status of the last response.' })),
  last_error: nullable(string({ description: 'Why the last attempt failed, in words.' })),
  created_at: { ...time, description: 'When the event was stored.' },
  settled_at: nullable({ ...time, description: 'When it was delivered, or failed for good.' }),
}

export const Delivery = named('WebhookDelivery', object(FIELDS), 'An event on its way to a webhook endpoint.')
export type DeliveryView = Static<typeof Delivery>

const attemptMade = named(
  'WebhookAttempt',
  object({
    ...attemptFields,
    reason: oneOf(['event', 'retry', 'replay', 'manual'], {
      description:
        'Why MiniPay made it: for the new `event`, as a `retry` of the schedule, for a `replay`, or by a request of a person (`manual`).',
    }),
  }),
  'One attempt to deliver an event.',
)

export const DeliveryWithAttempts = named(
  'WebhookDeliveryWithAttempts',
  object({
    ...FIELDS,
    attempts_made: {
      ...array(attemptMade),
      description: `Every attempt, the oldest first; the newest ${KEPT_TRIES} of them.`,
    },
  }),
  'A webhook delivery with its attempts.',
)
export type DeliveryWithAttemptsView = Static<typeof DeliveryWithAttempts>

const ofEndpoint = { ...endpointId, minLength: 1, maxLength: 64, description: 'Of this webhook endpoint.' }

/** As `last_error` of a delivery. */
export const lastError = string({
  minLength: 1,
  maxLength: 500,
  description: 'Why the last attempt failed, exactly as a delivery has it.',
  examples: ['connection refused'],
})

export const DeliveriesQuery = strict({
  limit,
  starting_after: startingAfter,
  ending_before: endingBefore,
  endpoint: optional(ofEndpoint),
  event_type: optional(eventType),
  status: optional(deliveryStatus),
  event_id: optional({ ...eventId, maxLength: 64, description: 'Of this event.' }),
  event_sequence: optional({ ...sequence, description: 'Of the event with this sequence.' }),
  transaction_id: optional({
    ...chargeId,
    maxLength: 64,
    description: 'Of the events of this charge, of its newest 100 if it has more.',
  }),
  last_error: optional(lastError),
  ...createdFilters,
  ...listFormat,
})

export const FailuresQuery = strict({ endpoint: optional(ofEndpoint) })

const failure = named(
  'WebhookFailure',
  object({
    endpoint: endpointId,
    last_error: nullable(string({ description: 'Why the last attempt failed, in words.' })),
    last_status: nullable(integer({ description: 'The HTTP status of the last response.' })),
    count: integer({ minimum: 1, description: 'The number of failed deliveries.' }),
    oldest_created_at: { ...time, description: 'When the oldest of their events was stored.' },
    newest_created_at: { ...time, description: 'When the newest of their events was stored.' },
  }),
  'Failed deliveries to one endpoint, with one error.',
)

export const Failures = named(
  'WebhookFailures',
  object({
    data: { ...array(failure), description: 'The groups.' },
    has_more: {
      ...boolean(),
      description: 'True when there are older failed deliveries than the 10,000 that were counted.',
    },
  }),
  'Failed deliveries by endpoint and error, the largest group first.',
)
export type FailuresView = Static<typeof Failures>

export const RetryBody = named(
  'RetryWebhookDeliveriesRequest',
  strict({
    event_type: optional(eventType),
    endpoint: optional(ofEndpoint),
    last_status: optional({
      ...nullable(integer({ minimum: 100, maximum: 999 })),
      description:
        'The HTTP status of the last response. Null finds those whose last attempt got no response.',
    }),
    last_error: optional(lastError),
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
