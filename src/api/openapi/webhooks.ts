/** The `webhooks` of the OpenAPI document: each event type with the request that MiniPay sends for it. */
import { EVENT_TYPES, type EventType } from '../../domain/event.ts'
import { type Schema, string } from '../../http/schema.ts'
import { Event } from '../minipay/event-schemas.ts'
import { webhookSchema } from '../minipay/webhook-schemas.ts'
import type { Components } from './components.ts'
import { eventExample, webhookExample } from './example-objects.ts'

const SIGNED = 'Only if the endpoint has a secret.'

type Header = { readonly schema: Schema; readonly required: boolean; readonly example: string }
const header = (description: string, required: boolean, example: string): Header => ({
  schema: string({ description }),
  required,
  example,
})

/** The headers of a webhook, by name. */
export const WEBHOOK_HEADERS: Readonly<Record<string, Header>> = {
  'X-Webhook-Event': header('The type of the event, as in `type`.', true, 'payment.succeeded'),
  'X-Webhook-Delivery': header(
    'The id of the delivery, the same on every attempt. Use it to recognize a repeated delivery.',
    true,
    'dlv_01kasw5v8g002ne3r5yx2tb4qd',
  ),
  'webhook-id': header(`The id of the event. ${SIGNED}`, false, 'evt_01kasw5v8g001ne3r5yx2tb4qd'),
  'webhook-timestamp': header(
    `When this attempt was signed, in seconds since 1970. ${SIGNED}`,
    false,
    '1795435200',
  ),
  'webhook-signature': header(
    `\`v1,\` and the base64 of an HMAC-SHA256 of \`webhook-id.webhook-timestamp.body\`, as Standard Webhooks defines it. ${SIGNED}`,
    false,
    'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  ),
}

/** The webhooks for the document; `parameters` are those of the headers. */
export function webhooks(components: Components, parameters: readonly object[]): Record<string, object> {
  const names = Object.keys(EVENT_TYPES) as EventType[]
  return Object.fromEntries(
    names.map((type) => [
      type,
      {
        post: {
          operationId: `on${type.split(/[._]/).map(capital).join('')}`,
          summary: `The event ${type}`,
          description: EVENT_TYPES[type],
          tags: ['Events and webhooks'],
          security: [],
          parameters,
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: { anyOf: [components.write(Event), components.write(webhookSchema(type))] },
                examples: {
                  minipay: { summary: 'To an endpoint with the format minipay', value: eventExample(type) },
                  original: {
                    summary: 'To an endpoint with the format original',
                    value: webhookExample(type),
                  },
                },
              },
            },
          },
          responses: ANSWERS,
        },
      },
    ]),
  )
}

const ANSWERS = {
  '2XX': { description: 'The webhook is delivered. Respond within ten seconds, and do the work afterwards.' },
  '3XX': { description: 'The attempt fails. MiniPay does not follow redirects.' },
  '4XX': {
    description: 'The attempt fails. 410 also disables an endpoint that was registered with the API.',
  },
  '5XX': {
    description:
      'The attempt fails. MiniPay sends the webhook again by the schedule of the endpoint, or later if `Retry-After` says so.',
  },
}

const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1)
