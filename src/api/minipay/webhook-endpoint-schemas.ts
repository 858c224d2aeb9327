/** The schemas of webhook endpoints. */
import { MAX_HEADER_VALUE, MAX_HEADERS } from '../../domain/webhooks/custom-headers.ts'
import {
  DISABLE_AFTER_S,
  MAX_DELAY_S,
  MAX_DISABLE_AFTER_S,
  MAX_RATE_LIMIT,
  MAX_URL,
  MIN_DISABLE_AFTER_S,
} from '../../domain/webhooks/described.ts'
import { WEBHOOK_FORMATS } from '../../domain/webhooks/endpoint.ts'
import { MAX_FILTERS } from '../../domain/webhooks/filters.ts'
import { MAX_WAITS } from '../../domain/webhooks/schedule.ts'
import {
  array,
  boolean,
  integer,
  named,
  nullable,
  object,
  oneOf,
  optional,
  record,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import {
  count,
  description,
  endingBefore,
  endpointId,
  limit,
  metadata,
  sequence,
  startingAfter,
  time,
} from './fields.ts'

const url = string({
  maxLength: MAX_URL,
  description:
    'Where MiniPay posts the events: an `https` URL. `http`, and addresses of this machine, only where the operator allows them.',
  examples: ['https://shop.example.com/webhooks'],
})
const filter = string({ maxLength: 64, examples: ['payment.*'] })
export const filters = { ...array(filter), minItems: 1, maxItems: MAX_FILTERS }
const events = {
  ...filters,
  description: 'The events that it gets: event types, prefixes such as `payment.*`, or `*` for all.',
}
const rateLimit = integer({
  minimum: 1,
  maximum: MAX_RATE_LIMIT,
  description: 'The most attempts a second. Null: no limit.',
  examples: [50],
})
const delays = {
  ...array(integer({ minimum: 0, maximum: MAX_DELAY_S, examples: [5] })),
  maxItems: MAX_WAITS,
  description:
    'The seconds before the second attempt, the third, and so on; the first is made at once. With an empty list there is one attempt.',
}
const format = named(
  'WebhookFormat',
  oneOf(WEBHOOK_FORMATS, {
    description:
      'The form of the bodies: `minipay`, an event as the API shows it; `original`, that of the first version of MiniPay; `stripe`, an event of Stripe, with its signature.',
  }),
)
const ordered = {
  ...boolean(),
  description:
    'True: the events of one transaction come in their order, so a failed delivery holds back later ones of its transaction.',
}
const disableAfter = integer({
  minimum: MIN_DISABLE_AFTER_S,
  maximum: MAX_DISABLE_AFTER_S,
  description:
    'MiniPay disables the endpoint when every attempt has failed for so many seconds; at half of that time it stores an event. Null: never.',
  examples: [DISABLE_AFTER_S],
})

const FIELDS = {
  id: endpointId,
  url,
  description: nullable(description),
  metadata,
  events,
  header_names: {
    ...array(string({ examples: ['x-shop'] })),
    description: 'The names of your own headers. MiniPay does not show their values again.',
  },
  rate_limit: { ...nullable(rateLimit), description: rateLimit['description'] },
  retry_delays_seconds: delays,
  format,
  ordered,
  disable_after_seconds: { ...nullable(disableAfter), description: disableAfter['description'] },
  status: oneOf(['enabled', 'disabled'], {
    description: 'MiniPay sends nothing to a disabled endpoint. Its events wait until it is enabled.',
  }),
  disabled_reason: {
    ...nullable(oneOf(['request', 'gone', 'failing'])),
    description:
      'Why it is disabled: a `request`; its response 410 (`gone`); or every attempt failed for `disable_after_seconds` (`failing`).',
  },
  former_secret_until: nullable({
    ...time,
    description: 'Until then MiniPay also signs with a former secret. Null: with the newest alone.',
  }),
  position: {
    ...sequence,
    description: 'Every event up to this sequence was delivered, filtered out, or is stored as a delivery.',
  },
  backlog: {
    ...count,
    description:
      'The number of events after `position`, of any type. They are kept past their retention, also while the endpoint is disabled; deleting the endpoint frees them.',
  },
  pending: { ...count, description: 'The number of deliveries that wait for another attempt.' },
  failed: { ...count, description: 'The number of deliveries that failed for good: the dead letter.' },
  attempts_24h: {
    ...count,
    description:
      'The number of attempts in the last 24 hours, those of retries and replays included; whole hours count.',
  },
  succeeded_24h: { ...count, description: 'Those of them that the endpoint accepted.' },
  failing_since: nullable({
    ...time,
    description: 'When the first attempt after the last success failed. Null: the last attempt succeeded.',
  }),
  version: integer({ minimum: 1, description: 'Each change adds one.', examples: [1] }),
  created_at: { ...time, description: 'When it was made.' },
}

export const WebhookEndpoint = named(
  'WebhookEndpoint',
  object(FIELDS),
  'An endpoint of yours that gets events.',
)
export type WebhookEndpointView = Static<typeof WebhookEndpoint>

export const WebhookEndpointWithSecret = named(
  'WebhookEndpointWithSecret',
  object({
    ...FIELDS,
    secret: string({
      description: 'The secret that signs its webhooks. MiniPay shows it only this once.',
    }),
  }),
  'A webhook endpoint with its new secret.',
)

const chosen = {
  description: optional({ ...nullable(description), description: description['description'] }),
  metadata: optional(metadata),
  events: optional({ ...events, default: ['*'] }),
  headers: optional(
    record('^[^\\\\]{1,100}$', string({ maxLength: MAX_HEADER_VALUE }), {
      maxProperties: MAX_HEADERS,
      description:
        'Headers of your own, such as a token of your gateway, in place of those before. MiniPay stores their values encrypted.',
      examples: [{ 'x-shop': 'lisbon' }],
    }),
  ),
  rate_limit: optional({ ...nullable(rateLimit), description: rateLimit['description'] }),
  retry_delays_seconds: optional({
    ...nullable(delays),
    description: `${delays.description} Null: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h.`,
  }),
  format: optional({ ...format, default: 'minipay' }),
  ordered: optional({ ...ordered, default: false }),
  disable_after_seconds: optional({
    ...nullable(disableAfter),
    default: DISABLE_AFTER_S,
    description: disableAfter['description'],
  }),
}

export const CreateEndpointBody = named(
  'CreateWebhookEndpointRequest',
  strict({ url, ...chosen }),
  'A new webhook endpoint.',
)

export const UpdateEndpointBody = named(
  'UpdateWebhookEndpointRequest',
  strict({
    url: optional(url),
    ...chosen,
    version: optional(
      integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'The version that you read: MiniPay refuses the change if it is another one now.',
      }),
    ),
  }),
  'The fields to change; absent ones stay as they are.',
)

