/** Webhook endpoints are made, changed, switched, given new secrets and deleted; and wrong ones are refused. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { WebhookEndpointView } from '../../src/api/minipay/webhook-endpoint-schemas.ts'
import { type Client, client, type ErrorAnswer } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type RunningServer, startServer } from '../kit/server.ts'
import {
  ENDPOINTS_PATH,
  type EndpointAnswer,
  endpointNow,
  endpointsOf,
  makeEndpoint,
} from '../kit/webhook-endpoints.ts'

const URL_ = 'https://shop.example/webhooks'

let dir: TempDir
let server: RunningServer
let api: Client

before(async () => {
  dir = tempDir()
  server = await startServer(join(dir.path, 'minipay.db'))
  api = client(server.url)
})
after(async () => {
  await server?.stop()
  dir?.remove()
})

const { patch, remove, log, list } = endpointsOf(() => api)

describe('a webhook endpoint', () => {
  test('is shown as it was described, with a secret that no later response has', async () => {
    const fields = {
      url: `${URL_}/full?shop=1`,
      description: 'The shop in Lisbon',
      metadata: { team: 'payments' },
      events: ['payment.*', 'dispute.lost'],
      rate_limit: 50,
      retry_delays_seconds: [1, 0, 604_800],
      format: 'stripe',
      ordered: true,
      disable_after_seconds: 3_600,
    }
    const made = await makeEndpoint(api, {
      ...fields,
      headers: { 'X-Shop': 'lisbon', Authorization: 'Bearer hidden-token' },
    })
    assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    const { secret, ...shown } = made
    assert.deepEqual(shown, {
      ...{ id: made.id, ...fields, header_names: ['x-shop', 'authorization'], status: 'enabled' },
      ...{ disabled_reason: null, former_secret_until: null, position: 0, backlog: 0, pending: 0, failed: 0 },
      ...{ attempts_24h: 0, succeeded_24h: 0, failing_since: null, version: 1, created_at: made.created_at },
    })
    assert.deepEqual(await endpointNow(api, made.id), shown)
    const pages = JSON.stringify([await list(), await log(made.id)])
    for (const hidden of [secret, 'hidden-token', '/full?shop=1"'])
      assert.ok(!pages.split('"url"')[0]?.includes(hidden), hidden)
    assert.ok(!JSON.stringify(await log(made.id)).includes('lisbon'))
    await remove(made.id)
  })

  test('has every event and the default schedule unless described otherwise', async () => {
    const made = await makeEndpoint(api, { url: URL_ })
    assert.deepEqual(
      [made.events, made.format, made.ordered, made.rate_limit],
      [['*'], 'minipay', false, null],
    )
    assert.deepEqual(
      made.retry_delays_seconds,
      [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
    )
    assert.equal(made.disable_after_seconds, 432_000)
    await remove(made.id)
  })

  test('keeps the fields that a change does not give, and null brings the default back', async () => {
    const made = await makeEndpoint(api, {
      url: URL_,
      description: 'a',
      rate_limit: 5,
      retry_delays_seconds: [],
    })
    const changed = await patch(made.id, {
      events: ['payment.refunded'],
      description: null,
      rate_limit: null,
    })
    assert.equal(changed.status, 200, JSON.stringify(changed.body))
    const { secret: _, ...rest } = made
    assert.deepEqual(changed.body, {
      ...{ ...rest, events: ['payment.refunded'], description: null, rate_limit: null, version: 2 },
    })
    const same = await patch(made.id, { events: ['payment.refunded'] })
    assert.equal(same.body.version, 2, 'a change of nothing is none')
    await remove(made.id)
  })

  test('is listed newest first, page by page, and no longer once it is deleted', async () => {
    const made: EndpointAnswer[] = []
    for (let i = 0; i < 3; i++) made.push(await makeEndpoint(api, { url: `${URL_}/${i}` }))
    const [one, two, three] = made.map(({ id }) => id) as [string, string, string]
    const ids = async (query: string) => (await list(query)).map(({ id }) => id)
    assert.deepEqual(await ids(''), [three, two, one])
    assert.deepEqual(await ids(`&starting_after=${two}`), [one])
    assert.deepEqual(await ids(`&ending_before=${two}`), [three])
    await remove(two)
    assert.deepEqual(await ids(''), [three, one])
    const gone = await api.get<ErrorAnswer>(`${ENDPOINTS_PATH}?starting_after=${two}`)
    assert.deepEqual([gone.status, gone.body.code], [400, 'cursor_invalid'])
    for (const id of [one, three]) await remove(id)
  })

  test('is disabled and enabled, each once', async () => {
    const { id } = await makeEndpoint(api, { url: URL_ })
    for (const [verb, status, reason, version] of [
      ['disable', 'disabled', 'request', 2],
      ['disable', 'disabled', 'request', 2],
      ['enable', 'enabled', null, 3],
      ['enable', 'enabled', null, 3],
    ] as const) {
      const { body } = await api.post<WebhookEndpointView>(`${ENDPOINTS_PATH}/${id}/${verb}`, {})
      assert.deepEqual([body.status, body.disabled_reason, body.version], [status, reason, version])
    }
    await remove(id)
  })

  test('gets a new secret; the former one ends after the overlap, or at once', async () => {
    const { id, secret } = await makeEndpoint(api, { url: URL_ })
    const rotate = async (body?: object) =>
      (await api.post<EndpointAnswer>(`${ENDPOINTS_PATH}/${id}/rotate_secret`, body)).body
    const second = await rotate({ overlap_seconds: 3_600 })
    assert.notEqual(second.secret, secret)
    const endsIn = Date.parse(second.former_secret_until ?? '') - Date.now()
    assert.ok(endsIn > 3_500_000 && endsIn <= 3_600_000, String(endsIn))
    assert.ok(Date.parse((await rotate()).former_secret_until ?? '') - Date.now() > 86_000_000)
    for (let i = 0; i < 8; i++) await rotate({ overlap_seconds: 86_400 })
    const last = await rotate({ overlap_seconds: 0 })
    assert.equal(last.former_secret_until, null)
    await remove(id)
  })

  test('takes no Idempotency-Key where the response has a secret', async () => {
    const { id } = await makeEndpoint(api, { url: URL_ })
    const key = { 'idempotency-key': 'once' }
    for (const path of ['', `/${id}/rotate_secret`]) {
      const body = path === '' ? { url: URL_ } : {}
      const refused = await api.post<ErrorAnswer>(`${ENDPOINTS_PATH}${path}`, body, key)
      assert.deepEqual([refused.status, refused.body.param], [400, 'Idempotency-Key'], path)
    }
    await remove(id)
  })

  test('has every change in the audit log, without its secrets', async () => {
    const { id } = await makeEndpoint(api, {
      url: `${URL_}/secret-path`,
      headers: { 'x-token': 'secret-token' },
    })
    await patch(id, { rate_limit: 7 })
    await api.post(`${ENDPOINTS_PATH}/${id}/disable`, {})
    await api.post(`${ENDPOINTS_PATH}/${id}/enable`, {})
    await api.post(`${ENDPOINTS_PATH}/${id}/rotate_secret`, {})
    await remove(id)
    const entries = await log(id)
    assert.deepEqual(
      entries.map(({ action }) => action.split('.')[1]),
      ['created', 'updated', 'disabled', 'enabled', 'secret_rotated', 'deleted'],
    )
    const text = JSON.stringify(entries)
    for (const hidden of ['secret-path', 'secret-token', 'whsec_']) assert.ok(!text.includes(hidden), hidden)
    const [, updated] = entries
    const facts = updated as { before: Record<string, unknown>; after: Record<string, unknown> }
    assert.deepEqual([facts.before['rate_limit'], facts.after['rate_limit']], [null, 7])
  })
})

describe('two changes at once', () => {
  test('a change of a version that is no longer stored is refused, and changes nothing', async () => {
    const { id } = await makeEndpoint(api, { url: URL_ })
    assert.equal((await patch(id, { rate_limit: 1, version: 1 })).status, 200)
    const late = await patch<ErrorAnswer>(id, { rate_limit: 2, version: 1 })
    assert.deepEqual(
      [late.status, late.body.code, late.body.param],
      [409, 'webhook_endpoint_version_conflict', 'version'],
    )
    assert.equal((await endpointNow(api, id)).rate_limit, 1)
    await remove(id)
  })

  test('of changes of the same version at once, one is stored', async () => {
    const { id } = await makeEndpoint(api, { url: URL_ })
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) => patch(id, { rate_limit: i + 1, version: 1 })),
    )
    assert.deepEqual(all.map(({ status }) => status).toSorted(), [200, ...Array(19).fill(409)])
    const won = all.find(({ status }) => status === 200)
    assert.deepEqual(await endpointNow(api, id), won?.body)
    await remove(id)
  })

  test('changes of different fields at once are all stored', async () => {
    const { id } = await makeEndpoint(api, { url: URL_ })
    const changes = [{ rate_limit: 9 }, { ordered: true }, { description: 'x' }, { events: ['alarm.*'] }]
    const all = await Promise.all(changes.map((change) => patch(id, change)))
    assert.deepEqual(
      all.map(({ status }) => status),
      [200, 200, 200, 200],
    )
    const { rate_limit, ordered, description, events, version } = await endpointNow(api, id)
    assert.deepEqual([rate_limit, ordered, description, events, version], [9, true, 'x', ['alarm.*'], 5])
    await remove(id)
  })
})

test('an account has at most 1,000 endpoints in a mode; a deleted one makes room', async () => {
  const made: string[] = []
  for (let i = 0; i < 1_000; i += 20)
    made.push(
      ...(await Promise.all(Array.from({ length: 20 }, () => makeEndpoint(api, { url: URL_ })))).map(
        ({ id }) => id,
      ),
    )
  const full = await api.post<ErrorAnswer>(ENDPOINTS_PATH, { url: URL_ })
  assert.deepEqual([full.status, full.body.code], [409, 'webhook_endpoint_limit_reached'])
  await remove(made[0] as string)
  await makeEndpoint(api, { url: URL_ })
})
