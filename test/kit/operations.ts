/** The operations of the OpenAPI document, and requests to them that a test makes from their schemas. */
import { withoutReferences } from '../../src/api/docs/references.ts'
import { openApiDocument } from '../../src/api/openapi/document.ts'
import type { Client } from './client.ts'
import type { Answer } from './http.ts'
import { PATIENCE_MS } from './until.ts'

/** A schema of the document, with its references resolved. */
export type JsonSchema = {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: false | JsonSchema
  readonly propertyNames?: { readonly pattern: string }
  readonly items?: JsonSchema
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxProperties?: number
}
type Parameter = { readonly name: string; readonly in: string; readonly schema: JsonSchema }
type Described = {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly content: { readonly 'application/json': { readonly schema: JsonSchema } }
  }
}

export type Operation = {
  readonly id: string
  readonly method: string
  /** With `{id}` for a variable part. */
  readonly path: string
  /** One schema for the parameters of each place: an object with a property for each parameter. */
  readonly parts: {
    readonly path: JsonSchema
    readonly query: JsonSchema
    readonly headers: JsonSchema
    readonly body: JsonSchema | undefined
  }
}

/** What a request to an operation consists of. Without `body` it has none. */
export type Parts = {
  readonly path?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

const { paths } = withoutReferences(JSON.parse(openApiDocument('0.0.0'))) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
}

/** Every operation of the document, in its order. */
export const OPERATIONS: readonly Operation[] = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId: id, parameters = [], requestBody }]) => ({
    ...{ id, method: method.toUpperCase(), path },
    parts: {
      path: { ...placed(parameters, 'path'), required: namesIn(parameters, 'path') },
      query: placed(parameters, 'query'),
      headers: placed(parameters, 'header'),
      body: requestBody?.content['application/json'].schema,
    },
  })),
)

function namesIn(parameters: readonly Parameter[], place: string): string[] {
  return parameters.filter((one) => one.in === place).map(({ name }) => name)
}

function placed(parameters: readonly Parameter[], place: string): JsonSchema {
  const own = parameters.filter((one) => one.in === place)
  const properties = Object.fromEntries(own.map(({ name, schema }) => [name, schema]))
  return { type: 'object', properties, additionalProperties: false }
}

/**
 * Sends a request to an operation. The client checks the response against the document. Rejects when the response takes
 * longer than three minutes.
 */
export async function send<T>(api: Client, operation: Operation, parts: Parts): Promise<Answer<T>> {
  const { path = {}, query = {}, headers = {}, body } = parts
  const url = operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(path[name])))
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))
  const sent = Object.fromEntries(
    // `fetch` sends no others.
    Object.entries(headers).map(([name, value]) => [name, String(value).replace(/[^\x20-\x7e]/g, '?')]),
  )
  const address = search.size > 0 ? `${url}?${search}` : url
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${operation.method} ${address} hangs.`)), PATIENCE_MS)
  try {
    return await Promise.race([api.request<T>(operation.method, address, body, sent), late])
  } finally {
    clearTimeout(timer)
  }
}
