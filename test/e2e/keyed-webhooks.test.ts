/** Replays and retries of failed webhooks with an Idempotency-Key are carried out once, however often they are sent. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AuditEntryView } from '../../src/api/minipay/audit-schemas.ts'
import type { RetriedView } from '../../src/api/minipay/delivery-schemas.ts'
import type { WebhookReplayView } from '../../src/api/minipay/webhook-replay-schemas.ts'
import { assertSound } from '../kit/audit.ts'
import { type Client, client, type ErrorAnswer, type Page } from '../kit/client.ts'
import { atEnd, type TempDir, tempDir } from '../kit/folders.ts'
import type { Answer } from '../kit/http.ts'
import { startNode } from '../kit/nodes.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, startServer } from '../kit/server.ts'
import {
  DELIVERIES_PATH,
  ENDPOINTS_PATH,
  endedReplay,
  makeEndpoint,
  untilFailed,
} from '../kit/webhook-endpoints.ts'

let dir: TempDir
let server: RunningServer
let api: Client
let receiver: Receiver
let status = 500

before(async () => {
  dir = tempDir()
  server = await startServer(join(dir.path, 'minipay.db'), { MINIPAY_IDEMPOTENCY_WAIT_MS: '60000' })
  api = client(server.url)
  receiver = await startReceiver((_webhook, response) => void response.writeHead(status).end('so'))
})
after(async () => {
  await server?.stop()
  await receiver?.close()
  dir?.remove()
})

const RETRY = `${DELIVERIES_PATH}/retry`
const replaysOf = (endpoint: string) => `${ENDPOINTS_PATH}/${endpoint}/replays`
const replayed = ({ headers }: Answer<unknown>) => headers.get('idempotent-replayed')

function post<T>(path: string, key: string, body: unknown, at = api) {
  return at.post<T & ErrorAnswer>(path, body, { 'idempotency-key': key })
}

async function listed(endpoint: string, at = api) {
  const { body } = await at.get<Page<WebhookReplayView>>(`${replaysOf(endpoint)}?limit=100`)
  return body.data.map(({ id }) => id)
}

/** An endpoint with so many failed deliveries. */
async function endpointWith(failed: number, at = api): Promise<string> {
  const { id } = await makeEndpoint(at, { url: receiver.url, retry_delays_seconds: [] })
  status = 500
  for (let i = 0; i < failed; i++) await at.charge()
  await untilFailed(at, id, failed)
  return id
}

test('a replay is started once, and its key returns it as it was started', async () => {
  const endpoint = await endpointWith(2)
  status = 200
  const [path, key] = [replaysOf(endpoint), 'replay-once']
  const first = await post<WebhookReplayView>(path, key, { kind: 'failed', after_sequence: 0 })
  assert.deepEqual([first.status, replayed(first), first.body.total], [201, null, 2])
  const ended = await endedReplay(api, first.body.id)
  assert.deepEqual([ended.sent, ended.delivered], [2, 2])
  const again = await post<WebhookReplayView>(path, key, { after_sequence: 0, kind: 'failed' })
  assert.deepEqual([again.status, replayed(again), again.body], [200, 'true', first.body])
  assert.deepEqual(await listed(endpoint), [first.body.id])
  const { body: log } = await api.get<Page<AuditEntryView>>(`/api/v1/audit?object=${first.body.id}`)
  assert.equal(log.data.length, 1)

  await api.request('DELETE', `${ENDPOINTS_PATH}/${endpoint}`)
  const late = await post<WebhookReplayView>(path, key, { kind: 'failed', after_sequence: 0 })
  assert.deepEqual([late.status, late.body], [200, first.body], 'after its endpoint was deleted')
})

