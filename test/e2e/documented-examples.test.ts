/** Every example of the OpenAPI document is sent to a server, which must answer as the document says. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { withoutReferences } from '../../src/api/docs/references.ts'
import type { Alarm, Attempt, Charge, Client, Delivery, Dispute, Page } from '../kit/client.ts'
import { client, until } from '../kit/client.ts'
import { assertDocumentedWebhook, comparable } from '../kit/documented.ts'
import { tempDir } from '../kit/folders.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, serve, startServer } from '../kit/server.ts'
import { signIn } from '../kit/sessions.ts'
import { ENDPOINTS_PATH, makeEndpoint, untilFailed } from '../kit/webhook-endpoints.ts'
import { sendNotification, startWorld, type World } from '../kit/world.ts'

type Examples = Readonly<Record<string, { readonly value: unknown }>>
type Content = { readonly content?: { readonly 'application/json'?: { readonly examples?: Examples } } }
type Operation = {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly examples?: Examples }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}
type Found = { readonly method: string; readonly path: string; readonly operation: Operation }

const dir = tempDir()
/** With the sandbox in process, and a receiver that refuses webhooks. */
let shop: RunningServer
let api: Client
let receiver: Receiver
/** Answers of the receiver that a test has put off. */
let held: ServerResponse[] | undefined
/** With two providers over the network. */
let world: World
let events: Receiver
const webhooks = new Map<string, unknown>()
const operations = new Map<string, Found>()
/** Examples that no test has sent yet. */
const unsent = new Set<string>()

before(async () => {
  receiver = await startReceiver((_webhook, response) => {
    response.statusCode = 400
    if (held) held.push(response)
    else response.end()
  })
  shop = await startServer(`${dir.path}/minipay.db`, { WEBHOOK_TARGET: receiver.url })
  api = client(shop.url)
  events = await startReceiver()
  world = await startWorld({
    ...{ banks: ['bank_a'], providers: { bank_b: { bank: 'bank_a' } } },
    // So long that a call of a busy machine is answered, and one that hangs is soon given up.
    deadlineMs: 2_000,
    env: { MINIPAY_PROVIDER_WAIT_MS: '5000', WEBHOOK_TARGET: events.url },
  })
  await world.notify()
  const document = await (await fetch(`${shop.url}/openapi.json`)).json()
  const { paths, webhooks: hooks } = withoutReferences(document) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
    readonly webhooks: Readonly<Record<string, { readonly post: Operation }>>
  }
  for (const [type, { post }] of Object.entries(hooks))
    webhooks.set(type, post.requestBody?.content?.['application/json']?.examples?.['original']?.value)
  for (const [path, methods] of Object.entries(paths))
    for (const [method, operation] of Object.entries(methods)) {
      const id = operation.operationId
      operations.set(id, { method: method.toUpperCase(), path, operation })
      for (const [status, response] of Object.entries(operation.responses))
        for (const name of Object.keys(answersOf(response))) unsent.add(`${id} ${status} ${name}`)
    }
})
after(async () => {
  for (const response of held ?? []) response.end()
  await receiver?.close()
  await shop?.stop()
  await world?.close()
  await events?.close()
  dir.remove()
})

/** Examples of answers; those of plain errors are named after their code. */
function answersOf({ content }: Content): Examples {
  const examples = Object.entries(content?.['application/json']?.examples ?? {})
  return Object.fromEntries(
    examples.filter(([name, { value }]) => (value as { code?: string }).code !== name),
  )
}

type Target = {
  readonly at?: Client
  readonly id?: string
  readonly key?: string
  readonly body?: object
  /** Of a list. */
  readonly query?: string
}
let keys = 0

const operationOf = (id: string): Found => operations.get(id) ?? assert.fail(`there is no operation ${id}`)

/** The body of an example's request. One that has none answers the first example's. */
function bodyOf(id: string, name: string): object | undefined {
  const examples = operationOf(id).operation.requestBody?.content?.['application/json']?.examples ?? {}
  return (examples[name] ?? Object.values(examples)[0])?.value as object | undefined
}

/** A key such as the document shows for the operation, new for each request. */
function keyOf(id: string): string | undefined {
  const parameter = operationOf(id).operation.parameters?.find(({ name }) => name === 'Idempotency-Key')
  const shown = parameter?.examples?.[id]?.value
  return parameter && `${shown}-${++keys}`
}

