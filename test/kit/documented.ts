/** Checks responses and webhooks against the OpenAPI document. */
import assert from 'node:assert/strict'
import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { type ApiErrorCode, ERRORS } from '../../src/api/errors.ts'
import { openApiDocument } from '../../src/api/openapi/document.ts'
import type { ErrorAnswer } from './client.ts'
import type { Answer } from './http.ts'
/**
 * Fails if a JSON response has a status, an error code, a field or a value that the OpenAPI document lacks, or lacks a
 * header that clients need. Responses of undocumented paths and methods must be errors.
 */
export function assertDocumented(method: string, path: string, answer: Answer<unknown>): void {
  if (!answer.headers.get('content-type')?.startsWith('application/json')) return
  const where = `${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`
  const { code, request_id } = Object(answer.body) as ErrorAnswer
  if (code !== undefined) {
    assert.equal(answer.status, ERRORS[code as ApiErrorCode].status, where)
    assert.equal(answer.headers.get('x-request-id'), request_id, where)
  }
  const operation = operationOf(method, path)
  if (!operation || code === 'method_not_allowed') {
    assertSchema({ $ref: '#/components/schemas/Error' }, answer.body, where)
    return
  }
  const response = responseOf(operation, answer.status)
  assert.ok(response, `${where}, a status that its documentation lacks`)
  const { schema, examples = {} } = response.content['application/json'] ?? {}
  assertSchema(schema ?? false, answer.body, where)
  if ('error' in Object(answer.body) && JSON.stringify(schema).includes('/schemas/Error"'))
    assert.ok(code in examples, `${where}, a code that its documentation lacks`)
  for (const header of Object.keys(document.components.headers))
    if (answer.headers.has(header))
      assert.ok(header in response.headers, `${where}, whose documentation lacks ${header}`)
}

type JsonSchema = object | boolean
type Response = {
  readonly headers: object
  readonly content: Readonly<Record<string, { readonly schema: object; readonly examples?: object }>>
}
type Operation = { readonly responses: Readonly<Record<string, Response | { readonly $ref: string }>> }

const document = JSON.parse(openApiDocument('0.0.0')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly webhooks: Readonly<
    Record<string, { readonly post: { readonly requestBody: Pick<Response, 'content'> } }>
  >
  readonly components: {
    readonly schemas: object
    readonly headers: object
    readonly responses: Readonly<Record<string, Response>>
  }
}

function operationOf(method: string, path: string): Operation | undefined {
  const bare = (path.split('?')[0] as string).replace(/(?<=.)\/$/, '')
  const fits = (url: string) => new RegExp(`^${url.replace(/\{\w+\}/g, '[^/]+')}$`).test(bare)
  const found = Object.entries(document.paths).filter(([url]) => fits(url))
  // A path without parameters takes precedence over one with parameters.
  const [, methods] = found.find(([url]) => url === bare) ?? found[0] ?? []
  return methods?.[method.toLowerCase()]
}

function responseOf({ responses }: Operation, status: number): Response | undefined {
  const response = responses[status]
  if (!response || !('$ref' in response)) return response
  return document.components.responses[response.$ref.replace('#/components/responses/', '')]
}

/** Fails if the body of a webhook with this event type does not match its documentation. */
export function assertDocumentedWebhook(type: string, body: unknown): void {
  const hook = document.webhooks[type]
  assert.ok(hook, `the webhook ${type} is not documented`)
  const { schema } = hook.post.requestBody.content['application/json'] ?? {}
  assertSchema(schema ?? false, body, `the webhook ${JSON.stringify(body)}`)
}

const ajv = new Ajv2020({
  allErrors: true,
  formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ },
})
ajv.addVocabulary(['components'])
const HERE = 'openapi:'
ajv.addSchema(absolute({ $id: HERE, components: { schemas: closed(document.components.schemas) } }))
const validators = new Map<string, ValidateFunction>()

function assertSchema(schema: JsonSchema, body: unknown, where: string): void {
  const text = JSON.stringify(schema)
  let valid = validators.get(text)
  if (!valid) {
    valid = ajv.compile(absolute(closed(schema)))
    validators.set(text, valid)
  }
  assert.ok(valid(body), `${where}, which is not what is documented: ${ajv.errorsText(valid.errors)}`)
}

/** References into the document, from any place. */
function absolute(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', `"$ref":"${HERE}#/`))
}

/** The schema without permission for unnamed fields, unless it allows any field. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.fromEntries(Object.entries(schema).map(([keyword, part]) => [keyword, closed(part)]))
  return 'properties' in parts && parts['type'] === 'object'
    ? { additionalProperties: false, ...parts }
    : parts
}

/** Without what no request determines: ids, times, durations, and what the test put behind the keys. */
export function comparable(value: unknown): unknown {
  const text = JSON.stringify(value)
    .replace(
      /(?<![a-z])(txn|re|evt|dlv|att|dp|alm|aud|key|acct|req|ep|pay|we|rpl|ses)_[0-9a-z]{16,26}/g,
      '$1',
    )
    .replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"a time"')
    .replace(/"\d{4}-\d\d-\d\d(["/])/g, '"a day$1')
    .replace(/"hash":"[\w-]{43}"/, '"hash":"a hash"')
    .replace(/whsec_[\w+/=]+/g, 'whsec')
    .replace(/(mp_test_)(\w{39}|…\w{4})/g, '$1')
    .replace(/"(duration_ms|lookups)":\d+/g, '"$1":0')
    .replace(/"(uptime_seconds|(?:\w+_)?bytes)":(?:\d+|null)/g, '"$1":0')
    .replace(/"(version|node_version|platform|engine)":"[^"]*"/g, '"$1":""')
    .replace(/"address":"[\d.]+","browser":(null|"[^"]*")/g, '"browser":null')
    .replace(/"nodes":\[.*?\]/g, '"nodes":null')
    .replace(/"settings":\{.*?\}/g, '"settings":{}')
    .replace(/"lookup: [a-z ]+; /g, '"lookup: ')
    .replace(/"(order|capture|cancel|refund|alarm)-1234-\d+"/g, '"$1-1234"')
  return JSON.parse(text)
}
