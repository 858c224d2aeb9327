import { isGrantable } from '../../domain/access/permissions.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'
import type { Endpoint } from '../endpoint.ts'
import { ENDPOINTS } from '../endpoints.ts'
import { type ApiErrorCode, ERRORS } from '../errors.ts'
import { ErrorResponse } from '../minipay/error-schemas.ts'
import { type Components, createComponents } from './components.ts'
import {
  HEADERS,
  type Parameter,
  parametersOf,
  pascal,
  shareParameters,
  webhookParameters,
} from './parameters.ts'
import { DESCRIPTION, SECURITY_SCHEMES, TAGS } from './prose.ts'
import { webhooks } from './webhooks.ts'

const COMMON: readonly ApiErrorCode[] = [
  'bad_request',
  'card_number_refused',
  'header_repeated',
  'request_timeout',
  'headers_too_large',
  'internal',
  'overloaded',
  'shutting_down',
]
const WITH_CALLER: readonly ApiErrorCode[] = [
  'unauthenticated',
  'host_not_allowed',
  'origin_not_allowed',
  'rate_limited',
]
const WITH_PARAMETERS: readonly ApiErrorCode[] = ['parameter_unknown', 'parameter_invalid']
/** MiniPay reads the body of every POST, PUT and DELETE, and it may contain an `amount` that is not an integer. */
const WITH_BODY: readonly ApiErrorCode[] = [
  'invalid_json',
  'payload_too_large',
  'unsupported_media_type',
  'amount_invalid',
  'parameter_unknown',
  'parameter_invalid',
]
const WITH_KEY: readonly ApiErrorCode[] = [
  'idempotency_key_invalid',
  'idempotency_key_reused',
  'idempotency_key_in_progress',
]

/** Every code that an endpoint can return. */
export function errorsOf(endpoint: Endpoint): readonly ApiErrorCode[] {
  return [
    ...new Set([
      ...COMMON,
      ...(endpoint.permission === null ? [] : WITH_CALLER),
      ...(endpoint.permission === null || endpoint.permission === 'any'
        ? []
        : (['permission_denied'] as const)),
      ...(endpoint.storeless ? [] : (['store_unavailable'] as const)),
      ...(needsParameters(endpoint) ? (['parameter_missing'] as const) : []),
      ...(endpoint.query || endpoint.body ? WITH_PARAMETERS : []),
      ...(endpoint.method === 'GET' || endpoint.raw ? [] : WITH_BODY),
      ...(endpoint.keyed ? WITH_KEY : []),
      ...endpoint.errors,
    ]),
  ]
}

/** Whether its body or query requires a parameter, perhaps within an optional object. */
function needsParameters({ body, query }: Endpoint): boolean {
  return JSON.stringify([body, query]).includes('"required":')
}

let written: string | undefined

/** The OpenAPI 3.1 document as JSON, written from the endpoint table at its first use. */
export function openApiDocument(version: string): string {
  written ??= JSON.stringify(document(version))
  return written
}

type Json = Readonly<Record<string, unknown>>
type Operation = Json & { parameters?: Parameter[] | Json[]; responses: Record<string, Json> }

function document(version: string): Json {
  const components = createComponents()
  const paths: Record<string, Record<string, Operation>> = {}
  for (const endpoint of ENDPOINTS) {
    const path = endpoint.url.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, components) }
  }
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
  const receivers = webhookParameters()
  const hooks = webhooks(components, receivers.references)
  const examples = errorExamples(operations)
  return {
    openapi: '3.1.0',
    info: {
      title: 'MiniPay',
      version,
      summary: 'Payment orchestration: charges, refunds, a double-entry ledger and webhooks.',
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      { url: '/', description: 'This server.' },
      { url: 'http://127.0.0.1:8080', description: 'The default address.' },
    ],
    security: [],
    tags: TAGS,
    paths,
    webhooks: hooks,
    components: {
      securitySchemes: SECURITY_SCHEMES,
      schemas: components.schemas(),
      responses: shareResponses(operations),
      parameters: { ...shareParameters(operations), ...receivers.parameters },
      examples,
      headers: HEADERS,
    },
  }
}

function operation(endpoint: Endpoint, components: Components): Operation {
  const parameters = parametersOf(endpoint, components)
  return {
    operationId: endpoint.id,
    summary: endpoint.summary,
    ...(endpoint.description !== undefined && { description: endpoint.description }),
    tags: [endpoint.tag],
    security: security(endpoint),
    ...(parameters.length > 0 && { parameters }),
    ...requestBody(endpoint, components),
    responses: responses(endpoint, components),
  }
}

/**
 * The API key of an operation, with its permission, in either form; or none, as `minipay serve` allows on loopback for all
 * that is possible in test mode.
 */
function security({ permission }: Endpoint): Json[] {
  if (permission === null) return []
  const scopes = permission === 'any' ? [] : [permission]
  const keyed = Object.keys(SECURITY_SCHEMES).map((scheme) => ({ [scheme]: scopes }))
  return permission === 'any' || isGrantable(permission, KEYLESS_SCOPE) ? [...keyed, {}] : keyed
}

/** The examples of an endpoint by their names, with their bodies or their responses of a status. */
function examples(endpoint: Endpoint, of: 'body' | number): Json {
  const found = endpoint.examples.flatMap(({ name, summary, body, status, response }) => {
    const value = of === 'body' ? body : status === of ? response : undefined
    return value === undefined ? [] : [[name, { summary, value }] as const]
  })
  return Object.fromEntries(found)
}

