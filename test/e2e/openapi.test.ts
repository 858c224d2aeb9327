/** The OpenAPI document as a server gives it, and the page that is made of it. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import { withoutReferences } from '../../src/api/docs/references.ts'
import { ENDPOINTS } from '../../src/api/endpoints.ts'
import { ERRORS } from '../../src/api/errors.ts'
import { errorsOf } from '../../src/api/openapi/document.ts'
import { EVENT_TYPES } from '../../src/domain/event.ts'
import { client } from '../kit/client.ts'
import { assertDocumented, assertDocumentedWebhook } from '../kit/documented.ts'
import { tempDir } from '../kit/folders.ts'
import { type Answer, call } from '../kit/http.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'

type Parameter = {
  readonly in: string
  readonly name: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: object
}
type Content = Record<string, { readonly schema: object; readonly examples?: Record<string, object> }>
type Operation = {
  readonly operationId: string
  readonly summary: string
  readonly tags: string[]
  readonly security: object[]
  readonly parameters?: Parameter[]
  readonly requestBody?: { readonly required: boolean; readonly content: Content }
  readonly responses: Record<
    string,
    { readonly description: string; readonly headers: object; readonly content: Content }
  >
}
type OpenApi = {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly servers: { readonly url: string }[]
  readonly security: object[]
  readonly tags: { readonly name: string; readonly description: string }[]
  readonly paths: Record<string, Record<string, Operation>>
  readonly webhooks: Record<string, { readonly post: Operation }>
  readonly components: { readonly schemas: Record<string, Schema> }
}

const dir = tempDir()
let server: RunningServer
let text: string
/** As it is served, and with what its references name in their places. */
let written: OpenApi
let document: OpenApi

before(async () => {
  server = await startServer(`${dir.path}/minipay.db`)
  text = await (await fetch(`${server.url}/openapi.json`)).text()
  written = JSON.parse(text) as OpenApi
  document = withoutReferences(written)
})
after(async () => {
  await server?.stop()
  dir.remove()
})

const operationOf = ({ url, method }: (typeof ENDPOINTS)[number]) =>
  document.paths[url.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()] as Operation

type Schema = {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
}

/** The places in a schema that have no description. */
function* silentFields(schema: Schema, where: string): Iterable<string> {
  const parts = [schema, ...(schema.anyOf ?? [])]
  if (!parts.some(({ description = '' }) => description.length > 5)) yield where
  for (const { properties = {}, items } of parts) {
    for (const [name, field] of Object.entries(properties)) yield* silentFields(field, `${where}.${name}`)
    if (items?.properties)
      for (const [name, field] of Object.entries(items.properties))
        yield* silentFields(field, `${where}[].${name}`)
  }
}

/** As much as we use of the linter, which is loaded at run time. */
type Redocly = {
  createConfig(raw: { extends: string[] }): Promise<object>
  lintFromString(options: { source: string; config: object; absoluteRef: string }): Promise<Problem[]>
}
type Problem = {
  readonly ruleId: string
  readonly message: string
  readonly location: readonly { readonly pointer?: string }[]
}