/** Sends an example's request with the id and the fields of this server, and compares the answer. */
async function send<T = Charge>(id: string, status: number, name: string, target: Target = {}): Promise<T> {
  const { method, path, operation } = operationOf(id)
  const body = bodyOf(id, name)
  const { at = api, key = keyOf(id) } = target
  const answer = await at.request<T>(
    method,
    path.replace(/\{\w+\}/, target.id ?? '') + (target.query ?? ''),
    body && { ...body, ...target.body },
    key === undefined ? {} : { 'idempotency-key': key },
  )
  const examples = answersOf(operation.responses[status] ?? {})
  const example = examples[name] ?? assert.fail(`${id} has no example ${name} of ${status}`)
  unsent.delete(`${id} ${status} ${name}`)
  assert.equal(answer.status, status, `${id} ${name}: ${JSON.stringify(answer.body)}`)
  assert.deepEqual(comparable(answer.body), comparable(example.value), `${id} ${name}`)
  return answer.body
}

/** A charge as an example asks for it, at the bank. */
const made = async (name: 'charge' | 'hold', fields = {}) => {
  const headers = { 'idempotency-key': keyOf('createCharge') ?? '' }
  const body = { ...bodyOf('createCharge', name), ...fields }
  return (await world.api.post<Charge>('/api/v1/charges', body, headers)).body
}

test('a charge, and all that can be read of it, is as in the examples', async () => {
  const key = keyOf('createCharge') as string
  const { id } = await send('createCharge', 201, 'charge', { key })
  await send('createCharge', 200, 'repeated', { key })
  for (const [operation, name] of Object.entries({
    listCharges: 'page',
    retrieveCharge: 'charge',
    retrieveBalance: 'balance',
    listLedgerAccounts: 'page',
    listLedgerDays: 'page',
    listLedgerEntries: 'page',
    retrieveTrialBalance: 'balanced',
    listEvents: 'page',
    listProviders: 'page',
    pauseProvider: 'paused',
    resumeProvider: 'resumed',
    retrieveMe: 'me',
    retrieveSystem: 'system',
    checkHealth: 'alive',
    checkReadiness: 'ready',
  }))
    await send(operation, 200, name, { id: operation.endsWith('Provider') ? 'sandbox' : id })
  await send('searchObjects', 200, 'found', { query: `?q=${id}` })
  await send('retrieveStatistics', 200, 'statistics', { query: '?by=currency,status' })
  const [event] = (await api.get<Page<{ id: string }>>('/api/v1/events?limit=1')).body.data
  await send('retrieveEvent', 200, 'event', { id: event?.id ?? '' })
})

test('a webhook that failed is as in the examples', async () => {
  const failed = () =>
    until(
      async () => (await api.get<Page<Delivery>>('/api/v1/webhook_deliveries')).body.data[0],
      (delivery) => delivery?.status === 'failed',
    )
  const delivery = await failed()
  await send('listWebhookDeliveries', 200, 'page')
  await send('listWebhookFailures', 200, 'failures')
  await send('retrieveWebhookDelivery', 200, 'delivery', { id: delivery?.id ?? '' })
  await send('retrieveMetrics', 200, 'counters')
  held = []
  await send('retryWebhookDelivery', 200, 'retried', { id: delivery?.id ?? '' })
  await until(async () => held?.length, Boolean)
  for (const response of held) response.end()
  held = undefined
  await failed()
  await send('retryWebhookDeliveries', 200, 'retried')
})

test('authorizations, a decline and a refund are as in the examples', async () => {
  const captured = await send('createCharge', 201, 'hold')
  await send('captureCharge', 200, 'part', { id: captured.id })
  const canceled = await send('createCharge', 201, 'hold')
  await send('cancelCharge', 200, 'canceled', { id: canceled.id })
  await send('createCharge', 402, 'declined')
  const { id } = await send('createCharge', 201, 'charge')
  const body = { transaction_id: id }
  const refund = await send<{ refund_id: string }>('createRefund', 200, 'refund', { body })
  await send('retrieveRefund', 200, 'refund', { id: refund.refund_id })
  await send('listRefunds', 200, 'page')
})

