/** A newcomer's whole way with webhooks: register, verify, lose the receiver, watch, replay, and follow the events. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Stripe } from 'stripe'
import type { DeliveryView } from '../../src/api/minipay/delivery-schemas.ts'
import type { WebhookTestView } from '../../src/api/minipay/webhook-endpoint-schemas.ts'
import type { WebhookReplayView } from '../../src/api/minipay/webhook-replay-schemas.ts'
import { type Client, client, type Event, eventsAfter, until } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import type { Answer } from '../kit/http.ts'
import { type ReceivedWebhook, type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'
import {
  DELIVERIES_PATH,
  deliveriesNow,
  deliveryNow,
  ENDPOINTS_PATH,
  type EndpointAnswer,
  endedReplay,
  endpointNow,
  makeEndpoint,
} from '../kit/webhook-endpoints.ts'

let dir: TempDir
let receiver: Receiver
let server: RunningServer
let api: Client
/** The status of every response. */
let status = 200

before(async () => {
  dir = tempDir()
  receiver = await startReceiver((_webhook, response) => response.writeHead(status).end(`status ${status}`))
  server = await startServer(join(dir.path, 'minipay.db'))
  api = client(server.url)
})
after(async () => {
  await receiver?.close()
  await server?.stop()
  dir?.remove()
})

const typesOf = (webhooks: readonly ReceivedWebhook[]) =>
  webhooks.map(({ headers }) => headers['x-webhook-event'])
const eventOf = ({ body }: ReceivedWebhook) => JSON.parse(body) as Event
/** The received webhooks of an event. */
const receivedOf = (event: string) =>
  receiver.received.filter(({ headers }) => headers['webhook-id'] === event)

test('a newcomer registers an endpoint, verifies, loses the receiver, replays, and follows every event', async () => {
  const followed: Event[] = []
  const follow = async () => {
    followed.push(...(await eventsAfter(api, followed.at(-1)?.sequence ?? 0)))
  }

  // Registers, and verifies with a stock library.
  const endpoint = await makeEndpoint(api, { url: receiver.url, retry_delays_seconds: [0, 1] })
  const paid = await api.charge()
  await receiver.waitFor(1)
  const [first] = receiver.received as [ReceivedWebhook]
  const verify = ({ body, headers }: ReceivedWebhook) =>
    new Webhook(endpoint.secret).verify(body, headers as Record<string, string>)
  const event = verify(first) as Event
  assert.deepEqual([event.type, event.data.id], ['payment.succeeded', paid.id])
  await follow()
  assert.deepEqual(event, followed[0], 'the body is the event as the API shows it')

  // Takes the receiver down, and watches the retries.
  status = 503
  const lost = await api.charge()
  const [pending] = await until(
    () => deliveriesNow(api, `&endpoint=${endpoint.id}&event_type=payment.succeeded`),
    ([newest]) => newest?.transaction_id === lost.id,
  )
  assert.ok(pending)
  await follow()
  const failed = await until(
    () => deliveryNow(api, pending.id),
    (delivery) => delivery.status === 'failed',
  )
  assert.deepEqual(
    failed.attempts_made.map(({ reason, status, response }) => [reason, status, response]),
    [
      ['event', 503, 'status 503'],
      ['retry', 503, 'status 503'],
      ['retry', 503, 'status 503'],
    ],
  )
  assert.ok(
    failed.attempts_made.every(({ error, duration_ms }) => /503/.test(error ?? '') && duration_ms >= 0),
  )
  assert.deepEqual([failed.attempts, failed.next_attempt_at, failed.last_status], [3, null, 503])
  const down = await endpointNow(api, endpoint.id)
  assert.deepEqual([down.failed, down.pending, down.status], [1, 0, 'enabled'])
  assert.ok(down.failing_since !== null && down.failing_since >= (failed.attempts_made[0]?.started_at ?? ''))

  // A second event opens the circuit breaker: these are failures four to six in a row.
  await api.charge()
  await until(
    () => endpointNow(api, endpoint.id),
    ({ failed, pending }) => failed === 2 && pending === 0,
  )

  // Repairs it, and replays the dead letter, which need not wait for the next probe.
  status = 200
  const started = await api.post<WebhookReplayView>(`${ENDPOINTS_PATH}/${endpoint.id}/replays`, {
    kind: 'failed',
    since: failed.created_at,
  })
  assert.equal(started.status, 201, JSON.stringify(started.body))
  const replay = await endedReplay(api, started.body.id)
  assert.deepEqual([replay.status, replay.sent, replay.delivered], ['done', 2, 2])
  const delivered = await deliveryNow(api, failed.id)
  assert.deepEqual([delivered.status, delivered.attempts_made.at(-1)?.reason], ['delivered', 'replay'])
  const up = await endpointNow(api, endpoint.id)
  assert.deepEqual([up.failed, up.pending, up.backlog, up.failing_since], [0, 0, 0, null])
  assert.equal(receivedOf(failed.event_id).length, 4)

  // Followed the events through all of it.
  await api.refund(paid.id)
  await receiver.waitForRequests(10)
  await follow()
  assert.deepEqual(
    followed.map(({ sequence }) => sequence),
    [1, 2, 3, 4],
  )
  assert.deepEqual(
    new Set(receiver.received.map((webhook) => (verify(webhook) as Event).id)),
    new Set(followed.map(({ id }) => id)),
  )
  await api.request('DELETE', `${ENDPOINTS_PATH}/${endpoint.id}`)
})

