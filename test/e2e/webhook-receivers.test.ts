/** What the API says of receivers that misbehave, and of targets that are not allowed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WebhookTestView } from '../../src/api/minipay/webhook-endpoint-schemas.ts'
import { client, type ErrorAnswer, type Page } from '../kit/client.ts'
import * as receivers from '../kit/receivers.ts'
import { serve } from '../kit/server.ts'
import { startStopwatch } from '../kit/stopwatch.ts'
import { ENDPOINTS, endsOf, register, type Strange, servedForWebhooks, zoo } from '../kit/zoo.ts'

const AT_ONCE = 4

test('a test of each such endpoint shows what came back, in words, within ten seconds', async (t) => {
  const ends = endsOf(t)
  const { api } = await servedForWebhooks(t)
  const test = async ([name, [url, status, told]]: Strange) => {
    const id = await register(api, url)
    const watch = startStopwatch()
    const { body } = await api.post<WebhookTestView>(`${ENDPOINTS}/${id}/test`)
    assert.ok(watch.ms() < 13_000, name)
    watch.stop()
    assert.equal(body.status, status, `${name}: ${JSON.stringify(body)}`)
    assert.match(body.error ?? '', told, name)
    assert.ok((body.response ?? '').length <= 500)
  }
  const all = Object.entries(await zoo(ends))
  // The server runs few tests at once.
  while (all.length > 0) await Promise.all(all.splice(0, AT_ONCE).map(test))
})

const FORBIDDEN = [
  ...[
    '',
    'shop.example',
    'ftp://shop.example/',
    'https://user:secret@shop.example/',
    'https://shop.example:22/',
  ],
  ...[
    'https://10.0.0.1/',
    'https://0xa000001/',
    'https://169.254.169.254/',
    'https://[::ffff:169.254.169.254]/',
  ],
  ...['https://[fd00:ec2::254]/', 'https://0/', 'https://shop.example/#x', 'https://shop.example/\r\nx'],
  `https://shop.example/${'a'.repeat(10_240)}`,
]

test('an endpoint with a malformed or forbidden URL is refused by the name of the field, and nothing is stored', async (t) => {
  const { api } = await servedForWebhooks(t)
  for (const url of FORBIDDEN) {
    const { status, body } = await api.post<ErrorAnswer>(ENDPOINTS, { url })
    assert.deepEqual([status, body.param], [400, 'url'], JSON.stringify(body))
    assert.match(body.code, /^parameter_(invalid|missing)$/)
  }
  assert.deepEqual((await api.get<Page<object>>(ENDPOINTS)).body.data, [])
})

test('local targets need the permission of the operator, at the registration and at each attempt', async (t) => {
  const ends = endsOf(t)
  const receiver = await receivers.healthy(ends)
  const { server, api, folder } = await servedForWebhooks(t)
  const id = await register(api, receiver.url)
  assert.equal((await api.post<WebhookTestView>(`${ENDPOINTS}/${id}/test`)).body.status, 200)
  // The connection of a test is closed at once.
  await receiver.quiet()
  await server.stop()
  const strict = client((await serve(t, `${folder.path}/minipay.db`, { MINIPAY_LOCAL_TARGETS: 'never' })).url)
  const tested = await strict.post<WebhookTestView>(`${ENDPOINTS}/${id}/test`)
  assert.match(tested.body.error ?? '', /^not sent: The URL must begin with https:/)
  assert.equal((await strict.post<ErrorAnswer>(ENDPOINTS, { url: receiver.url })).body.param, 'url')
  assert.equal(receiver.count(), 1)
  // Behind a proxy, requests come from other machines.
  const behind = await servedForWebhooks(t, { MINIPAY_TRUSTED_PROXIES: '127.0.0.1' })
  assert.equal((await behind.api.post<ErrorAnswer>(ENDPOINTS, { url: receiver.url })).body.param, 'url')
  const always = { MINIPAY_TRUSTED_PROXIES: '127.0.0.1', MINIPAY_LOCAL_TARGETS: 'always' }
  await register((await servedForWebhooks(t, always)).api, receiver.url)
})
