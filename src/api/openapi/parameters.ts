/** The parameters and headers of the OpenAPI document. */

import { componentOf, type ObjectSchema, object, optional, type Schema, string } from '../../http/schema.ts'
import type { Endpoint } from '../endpoint.ts'
import { ENDPOINTS } from '../endpoints.ts'
import type { Components } from './components.ts'
import { WEBHOOK_HEADERS } from './webhooks.ts'

export type Parameter = {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly description?: unknown
  readonly example?: unknown
  readonly schema: object
}

const KEY_HEADER = object({
  'Idempotency-Key': optional(
    string({
      pattern: '^[\\x21-\\x7e]{1,255}$',
      description:
        '1 to 255 visible ASCII characters, new for each new request. Without one, MiniPay generates a UUID, and a repeated request counts as a new one.',
    }),
  ),
})
const keyExamples = Object.fromEntries(
  ENDPOINTS.flatMap(({ id, keyed }) => (keyed ? [[id, { summary: `Of ${id}`, value: keyed }]] : [])),
)

const signature = (description: string) => optional(string({ description }))
/** The signatures of notifications, of each kind of provider. */
const NOTIFICATION_HEADERS = object({
  'Stripe-Signature': signature('The signature of a provider of the kind `stripe`.'),
  'webhook-id': signature('The id of the notification of a provider of the kind `http`.'),
  'webhook-timestamp': signature('When it was signed, in seconds since 1970.'),
  'webhook-signature': signature('Its signature, as Standard Webhooks defines it.'),
})

/** The headers of responses, by their names. */
export const HEADERS = {
  'X-Request-Id': {
    description: 'The id of the request, as in `request_id` of an error and in the log.',
    required: true,
    schema: { type: 'string' },
    example: 'req_01kasw5v8g000ne3r5yx2tb4qd',
  },
  'Idempotent-Replayed': {
    description: '`true` if an earlier request with the same Idempotency-Key had this result.',
    schema: { type: 'string', enum: ['true'] },
  },
  'RateLimit-Policy': {
    description:
      'The limit of the API key if it has one, or of failed authentication: `q` requests in `w` seconds (draft-ietf-httpapi-ratelimit-headers-10).',
    schema: { type: 'string' },
    example: '"key";q=50;w=1',
  },
  RateLimit: {
    description: 'The state of this limit: `r` requests are possible now, and `q` again in `t` seconds.',
    schema: { type: 'string' },
    example: '"key";r=49;t=1',
  },
  'Retry-After': {
    description:
      'Seconds after which to repeat the request. Errors with `rate_limited`, `idempotency_key_in_progress`, `store_unavailable`, `overloaded` or `shutting_down` have it, and `provider_unavailable` where nothing was stored.',
    schema: { type: 'integer', minimum: 1 },
    example: 1,
  },
} as const

export function parametersOf(endpoint: Endpoint, components: Components): Parameter[] {
  const places = [
    ['path', endpoint.params],
    ['header', endpoint.keyed ? KEY_HEADER : endpoint.raw ? NOTIFICATION_HEADERS : undefined],
    ['query', endpoint.query],
  ] as const
  return places.flatMap(([place, schema]) => {
    const { properties = {}, required = [] } = (schema ?? {}) as Partial<ObjectSchema>
    return Object.entries(properties).map(([name, field]) =>
      parameter(place, name, field, place === 'path' || (required as string[]).includes(name), components),
    )
  })
}

function parameter(
  place: Parameter['in'],
  name: string,
  field: Schema,
  required: boolean,
  components: Components,
): Parameter {
  const { description, examples, ...rest } = field
  const component = componentOf(field)
  return {
    ...{ name, in: place, required },
    ...(description !== undefined && { description }),
    ...(Array.isArray(examples) && { example: examples[0] }),
    ...(name === 'Idempotency-Key' && { examples: keyExamples }),
    schema: components.write(component ? component.schema : rest),
  }
}

/** An operation whose parameters references may replace. */
type Holder = { parameters?: readonly object[] }

/** Replaces the parameters that several operations have by references, and returns those parameters. */
export function shareParameters(operations: readonly Holder[]): Record<string, object> {
  const uses = Map.groupBy(
    operations.flatMap(({ parameters = [] }) => parameters),
    (parameter) => JSON.stringify(parameter),
  )
  const shared: Record<string, object> = {}
  for (const operation of operations)
    if (operation.parameters)
      operation.parameters = operation.parameters.map((parameter) => {
        if ((uses.get(JSON.stringify(parameter))?.length ?? 0) < 2) return parameter
        const name = nameOf(parameter as Parameter)
        const known = shared[name]
        if (known && JSON.stringify(known) !== JSON.stringify(parameter))
          throw new Error(`Two parameters have the name ${name}.`)
        shared[name] = parameter
        return { $ref: `#/components/parameters/${name}` }
      })
  return shared
}

/** The headers of webhooks as parameters, and references to them. */
export function webhookParameters(): { parameters: Record<string, object>; references: object[] } {
  const parameters = Object.entries(WEBHOOK_HEADERS).map(([name, { schema, required, example }]) => {
    const { description, ...rest } = schema
    return { name, in: 'header', required, description, example, schema: rest }
  })
  const named = parameters.map((parameter) => [pascal(parameter.name), parameter] as const)
  return {
    parameters: Object.fromEntries(named),
    references: named.map(([name]) => ({ $ref: `#/components/parameters/${name}` })),
  }
}

function nameOf({ name, in: place, description }: Parameter): string {
  // The name of an id's parameter includes its object.
  if (place === 'path' && name === 'id') return pascal(`${String(description).match(/(\w+)\.$/)?.[1]}_id`)
  return pascal(name)
}

/** `after_id` and `after-id` become `AfterId`. */
export function pascal(name: string): string {
  return name
    .split(/[_-]/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')
}
