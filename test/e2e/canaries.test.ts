/**
 * Canaries: secrets that clients, operators and providers send through every endpoint, whole and malformed, at the most
 * talkative log level. Then everything that MiniPay has written is searched for them.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { isPostgres, rowsOf } from '../kit/backstage.ts'
import { client } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { basic, bearer, inDatabase } from '../kit/keys.ts'
import { OPERATIONS, type Operation } from '../kit/operations.ts'
import { placesOf } from '../kit/places.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { onEngine, type RunningServer, runCli, serve } from '../kit/server.ts'
import { newSecret } from '../kit/simulator.ts'
import { bareConnection } from '../kit/sockets.ts'
import { databaseFiles } from '../kit/sqlite-file.ts'
import { startStandIn } from '../kit/stand-in.ts'
import { until } from '../kit/until.ts'

const CARDS = ['4242424242424242', '5555-5555-5555-4444', '3782 822463 10005']
/** What nothing that MiniPay writes may contain. */
const secrets = new Map<string, string>([
  ...CARDS.map((card): [string, string] => [`the card ${card}`, card]),
  ['a wrong key', 'mp_live_0000000000000000000000000000000001OOYj8'],
  ['another Authorization header', 'canary-authorization-8f3a'],
  ['the password of HTTP Basic', 'canary-password-8f3a'],
  ['a cookie', 'canary-cookie-8f3a'],
  ['a proxy authorization', 'canary-proxy-8f3a'],
  ['a header of no meaning', 'canary-header-8f3a'],
  ['a header of a webhook endpoint', 'canary-endpoint-header-8f3a'],
  ['the key of stored secrets', randomBytes(32).toString('base64')],
])
/** What the database may store, by design, but no log and no metric. */
const stored = new Map<string, string>([
  ['an idempotency key', 'canary-idempotency-8f3a'],
  ['a text of a request', 'canary-text-8f3a'],
])

/** The text as it is, and as it may be hidden in other texts. */
const forms = (text: string) => [
  text,
  encodeURIComponent(text),
  Buffer.from(text).toString('base64').slice(0, -4),
  Buffer.from(text).toString('hex'),
]

/** The names of the canaries that the text contains. */
function found(canaries: ReadonlyMap<string, string>, text: string): string[] {
  return [...canaries].flatMap(([name, canary]) =>
    forms(canary).some((form) => text.includes(form)) ? [name] : [],
  )
}

async function started(t: TestContext) {
  const folder = folderOf(t)
  const file = join(folder, 'a.db')
  const bank = await startStandIn()
  atEnd(t, bank.close)
  const receiver = await startReceiver((_webhook, response) => {
    response.statusCode = 500
    response.end(`no: ${CARDS[0]}`)
  })
  atEnd(t, receiver.close)
  const webhookSecret = newSecret()
  secrets.set('the secret of webhooks', webhookSecret).set('the secret of a provider', bank.at.secret)
  const [admin, weak] = await inDatabase(file, async ({ key }) => [
    await key({ name: 'admin' }),
    await key({ name: 'weak', permissions: ['reports:read'] }),
  ])
  secrets.set('the administrator', admin?.secret ?? '').set('the weak key', weak?.secret ?? '')
  const providers = join(folder, 'providers.json')
  writeFileSync(providers, JSON.stringify({ bank: bank.at, sandbox: { kind: 'sandbox' } }))
  const server = await serve(t, file, {
    MINIPAY_LOG_LEVEL: 'debug',
    MINIPAY_ACCESS_LOG: 'info',
    MINIPAY_PROVIDERS: providers,
    MINIPAY_WEBHOOK_SECRET: webhookSecret,
    MINIPAY_SECRETS_KEY: secret('the key of stored secrets'),
    MINIPAY_TRUSTED_PROXIES: '127.0.0.1',
    MINIPAY_LOCAL_TARGETS: 'always',
    WEBHOOK_TARGET: receiver.url,
  })
  return { folder, bank, receiver, server, admin: admin?.secret ?? '', weak: weak?.secret ?? '' }
}

const text = (name: string) => stored.get(name) as string
const secret = (name: string) => secrets.get(name) as string

let requests = 0
/** Headers full of canaries, from a client that no request had before: otherwise wrong keys would soon get 429. */
function noise(authorization: Record<string, string>): Record<string, string> {
  requests++
  return {
    cookie: `session=${secret('a cookie')}`,
    'proxy-authorization': `Basic ${secret('a proxy authorization')}`,
    'x-canary': secret('a header of no meaning'),
    'x-request-id': secret('a wrong key'),
    'x-forwarded-for': `198.51.${requests >> 8}.${requests & 255}`,
    'idempotency-key': `${text('an idempotency key')}-${requests}`,
    ...authorization,
  }
}

