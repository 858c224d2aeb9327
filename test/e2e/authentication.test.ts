/** API keys at a started server: what each request needs, and how a wrong one is refused. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { MadeKey } from '../../src/app/access/access-keys.ts'
import { keySecret } from '../../src/domain/access/key-secret.ts'
import { type Charge, type Client, client, until } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type Answer, call } from '../kit/http.ts'
import { basic, bearer, inDatabase } from '../kit/keys.ts'
import { type RunningServer, serve, startServer } from '../kit/server.ts'
import { bareConnection } from '../kit/sockets.ts'

type ApiKey = { readonly id: string; readonly secret: string; readonly [field: string]: unknown }
type Error = { readonly code: string; readonly error: string; readonly param?: string }

const ORDER = { amount: 2500, currency: 'usd', customer: 'cus_42' }
let dir: TempDir
before(() => {
  dir = tempDir()
})
after(() => dir.remove())

const statusOf = async (url: string, headers: Record<string, string>, path = '/api/v1/balance') =>
  (await call(url, 'GET', path, undefined, headers)).status

let clients = 0
/** The header of a trusted proxy with a client that no request had before: each address may fail ten times only. */
const elsewhere = () => {
  clients++
  return { 'x-forwarded-for': `198.51.${100 + (clients >> 8)}.${clients & 255}` }
}

/** A well-formed key that was never made. */
const UNKNOWN = keySecret('live', new Uint8Array(24).fill(7))

/** A key that differs from a right one in its last character, which the checksum finds. */
const mistyped = (secret: string) => secret.slice(0, -1) + (secret.endsWith('0') ? '1' : '0')

describe('a server on loopback', () => {
  test('needs no key until one is made, and then every request needs one', async (t) => {
    const { url } = await serve(t, join(dir.path, 'first.db'))
    assert.equal(await statusOf(url, {}), 200)
    const { status, body } = await call<ApiKey>(url, 'POST', '/api/v1/keys', {
      name: 'first',
      role: 'administrator',
    })
    assert.deepEqual([status, body['mode'], body['created_by']], [201, 'test', 'keyless'])
    assert.match(body.secret, /^mp_test_[0-9A-Za-z]{39}$/)
    assert.equal(await statusOf(url, {}), 401)
    assert.equal(await statusOf(url, bearer(body.secret)), 200)
    // Also once the only key is revoked: otherwise its revocation would open the server.
    await client(url, bearer(body.secret)).post(`/api/v1/keys/${body.id}/revoke`)
    assert.equal(await statusOf(url, {}), 401)
    assert.equal(await statusOf(url, bearer(body.secret)), 401)
  })

  test('refuses a wrong key although it needs none, and a request that a proxy passed on', async (t) => {
    const { url, output } = await serve(t, join(dir.path, 'none.db'))
    assert.equal(await statusOf(url, bearer('mp_test_nothing')), 401)
    assert.equal(await statusOf(url, { 'x-forwarded-for': '203.0.113.9' }), 401)
    assert.equal(await statusOf(url, {}), 200)
    assert.match(output(), /No API key exists: programs on this machine need none and are in test mode/)
  })
})