test('a key is of one request: another body, endpoint or route is refused, and does nothing', async () => {
  const [one, other] = [await endpointWith(1), await endpointWith(1)]
  const key = 'replay-of-one'
  assert.equal((await post(replaysOf(one), key, { kind: 'failed' })).status, 201)
  await api.charge({}, 'of-a-charge')
  const refused = [
    await post(replaysOf(one), key, { kind: 'past' }),
    await post(replaysOf(one), key, { kind: 'failed', to_sequence: 1 }),
    await post(replaysOf(other), key, { kind: 'failed' }),
    await post(RETRY, key, {}),
    await post('/api/v1/charges', key, { amount: 100, currency: 'usd', customer: 'cus_1' }),
    await post(replaysOf(other), 'of-a-charge', { kind: 'failed' }),
    await post(RETRY, 'of-a-charge', {}),
  ]
  for (const { status: code, body } of refused)
    assert.deepEqual([code, body.code], [422, 'idempotency_key_reused'])
  assert.equal((await listed(one)).length, 1)
  assert.equal((await listed(other)).length, 0)
  const malformed = await post(replaysOf(one), 'two words', { kind: 'failed' })
  assert.deepEqual([malformed.status, malformed.body.code], [400, 'idempotency_key_invalid'])
  // What was refused is not stored under its key.
  const wrong = await post(replaysOf(one), 'corrected', { kind: 'failed', event_types: ['payment.exploded'] })
  assert.equal(wrong.status, 400)
  assert.equal((await post(replaysOf(one), 'corrected', { kind: 'failed' })).status, 201)
})

test('of many replays at once with one key, one is started; without keys, each is', async () => {
  const endpoint = await endpointWith(1)
  // A replay of it does not end.
  await api.post(`${ENDPOINTS_PATH}/${endpoint}/disable`)
  const body = { kind: 'past' }
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => post<WebhookReplayView>(replaysOf(endpoint), 'at-once', body)),
  )
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [...Array(19).fill(200), 201])
  assert.equal(new Set(answers.map((answer) => JSON.stringify(answer.body))).size, 1)
  for (let i = 0; i < 9; i++) assert.equal((await api.post(replaysOf(endpoint), body)).status, 201)
  assert.equal((await listed(endpoint)).length, 10)
  const full = await post<WebhookReplayView>(replaysOf(endpoint), 'an-eleventh', body)
  assert.deepEqual([full.status, full.body.code], [409, 'webhook_replay_limit_reached'])
  const known = await post<WebhookReplayView>(replaysOf(endpoint), 'at-once', body)
  assert.deepEqual([known.status, known.body.id], [200, answers[0]?.body.id])
})

test('a retry of failed deliveries queues them once, and its key returns what it did', async () => {
  const endpoint = await endpointWith(3)
  const body = { endpoint, limit: 2 }
  const counted = await post<RetriedView>(RETRY, 'retry-once', { ...body, dry_run: true })
  assert.deepEqual([counted.body.queued, replayed(counted)], [2, null])
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => post<RetriedView>(RETRY, 'retry-once', body)),
  )
  assert.deepEqual(
    answers.map((answer) => [answer.status, answer.body]),
    answers.map(() => [200, answers[0]?.body]),
  )
  assert.deepEqual([answers[0]?.body.queued, answers[0]?.body.has_more], [2, true])
  assert.equal(answers.filter((answer) => replayed(answer) === 'true').length, 7)
  // They fail again, and the key still does nothing.
  await untilFailed(api, endpoint, 3)
  const late = await post<RetriedView>(RETRY, 'retry-once', body)
  assert.deepEqual([late.status, replayed(late), late.body], [200, 'true', answers[0]?.body])
  await untilFailed(api, endpoint, 3)
  const next = await post<RetriedView>(RETRY, 'retry-twice', body)
  assert.equal(next.body.queued, 2)
})

test('a replay whose response was lost in a crash is started once', async (t) => {
  const database = join(dir.path, 'crash.db')
  const node = await startNode(database)
  atEnd(t, node.kill)
  const at = client(node.url)
  const endpoint = await endpointWith(1, at)
  await at.post(`${ENDPOINTS_PATH}/${endpoint}/disable`)
  const started = new Set<string>()
  for (const [round, turns] of [0, 40, 400].entries()) {
    const send = () => post<WebhookReplayView>(replaysOf(endpoint), `crash-${round}`, { kind: 'past' }, at)
    const lost = send().catch(() => undefined)
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    await node.kill()
    await lost
    await node.start()
    const { status: code, body } = await send()
    assert.ok([200, 201].includes(code), JSON.stringify(body))
    started.add(body.id)
    assert.deepEqual(new Set(await listed(endpoint, at)), started)
  }
  assert.equal(started.size, 3)
  await node.stop()
  await assertSound(database)
})
