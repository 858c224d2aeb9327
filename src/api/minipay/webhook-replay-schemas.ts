/** The schemas of replays. */
import { REPLAY_KINDS, REPLAY_STATES } from '../../domain/webhooks/replay.ts'
import {
  array,
  named,
  nullable,
  object,
  oneOf,
  optional,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { lastError } from './delivery-schemas.ts'
import { eventType } from './event-schemas.ts'
import { count, endingBefore, endpointId, limit, sequence, startingAfter, time } from './fields.ts'
import { filters } from './webhook-endpoint-schemas.ts'

export const replayId = string({
  description: 'The id of the replay.',
  examples: ['rpl_01kasw5v8g000ne3r5yx2tb4qd'],
})
const kind = named(
  'WebhookReplayKind',
  oneOf(REPLAY_KINDS, {
    description:
      '`failed` sends the failed deliveries of the range again; `past` sends every event of the range that the endpoint wants, delivered or not.',
  }),
)

export const WebhookReplay = named(
  'WebhookReplay',
  object({
    id: replayId,
    endpoint: endpointId,
    kind,
    event_types: {
      ...nullable(array(eventType)),
      description: 'Events of these types only. Null: of all that the endpoint wants.',
    },
    last_error: {
      ...nullable(string()),
      description: 'Only failed deliveries whose last attempt failed so. Null: all.',
    },
    after_sequence: { ...sequence, description: 'Events after this sequence …' },
    to_sequence: { ...sequence, description: '… up to and including this one.' },
    position: {
      ...sequence,
      description: 'Every event of the range up to this sequence was sent, or is none of the replay.',
    },
    status: named(
      'WebhookReplayStatus',
      oneOf(REPLAY_STATES, { description: 'A replay runs in the background, also after a restart.' }),
    ),
    total: {
      ...nullable(count),
      description:
        'How many events it had to send when it was started. Some may be retried by others before, and a delivery in flight may fail and join them. Null: too many to count, more than 10,000 rows.',
    },
    sent: { ...count, description: 'Its attempts so far.' },
    delivered: { ...count, description: 'Those of its attempts that the endpoint accepted.' },
    created_at: { ...time, description: 'When it was started.' },
    ended_at: nullable({ ...time, description: 'When it was done or canceled.' }),
  }),
  'A replay: events that a webhook endpoint gets again.',
)
export type WebhookReplayView = Static<typeof WebhookReplay>

export const CreateReplayBody = named(
  'CreateWebhookReplayRequest',
  strict({
    kind,
    event_types: optional({
      ...filters,
      description:
        'Events of these types only, as in the `events` of an endpoint: `payment.refunded`, `payment.*`, `*`.',
    }),
    last_error: optional({
      ...lastError,
      description:
        'With `failed`: only deliveries whose last attempt failed so, exactly as a delivery has it.',
    }),
    since: optional({ ...time, maxLength: 40, description: 'Events stored at or after this RFC 3339 time.' }),
    until: optional({ ...time, maxLength: 40, description: 'Events stored before this RFC 3339 time.' }),
    after_sequence: optional({ ...sequence, description: 'Events after this sequence.' }),
    to_sequence: optional({ ...sequence, description: 'Events up to and including this sequence.' }),
  }),
  'What to send again. An event must be in every given range; without any, all of them are.',
)

export const ReplaysQuery = strict({ limit, starting_after: startingAfter, ending_before: endingBefore })
