/** Wrong requests about webhook endpoints are refused by the name of their field, and nothing is stored. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { AuditEntryView } from '../../src/api/minipay/audit-schemas.ts'
import type { WebhookEndpointView } from '../../src/api/minipay/webhook-endpoint-schemas.ts'
import { type Client, client, type ErrorAnswer, type Page, stored } from '../kit/client.ts'
import { atEnd, type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { startReceiver } from '../kit/receiver.ts'
import { type RunningServer, serve, startServer } from '../kit/server.ts'
import {
  DELIVERIES_PATH,
  ENDPOINTS_PATH,
  endpointNow,
  endpointsOf,
  makeEndpoint,
} from '../kit/webhook-endpoints.ts'

const URL_ = 'https://shop.example/webhooks'
const UNKNOWN = 'we_00000000000000000000000000'

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

describe('bad input', () => {
  const WRONG: readonly (readonly [object | string, string | undefined])[] = [
    [{}, 'url'],
    ['{', undefined],
    [[], undefined],
    ...[
      '',
      'shop.example',
      'ftp://shop.example/',
      'javascript:alert(1)',
      'https://',
      'https://user:pass@shop.example/',
    ].map((url) => [{ url }, 'url'] as const),
    ...[
      'http://10.0.0.1/',
      'https://169.254.169.254/latest',
      'https://[::ffff:10.0.0.1]/',
      'https://0xa000001/',
    ].map((url) => [{ url }, 'url'] as const),
    [{ url: `https://shop.example/${'x'.repeat(10_000)}` }, 'url'],
    [{ url: 7 }, 'url'],
    [{ url: null }, 'url'],
    [{ url: URL_, events: ['payment.exploded'] }, 'events'],
    [{ url: URL_, events: ['pay*'] }, 'events'],
    [{ url: URL_, events: [] }, 'events'],
    [{ url: URL_, events: 'payment.*' }, 'events'],
    [{ url: URL_, events: Array(101).fill('*') }, 'events'],
    [{ url: URL_, headers: { 'x-a': 'b\r\nx-evil: 1' } }, 'headers.x-a'],
    [{ url: URL_, headers: { 'x-a\r\nx-evil': 'b' } }, 'headers'],
    [{ url: URL_, headers: { 'Content-Type': 'text/plain' } }, 'headers.Content-Type'],
    [{ url: URL_, headers: { 'webhook-signature': 'v1,x' } }, 'headers.webhook-signature'],
    [{ url: URL_, headers: { '': 'b' } }, 'headers'],
    [{ url: URL_, headers: { host: 'other.example' } }, 'headers.host'],
    [{ url: URL_, headers: { 'x-a': 'v'.repeat(1_001) } }, 'headers.x-a'],
    [
      { url: URL_, headers: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, 'v'])) },
      'headers',
    ],
    [{ url: URL_, retry_delays_seconds: [-1] }, 'retry_delays_seconds.0'],
    [{ url: URL_, retry_delays_seconds: [604_801] }, 'retry_delays_seconds.0'],
    [{ url: URL_, retry_delays_seconds: Array(10_000).fill(1) }, 'retry_delays_seconds'],
    [{ url: URL_, retry_delays_seconds: 'soon' }, 'retry_delays_seconds'],
    [{ url: URL_, rate_limit: 0 }, 'rate_limit'],
    [{ url: URL_, rate_limit: -1 }, 'rate_limit'],
    [{ url: URL_, format: 'xml' }, 'format'],
    [{ url: URL_, ordered: 'yes' }, 'ordered'],
    [{ url: URL_, disable_after_seconds: 1 }, 'disable_after_seconds'],
    [{ url: URL_, description: 'x'.repeat(1_001) }, 'description'],
    [{ url: URL_, metadata: { k: 1 } }, 'metadata.k'],
    [{ url: URL_, secret: 'whsec_mine' }, 'secret'],
    [{ url: URL_, description: '4242 4242 4242 4242' }, 'description'],
  ]

  test('a wrong field is refused by name, in a new endpoint and in a change, and nothing is stored', async () => {
    const made = await makeEndpoint(api, { url: URL_ })
    const before = [await stored(api), await list(), await log(made.id)]
    const entries = async () =>
      (await api.get<Page<AuditEntryView>>('/api/v1/audit?limit=1')).body.data[0]?.id
    const newest = await entries()
    for (const [body, param] of WRONG) {
      const what = JSON.stringify(body).slice(0, 100)
      const refused = await call<ErrorAnswer>(server.url, 'POST', ENDPOINTS_PATH, body)
      assert.deepEqual([refused.status, refused.body.param], [400, param], what)
      if (typeof body !== 'object' || Array.isArray(body) || Object.keys(body).length === 0) continue
      const { url, ...rest } = body as { url?: string }
      const change = Object.keys(rest).length === 0 ? { url } : rest
      const changed = await patch<ErrorAnswer>(made.id, change)
      assert.deepEqual([changed.status, changed.body.param], [400, param], `${what} in a change`)
    }
    assert.deepEqual([await stored(api), await list(), await log(made.id)], before)
    assert.equal(await entries(), newest)
    await remove(made.id)
  })

  test('a wrong replay, rotation or filter is refused by name', async () => {
    const { id } = await makeEndpoint(api, { url: URL_ })
    for (const [path, body, param] of [
      ['replays', {}, 'kind'],
      ['replays', { kind: 'all' }, 'kind'],
      ['replays', { kind: 'past', event_types: ['payment.exploded'] }, 'event_types'],
      ['replays', { kind: 'past', since: 'yesterday' }, 'since'],
      ['replays', { kind: 'past', until: '2026-02-30T00:00:00Z' }, 'until'],
      ['replays', { kind: 'past', after_sequence: -1 }, 'after_sequence'],
      ['replays', { kind: 'past', to_sequence: '1' }, 'to_sequence'],
      ['rotate_secret', { overlap_seconds: -1 }, 'overlap_seconds'],
      ['rotate_secret', { overlap_seconds: 2_592_001 }, 'overlap_seconds'],
      ['enable', { force: true }, 'force'],
      ['test', { event: 'payment.refunded' }, 'event'],
    ] as const) {
      const refused = await api.post<ErrorAnswer>(`${ENDPOINTS_PATH}/${id}/${path}`, body)
      const what = `${path} ${JSON.stringify(body)}`
      assert.equal(refused.status, 400, what)
      assert.equal(refused.body.param, param, what)
    }
    for (const query of [
      'status=lost',
      'event_type=payment.exploded',
      'created_gte=yesterday',
      'endpoint=',
    ]) {
      const refused = await api.get<ErrorAnswer>(`${DELIVERIES_PATH}?${query}`)
      assert.deepEqual([refused.status, refused.body.param], [400, query.split('=')[0]], query)
    }
    await remove(id)
  })

  test('every request about an unknown or a deleted endpoint gets 404, and nothing is stored', async () => {
    const { id: deleted } = await makeEndpoint(api, { url: URL_ })
    await remove(deleted)
    const entries = (await log(deleted)).length
    for (const id of [UNKNOWN, deleted, 'we_1', 'txn_00000000000000000000000000']) {
      const path = `${ENDPOINTS_PATH}/${id}`
      const answers = [
        await api.get<ErrorAnswer>(path),
        await patch<ErrorAnswer>(id, { ordered: true }),
        await api.request<ErrorAnswer>('DELETE', path),
        await api.get<ErrorAnswer>(`${path}/replays`),
        await api.post<ErrorAnswer>(`${path}/replays`, { kind: 'failed' }),
      ]
      for (const verb of ['enable', 'disable', 'rotate_secret', 'test'])
        answers.push(await api.post<ErrorAnswer>(`${path}/${verb}`, {}))
      for (const { status, body } of answers)
        assert.deepEqual([status, body.code, body.param], [404, 'webhook_endpoint_not_found', 'id'])
    }
    assert.equal((await log(deleted)).length, entries)
    for (const [method, path] of [
      ['GET', '/api/v1/webhook_replays/rpl_00000000000000000000000000'],
      ['POST', '/api/v1/webhook_replays/rpl_00000000000000000000000000/cancel'],
    ] as const) {
      const { status, body } = await api.request<ErrorAnswer>(
        method,
        path,
        method === 'POST' ? {} : undefined,
      )
      assert.deepEqual([status, body.code], [404, 'webhook_replay_not_found'])
    }
  })

  test('the endpoint of the configuration is shown, and only the configuration changes it', async (t) => {
    const file = join(dir.path, 'configured.db')
    const { url } = await serve(t, file, { WEBHOOK_TARGET: 'http://127.0.0.1:9/default' })
    const api = client(url)
    const shown = await endpointNow(api, 'default')
    assert.deepEqual(
      [shown.url, shown.format, shown.retry_delays_seconds],
      [...['http://127.0.0.1:9/default', 'original', [1, 2, 4, 8, 16]]],
    )
    for (const [method, path, body] of [
      ['PATCH', '', { ordered: true }],
      ['DELETE', '', undefined],
      ['POST', '/enable', {}],
      ['POST', '/disable', {}],
      ['POST', '/rotate_secret', {}],
    ] as const) {
      const refused = await api.request<ErrorAnswer>(method, `${ENDPOINTS_PATH}/default${path}`, body)
      assert.deepEqual(
        [refused.status, refused.body.code],
        [409, 'webhook_endpoint_configured'],
        method + path,
      )
    }
    assert.deepEqual(await endpointNow(api, 'default'), shown)
  })

  test('the endpoint of a setting that is empty now is not tested', async (t) => {
    const file = join(dir.path, 'emptied.db')
    const receiver = await startReceiver()
    atEnd(t, receiver.close)
    const before = await serve(t, file, { WEBHOOK_TARGET: receiver.url })
    const path = `${ENDPOINTS_PATH}/default/test`
    assert.equal((await client(before.url).post(path, {})).status, 200)
    await before.stop()
    const { url } = await serve(t, file, { WEBHOOK_TARGET: '' })
    const { status, body } = await client(url).post<ErrorAnswer>(path, {})
    assert.deepEqual([status, body.code], [409, 'webhook_endpoint_configured'])
    assert.match(body.error, /WEBHOOK_TARGET is empty/)
    assert.equal(receiver.received.length, 1)
  })
})

test('on PostgreSQL without a key for secrets, an endpoint is refused, and nothing is stored', {
  skip: process.env['TEST_POSTGRES'] === undefined && 'a file has a key of its own',
}, async (t) => {
  const file = join(dir.path, 'keyless.db')
  const { url } = await serve(t, file, { MINIPAY_SECRETS_KEY: '' })
  const at = client(url)
  const refused = await at.post<ErrorAnswer>(ENDPOINTS_PATH, { url: URL_ })
  assert.deepEqual([refused.status, refused.body.code], [409, 'secrets_key_missing'])
  assert.doesNotMatch(refused.body.error, /MINIPAY_SECRETS_KEY/, 'the setting is for the operator')
  assert.deepEqual((await at.get<Page<WebhookEndpointView>>(ENDPOINTS_PATH)).body.data, [])
})
