/** Forms of HTTP that clients, proxies and attackers send, over bare sockets. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type RunningServer, serve, startServer } from '../kit/server.ts'

let folder: TempDir
let server: RunningServer

before(async () => {
  folder = tempDir()
  server = await startServer(join(folder.path, 'a.db'))
})
after(async () => {
  await server.stop()
  folder.remove()
})

const CHARGE = '{"amount":2500,"currency":"usd","customer":"cus_1"}'
const JSON_TYPE = { 'content-type': 'application/json' }

/** All that comes back until the server closes the connection. */
function raw(request: string, halfClose = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
    if (halfClose) socket.end(request)
    else socket.write(request)
  })
}

const head = (method: string, path: string, ...headers: string[]) =>
  [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n')
const postCharge = (...headers: string[]) =>
  head(
    'POST',
    '/api/v1/charges',
    'Content-Type: application/json',
    `Content-Length: ${CHARGE.length}`,
    ...headers,
  ) + CHARGE

async function charges(): Promise<number> {
  const { body } = await call<{ total_charges: number }>(server.url, 'GET', '/metrics')
  return body.total_charges
}

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))

test('a request that offers an upgrade is answered in HTTP, and nothing behind it on the connection is done', async () => {
  const before = await charges()
  const upgrade = ['Connection: upgrade', 'Upgrade: h2c']
  for (const first of [head('GET', '/health', ...upgrade), head('GET', '/health', 'Upgrade: websocket')]) {
    const answer = await raw(first + postCharge())
    assert.deepEqual(statuses(answer), [200], first)
    assert.match(answer, /connection: close/i)
  }
  assert.equal(await charges(), before)
  assert.deepEqual(statuses(await raw(postCharge(...upgrade) + postCharge())), [201])
  assert.equal(await charges(), before + 1)
})

test('a client that ends its side after its request gets the answer', async () => {
  const before = await charges()
  assert.deepEqual(statuses(await raw(postCharge(), true)), [201])
  assert.deepEqual(statuses(await raw(postCharge() + postCharge('Connection: close'), true)), [201, 201])
  assert.equal(await charges(), before + 3)
})

test('requests of one connection are answered one after the other, in order', async () => {
  const paths = ['/health', '/api/v1/balance', '/nothing', '/ready', '/api/v1/charges?limit=1']
  const requests =
    paths.map((path) => head('GET', path)).join('') + head('GET', '/health', 'Connection: close')
  assert.deepEqual(statuses(await raw(requests)), [200, 200, 404, 200, 200, 200])
})

test('a transfer coding other than chunked is refused', async () => {
  const body = `${CHARGE.length.toString(16)}\r\n${CHARGE}\r\n0\r\n\r\n`
  const before = await charges()
  for (const coding of ['gzip, chunked', 'identity, chunked', 'chunked, chunked']) {
    const request = head(
      'POST',
      '/api/v1/charges',
      'Content-Type: application/json',
      `Transfer-Encoding: ${coding}`,
      'Connection: close',
    )
    assert.deepEqual(statuses(await raw(request + body)), [400], coding)
  }
  assert.equal(await charges(), before)
})