test('calls to a provider whose outcome is unknown, a decline, or nothing are as in the examples', async () => {
  const [bank, at] = [world.bank('bank_a'), world.api]
  const { id } = await made('charge')
  await send('retrieveAttention', 200, 'quiet', { at })
  await send('listChargeAttempts', 200, 'page', { at, id })
  const attempts = await send<Page<Attempt>>('listAttempts', 200, 'page', { at })
  await send('retrieveAttempt', 200, 'attempt', { at, id: attempts.data[0]?.id as string })
  await bank.faults({ late_ms: 600_000 })
  await bank.arm('authorize', 'late')
  const late = await send('createCharge', 202, 'processing', { at })
  const [waiting] = await until(
    () => world.api.attempts(late.id),
    ([one]) => one?.status === 'pending',
  )
  // The next lookup of MiniPay's own is later than that of this test.
  const path = `/api/v1/attempts/${waiting?.id}/lookup`
  await until(
    () => at.post(path, {}),
    ({ status }) => status === 200,
  )
  await send('lookUpAttempt', 200, 'pending', { at, id: waiting?.id as string })
  for (const [fault, status, name] of [
    ['late', 202, 'processing'],
    ['decline', 402, 'declined'],
  ] as const) {
    for (const what of ['capture', 'cancel', 'refund'] as const) await bank.arm(what, fault)
    await send('captureCharge', status, name, { at, id: (await made('hold')).id })
    await send('cancelCharge', status, name, { at, id: (await made('hold')).id })
    await send('createRefund', status, name, { at, body: { transaction_id: (await made('charge')).id } })
  }
  const [first, second, paid] = [await made('hold'), await made('hold'), await made('charge')]
  await bank.kill()
  // A call on a connection that just broke may have been received: its outcome would be unknown.
  await until(
    () => made('charge'),
    (answer) => 'code' in answer,
  )
  await send('createCharge', 502, 'not_taken', { at })
  await send('captureCharge', 502, 'not_taken', { at, id: first.id })
  await send('cancelCharge', 502, 'not_taken', { at, id: second.id })
  await send('createRefund', 502, 'not_taken', { at, body: { transaction_id: paid.id } })
  await world.bank('bank_a').start()
  await world.notify()
  await world.bank('bank_a').control('POST', '/finish')
  await until(
    () => at.get<Page<Charge>>('/api/v1/charges?status=processing'),
    ({ body }) => body.data.length === 0,
  )
})

test('alarms and disputes are as in the examples', async () => {
  const at = world.api
  await made('charge', { payment_method: 'tok_wrong_amount' })
  // The provider's lookup soon says the right amount.
  await until(
    () => at.get<Page<Alarm>>('/api/v1/alarms'),
    ({ body }) => body.data[0]?.in_doubt === false,
  )
  const alarms = await send<Page<Alarm>>('listAlarms', 200, 'page', { at })
  const id = alarms.data[0]?.id ?? ''
  await send('retrieveAlarm', 200, 'alarm', { at, id })
  await send('closeAlarm', 200, 'closed', { at, id })
  await send('listAuditEntries', 200, 'page', { at, query: '?action=alarm.closed' })

  const { provider_reference: payment } = await made('charge')
  await world.bank('bank_a').control('POST', '/disputes', { payment })
  await until(
    () => at.get<Page<Dispute>>('/api/v1/disputes'),
    ({ body }) => body.data.length > 0,
  )
  const disputes = await send<Page<Dispute>>('listDisputes', 200, 'page', { at })
  await send('retrieveDispute', 200, 'dispute', { at, id: disputes.data[0]?.id as string })
})

test('an attempt whose outcome stays unknown, and a notification of it, are as in the examples', async () => {
  const bank = world.bank('bank_a')
  await bank.arm('authorize', 'hang')
  await bank.arm('lookup', 'hang', 1_000)
  const { id } = await made('charge')
  const [attempt] = await until(
    () => world.api.attempts(id),
    ([one]) => one?.status === 'unknown',
  )
  const about = attempt?.id ?? ''
  const body = { id: '', about: '', ...bodyOf('receiveProviderNotification', 'http'), reference: about }
  const notified = await sendNotification(world, 'bank_a', body)
  assert.deepEqual([notified.status, notified.body], [200, { status: 'stored' }])
  unsent.delete('receiveProviderNotification 200 http')
  // While a lookup is on its way it is refused; said again it changes nothing.
  await until(
    () => world.api.post(`/api/v1/attempts/${about}/resolve`, bodyOf('resolveAttempt', 'resolved')),
    ({ status }) => status === 200,
  )
  await send('resolveAttempt', 200, 'resolved', { at: world.api, id: about })
})