test('one delivery is sent again as often as somebody wants, in any state', async () => {
  const endpoint = await makeEndpoint(api, { url: receiver.url })
  await api.charge()
  const [delivery] = await until(
    () => deliveriesNow(api, `&endpoint=${endpoint.id}`),
    ([newest]) => newest?.status === 'delivered',
  )
  assert.ok(delivery)
  for (let times = 2; times <= 4; times++) {
    const put: Answer<DeliveryView> = await api.post(`${DELIVERIES_PATH}/${delivery.id}/retry`)
    assert.deepEqual([put.status, put.body.status, put.body.attempts], [200, 'pending', 0])
    await until(
      () => deliveryNow(api, delivery.id),
      (now) => now.status === 'delivered' && now.attempts_made.length === times,
    )
  }
  const { attempts_made } = await deliveryNow(api, delivery.id)
  assert.deepEqual(
    attempts_made.map(({ reason }) => reason),
    ['event', 'manual', 'manual', 'manual'],
  )
  // An endpoint that was deleted a moment ago may get the event, too.
  const all = receivedOf(delivery.event_id).filter(
    ({ headers }) => headers['x-webhook-delivery'] === delivery.id,
  )
  assert.equal(all.length, 4)
  await api.request('DELETE', `${ENDPOINTS_PATH}/${endpoint.id}`)
  const gone = await api.post(`${DELIVERIES_PATH}/${delivery.id}/retry`)
  assert.equal(gone.status, 404)
})

test('a disabled endpoint gets nothing, and once it is enabled everything since', async (t) => {
  const own = await startReceiver()
  t.after(() => own.close())
  const endpoint = await makeEndpoint(api, { url: own.url, events: ['payment.*'] })
  await api.post(`${ENDPOINTS_PATH}/${endpoint.id}/disable`, {})
  for (let i = 0; i < 3; i++) await api.charge()
  assert.equal((await endpointNow(api, endpoint.id)).backlog, 3)
  assert.equal(own.received.length, 0)
  await api.post(`${ENDPOINTS_PATH}/${endpoint.id}/enable`, {})
  await own.waitFor(3)
  await api.request('DELETE', `${ENDPOINTS_PATH}/${endpoint.id}`)
})