test('methods of other protocols and invented ones are refused as client errors, and make no metric of their own', async () => {
  for (const method of [
    'DESCRIBE',
    'PLAY',
    'PURGE',
    'M-SEARCH',
    'SOURCE',
    'QUERY',
    'CONNECT',
    'TRACE',
    'INVENTED',
  ])
    for (const version of ['HTTP/1.1', 'RTSP/1.0']) {
      const answer = await raw(
        `${method} /api/v1/charges ${version}\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      )
      assert.match(answer, /^HTTP\/1\.1 4\d\d /, `${method} ${version}: ${answer}`)
    }
  const { body } = await call<string>(server.url, 'GET', '/metrics', undefined, { accept: 'text/plain' })
  assert.doesNotMatch(body, /DESCRIBE|PURGE|M-SEARCH|SOURCE|INVENTED/)
  assert.match(body, /minipay_internal_errors_total 0|minipay_errors_total 0/)
})

test('an empty body of any type is accepted where no body is needed', async () => {
  const { body: charge } = await call<{ id: string }>(server.url, 'POST', '/api/v1/charges', {
    ...JSON.parse(CHARGE),
    capture: false,
  })
  for (const [path, status] of [
    [`/api/v1/charges/${charge.id}/capture`, 200],
    [`/api/v1/charges/${charge.id}/cancel`, 409],
    ['/api/v1/webhook_deliveries/dlv_00000000000000000000000000/retry', 404],
    ['/api/v1/charges', 400],
  ] as const)
    assert.equal((await call(server.url, 'POST', path, '', JSON_TYPE)).status, status, path)
})

test('a slash at the end of a path changes nothing, and / leads to the reference', async () => {
  for (const path of ['/health/', '/api/v1/charges/', '/api/v1/balance/', '/docs/'])
    assert.equal((await call(server.url, 'GET', path)).status, 200, path)
  assert.equal((await call(server.url, 'DELETE', '/api/v1/charges/')).status, 405)
  const start = await fetch(`${server.url}/`, { redirect: 'manual' })
  assert.deepEqual([start.status, start.headers.get('location')], [302, '/docs'])
})

test('every response says that it is not to be stored, framed, embedded or guessed at', async () => {
  const expected = {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
  for (const path of ['/api/v1/charges', '/api/v1/charges/nothing', '/nothing', '/metrics', '/%ff']) {
    const { headers } = await call(server.url, 'GET', path)
    const found = Object.keys(expected).map((name) => [name, headers.get(name)])
    assert.deepEqual(Object.fromEntries(found), expected, path)
    // A browser would ignore it on a plain connection, and a proxy could pass it on for a whole domain.
    assert.equal(headers.get('strict-transport-security'), null, path)
  }
  const garbage = await raw('no HTTP at all\r\n\r\n')
  for (const [name, value] of Object.entries(expected))
    assert.ok(garbage.includes(`${name}: ${value}\r\n`), name)
})

test('the reference page allows itself its styles, and nothing else', async () => {
  const page = await fetch(`${server.url}/docs`)
  const policy = page.headers.get('content-security-policy') ?? ''
  assert.match(policy, /^default-src 'none'; style-src 'unsafe-inline'; .*frame-ancestors 'none'$/)
  // Anything that this policy blocks would be missing from the page.
  assert.doesNotMatch(
    await page.text(),
    /<(script|img|iframe|form|base|object|link|svg)\b|\son\w+=|url\(|@import/i,
  )
})

test('the reference is served on loopback, elsewhere only if configured, and the metrics there need a key', async (t) => {
  for (const [host, docs, status] of [
    ['0.0.0.0', undefined, 404],
    ['0.0.0.0', 'always', 200],
    ['127.0.0.1', undefined, 200],
    ['127.0.0.1', 'never', 404],
  ] as const) {
    const { url } = await serve(t, join(folder.path, `${host}-${docs}.db`), {
      MINIPAY_HOST: host,
      ...(docs && { MINIPAY_DOCS: docs }),
    })
    const local = url.replace('0.0.0.0', '127.0.0.1')
    for (const path of ['/docs', '/openapi.json'])
      assert.equal((await call(local, 'GET', path)).status, status, `${host} ${docs} ${path}`)
    assert.equal((await call(local, 'GET', '/')).status, 200, 'the dashboard is served everywhere')
    const { body } = await call<{ error: string }>(local, 'GET', '/nothing')
    assert.equal(body.error.includes('/docs'), status === 200, body.error)
    const metrics = await call(local, 'GET', '/metrics')
    assert.equal(metrics.status, host === '0.0.0.0' ? 401 : 200)
    assert.equal((await call(local, 'GET', '/health')).status, 200)
  }
})

test('metrics come in the type that the client likes best, by weight and then by order', async () => {
  const PROMETHEUS =
    'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1'
  for (const [accept, json] of [
    ['*/*', true],
    ['application/json', true],
    ['text/plain', false],
    ['text/plain;q=0.5, application/json', true],
    ['application/json;q=0.4, text/plain;q=0.5', false],
    ['text/plain, application/json', false],
    ['application/json, text/plain', true],
    ['text/plain;q=0, */*', true],
    ['image/png', true],
    ['nonsense;;q=', true],
    [PROMETHEUS, false],
  ] as const) {
    const { headers } = await call(server.url, 'GET', '/metrics', undefined, { accept })
    assert.equal(headers.get('content-type')?.startsWith('application/json'), json, accept)
  }
})

/** Sends a head that expects 100, and the body once 100 comes; all that comes back until the connection closes. */
function expecting(...headers: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    const type = 'Content-Type: application/json'
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
      if (answer === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write(CHARGE)
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
    socket.write(head('POST', '/api/v1/charges', type, 'Expect: 100-continue', ...headers))
  })
}

test('a body is invited with 100 only once the request is admitted', async () => {
  const before = await charges()
  const length = `Content-Length: ${CHARGE.length}`
  const made = await expecting(length, 'Connection: close')
  assert.deepEqual(statuses(made), [100, 201], made)
  assert.equal(await charges(), before + 1)
  for (const [wrong, status] of [
    [[length, 'Authorization: Bearer mp_test_wrong'], 401],
    [[`Content-Length: ${2 ** 20}`], 413],
    [[length, 'Transfer-Encoding: chunked'], 400],
  ] as const) {
    // Without the body, MiniPay could not tell where the next request begins: it closes the connection.
    const refused = await expecting(...wrong)
    assert.deepEqual(statuses(refused), [status], refused)
    assert.match(refused, /^Connection: close\r$/im)
  }
  assert.equal(await charges(), before + 1)
})

test('a connection stays open after a request that expected 100 and did not wait for it', async () => {
  const body = `Content-Length: ${CHARGE.length}`
  const next = head('GET', '/health', 'Connection: close')
  const post = head('POST', '/api/v1/charges', 'Content-Type: application/json', 'Expect: 100-continue', body)
  assert.deepEqual(statuses(await raw(post + CHARGE + next)), [100, 201, 200])
})
