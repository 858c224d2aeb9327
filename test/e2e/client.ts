/** A client of a running server that checks every answer against the OpenAPI document. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Alarm as AlarmSchema } from '../../src/api/minipay/alarm-schemas.ts'
import type * as attempts from '../../src/api/minipay/attempt-schemas.ts'
import type * as events from '../../src/api/minipay/event-schemas.ts'
import type * as ledger from '../../src/api/minipay/ledger-schemas.ts'
import type * as schemas from '../../src/api/minipay/schemas.ts'
import { openApiDocument } from '../../src/api/openapi/document.ts'
import type * as operations from '../../src/api/operations-schemas.ts'
import type { ErrorCode } from '../../src/domain/error.ts'
import { STATUS } from '../../src/http/errors.ts'
import type { Static } from '../../src/http/schema.ts'
import { type Answer, call } from '../harness.ts'

export type Charge = Static<typeof schemas.Charge>
export type Refund = Static<typeof schemas.Refund>
export type Attempt = Static<typeof attempts.Attempt>
export type Alarm = AlarmSchema
export type Dispute = Static<typeof attempts.Dispute>
export type ErrorAnswer = Static<typeof schemas.ErrorResponse>
export type DeclineAnswer = Static<typeof schemas.DeclineResponse>
export type Balance = Static<typeof ledger.Balance>
export type MetricsAnswer = Static<typeof operations.MetricsResponse>
export type LedgerAccount = Static<typeof ledger.LedgerAccount>
export type LedgerEntry = Static<typeof ledger.LedgerEntry>
export type Delivery = Static<typeof events.Delivery>
/** Every event tells of a charge; that of a refund adds the refund, that of a dispute the dispute, that of an alarm the alarm. */
export type Event = Omit<Static<typeof events.Event>, 'data'> & {
  readonly data: Charge & { readonly refund?: Refund; readonly dispute?: Dispute; readonly alarm?: Alarm }
}
export type Page<T> = { readonly data: T[]; readonly has_more: boolean }

export type Client = {
  readonly url: string
  get<T>(path: string, headers?: Record<string, string>): Promise<Answer<T>>
  /** A string is sent as it is, anything else as JSON. */
  post<T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>
  put<T>(path: string, body?: unknown): Promise<Answer<T>>
  request<T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>
  /** A charge of 2500 usd unless `fields` say otherwise; fails when it is not answered 201. */
  charge(fields?: object, key?: string): Promise<Charge>
  /** Fails when it is not answered 200. */
  refund(transactionId: string, fields?: object, key?: string): Promise<Refund>
  /** Fails when it is not answered 200; so does a cancel. */
  capture(id: string, fields?: object, key?: string): Promise<Charge>
  cancel(id: string, key?: string): Promise<Charge>
  /** A charge's story. */
  attempts(id: string): Promise<Attempt[]>
}

/** A client of the server at that URL, such as http://127.0.0.1:54321. */
export function client(url: string): Client {
  async function checked<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const answer = await call<T>(url, method, path, body, headers)
    assertDocumented(method, path, answer)
    return answer
  }
  async function done<T>(path: string, status: number, body: object, key?: string): Promise<T> {
    const answer = await checked<T>('POST', path, body, key === undefined ? {} : { 'idempotency-key': key })
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    return answer.body
  }
  return {
    url,
    get: (path, headers) => checked('GET', path, undefined, headers),
    post: (path, body, headers) => checked('POST', path, body, headers),
    put: (path, body) => checked('PUT', path, body),
    request: checked,
    charge: (fields = {}, key) =>
      done('/api/v1/charges', 201, { amount: 2500, currency: 'usd', customer: 'cus_42', ...fields }, key),
    refund: (id, fields = {}, key) => done('/api/v1/refunds', 200, { transaction_id: id, ...fields }, key),
    capture: (id, fields = {}, key) => done(`/api/v1/charges/${id}/capture`, 200, fields, key),
    cancel: (id, key) => done(`/api/v1/charges/${id}/cancel`, 200, {}, key),
    async attempts(id) {
      const { status, body } = await checked<Page<Attempt>>('GET', `/api/v1/charges/${id}/attempts`)
      assert.equal(status, 200, JSON.stringify(body))
      return body.data
    },
  }
}