test('the past is replayed to an endpoint, by type and range, while it gets new events', async () => {
  const old = await eventsAfter(api)
  const endpoint = await makeEndpoint(api, { url: receiver.url, events: ['payment.*'] })
  const last = old.at(-1)?.sequence ?? 0
  const before = receiver.received.length
  const { body } = await api.post<WebhookReplayView>(`${ENDPOINTS_PATH}/${endpoint.id}/replays`, {
    kind: 'past',
    event_types: ['payment.succeeded'],
    after_sequence: 1,
    to_sequence: last,
  })
  assert.deepEqual(
    [body.after_sequence, body.to_sequence, body.event_types],
    [1, last, ['payment.succeeded']],
  )
  const wanted = old.filter(({ type, sequence }) => type === 'payment.succeeded' && sequence > 1)
  const replay = await endedReplay(api, body.id)
  assert.deepEqual(
    [replay.status, replay.sent, replay.delivered, replay.position],
    ['done', wanted.length, wanted.length, last],
  )
  const came = receiver.received.slice(before)
  assert.deepEqual(
    came.map((webhook) => eventOf(webhook).sequence).toSorted((a, b) => a - b),
    wanted.map(({ sequence }) => sequence),
  )
  assert.equal((await api.post(`/api/v1/webhook_replays/${body.id}/cancel`, {})).status, 409)
  const { body: list } = await api.get<{ data: WebhookReplayView[] }>(
    `${ENDPOINTS_PATH}/${endpoint.id}/replays`,
  )
  assert.deepEqual(list.data, [replay])
  await api.request('DELETE', `${ENDPOINTS_PATH}/${endpoint.id}`)
})

test('a test event is signed, is no event of a payment, and its response is shown; nothing is stored', async () => {
  for (const format of ['minipay', 'original', 'stripe'] as const) {
    const endpoint = await makeEndpoint(api, { url: receiver.url, format, headers: { 'x-shop': 'lisbon' } })
    await api.post(`${ENDPOINTS_PATH}/${endpoint.id}/disable`, {})
    const path = `${ENDPOINTS_PATH}/${endpoint.id}/test`
    const before = receiver.received.length
    const events = (await eventsAfter(api)).length
    const { body } = await api.post<WebhookTestView>(path)
    assert.deepEqual(
      [body.delivered, body.status, body.error, body.response],
      [true, 200, null, 'status 200'],
    )
    const [webhook, ...more] = receiver.received.slice(before) as [ReceivedWebhook]
    assert.equal(more.length, 0)
    new Webhook(endpoint.secret).verify(webhook.body, webhook.headers as Record<string, string>)
    if (format === 'stripe')
      new Stripe('sk_test_unused').webhooks.constructEvent(
        ...([webhook.body, webhook.headers['stripe-signature'] ?? '', endpoint.secret] as const),
      )
    assert.deepEqual(typesOf([webhook]), ['webhook_endpoint.test'])
    assert.equal(JSON.parse(webhook.body).type, 'webhook_endpoint.test')
    assert.equal(webhook.headers['x-shop'], 'lisbon')
    status = 500
    const failed = (await api.post<WebhookTestView>(path)).body
    status = 200
    assert.deepEqual([failed.delivered, failed.status, failed.response], [false, 500, 'status 500'])
    assert.match(failed.error ?? '', /500/)
    assert.equal((await eventsAfter(api)).length, events)
    assert.deepEqual(await deliveriesNow(api, `&endpoint=${endpoint.id}`), [])
    await api.request('DELETE', `${ENDPOINTS_PATH}/${endpoint.id}`)
  }
})

test('a test of an endpoint that does not respond says why', async () => {
  const endpoint = await makeEndpoint(api, { url: 'http://127.0.0.1:1/webhook' })
  const { body } = await api.post<WebhookTestView>(`${ENDPOINTS_PATH}/${endpoint.id}/test`)
  assert.deepEqual([body.delivered, body.status, body.response], [false, null, null])
  assert.ok((body.error ?? '').length > 5, String(body.error))
  await api.request('DELETE', `${ENDPOINTS_PATH}/${endpoint.id}`)
})

test('while a secret is rotated, a receiver with either secret accepts every webhook', async () => {
  const endpoint = await makeEndpoint(api, { url: receiver.url })
  const rotated = await api.post<EndpointAnswer>(`${ENDPOINTS_PATH}/${endpoint.id}/rotate_secret`)
  const before = receiver.received.length
  await api.charge()
  await receiver.waitForRequests(before + 1)
  const webhook = receiver.received[before] as ReceivedWebhook
  for (const secret of [endpoint.secret, rotated.body.secret])
    new Webhook(secret).verify(webhook.body, webhook.headers as Record<string, string>)
  await api.post(`${ENDPOINTS_PATH}/${endpoint.id}/rotate_secret`, { overlap_seconds: 0 })
  await api.charge()
  await receiver.waitForRequests(before + 2)
  const later = receiver.received[before + 1] as ReceivedWebhook
  assert.throws(() =>
    new Webhook(rotated.body.secret).verify(later.body, later.headers as Record<string, string>),
  )
  await api.request('DELETE', `${ENDPOINTS_PATH}/${endpoint.id}`)
})

