import Fastify, { type FastifySchema, type FastifyServerOptions } from 'fastify'
import { ERROR_CODES, type ErrorCode } from '../domain/error.ts'
import { STATUS } from './errors.ts'
import type { Route } from './route.ts'
import { ROUTES } from './routes.ts'
import { object, optional, type Schema, string } from './schema.ts'
import { ErrorAnswer } from './schemas.ts'

const COMMON: readonly ErrorCode[] = [
  'bad_request',
  'card_number_refused',
  'header_repeated',
  'request_timeout',
  'headers_too_large',
  'internal',
  'store_unavailable',
  'overloaded',
  'shutting_down',
]
const WITH_PARAMETERS: readonly ErrorCode[] = ['parameter_missing', 'parameter_unknown', 'parameter_invalid']
const WITH_BODY: readonly ErrorCode[] = [
  'invalid_json',
  'payload_too_large',
  'unsupported_media_type',
  ...WITH_PARAMETERS,
]
const WITH_KEY: readonly ErrorCode[] = [
  'idempotency_key_invalid',
  'idempotency_key_reused',
  'idempotency_key_in_progress',
]

/** Every code that a route can answer. */
export function errorsOf(route: Route): readonly ErrorCode[] {
  return [
    ...new Set([
      ...COMMON,
      ...(route.query ? WITH_PARAMETERS : []),
      ...(route.body ? WITH_BODY : []),
      ...(route.keyed ? WITH_KEY : []),
      ...route.errors,
    ]),
  ]
}

type Compilers = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

/**
 * Validation and rendering are ours: the HTTP library need not load the compilers that it would use. (Its types
 * ask for Ajv's own functions; it calls what it is given.)
 */
export const NO_COMPILERS = {
  buildValidator: () => () => () => true,
  buildSerializer: () => () => (value: unknown) => JSON.stringify(value),
} as unknown as Compilers

let written: Promise<string> | undefined

/**
 * The OpenAPI 3.1 document as JSON. It is written at its first use, by a server that never listens: the
 * library that reads the route schemas takes a tenth of the time to the first answer.
 */
export function openApiDocument(version: string): Promise<string> {
  written ??= write(version)
  return written
}

async function write(version: string): Promise<string> {
  const { default: swagger } = await import('@fastify/swagger')
  const app = Fastify({ logger: false, schemaController: { compilersFactory: NO_COMPILERS } })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'MiniPay',
        version,
        description:
          'Charges, refunds, a double-entry ledger and webhooks. Amounts are integers of minor units. Send an Idempotency-Key with every POST that moves money and repeat it until you have an answer: it is done once.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: ['Charges', 'Refunds', 'Ledger', 'Events and webhooks', 'Providers', 'Routing', 'Operations'].map(
        (name) => ({ name }),
      ),
    },
  })
  for (const route of ROUTES)
    app.route({
      method: route.method,
      url: route.url,
      schema: documentation(route),
      handler: () => undefined,
    })
  await app.ready()
  return JSON.stringify(app.swagger())
}

/** A route's documentation for the library that writes the OpenAPI document. */
function documentation(route: Route): FastifySchema {
  return {
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    tags: [route.tag],
    operationId: operationId(route),
    ...(route.params && { params: route.params }),
    ...(route.query && { querystring: route.query }),
    ...(route.body && { body: route.body }),
    ...(route.keyed && { headers: KEY_HEADER }),
    response: { ...errorAnswers(route), ...answers(route) },
  } as FastifySchema
}

/** What the route answers when all is well; the library takes a schema with the answer's description. */
function answers(route: Route): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, schema }]) => [
      status,
      { ...schema, description },
    ]),
  )
}

const KEY_HEADER = object({
  'Idempotency-Key': optional(
    string({
      pattern: '^[\\x21-\\x7e]{1,255}$',
      description:
        '1 to 255 visible characters, new for each new request. Without one the server makes a UUID.',
      examples: ['order-1234'],
    }),
  ),
})

function operationId({ method, url }: Route): string {
  const words = url
    .replace('/api/v1/', '')
    .split(/[/_:]+/)
    .filter(Boolean)
  return [method.toLowerCase(), ...words]
    .map((word, i) => (i ? word[0]?.toUpperCase() + word.slice(1) : word))
    .join('')
}

/** One answer for each status, with an example of each code that has it. */
function errorAnswers(route: Route): Record<number, Schema> {
  const byStatus = Object.groupBy(errorsOf(route), (code) => STATUS[code])
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes = []]) => [
      status,
      {
        ...ErrorAnswer,
        description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code]}`).join('\n\n'),
        examples: codes.map((code) => ({
          error: ERROR_CODES[code],
          code,
          request_id: 'req_01kasw5v8g000ne3r5yx2tb4qd',
        })),
      },
    ]),
  )
}
