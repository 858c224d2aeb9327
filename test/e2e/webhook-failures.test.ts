/** Operators find failed webhooks by event, charge and error, and send those of one error again. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { DeliveryView, FailuresView } from '../../src/api/minipay/delivery-schemas.ts'
import type { WebhookReplayView } from '../../src/api/minipay/webhook-replay-schemas.ts'
import { type Client, client, type ErrorAnswer, type Page, until } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, startServer } from '../kit/server.ts'
import {
  DELIVERIES_PATH,
  deliveriesNow,
  ENDPOINTS_PATH,
  type EndpointAnswer,
  endedReplay,
  endpointNow,
  makeEndpoint,
} from '../kit/webhook-endpoints.ts'

type EventPage = Page<{ readonly id: string; readonly sequence: number }>

let dir: TempDir
let server: RunningServer
let api: Client
let receiver: Receiver
let status = 200
let endpoint: EndpointAnswer
const charges: string[] = []

before(async () => {
  dir = tempDir()
  server = await startServer(join(dir.path, 'minipay.db'), { WEBHOOK_TARGET: '' })
  api = client(server.url)
  receiver = await startReceiver((_webhook, response) => void response.writeHead(status).end('so'))
  endpoint = await makeEndpoint(api, { url: receiver.url, retry_delays_seconds: [] })
  for (const next of [500, 500, 400, 200]) {
    status = next
    const made = await api.post<{ id: string }>('/api/v1/charges', {
      ...{ amount: 900, currency: 'usd', customer: 'cus_1' },
    })
    charges.push(made.body.id)
    await receiver.waitFor(charges.length)
    await until(
      () => deliveriesNow(api),
      (found) => found.length === charges.length,
    )
  }
})
after(async () => {
  await server?.stop()
  await receiver?.close()
  dir?.remove()
})

const found = async (query: string) => {
  const { status: code, body } = await api.get<Page<DeliveryView>>(`${DELIVERIES_PATH}?${query}`)
  assert.equal(code, 200, JSON.stringify(body))
  return body.data.map(({ transaction_id: id }) => charges.indexOf(id ?? ''))
}
const ERROR = 'the receiver responded with 500'

test('deliveries are found by their event, their charge and the error of their last attempt', async () => {
  const [newest] = await deliveriesNow(api)
  assert.deepEqual(await found(`event_id=${newest?.event_id}`), [3])
  assert.deepEqual(await found(`event_id=${newest?.event_id}&transaction_id=${charges[3]}`), [3])
  assert.deepEqual(await found(`event_id=${newest?.event_id}&transaction_id=${charges[2]}`), [])
  assert.deepEqual(await found('event_id=evt_none'), [])
  const { event_id: id, event_sequence: sequence = 0 } = newest ?? {}
  assert.deepEqual(await found(`event_sequence=${sequence}`), [3])
  assert.deepEqual(await found(`event_sequence=${sequence}&event_id=${id}&endpoint=${endpoint.id}`), [3])
  assert.deepEqual(await found(`event_sequence=${sequence}&endpoint=default`), [])
  assert.deepEqual(await found(`event_sequence=${sequence}&transaction_id=${charges[2]}`), [])
  assert.deepEqual(await found(`event_sequence=${sequence - 1}&event_id=${id}`), [])
  assert.deepEqual(await found(`event_sequence=${sequence + 900}`), [])
  assert.deepEqual(await found('event_sequence=0'), [])
  const csv = await fetch(`${server.url}${DELIVERIES_PATH}?event_sequence=${sequence}&format=csv`)
  assert.deepEqual((await csv.text()).split('\r\n').length, 3, 'a head, a row and an end')
  assert.deepEqual(await found(`last_error=${encodeURIComponent(ERROR)}`), [1, 0])
  assert.deepEqual(await found(`last_error=${encodeURIComponent(ERROR)}&status=delivered`), [])
  assert.deepEqual(await found(`transaction_id=${charges[0]}&status=failed&endpoint=${endpoint.id}`), [0])
  assert.deepEqual(await found('transaction_id=txn_none'), [])
})

test('deliveries of a charge come in pages, in both directions', async () => {
  const [, , , charge] = charges
  for (let i = 0; i < 4; i++) await api.post('/api/v1/refunds', { transaction_id: charge, amount: 1 })
  const path = `${DELIVERIES_PATH}?transaction_id=${charge}`
  const all = await until(
    async () => (await api.get<Page<DeliveryView>>(path)).body.data,
    (data) => data.length === 5,
  )
  const ids = all.map(({ id }) => id)
  const page = async (query: string) => {
    const { body } = await api.get<Page<DeliveryView>>(`${path}&limit=1&${query}`)
    return [...body.data.map(({ id }) => id), body.has_more]
  }
  assert.deepEqual(await page(''), [ids[0], true])
  assert.deepEqual(await page(`starting_after=${ids.at(-2)}`), [ids.at(-1), false])
  assert.deepEqual(await page(`ending_before=${ids.at(-1)}`), [ids.at(-2), true])
})

test('failures are counted by endpoint and error, and attempts of a day by endpoint', async () => {
  const { body } = await api.get<FailuresView>(`${DELIVERIES_PATH}/failures`)
  assert.deepEqual(
    body.data.map((group) => [group.endpoint, group.last_error, group.last_status, group.count]),
    [
      [endpoint.id, ERROR, 500, 2],
      [endpoint.id, 'the receiver responded with 400', 400, 1],
    ],
  )
  assert.equal(body.has_more, false)
  const other = await api.get<FailuresView>(`${DELIVERIES_PATH}/failures?endpoint=default`)
  assert.deepEqual(other.body.data, [])
  const now = await endpointNow(api, endpoint.id)
  assert.equal(now.attempts_24h - now.succeeded_24h, 3)
  assert.ok(now.succeeded_24h >= 1)
})

test('the failed deliveries of one error are counted, and sent again with progress', async () => {
  status = 200
  const count = { endpoint: endpoint.id, last_error: ERROR, dry_run: true }
  const { body } = await api.post<{ queued: number }>(`${DELIVERIES_PATH}/retry`, count)
  assert.equal(body.queued, 2)
  const path = `${ENDPOINTS_PATH}/${endpoint.id}/replays`
  const started = await api.post<WebhookReplayView>(path, { kind: 'failed', last_error: ERROR })
  assert.equal(started.status, 201)
  assert.equal(started.body.last_error, ERROR)
  const { sent, delivered } = await endedReplay(api, started.body.id)
  assert.deepEqual([sent, delivered], [2, 2])
  const left = await api.get<FailuresView>(`${DELIVERIES_PATH}/failures`)
  assert.deepEqual(
    left.body.data.map((group) => group.last_status),
    [400],
  )
  const wrong = await api.post<ErrorAnswer>(path, { kind: 'past', last_error: ERROR })
  assert.deepEqual(
    [wrong.status, wrong.body.code, wrong.body.param],
    [400, 'parameter_invalid', 'last_error'],
  )
})

test('the newest events come first before a sequence, and cannot be waited for', async () => {
  const sequences = async (query: string) => {
    const { body } = await api.get<EventPage>(`/api/v1/events?${query}`)
    return [body.data.map(({ sequence }) => sequence), body.has_more]
  }
  const all = (await sequences('limit=100'))[0] as number[]
  const last = all.at(-1)!
  assert.deepEqual(await sequences('before=9007199254740991&limit=2'), [[last, last - 1], true])
  assert.deepEqual(await sequences('before=3'), [[2, 1], false])
  assert.deepEqual(await sequences(`before=99&object=${charges[1]}`), [[2], false])
  assert.deepEqual(await sequences('before=0'), [[], false])
  const { status: code, body } = await api.get<ErrorAnswer>('/api/v1/events?before=9&wait=1')
  assert.deepEqual([code, body.param], [400, 'before'])
})
