/** The schemas of events. */

import { EVENT_TYPES, type EventType } from '../../domain/event.ts'
import {
  array,
  boolean,
  named,
  nullable,
  type Optional,
  object,
  oneOf,
  optional,
  type Schema,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { Alarm } from './alarm-schemas.ts'
import { Charge } from './charge-schemas.ts'
import { Dispute } from './dispute-schemas.ts'
import { before, choosingEvents, wait } from './event-queries.ts'
import {
  createdFilters,
  description,
  endpointId,
  epoch,
  eventId,
  limit,
  listFormat,
  sequence,
  time,
} from './fields.ts'
import { Refund } from './refund-schemas.ts'

export const eventType = named(
  'EventType',
  oneOf(Object.keys(EVENT_TYPES) as EventType[], { description: 'The type of the event.' }),
)

export const EventsQuery = strict({
  ...choosingEvents,
  before,
  limit,
  wait,
  ...createdFilters,
  ...listFormat,
})

type Stored<P, Always extends keyof P> = {
  readonly [K in keyof P]: K extends Always ? P[K] : P[K] extends Schema<infer T> ? Optional<T> : never
}

const none: readonly never[] = []

/** The fields of an object as the event stored it. An earlier version may have stored fewer fields, but never without `always`. */
function stored<P extends object, Always extends keyof P>(
  { properties }: { readonly properties: P },
  always: readonly Always[],
): Stored<P, Always> {
  const fields = Object.entries(properties).map(([name, field]) => [
    name,
    (always as readonly string[]).includes(name) ? field : optional(field),
  ])
  return Object.fromEntries(fields)
}

const chargeData = named(
  'EventData',
  object(
    {
      ...stored(Charge, ['id', 'amount', 'currency', 'customer', 'status']),
      refund: optional(
        named('EventRefund', object(stored(Refund, ['refund_id', 'amount'])), 'The refund after the event.'),
      ),
      dispute: optional(
        named('EventDispute', object(stored(Dispute, ['id', 'amount'])), 'The dispute after the event.'),
      ),
      alarm: optional(named('EventAlarm', object(stored(Alarm, ['id'])), 'The alarm after the event.')),
    },
    {
      description:
        'The charge after the event, with the refund, dispute or alarm of the event. Events that an earlier version of MiniPay stored may lack newer fields.',
    },
  ),
)

export type ChargeEventData = Static<typeof chargeData>

export const EndpointEventData = named(
  'EndpointEventData',
  object({
    id: endpointId,
    url: string({
      description: 'The origin of its URL. The path may be a secret, so it is not here.',
      examples: ['https://shop.example'],
    }),
    url_fingerprint: {
      ...nullable(string({ examples: ['6d1f2c0e9b7a4835'] })),
      description: 'The first 16 hexadecimal digits of the SHA-256 of the whole URL.',
    },
    description: nullable(description),
    status: oneOf(['enabled', 'disabled'], { description: 'Whether MiniPay sends webhooks to it.' }),
    disabled_reason: {
      ...nullable(oneOf(['request', 'gone', 'failing'])),
      description:
        'Why it is disabled: by a request, because it responded 410, or because every attempt failed too long.',
    },
    failing_since: {
      ...nullable(time),
      description: 'When the first attempt failed after the last success; null while attempts succeed.',
    },
  }),
  'The webhook endpoint after a `webhook_endpoint.…` event.',
)
export type EndpointEventData = Static<typeof EndpointEventData>

const eventData: Schema<ChargeEventData | EndpointEventData> = {
  anyOf: [chargeData, EndpointEventData],
  description: 'The charge of the event, or its webhook endpoint.',
}

const previousAttributes = named(
  'PreviousAttributes',
  object({
    ...stored(Charge, none),
    refund: optional(
      named('PreviousRefund', object(stored(Refund, none)), 'The former values of the refund.'),
    ),
    dispute: optional(
      named('PreviousDispute', object(stored(Dispute, none)), 'The former values of the dispute.'),
    ),
  }),
  'Former values of fields of a charge, and of its refund or dispute.',
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
    request_id: {
      ...nullable(string({ examples: ['req_01kasw5v8g007ne3r5yx2tb4qd'] })),
      description:
        'The X-Request-Id of the request that made the change; null if MiniPay or the provider made it later.',
    },
    idempotency_key: {
      ...nullable(string({ examples: ['order-1234'] })),
      description: 'The key of the request whose outcome it is; null without one.',
    },
    data: eventData,
    previous_attributes: {
      ...nullable(previousAttributes),
      description:
        'The former values of the fields of `data` that changed; null if the event changed no object that existed before.',
    },
  }),
  'A change, as it was stored.',
)
export type EventView = Static<typeof Event>

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