const shown = (examples: Json): Json => (Object.keys(examples).length === 0 ? {} : { examples })

function requestBody(endpoint: Endpoint, components: Components): Json {
  if (endpoint.raw)
    return {
      requestBody: {
        required: true,
        description: 'As the provider sends it, in any content type. The signature covers its bytes.',
        content: { 'application/json': { schema: {}, ...shown(examples(endpoint, 'body')) } },
      },
    }
  if (!endpoint.body) return {}
  const content = { schema: components.write(endpoint.body), ...shown(examples(endpoint, 'body')) }
  return {
    requestBody: {
      required: endpoint.body['required'] !== undefined,
      content: { 'application/json': content },
    },
  }
}

function responses(endpoint: Endpoint, components: Components): Record<string, Json> {
  const errors = Object.groupBy(errorsOf(endpoint), (code) => ERRORS[code].status)
  const statuses = [...new Set([...Object.keys(endpoint.responses), ...Object.keys(errors)])]
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      response(endpoint, Number(status), errors[Number(status)] ?? [], components),
    ]),
  )
}

/** The responses of one status: the endpoint's own, one of some errors, or either. */
function response(
  endpoint: Endpoint,
  status: number,
  codes: readonly ApiErrorCode[],
  components: Components,
): Json {
  const documented = endpoint.responses[status]
  const own = documented && components.write(documented.schema)
  // Responses with a code of their own have the fields of an error, too.
  const errors = documented && 'code' in Object(documented.schema['properties']) ? [] : codes
  const schema = errors.length === 0 ? own : own ? { anyOf: [own, error(components)] } : error(components)
  const content = { schema, ...shown({ ...examples(endpoint, status), ...errorReferences(errors) }) }
  return {
    description: [documented?.description, refused(errors)].filter(Boolean).join(' '),
    headers: headers(endpoint, status, codes),
    content: {
      [documented?.type ?? 'application/json']: content,
      ...(documented?.text !== undefined && { [documented.text]: { schema: { type: 'string' } } }),
    },
  }
}

const error = (components: Components) => components.write(ErrorResponse)

function refused(codes: readonly ApiErrorCode[]): string {
  const names = codes.map((code) => `\`${code}\``)
  return names.length === 0 ? '' : `An error with the code ${list(names)}.`
}

/** `a`; `a or b`; `a, b or c`. */
function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function headers(endpoint: Endpoint, status: number, codes: readonly ApiErrorCode[]): Json {
  const repeatable = codes.some((code) => ERRORS[code].retryAfterS !== undefined)
  const replayable = endpoint.keyed && status !== 201 && endpoint.responses[status] !== undefined
  const names = [
    'X-Request-Id',
    ...(replayable ? ['Idempotent-Replayed'] : []),
    ...(repeatable ? ['Retry-After'] : []),
    ...(endpoint.permission === null ? [] : ['RateLimit-Policy', 'RateLimit']),
  ]
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

function errorReferences(codes: readonly ApiErrorCode[]): Json {
  return Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]))
}

/** An example of every code that a response refers to. */
function errorExamples(operations: readonly Operation[]): Json {
  const text = JSON.stringify(operations)
  const used = Object.entries(ERRORS).filter(([code]) => text.includes(`"#/components/examples/${code}"`))
  return Object.fromEntries(
    used.map(([code, { meaning }]) => [
      code,
      {
        summary: meaning,
        value: { error: meaning, code, request_id: 'req_01kasw5v8g000ne3r5yx2tb4qd' },
      },
    ]),
  )
}

/** Names of responses that several errors share, by status. */
const RESPONSE_NAMES: Readonly<Record<string, string>> = {
  400: 'BadRequest',
  409: 'Conflict',
  422: 'UnprocessableContent',
  503: 'Unavailable',
}

/** Replaces each error response that several operations have by a reference, and returns those responses. */
function shareResponses(operations: readonly Operation[]): Json {
  const uses = Map.groupBy(
    operations.flatMap(({ responses }) =>
      Object.entries(responses).map(([status, response]) => ({ responses, status, response })),
    ),
    ({ status, response }) => status + JSON.stringify(response),
  )
  const shared: Record<string, Json> = {}
  for (const same of [...uses.values()].sort((a, b) => b.length - a.length)) {
    const [{ status, response } = same[0] as never] = same
    const codes = Object.keys(errorExamplesOf(response))
    if (same.length < 2 || codes.length === 0) continue
    const name = responseName(status, codes, shared)
    shared[name] = response
    for (const { responses } of same) responses[status] = { $ref: `#/components/responses/${name}` }
  }
  return shared
}

/** The examples of a response that only has errors. */
function errorExamplesOf(response: Json): object {
  const content = (response['content'] as { 'application/json'?: Json })['application/json']
  const isError = (content?.['schema'] as Json | undefined)?.['$ref'] === '#/components/schemas/Error'
  return isError ? (content?.['examples'] as object) : {}
}

/** Its only code; or its status, with as many of its last codes as more frequent responses make necessary. */
function responseName(status: string, codes: readonly string[], taken: object): string {
  const [only, ...others] = codes as [string, ...string[]]
  if (others.length === 0) return pascal(only)
  let name: string = RESPONSE_NAMES[status] ?? `Status${status}`
  for (const code of codes.toReversed()) {
    if (!(name in taken)) return name
    name += `Or${pascal(code)}`
  }
  if (name in taken) throw new Error(`Two responses have the name ${name}.`)
  return name
}
