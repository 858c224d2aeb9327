/** Web pages that an operator's browser opens: they can make it send requests to a server on loopback. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ENDPOINTS } from '../../src/api/endpoints.ts'
import { client } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'

const EVIL = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }

let dir: TempDir
before(() => {
  dir = tempDir()
})
after(() => dir.remove())

/** The status and code of a request with this Host, which `fetch` cannot send. */
function under(host: string, url: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { headers: { host } }, async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve(`${response.statusCode} ${JSON.parse(text || '{}').code ?? ''}`.trim())
    })
    sent.once('error', reject).end()
  })
}

describe('a server on loopback', () => {
  let server: RunningServer
  before(async () => {
    server = await startServer(join(dir.path, 'closed.db'))
  })
  after(() => server?.kill())

  test('a page of another site can capture and cancel nothing, although neither request needs a preflight', async () => {
    const { charge, get } = client(server.url)
    const { id } = await charge({ capture: false })
    for (const headers of [EVIL, { origin: 'null' }, { 'sec-fetch-site': 'same-site' }])
      for (const action of ['capture', 'cancel']) {
        const { status, body } = await call(
          server.url,
          'POST',
          `/api/v1/charges/${id}/${action}`,
          undefined,
          headers,
        )
        assert.deepEqual([status, body['code']], [403, 'origin_not_allowed'], action)
      }
    assert.equal((await get<{ status: string }>(`/api/v1/charges/${id}`)).body.status, 'authorized')
  })

  test('every endpoint with a permission refuses a page of another origin and another Host; the open ones do not', async () => {
    for (const { method, url, permission } of ENDPOINTS) {
      const path = url.replace(/:\w+/, 'txn_00000000000000000000000000')
      const { status, body, headers } = await call(server.url, method, path, undefined, EVIL)
      assert.equal(body['code'] === 'origin_not_allowed', permission !== null, `${method} ${url} ${status}`)
      assert.equal(headers.get('access-control-allow-origin'), null, url)
      if (method !== 'GET') continue
      const found = await under('evil.example', server.url, path)
      assert.equal(found === '403 host_not_allowed', permission !== null, `${url} ${found}`)
    }
  })

  test('no response tells a browser that a page may read it, errors and preflights included', async () => {
    const asks = { ...EVIL, 'access-control-request-method': 'POST' }
    for (const [method, path] of [
      ...[['OPTIONS', '/api/v1/charges'] as const, ['GET', '/none'] as const, ['PUT', '/health'] as const],
      ...[['GET', '/health'] as const, ['GET', '/docs'] as const, ['GET', '/metrics'] as const],
    ]) {
      const { headers } = await call(server.url, method, path, undefined, asks)
      const cors = [...headers.keys()].filter((name) => name.startsWith('access-control'))
      assert.deepEqual(cors, [], `${method} ${path}`)
    }
  })

  test('its own page, and clients that are no browser, are served under each name of loopback', async () => {
    const { port } = new URL(server.url)
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'localhost'])
      assert.equal(await under(host, server.url, '/api/v1/balance'), '200', host)
    const own = { origin: server.url, 'sec-fetch-site': 'same-origin' }
    assert.equal((await call(server.url, 'GET', '/api/v1/balance', undefined, own)).status, 200)
  })
})

test('pages of an allowed origin may call, and only they', async (t) => {
  const server = await startServer(join(dir.path, 'shop.db'), {
    MINIPAY_ALLOWED_ORIGINS: 'https://shop.example, http://localhost:3000',
  })
  t.after(server.kill)
  const shop = { origin: 'https://shop.example', 'sec-fetch-site': 'cross-site' }
  const order = { amount: 2500, currency: 'usd', customer: 'cus_42' }
  const made = await call(server.url, 'POST', '/api/v1/charges', order, shop)
  assert.deepEqual(
    [made.status, made.headers.get('access-control-allow-origin'), made.headers.get('vary')],
    [201, 'https://shop.example', 'Origin'],
  )
  const asks = { ...shop, 'access-control-request-method': 'POST' }
  const preflight = await call(server.url, 'OPTIONS', '/api/v1/charges', undefined, asks)
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://shop.example')
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Authorization/)
  const evil = await call(server.url, 'POST', '/api/v1/charges', order, EVIL)
  assert.deepEqual([evil.status, evil.headers.get('access-control-allow-origin')], [403, null])
  assert.equal(await under('shop.example', server.url, '/api/v1/balance'), '200')
  assert.equal(await under('evil.example', server.url, '/api/v1/balance'), '403 host_not_allowed')
})

test('what is no origin is refused at the start', async () => {
  for (const wrong of [
    'shop.example',
    'https://shop.example/',
    'null',
    'https://a.example;https://b.example',
    'ftp://a',
  ])
    for (const given of [['--allowed-origins', wrong], [`--allowed-origins=${wrong}`]]) {
      const { code, stderr } = await runCli(['serve', ...given])
      assert.equal(code, 2, wrong)
      assert.match(stderr, /--allowed-origins must be origins such as https:\/\/shop\.example/)
    }
})