describe('with keys', () => {
  let server: RunningServer
  let admin: MadeKey
  let support: MadeKey
  /** In test mode, where the sandbox takes charges. */
  let tester: MadeKey
  let far: MadeKey
  let closed: MadeKey
  let closing: string
  let api: Client

  before(async () => {
    const file = join(dir.path, 'keys.db')
    await inDatabase(file, async ({ key, account }) => {
      admin = await key({ mode: 'live' })
      support = await key({ role: 'support' })
      tester = await key()
      far = await key({ mode: 'live', networks: ['192.0.2.0/24', '2001:db8::/32'] })
      closing = (await account('Closing')).publicId
      closed = await key({ account: closing })
    })
    server = await startServer(file, { MINIPAY_TRUSTED_PROXIES: '127.0.0.1' })
    api = client(server.url, bearer(admin.secret))
  })
  after(() => server?.kill())

  const made = async (fields: object): Promise<ApiKey> => {
    const { status, body } = await api.post<ApiKey>('/api/v1/keys', {
      name: 'test',
      role: 'administrator',
      ...fields,
    })
    assert.equal(status, 201, JSON.stringify(body))
    return body
  }

  test('a key works as a Bearer token, in each case of the word, and as the user name of HTTP Basic', async () => {
    const { secret } = admin
    for (const headers of [
      bearer(secret),
      { authorization: `bearer ${secret}` },
      { authorization: `BEARER   ${secret}` },
      basic(secret),
      basic(secret, 'anything'),
    ])
      assert.equal(await statusOf(server.url, headers), 200, JSON.stringify(headers).slice(0, 40))
  })

  test('every wrong key gets the same 401, with the ways to send one', async () => {
    const revoked = await made({})
    await api.post(`/api/v1/keys/${revoked.id}/revoke`)
    const { secret } = admin
    const unknown = UNKNOWN
    const wrong: Record<string, string>[] = [
      ...[{}, bearer(revoked.secret), basic(revoked.secret), bearer(unknown), bearer(mistyped(secret))],
      ...[
        bearer(far.secret),
        bearer(secret.toLowerCase()),
        bearer(`${secret}0`),
        bearer(secret.slice(0, 20)),
      ],
      ...[bearer(secret.replace('live', 'test')), bearer('x'.repeat(10_000)), bearer(''), bearer('null')],
      ...[
        { authorization: secret },
        { authorization: `Bearer\t${secret}` },
        { authorization: `Token ${secret}` },
      ],
      ...[{ authorization: `Basic ${secret}` }, { authorization: 'Basic ====' }, basic('', secret)],
      ...[{ authorization: `Bearer ${secret}, Bearer ${secret}` }, { authorization: `Bearer "${secret}"` }],
      { authorization: `Basic ${Buffer.from(secret).toString('base64')}` },
    ]
    const bodies = new Set<string>()
    for (const headers of wrong) {
      const {
        status,
        body,
        headers: sent,
      } = await call<Error>(server.url, 'POST', '/api/v1/charges', ORDER, {
        ...headers,
        ...elsewhere(),
      })
      assert.equal(status, 401, JSON.stringify(headers).slice(0, 60))
      assert.match(sent.get('www-authenticate') ?? '', /^Bearer realm="MiniPay", Basic realm="MiniPay"/)
      bodies.add(JSON.stringify({ ...body, request_id: '' }))
    }
    assert.equal(bodies.size, 1)
  })

  test('a repeated header, a NUL and a head that is too large are refused before the key is read', async () => {
    const responses: string[] = []
    for (const lines of [
      `Authorization: Bearer ${admin.secret}\r\nauthorization: Bearer ${admin.secret}`,
      `Authorization: Bearer ${admin.secret}\0`,
      `Authorization: Bearer ${'x'.repeat(20_000)}`,
      `Authorization: Bearer\r\n ${admin.secret}`,
    ]) {
      const { socket, text, closed } = await bareConnection(server.url)
      socket.write(`GET /api/v1/balance HTTP/1.1\r\nHost: localhost\r\n${lines}\r\nConnection: close\r\n\r\n`)
      await closed
      responses.push(/"code":"(\w+)"/.exec(text())?.[1] ?? text())
    }
    assert.deepEqual(responses, ['header_repeated', 'bad_request', 'headers_too_large', 'bad_request'])
  })

  test('unknown, malformed, revoked and foreign keys take the same time', async () => {
    const revoked = await made({})
    await api.post(`/api/v1/keys/${revoked.id}/revoke`)
    const expired = await made({ expires_at: new Date(Date.now() + 200).toISOString() })
    await setTimeout(250)
    const kinds = {
      malformed: 'mp_live_x',
      unknown: UNKNOWN,
      revoked: revoked.secret,
      expired: expired.secret,
      foreign: far.secret,
    }
    const medians = async () => {
      const times = Object.keys(kinds).map(() => [] as number[])
      // In turns, so that a slow moment of the machine meets all of them.
      for (let round = 0; round < 15; round++)
        for (const [i, [kind, secret]] of Object.entries(kinds).entries()) {
          const start = performance.now()
          assert.equal(await statusOf(server.url, { ...bearer(secret), ...elsewhere() }), 401, kind)
          times[i]?.push(performance.now() - start)
        }
      return times.map((all) => all.toSorted((a, b) => a - b)[7] as number)
    }
    let found: number[] = []
    // On a machine that is too busy for a look-up in 50 ms, only the next multiple is the same.
    for (let attempt = 0; attempt < 3; attempt++) {
      found = await medians()
      assert.ok(Math.min(...found) >= 49, String(found))
      if (Math.max(...found) - Math.min(...found) < 15) return
    }
    assert.fail(`the medians in ms are ${found}`)
  })

  test('an address with many wrong keys gets 429, but its right keys and other addresses are served', async () => {
    const here = elsewhere()
    const wrong = { ...bearer(UNKNOWN), ...here }
    const statuses = await Promise.all(Array.from({ length: 15 }, () => statusOf(server.url, wrong)))
    assert.deepEqual(statuses.toSorted(), [...Array(10).fill(401), ...Array(5).fill(429)])
    const { headers, body } = await call<Error>(server.url, 'GET', '/api/v1/balance', undefined, wrong)
    assert.deepEqual([body.code, headers.get('retry-after')], ['rate_limited', '1'])
    assert.match(headers.get('ratelimit') ?? '', /^"failures";r=0;t=\d+$/)
    assert.equal(await statusOf(server.url, { ...bearer(admin.secret), ...here }), 200)
    assert.equal(await statusOf(server.url, { ...wrong, ...elsewhere() }), 401)
  })

  test('a path that does not exist needs no key, and neither do the endpoints that are open to all', async () => {
    for (const [path, status] of [
      ...[
        ['/api/v1/nothing', 404] as const,
        ['/api/v1/charges/a/b/c', 404] as const,
        ['/health', 200] as const,
      ],
      ...[['/ready', 200] as const, ['/docs', 200] as const, ['/openapi.json', 200] as const],
    ]) {
      assert.equal(await statusOf(server.url, {}, path), status, path)
      assert.equal(await statusOf(server.url, bearer('wrong'), path), status, path)
    }
    assert.equal((await call(server.url, 'PUT', '/api/v1/charges')).status, 405)
    const notified = await call<Error>(server.url, 'POST', '/providers/none/notifications', {})
    assert.deepEqual([notified.status, notified.body.code], [404, 'provider_not_found'])
  })

  test('a key without the permission gets 403 that names it, before the body is read', async () => {
    const paid = await client(server.url, bearer(tester.secret)).charge()
    const desk = client(server.url, bearer(support.secret))
    assert.equal((await desk.get(`/api/v1/charges/${paid.id}`)).status, 200)
    assert.equal((await desk.post('/api/v1/refunds', { transaction_id: paid.id })).status, 200)
    for (const [method, path, permission] of [
      ['POST', '/api/v1/charges', 'charges:write'],
      ['PUT', '/api/v1/routing', 'routing:write'],
      ['GET', '/api/v1/keys', 'keys:read'],
      ['GET', '/metrics', 'metrics:read'],
      ['GET', '/api/v1/accounts', 'accounts:read'],
    ] as const) {
      const body = method === 'GET' ? undefined : '{"not json'
      const refused = await desk.request<Error>(method, path, body)
      assert.deepEqual([refused.status, refused.body.code], [403, 'permission_denied'], path)
      assert.equal(refused.body.error, `This API key lacks the permission ${permission}.`)
    }
  })

  test('a rolled key works until its overlap ends, and its successor from the start', async () => {
    const old = await made({ name: 'rolled' })
    const roll = (id: string, seconds: number) =>
      api.post<ApiKey>(`/api/v1/keys/${id}/roll`, { overlap_seconds: seconds })
    const { body: next } = await roll(old.id, 1)
    assert.equal(await statusOf(server.url, bearer(old.secret)), 200)
    assert.equal(await statusOf(server.url, bearer(next.secret)), 200)
    await until(
      () => statusOf(server.url, bearer(old.secret)),
      (status) => status === 401,
    )
    const { body: last } = await roll(next.id, 0)
    assert.equal(await statusOf(server.url, bearer(next.secret)), 401)
    assert.equal(await statusOf(server.url, bearer(last.secret)), 200)
    const again = await api.post<Error>(`/api/v1/keys/${next.id}/roll`)
    assert.deepEqual([again.status, again.body.code], [409, 'api_key_ended'])
  })

  test('a roll under load fails no request', async () => {
    const { id, secret } = await made({ name: 'busy' })
    let current = secret
    let running = true
    const statuses = new Set<number>()
    const clients = Array.from({ length: 8 }, async () => {
      while (running) statuses.add(await statusOf(server.url, bearer(current)))
    })
    const { body } = await api.post<ApiKey>(`/api/v1/keys/${id}/roll`, { overlap_seconds: 3600 })
    current = body.secret
    await setTimeout(200)
    running = false
    await Promise.all(clients)
    assert.deepEqual([...statuses], [200])
  })

  test('a request whose key is revoked while its body arrives is finished, and the next one is refused', async () => {
    const { id, secret } = await made({ name: 'in flight', mode: 'test' })
    const body = JSON.stringify(ORDER)
    const { socket, text } = await bareConnection(server.url)
    const head = `POST /api/v1/charges HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${secret}\r\n`
    socket.write(
      `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
    )
    await until(
      async () => (await api.get<ApiKey>(`/api/v1/keys/${id}`)).status,
      (status) => status === 200,
    )
    await setTimeout(50)
    assert.equal((await api.post(`/api/v1/keys/${id}/revoke`)).status, 200)
    socket.write(body.slice(9))
    await until(
      async () => text(),
      (response) => response.includes('\r\n\r\n{'),
    )
    assert.match(text(), /^HTTP\/1\.1 201 /)
    socket.destroy()
    assert.equal(await statusOf(server.url, bearer(secret)), 401)
  })

  test('a key of a closed account is refused', async () => {
    assert.equal(await statusOf(server.url, bearer(closed.secret)), 200)
    assert.equal((await api.post(`/api/v1/accounts/${closing}/close`)).status, 200)
    assert.equal(await statusOf(server.url, bearer(closed.secret)), 401)
    const late = await api.post<Error>('/api/v1/keys', { name: 'late', role: 'support', account: closing })
    assert.deepEqual([late.status, late.body.code], [409, 'account_closed'])
  })

  test('the secret is in no response but those of create and roll', async () => {
    const { id, secret } = await made({ name: 'once', role: 'read_only' })
    const responses = await Promise.all([
      api.get(`/api/v1/keys/${id}`),
      api.get('/api/v1/keys?limit=100'),
      api.request('PATCH', `/api/v1/keys/${id}`, { name: 'twice' }),
      api.post(`/api/v1/keys/${id}/revoke`),
    ])
    for (const { status, body } of responses) {
      assert.equal(status, 200)
      assert.doesNotMatch(JSON.stringify(body), new RegExp(secret.slice(0, -4)))
      assert.doesNotMatch(JSON.stringify(body), /"(secret|hash)"/)
    }
  })

  test('an Idempotency-Key is refused where MiniPay could not return the first response again', async () => {
    const { id } = await made({})
    for (const [path, body] of [
      ['/api/v1/keys', { name: 'a', role: 'support' }],
      [`/api/v1/keys/${id}/roll`, {}],
      ['/api/v1/accounts', { name: 'a' }],
    ] as const) {
      const refused = await api.post<Error>(path, body, { 'idempotency-key': 'key-1' })
      assert.deepEqual(
        [refused.status, refused.body.code, refused.body.param],
        [400, 'parameter_unknown', 'Idempotency-Key'],
      )
    }
  })

  test('an object of another account or mode is the same 404 as one that does not exist', async () => {
    const other = await made({ mode: 'test' })
    const theirs = client(server.url, bearer(other.secret))
    const { id } = await theirs.charge()
    const errors: unknown[] = []
    for (const one of [id, 'txn_00000000000000000000000000'])
      for (const [method, path, body] of [
        ['GET', `/api/v1/charges/${one}`, undefined],
        ['POST', `/api/v1/charges/${one}/cancel`, undefined],
        ['POST', '/api/v1/refunds', { transaction_id: one }],
      ] as const) {
        const answer: Answer<Error> = await api.request<Error>(method, path, body)
        assert.equal(answer.status, 404, path)
        errors.push(`${method} ${answer.body.code} ${answer.body.error}`)
      }
    assert.deepEqual(errors.slice(0, 3), errors.slice(3))
    assert.equal((await theirs.get<Charge>(`/api/v1/charges/${id}`)).status, 200)
    const unseen = await theirs.get<Error>(`/api/v1/keys/${admin.key.id}`)
    assert.deepEqual([unseen.status, unseen.body.code], [404, 'api_key_not_found'])
  })

  test('a key makes no key that may do more than it may', async () => {
    const clerk = await made({ permissions: ['keys:write', 'refunds:write'], role: undefined })
    const limited = client(server.url, bearer(clerk.secret))
    for (const wanted of [
      { role: 'administrator' },
      { role: 'support' },
      { permissions: ['charges:read'] },
      { permissions: ['refunds:read'], mode: 'test' },
      { permissions: ['refunds:read'], account: 'acct_default', mode: 'test' },
    ]) {
      const { status, body } = await limited.post<Error>('/api/v1/keys', { name: 'more', ...wanted })
      assert.deepEqual([status, body.code], [403, 'permission_denied'], JSON.stringify(wanted))
    }
    const less = await limited.post<ApiKey>('/api/v1/keys', { name: 'less', permissions: ['refunds:read'] })
    assert.equal(less.status, 201)
  })
})
