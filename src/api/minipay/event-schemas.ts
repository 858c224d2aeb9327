/** The schemas of events and of their deliveries. */
import { EVENT_TYPES, type EventType } from '../../domain/event.ts'
import {
  array,
  boolean,
  integer,
  named,
  nullable,
  type ObjectSchema,
  object,
  oneOf,
  optional,
  strict,
  string,
} from '../../http/schema.ts'
import { DELIVERY_STATES } from '../../ports/store.ts'
import { Alarm } from './alarm-schemas.ts'
import { Dispute } from './attempt-schemas.ts'
import { createdFilters, deliveryId, epoch, eventId, limit, sequence, startingAfter, time } from './fields.ts'
import { Charge, Refund } from './schemas.ts'

export const eventType = named(
  'EventType',
  oneOf(Object.keys(EVENT_TYPES) as EventType[], { description: 'The type of the event.' }),
)

export const EventsQuery = strict({
  after: optional({
    ...sequence,
    default: 0,
    description: 'Events with a greater sequence, oldest first.',
  }),
  limit,
  type: optional(eventType),
})

const deliveryStatus = named(
  'WebhookDeliveryStatus',
  oneOf(DELIVERY_STATES, { description: 'The status of the delivery.' }),
)
export const DeliveriesQuery = strict({
  limit,
  starting_after: startingAfter,
  status: optional(oneOf(['failed'], { description: 'Only deliveries that failed.' })),
})

/** An object as it was stored with its event: an earlier version may have stored fewer fields, but always these. */
function stored({ properties }: ObjectSchema, always: readonly string[]): ObjectSchema {
  return object(
    Object.fromEntries(
      Object.entries(properties).map(([name, field]) => [
        name,
        always.includes(name) ? field : optional(field),
      ]),
    ),
  )
}

const eventData = named(
  'EventData',
  object(
    {
      ...stored(Charge, ['id', 'amount', 'currency', 'customer', 'status']).properties,
      refund: optional(
        named('EventRefund', stored(Refund, ['refund_id', 'amount']), 'The refund after the event.'),
      ),
      dispute: optional(
        named('EventDispute', stored(Dispute, ['id', 'amount']), 'The dispute after the event.'),
      ),
      alarm: optional(named('EventAlarm', stored(Alarm, ['id']), 'The alarm after the event.')),
    },
    {
      description:
        'The charge after the event, with the refund, dispute or alarm of the event. Events that an earlier version of MiniPay stored may lack newer fields.',
    },
  ),
)

export const Event = named(
  'Event',
  object({
    sequence: {
      ...sequence,
      minimum: 1,
      description: 'The number of the event, without gaps within an epoch.',
    },
    epoch,
    id: eventId,
    type: eventType,
    created_at: { ...time, description: 'When it was stored.' },
    data: eventData,
  }),
  'A change, as it was stored.',
)

export const EventPage = named(
  'EventList',
  object({
    data: { ...array(Event), description: 'The objects of this page.' },
    has_more: { ...boolean(), description: 'True when there are more objects after this page.' },
    epoch: {
      ...epoch,
      description: 'The newest epoch. When it changes, the database was restored.',
    },
    epoch_first_sequence: { ...sequence, minimum: 1, description: 'The first sequence of the newest epoch.' },
  }),
  'A page of events.',
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
    last_error: nullable(string({ description: 'The reason why the last attempt got no response.' })),
    created_at: { ...time, description: 'When the event was stored.' },
  }),
  'An event on its way to your receiver.',
)

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