async function problems(source: string): Promise<string[]> {
  const { createConfig, lintFromString } = createRequire(import.meta.url)('@redocly/openapi-core') as Redocly
  const config = await createConfig({ extends: ['recommended'] })
  const found = await lintFromString({ source, config, absoluteRef: 'openapi.json' })
  return found.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`)
}

describe('/openapi.json', () => {
  test("redocly's recommended rules find no error and no warning", async () => {
    assert.deepEqual(await problems(text), [])
    const { tags, ...rest } = written
    const worse = { ...rest, tags: tags.slice(1).map(({ name }) => ({ name })) }
    assert.ok(
      (await problems(JSON.stringify(worse))).some((problem) => problem.startsWith('tag-description')),
    )
  })

  test('the document is OpenAPI 3.1 of this version, and describes exactly the endpoints of the table', async () => {
    assert.match(document.openapi, /^3\.1\.\d+$/)
    assert.equal(document.info.title, 'MiniPay')
    assert.equal(`${document.info.version}\n`, (await runCli(['version'])).stdout)
    assert.equal(document.servers[0]?.url, '/')
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const served = ENDPOINTS.map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`)
    assert.deepEqual(described.toSorted(), served.toSorted())
  })

  test('every operation names its permission with each form of a key, and is open without one on loopback', () => {
    assert.deepEqual(document.security, [])
    for (const endpoint of ENDPOINTS) {
      const { permission } = endpoint
      const keyless = permission === 'accounts:write' ? [] : [{}]
      const scopes = permission === 'any' ? [] : [permission]
      const keyed = [{ ApiKey: scopes }, { ApiKeyAsUserName: scopes }, ...keyless]
      assert.deepEqual(operationOf(endpoint).security, permission === null ? [] : keyed, endpoint.url)
    }
    const open = ENDPOINTS.filter(({ permission }) => permission === null).map(({ url }) => url)
    assert.deepEqual(open, ['/providers/:name/notifications', '/health', '/ready'])
  })

  test('what only reads needs no write permission, and what changes something needs one', () => {
    for (const { method, url, permission } of ENDPOINTS) {
      if (permission === null) continue
      // Every key may end its own sessions, as a person may sign out.
      if (permission === 'any') assert.ok(method === 'GET' || url.startsWith('/api/v1/sessions'), url)
      if (permission === 'any') continue
      const reads = method === 'GET' || url.endsWith('/simulate')
      assert.match(permission, reads ? /:read$/ : /:write$/, `${method} ${url}`)
    }
  })

  test('every operation has an id of its own, a summary, a described tag and its path parameters', () => {
    const operations = ENDPOINTS.map(operationOf)
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, ENDPOINTS.length)
    for (const { name, description } of document.tags) assert.ok(description.length > 10, name)
    const tags = document.tags.map(({ name }) => name)
    for (const [i, operation] of operations.entries()) {
      const { url } = ENDPOINTS[i] as (typeof ENDPOINTS)[number]
      assert.match(
        operation.operationId,
        /^(create|list|retrieve|capture|cancel|retry|replace|reset|simulate|resolve|close|receive|check|update|roll|revoke|enable|disable|rotate|test|delete|stream|pause|resume|lookUp|search|end)[A-Z][A-Za-z]+$/,
      )
      assert.ok(operation.summary.length > 5, url)
      assert.ok(operation.tags.length === 1 && tags.includes(operation.tags[0] ?? ''), url)
      const declared = operation.parameters?.filter((p) => p.in === 'path' && p.required).map((p) => p.name)
      assert.deepEqual(
        declared ?? [],
        [...url.matchAll(/:(\w+)/g)].map(([, name]) => name),
        url,
      )
      for (const { name, schema, description } of operation.parameters ?? [])
        assert.ok(schema && (description?.length ?? 0) > 10, `${url} ${name}`)
    }
  })

  test('every operation describes each of its answers, errors and headers, with an example of each code', () => {
    for (const endpoint of ENDPOINTS) {
      const { responses } = operationOf(endpoint)
      const errors = errorsOf(endpoint)
      const statuses = new Set([
        ...Object.keys(endpoint.responses),
        ...errors.map((code) => String(ERRORS[code].status)),
      ])
      assert.deepEqual(Object.keys(responses).toSorted(), [...statuses].toSorted(), endpoint.url)
      for (const [status, { headers }] of Object.entries(responses)) {
        assert.ok('X-Request-Id' in headers, `${endpoint.url} ${status}`)
        const codes = errors.filter((code) => String(ERRORS[code].status) === status)
        const again = codes.some((code) => ERRORS[code].retryAfterS !== undefined)
        assert.equal('Retry-After' in headers, again, `${endpoint.url} ${status}`)
      }
      for (const code of errors) {
        const { description, content } = responses[ERRORS[code].status] as Operation['responses'][string]
        // These have fields of their own, and a schema that has no other code.
        if (code === 'provider_unavailable' && 502 in endpoint.responses) continue
        assert.ok(description.includes(`\`${code}\``), `${endpoint.url} ${code}`)
        const example = content['application/json']?.examples?.[code]
        assert.ok(JSON.stringify(example).includes(`"code":"${code}"`), `${endpoint.url} ${code}`)
      }
    }
  })

  test('every error code is one of some operation, save those of unknown paths and methods, and of the dashboard', () => {
    const answered = new Set(ENDPOINTS.flatMap((endpoint) => errorsOf(endpoint)))
    const own = [
      'card_declined',
      'provider_declined',
      'route_not_found',
      'method_not_allowed',
      'dashboard_origin_required',
    ]
    assert.deepEqual(Object.keys(ERRORS).toSorted(), [...answered, ...own].toSorted())
    assert.match(text, /`route_not_found`/)
    assert.match(text, /`method_not_allowed`/)
  })

  test('faults of every kind have a code that the operation documents', async () => {
    const { request } = client(server.url)
    const json = { 'content-type': 'application/json' }
    const card = '4242424242424242'
    const bodies: [string, Record<string, string>][] = [
      ['{"amount":', json],
      ['{"amount":1.5}', json],
      ['{"amount":1,"amount":2}', json],
      ['{"nothing":1}', json],
      [
        '{"currency":7,"limit":-1,"event_type":"x","reason":0,"document":0,"outcome":1,"transaction_id":{}}',
        json,
      ],
      ['[]', json],
      ['7', json],
      ['', json],
      [`{"customer":"${card}"}`, json],
      [`"${'x'.repeat(300_000)}"`, json],
      ['a=1', { 'content-type': 'text/plain' }],
      ['{}', { ...json, 'content-encoding': 'gzip' }],
      ['{}', { ...json, 'idempotency-key': 'ä'.repeat(3) }],
      ['{}', { ...json, 'idempotency-key': card }],
    ]
    const queries = [
      '?nothing=1',
      '?limit=0',
      '?limit=1&limit=2',
      `?customer=${card}`,
      '?currency=nil',
      '?after=x',
    ]
    queries.push(
      '?before=-1',
      '?starting_after=x',
      '?created_gt=x',
      '?status=x',
      '?version=x',
      '?type=%00',
      '?%zz',
    )
    const seen = new Set<string>()
    for (const { method, url, id } of ENDPOINTS) {
      const path = url.replace(/:\w+/, 'txn_00000000000000000000000000')
      const send = async (...what: [query: string, body?: string, headers?: Record<string, string>]) => {
        const [query, body, headers] = what
        const { status, body: answer } = await request<{ code?: string }>(method, path + query, body, headers)
        assert.ok(status < 500, `${id} ${JSON.stringify(what).slice(0, 200)}: ${status}`)
        seen.add(answer.code ?? '')
      }
      for (const query of queries) await send(query)
      if (method !== 'GET') for (const [body, headers] of bodies) await send('', body, headers)
    }
    for (const code of ['payload_too_large', 'unsupported_media_type', 'invalid_json', 'card_number_refused'])
      assert.ok(seen.has(code), code)
  })

  test('what takes a body or a key says so, with examples', () => {
    for (const endpoint of ENDPOINTS) {
      const { requestBody, parameters = [] } = operationOf(endpoint)
      assert.equal(
        requestBody !== undefined,
        endpoint.body !== undefined || endpoint.raw === true,
        endpoint.url,
      )
      const needed = endpoint.raw === true || endpoint.body?.['required'] !== undefined
      if (requestBody) assert.equal(requestBody.required, needed, endpoint.url)
      const key = parameters.find((p) => p.in === 'header' && p.name === 'Idempotency-Key')
      assert.equal(key !== undefined, endpoint.keyed !== undefined, endpoint.url)
      if (key) assert.notEqual(key.required, true)
    }
  })

  test('every response that an endpoint describes has an example, and so has every required body', () => {
    for (const endpoint of ENDPOINTS) {
      const { requestBody, responses } = operationOf(endpoint)
      if (requestBody?.required)
        assert.ok(
          Object.keys(requestBody.content['application/json']?.examples ?? {}).length > 0,
          endpoint.id,
        )
      // What keeps a process from being ready is no example to follow.
      for (const status of Object.keys(endpoint.responses).filter((one) => one !== '503')) {
        const [content] = Object.values(responses[status]?.content ?? {})
        const examples = content?.examples ?? {}
        assert.ok(Object.keys(examples).length > 0, `${endpoint.id} has no example of ${status}`)
      }
    }
  })

  test('objects are named once and referred to: clients are generated with one type each', () => {
    const { schemas } = written.components
    for (const name of [
      'Charge',
      'Refund',
      'Event',
      'Error',
      'Attempt',
      'Dispute',
      'Alarm',
      'WebhookDelivery',
    ])
      assert.ok(name in schemas, name)
    const outside = JSON.stringify([written.paths, written.webhooks])
    assert.doesNotMatch(outside, /"properties":/)
    for (const name of Object.keys(schemas))
      assert.ok(text.includes(`"#/components/schemas/${name}"`), `${name} is not used`)
  })

  test('every schema and every field says what it is', () => {
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      const silent = [...silentFields(schema, name)]
      assert.deepEqual(silent, [])
    }
  })

  test('every event type is a webhook with its headers and a body of its own type', () => {
    assert.deepEqual(Object.keys(document.webhooks), Object.keys(EVENT_TYPES))
    for (const [type, { post }] of Object.entries(document.webhooks)) {
      const headers = post.parameters?.map(({ name, required }) => `${name}${required ? '' : '?'}`)
      const signature = ['webhook-id?', 'webhook-timestamp?', 'webhook-signature?']
      assert.deepEqual(headers, ['X-Webhook-Event', 'X-Webhook-Delivery', ...signature])
      const { examples = {} } = post.requestBody?.content['application/json'] ?? {}
      for (const { value } of Object.values(examples) as { value: { type: string } }[]) {
        assert.equal(value.type, type)
        assertDocumentedWebhook(type, value)
      }
    }
  })

  test('the document holds no word of older OpenAPI versions', () => {
    assert.doesNotMatch(text, /"nullable":|"exclusiveMinimum":(true|false)|"swagger":/)
  })

  test('a field that the document lacks is found, also in an object within an answer', () => {
    const body = (data: object) => ({ data: [data], has_more: false })
    const account = { account: 'merchant', currency: 'usd', balance: -1 }
    const answer = (data: object): Answer<unknown> => ({
      status: 200,
      headers: new Headers({ 'content-type': 'application/json' }),
      body: body(data),
    })
    const check = (data: object) => assertDocumented('GET', '/api/v1/ledger/accounts', answer(data))
    check(account)
    assert.throws(() => check({ ...account, more: 1 }), /additional properties/)
    assert.throws(() => check({ ...account, balance: '-1' }), /must be integer/)
  })
})