test('the command line registers, tests, watches, retries and replays', async () => {
  const run = (...words: string[]) => runCli(['webhooks', ...words, '--server', server.url])
  const made = await run(
    'endpoints',
    'create',
    receiver.url,
    'events=payment.*',
    'retry_delays_seconds=',
    'header.x-shop=lisbon',
  )
  assert.equal(made.code, 0, made.stderr)
  assert.match(made.stdout, /^whsec_\S+\n$/)
  const id = /we_\w{26}/.exec(made.stderr)?.[0] ?? ''
  const tested = await run('endpoints', 'test', id)
  assert.deepEqual([tested.code, tested.stdout.split(' after ')[0]], [0, 'Delivered'])
  status = 500
  assert.equal((await run('endpoints', 'test', id)).code, 1)
  await api.charge()
  await until(
    () => endpointNow(api, id),
    ({ failed }) => failed === 1,
  )
  assert.match((await run('endpoints')).stdout, new RegExp(`${id} +enabled +0 +0 +1 .*payment\\.\\*`))
  const dead = await run()
  const delivery = /dlv_\w{26}/.exec(dead.stdout)?.[0] ?? ''
  assert.match((await run('show', delivery)).stdout, /failed[\s\S]*event, \d+ ms: .*500\n {4}status 500/)
  status = 200
  const words = [
    'replay',
    id,
    'failed',
    'last_error=the receiver responded with 500',
    'idempotency_key=repair-1',
  ]
  const replayed = await run(...words)
  assert.match(replayed.stdout, /^rpl_\w+ done: at event \d+ of \d+, 1 of 1 sent, 1 delivered\n$/)
  const replay = /rpl_\w{26}/.exec(replayed.stdout)?.[0] ?? ''
  assert.match(
    replayed.stderr,
    new RegExp(`^${replay} sends 1 of events 1 to \\d+ again\\.\\n.*replay follow ${replay}\\n`),
  )
  assert.equal((await run(...words)).stdout, replayed.stdout, 'the same replay')
  assert.equal((await run('replay', 'follow', replay)).stdout, replayed.stdout)
  assert.match(
    (await run('replay', 'list', id)).stdout,
    new RegExp(`^${replay} done: .*, started 2\\d{3}-.*Z\\n$`),
  )
  assert.equal((await run('replay', 'cancel', replay)).code, 1, 'it has ended')
  assert.match(
    (await run('replay', id, 'past', 'since=1h')).stdout,
    /, ([1-9]\d*) of \1 sent, \1 delivered\n$/,
  )
  assert.match((await run('retry', 'created_gte=1h', 'dry_run')).stdout, /^0 webhooks would be sent again/)
  for (const wrong of [
    [],
    ['list'],
    ['follow', replay, 'more'],
    ['explode', id],
    [id, 'failed', 'colour=red'],
    [id, 'past'],
  ])
    assert.equal((await run('replay', ...wrong)).code, 2, wrong.join(' '))
  assert.match((await run('retry', delivery)).stdout, /will be sent again/)
  assert.match(
    (await run('endpoints', 'update', id, 'rate_limit=5', 'description=The shop')).stdout,
    /enabled/,
  )
  assert.match((await run('endpoints', 'disable', id)).stdout, /disabled \(request\)/)
  assert.match((await run('endpoints', 'enable', id)).stdout, /enabled/)
  assert.match((await run('endpoints', 'rotate', id, 'overlap_seconds=0')).stdout, /^whsec_/)
  for (const words of [['update', id], ['update', id, 'colour=red'], ['explode', id], ['create']]) {
    const wrong = await run('endpoints', ...words)
    assert.equal(wrong.code, 2, words.join(' '))
  }
  assert.equal((await run('endpoints', 'create', 'https://10.0.0.1/')).code, 1)
  assert.match((await run('endpoints', 'delete', id)).stdout, /is deleted/)
  assert.equal((await run('endpoints', 'test', id)).code, 1)
})