const urlOf = ({ path }: Operation) => path.replace(/\{\w+\}/g, text('a text of a request'))

/** Bodies that each fail in another place: before, within and after the parser. */
function malformed(card: string): string[] {
  const note = `${text('a text of a request')} ${card}`
  return [
    ...[
      '',
      '{',
      `{"${note}":`,
      `"${note}"`,
      `{"description":"${note}`,
      `{"amount":${card.replaceAll(/\D/g, '')}}`,
    ],
    ...[
      `{"description":"${note}"}`,
      `{"${note}":1}`,
      `{"customer":"${note}","amount":1e2}`,
      `\ufeff{"a":"${note}"}`,
    ],
    ...[
      `{"a":"${note}\\u0000"}`,
      `{"a":"${note}\\ud800"}`,
      `{"__proto__":"${note}"}`,
      `[${`"${note}",`.repeat(3)}1]`,
    ],
    `{"metadata":{"note":"${note}","x":"${'y'.repeat(300_000)}"}}`,
  ]
}

async function malformedRequests(
  { url }: RunningServer,
  operation: Operation,
  keys: readonly Record<string, string>[],
) {
  const { method } = operation
  for (const [i, body] of malformed(CARDS[requests % CARDS.length] as string).entries()) {
    const headers = {
      'content-type': i % 5 === 4 ? 'text/plain' : 'application/json',
      ...noise(keys[i % keys.length] ?? {}),
    }
    const bodiless = method === 'GET'
    const query =
      i % 3 === 0
        ? `?${text('a text of a request')}=${secret('another Authorization header')}&q=${CARDS[0]}`
        : ''
    await call(url, method, urlOf(operation) + query, bodiless ? undefined : body, headers).catch(() => {})
  }
  for (const other of ['PATCH', 'OPTIONS', 'DELETE'])
    await call(url, other, urlOf(operation), undefined, noise(keys[1] ?? {}))
}