describe('the start page', () => {
  test('/docs is a page of HTML that names every path and loads nothing', async () => {
    const { status, headers, body } = await call<string>(server.url, 'GET', '/docs')
    assert.equal(status, 200)
    assert.match(headers.get('content-type') ?? '', /^text\/html/)
    assert.match(body, /^<!doctype html>/i)
    for (const path of Object.keys(document.paths))
      assert.ok(body.replace(/<[^>]*>/g, '').includes(path), path)
    assert.doesNotMatch(body, /<script|(src|href)="(https?:)?\/\//)
  })

  test('/ redirects programs to it and people to the dashboard, and the response to HEAD has no body', async () => {
    for (const accept of ['*/*', 'text/html', 'application/json', 'image/png;q=0.1']) {
      const to = accept === 'text/html' ? '/dashboard/' : '/docs'
      const answer = await fetch(`${server.url}/?utm=1`, { redirect: 'manual', headers: { accept } })
      assert.deepEqual([answer.status, answer.headers.get('location')], [302, to], accept)
    }
    const followed = await fetch(server.url)
    assert.deepEqual([followed.status, followed.url], [200, `${server.url}/docs`])
    for (const [path, status] of [
      ['/', 302],
      ['/docs', 200],
      ['/openapi.json', 200],
    ] as const) {
      const head = await fetch(server.url + path, { method: 'HEAD', redirect: 'manual' })
      assert.deepEqual([head.status, await head.text()], [status, ''], path)
    }
  })

  test('pages take GET alone, and say so', async () => {
    for (const path of ['/', '/docs', '/openapi.json']) {
      const { status, headers } = await call(server.url, 'POST', path, {})
      assert.deepEqual([status, headers.get('allow')], [405, 'GET, HEAD, OPTIONS'], path)
    }
  })
})