test('API keys and accounts are as in the examples', async (t) => {
  const file = `${dir.path}/keys.db`
  const { secret } = await inDatabase(file, ({ key }) => key({ mode: 'live' }))
  const { url } = await serve(t, file)
  const admin = client(url, bearer(secret))
  const at: Client = {
    ...admin,
    request: (method, path, ...rest) => admin.request(method, `${path}?mode=test`, ...rest),
  }
  const { id } = await send<{ id: string }>('createApiKey', 201, 'created', { at: admin })
  await send('listApiKeys', 200, 'page', { at })
  await send('retrieveApiKey', 200, 'key', { at: admin, id })
  const renamed = await send<{ name: string }>('updateApiKey', 200, 'renamed', { at: admin, id })
  await admin.request('PATCH', `/api/v1/keys/${id}`, { name: 'Support desk' })
  assert.notEqual(renamed.name, 'Support desk')
  const rolled = await send<{ id: string }>('rollApiKey', 200, 'rolled', { at: admin, id })
  await send('revokeApiKey', 200, 'revoked', { at: admin, id: rolled.id })
  await signIn(url, secret)
  const { data } = await send<{ data: { id: string }[] }>('listDashboardSessions', 200, 'page', { at: admin })
  await send('deleteDashboardSession', 200, 'ended', { at: admin, id: data[0]?.id ?? '' })
  for (let i = 0; i < 2; i++) await signIn(url, secret)
  await send('endOtherDashboardSessions', 200, 'ended', { at: admin })

  const account = await send<{ id: string }>('createAccount', 201, 'created', { at: admin })
  await send('retrieveAccount', 200, 'account', { at: admin, id: account.id })
  await send('updateAccount', 200, 'renamed', { at: admin, id: account.id })
  await admin.request('PATCH', `/api/v1/accounts/${account.id}`, { name: 'Shop in Lisbon' })
  await send('listAccounts', 200, 'page', { at: admin })
  await send('closeAccount', 200, 'closed', { at: admin, id: account.id })
})

test('webhook endpoints and their replays are as in the examples', async (t) => {
  const at = client((await serve(t, `${dir.path}/endpoints.db`)).url)
  const create = async () => (await send<{ id: string }>('createWebhookEndpoint', 201, 'created', { at })).id
  const first = await create()
  await send('listWebhookEndpoints', 200, 'page', { at })
  await send('retrieveWebhookEndpoint', 200, 'endpoint', { at, id: first })
  await send('updateWebhookEndpoint', 200, 'updated', { at, id: first })
  const second = await create()
  await send('disableWebhookEndpoint', 200, 'disabled', { at, id: second })
  await send('enableWebhookEndpoint', 200, 'enabled', { at, id: second })
  await send('rotateWebhookSecret', 200, 'rotated', { at, id: await create() })
  for (const id of [first, second]) await send('deleteWebhookEndpoint', 200, 'deleted', { at, id })

  // It refuses the payment's event, which the replay then has to send.
  const heard = await startReceiver(({ body }, response) =>
    response.writeHead(body.includes('payment.') ? 500 : 200).end('ok'),
  )
  t.after(heard.close)
  const { id } = await makeEndpoint(at, { url: heard.url, retry_delays_seconds: [] })
  await send('testWebhookEndpoint', 200, 'tested', { at, id })
  await at.charge()
  await untilFailed(at, id, 1)
  // A replay to it does not end.
  await at.post(`${ENDPOINTS_PATH}/${id}/disable`)
  const key = keyOf('createWebhookReplay') ?? ''
  const replay = await send<{ id: string }>('createWebhookReplay', 201, 'started', { at, id, key })
  await send('createWebhookReplay', 200, 'repeated', { at, id, key })
  await send('listWebhookReplays', 200, 'page', { at, id })
  await send('retrieveWebhookReplay', 200, 'replay', { at, id: replay.id })
  await send('cancelWebhookReplay', 200, 'canceled', { at, id: replay.id })
})

test('routing rules are as in the examples', async () => {
  const at = world.api
  await send('replaceRoutingRules', 200, 'replaced', { at })
  await send('retrieveRoutingRules', 200, 'stored', { at })
  await send('listRoutingVersions', 200, 'page', { at })
  await send('retrieveRoutingVersion', 200, 'version', { at, id: '1' })
  await send('simulateRouting', 200, 'charge', { at })
  await send('resetRoutingRules', 200, 'reset', { at })
})

test('webhooks have the bodies and headers of the document', async () => {
  const same = (type: string, body: object) =>
    isDeepStrictEqual(comparable({ ...body, sequence: 1 }), comparable(webhooks.get(type)))
  const received = () =>
    [...events.received, ...receiver.received].map(({ body, headers }) => ({
      headers,
      body: JSON.parse(body) as { readonly type: string },
    }))
  // What the bank decided in these tests, and the shop's sandbox; the others have examples of the same schemas.
  for (const type of [
    ...['payment.succeeded', 'payment.failed', 'payment.refunded', 'payment.authorized', 'payment.canceled'],
    ...['payment.capture_failed', 'payment.cancel_failed', 'refund.failed'],
    ...['dispute.opened', 'alarm.opened', 'alarm.closed'],
  ])
    await until(
      async () => received().filter(({ body }) => body.type === type),
      (found) => found.some(({ body }) => same(type, body)),
    )
  for (const { body, headers } of received()) {
    assert.equal(headers['x-webhook-event'], body.type)
    assert.match(String(headers['x-webhook-delivery']), /^dlv_/)
    assertDocumentedWebhook(body.type, body)
  }
})

test('no example of the document is left unsent', () => assert.deepEqual([...unsent], []))