/** Requests that end within HTTP itself, or in the middle. */
async function brokenRequests({ url }: RunningServer, admin: string): Promise<void> {
  const body = JSON.stringify({ amount: 100, currency: 'usd', customer: text('a text of a request') })
  const head = (...lines: string[]) =>
    [
      ...['POST /api/v1/charges HTTP/1.1', 'Host: localhost', 'Content-Type: application/json'],
      ...[`Authorization: Bearer ${admin}`, `Cookie: ${secret('a cookie')}`, ...lines, '', ''],
    ].join('\r\n')
  const length = `Content-Length: ${body.length}`
  for (const bytes of [
    ...[head(length, `Authorization: Bearer ${admin}`) + body, head(length, `X-A: ${admin}\0`) + body],
    ...[
      head(length, `X-A: ${admin.repeat(500)}`) + body,
      `${head('Transfer-Encoding: chunked')}zz\r\n${body}`,
    ],
    ...[
      `${admin} / HTTP/1.1\r\n\r\n`,
      `GET /${admin} HTTP/9\r\n\r\n`,
      `GET /%ff${admin} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    ],
    ...[head(length, `Expect: ${admin}`) + body, head(length, `Upgrade: ${admin}`) + body],
  ]) {
    const { socket, closed } = await bareConnection(url)
    socket.end(bytes)
    await closed
  }
  const { socket } = await bareConnection(url)
  socket.write(head(length) + body.slice(0, 20))
  socket.destroy()
}

/** What the provider says: declines, faults and garbage with canaries inside. */
async function chattyProvider(
  bank: Awaited<ReturnType<typeof startStandIn>>,
  api: ReturnType<typeof client>,
) {
  const chatter = `card ${CARDS[0]}, key ${bank.at.secret}`
  const order = { amount: 100, currency: 'usd', customer: text('a text of a request') }
  for (const answer of [
    { status: 200, body: { status: 'declined', code: 'do_not_honor', message: chatter } },
    { status: 400, body: { error: chatter } },
    { status: 401, body: chatter },
    { status: 500, body: chatter },
    { status: 200, body: `{"status": "succeeded", "${chatter}` },
    { status: 200, body: { status: chatter, reference: chatter } },
  ]) {
    bank.next('authorize', { answer })
    await api.request('POST', '/api/v1/charges', order, noise({}))
  }
}

/** An endpoint with a secret header and two secrets, which signs a request to the receiver. */
async function signedEndpoint(api: ReturnType<typeof client>, { url, received }: Receiver): Promise<void> {
  type Made = { readonly id: string; readonly secret: string }
  const headers = { 'X-Token': secret('a header of a webhook endpoint') }
  const made = await api.post<Made>('/api/v1/webhook_endpoints', { url, headers })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const path = `/api/v1/webhook_endpoints/${made.body.id}`
  const rotated = await api.post<Made>(`${path}/rotate_secret`, {})
  assert.equal((await api.post(`${path}/test`, {})).status, 200)
  const sent = received.find(({ headers }) => headers['x-token'] === secret('a header of a webhook endpoint'))
  for (const [name, { secret }] of [
    ['the secret of an endpoint', made.body],
    ['its next secret', rotated.body],
  ] as const) {
    secrets.set(name, secret)
    new Webhook(secret).verify(sent?.body ?? '', sent?.headers as Record<string, string>)
  }
}

/** The database in words: each row of each table, and for a file its bytes and those of its log. */
async function contentOf(database: string): Promise<string> {
  if (!isPostgres(database))
    return databaseFiles(database)
      .map((end) => readFileSync(database + end, 'latin1'))
      .join('\n')
  const tables = await rowsOf(
    database,
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  )
  const rows = await Promise.all(tables.map(({ name }) => rowsOf(database, `SELECT t::text FROM ${name} t`)))
  return JSON.stringify(rows)
}

test('no secret gets into the log, the metrics, the database, its log or a backup', async (t) => {
  const { folder, bank, receiver, server, admin, weak } = await started(t)
  const api = client(server.url, bearer(admin))
  const wrong = secret('a wrong key')
  const keys = [
    bearer(admin),
    ...[basic(admin, secret('the password of HTTP Basic')), bearer(weak), bearer(wrong), basic(wrong)],
    { authorization: `Token ${secret('another Authorization header')}` },
  ]
  // Whole requests: each text of each operation is a card once, and an ordinary text once.
  const samples = {
    provider: 'bank',
    amount: 100,
    currency: 'usd',
    customer: 'cus_1',
    role: 'read_only',
    name: 'n',
  }
  for (const operation of OPERATIONS) {
    for (const place of placesOf(operation, samples))
      for (const value of [CARDS[1] as string, text('a text of a request')]) {
        const { path = {}, query = {}, body } = place.put(value)
        const url = operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(path[name])))
        const search = new URLSearchParams(Object.entries(query).map(([name, part]) => [name, String(part)]))
        const { body: made } = await call(
          server.url,
          operation.method,
          `${url}?${search}`,
          body,
          noise(bearer(admin)),
        )
        if (typeof made['secret'] === 'string')
          secrets.set(`a secret that ${operation.id} returned`, made['secret'])
      }
    await malformedRequests(server, operation, keys)
  }
  for (const path of ['/', '/docs', '/nothing', `/${CARDS[0]}`])
    await call(server.url, 'GET', path, undefined, noise(keys[3] ?? {}))
  await brokenRequests(server, admin)
  await chattyProvider(bank, api)
  const key = await api.post<{ id: string; secret: string }>('/api/v1/keys', { name: 'new', role: 'support' })
  const rolled = await api.post<{ secret: string }>(`/api/v1/keys/${key.body.id}/roll`, {})
  secrets.set('a new key', key.body.secret).set('its successor', rolled.body.secret)
  assert.match(rolled.body.secret, /^mp_test_/)
  await signedEndpoint(api, receiver)

  const metrics = await call<string>(server.url, 'GET', '/metrics', undefined, {
    ...bearer(admin),
    accept: 'text/plain',
  })
  assert.equal(metrics.status, 200)
  const backup = join(folder, 'backup.db')
  const place = await onEngine(server.database)
  const isFile = !isPostgres(place)
  if (isFile) assert.equal((await runCli(['backup', backup, '--database', place])).code, 0)
  const database = await contentOf(place)
  await until('the last request is logged', () => server.output().includes('/api/v1/keys/:id/roll'))
  await server.stop()
  const everywhere = new Map([...secrets, ...stored])
  assert.deepEqual(found(everywhere, server.output()), [], 'in the log')
  assert.deepEqual(found(everywhere, metrics.body), [], 'in the metrics')
  assert.deepEqual(found(secrets, database), [], 'in the database or its write-ahead log')
  assert.deepEqual(found(secrets, await contentOf(place)), [], 'in the database after the stop')
  if (isFile) assert.deepEqual(found(secrets, readFileSync(backup, 'latin1')), [], 'in the backup')
  // The search finds what is there.
  assert.deepEqual(found(stored, database), [...stored.keys()])
  assert.match(server.output(), /"level":"debug"/)
  assert.match(server.output(), /"provider":"bank"/)
  assert.ok(requests > 500, String(requests))
})