/**
 * Fails when a JSON answer has a status, an error code, a field or a value that the OpenAPI document lacks, or a header
 * of meaning to clients. Answers of paths that it lacks, and of methods that a path does not have, must be errors.
 */
export function assertDocumented(method: string, path: string, answer: Answer<unknown>): void {
  if (!answer.headers.get('content-type')?.startsWith('application/json')) return
  const where = `${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`
  const { code, request_id } = Object(answer.body) as ErrorAnswer
  if (code !== undefined) {
    assert.equal(answer.status, STATUS[code as ErrorCode], where)
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
  // A path without parameters goes before one that it fits, too.
  const [, methods] = found.find(([url]) => url === bare) ?? found[0] ?? []
  return methods?.[method.toLowerCase()]
}

function responseOf({ responses }: Operation, status: number): Response | undefined {
  const response = responses[status]
  if (!response || !('$ref' in response)) return response
  return document.components.responses[response.$ref.replace('#/components/responses/', '')]
}

/** Fails when the body of a webhook, sent with such an event type, is not as its documentation says. */
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

/** References into the document, from wherever they are. */
function absolute(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', `"$ref":"${HERE}#/`))
}

/** The schema without leave for fields that it does not name, unless it says that any may come. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.fromEntries(Object.entries(schema).map(([keyword, part]) => [keyword, closed(part)]))
  return 'properties' in parts && parts['type'] === 'object'
    ? { additionalProperties: false, ...parts }
    : parts
}

/** Every object of a list, page by page. */
export async function all<T extends { id: string }>(
  { get }: Pick<Client, 'get'>,
  path: string,
  cursor: (item: T) => string = (item) => item.id,
): Promise<T[]> {
  const found: T[] = []
  for (;;) {
    const last = found.at(-1)
    const separator = path.includes('?') ? '&' : '?'
    const { body } = await get<Page<T>>(
      `${path}${separator}limit=100${last ? `&starting_after=${cursor(last)}` : ''}`,
    )
    found.push(...body.data)
    if (!body.has_more) return found
  }
}

/** Every event after a sequence, oldest first. */
export async function eventsAfter({ get }: Pick<Client, 'get'>, after = 0): Promise<Event[]> {
  const found: Event[] = []
  for (;;) {
    const from = found.at(-1)?.sequence ?? after
    const { body } = await get<Page<Event>>(`/api/v1/events?limit=100&after=${from}`)
    found.push(...body.data)
    if (!body.has_more) return found
  }
}

/** What a server has stored, as its lists and counters tell it: to compare before and after a refused request. */
export async function stored({ get }: Pick<Client, 'get'>): Promise<object> {
  const [metrics, balance, accounts, entries, events] = await Promise.all([
    get<MetricsAnswer>('/metrics'),
    get<Balance>('/api/v1/balance'),
    get<Page<LedgerAccount>>('/api/v1/ledger/accounts'),
    get<Page<LedgerEntry>>('/api/v1/ledger/entries?limit=1'),
    eventsAfter({ get }),
  ])
  const { total_charges, total_refunds } = metrics.body
  return {
    total_charges,
    total_refunds,
    balance: balance.body,
    accounts: accounts.body.data,
    last_entry: entries.body.data[0] ?? null,
    last_event: events.at(-1) ?? null,
  }
}

/** Asks again until the answer satisfies the condition; gives up with the last answer after half a minute. */
export async function until<T>(ask: () => Promise<T>, condition: (answer: T) => boolean): Promise<T> {
  for (const giveUpAt = Date.now() + 30_000; ; ) {
    const answer = await ask()
    if (condition(answer)) return answer
    assert.ok(Date.now() < giveUpAt, `still waiting; the last answer was ${JSON.stringify(answer)}`)
    await setTimeout(20)
  }
}