export const EndpointsQuery = strict({ limit, starting_after: startingAfter, ending_before: endingBefore })

export const RotateBody = named(
  'RotateWebhookSecretRequest',
  strict({
    overlap_seconds: optional(
      integer({
        minimum: 0,
        maximum: 2_592_000,
        default: 86_400,
        description: 'How long the former secret still signs beside the new one, up to 30 days.',
        examples: [3600],
      }),
    ),
  }),
  'How long the former secret still signs.',
)

export const DeletedEndpoint = named(
  'WebhookEndpointDeleted',
  object({ id: endpointId, deleted: { ...boolean(), description: 'Always true.' } }),
  'A webhook endpoint that was deleted.',
)

/** One attempt to send something to an endpoint. */
export const attemptFields = {
  started_at: { ...time, description: 'When the attempt began.' },
  duration_ms: { ...count, description: 'How long it took, in milliseconds.' },
  status: nullable(integer({ description: 'The HTTP status of the response. Null: there was none.' })),
  error: nullable(string({ description: 'Why it failed, in words. Null: it succeeded.' })),
  response: nullable(string({ description: "The start of the response's body, up to 500 characters." })),
}
const Attempt = object(attemptFields)
export type WebhookAttemptView = Static<typeof Attempt>

export const WebhookTest = named(
  'WebhookTest',
  object({
    endpoint: endpointId,
    delivered: { ...boolean(), description: 'True for a response of 2xx.' },
    ...attemptFields,
  }),
  'The test event of a webhook endpoint, with what came back.',
)
export type WebhookTestView = Static<typeof WebhookTest>
