/** The schemas of events and of their deliveries. */
import { EVENT_TYPES } from '../domain/event.ts'
import { DELIVERY_STATES } from '../ports/store.ts'
import { array, boolean, integer, nullable, object, oneOf, optional, strict, string } from './schema.ts'
import { createdFilters, limit, sequence, time } from './schemas.ts'

const EVENT_TYPE = oneOf(Object.keys(EVENT_TYPES) as (keyof typeof EVENT_TYPES)[])
const epoch = string({ examples: ['ep_9f86d081884c7d65'] })

export const EventsQuery = strict({
  after: optional({
    ...sequence,
    default: 0,
    description: 'Events with a greater sequence, oldest first.',
  }),
  limit,
  type: optional(EVENT_TYPE),
})

export const DeliveriesQuery = strict({
  limit,
  starting_after: optional(string({ description: 'The last id of the page before.' })),
  status: optional(oneOf(['failed'])),
})

export const Event = object({
  sequence: { ...sequence, minimum: 1 },
  epoch: { ...epoch, description: 'The epoch that the sequence belongs to.' },
  id: string({ examples: ['evt_01kasw5v8g001ne3r5yx2tb4qd'] }),
  type: EVENT_TYPE,
  created_at: time,
  data: object(
    {},
    {
      description: 'The charge as it became; a refund adds `refund`, a dispute `dispute`, an alarm `alarm`.',
      additionalProperties: true,
    },
  ),
})

export const EventPage = object({
  data: array(Event),
  has_more: boolean(),
  epoch: {
    ...epoch,
    description: 'The newest epoch: another one than before means that the database was restored.',
  },
  epoch_first_sequence: { ...sequence, minimum: 1, description: 'Its first number.' },
})

export const Delivery = object({
  id: string({ examples: ['dlv_01kasw5v8g002ne3r5yx2tb4qd'] }),
  endpoint: string({ description: 'Whom it goes to.', examples: ['default'] }),
  event_sequence: sequence,
  event_type: EVENT_TYPE,
  status: oneOf(DELIVERY_STATES),
  attempts: integer(),
  next_attempt_at: nullable(time),
  last_status: nullable(integer({ description: 'HTTP status of the last answer.' })),
  last_error: nullable(string({ description: 'Why the last attempt had no answer.' })),
  created_at: time,
})

export const RetryBody = strict({
  event_type: optional(EVENT_TYPE),
  endpoint: optional(string({ minLength: 1, maxLength: 64, examples: ['default'] })),
  last_status: optional({
    ...nullable(integer({ minimum: 100, maximum: 999 })),
    description: 'HTTP status of the last answer; null for those whose last attempt had none.',
  }),
  ...createdFilters,
  starting_after: optional(string({ description: '`next` of the answer before: where it goes on.' })),
  limit: optional(
    integer({ minimum: 1, maximum: 10_000, default: 10_000, description: 'At most so many are put back.' }),
  ),
  dry_run: optional({ ...boolean(), default: false, description: 'Count them, and change nothing.' }),
})

export const Retried = object({
  queued: integer({ minimum: 0, description: 'How many were put back; in a dry run, how many would be.' }),
  has_more: { ...boolean(), description: 'Failed ones are left that this call did not look at.' },
  next: {
    ...nullable(string({ examples: ['dlv_01kasw5v8g002ne3r5yx2tb4qd'] })),
    description: 'While `has_more`: give it as `starting_after` to go on.',
  },
  dry_run: boolean(),
})
