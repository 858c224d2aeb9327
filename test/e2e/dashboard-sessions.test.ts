/** Sessions of the dashboard at a started server: who gets one, what proves its origin, and what ends it. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { auditEntry } from '../kit/audit-entries.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type Answer, call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { runCli, serve } from '../kit/server.ts'

const PAGE = { 'sec-fetch-site': 'same-origin', 'x-minipay-dashboard': '1' }
const ORDER = { amount: 2500, currency: 'usd', customer: 'cus_42', capture: false }
type Error = { readonly code: string; readonly error: string; readonly param?: string }

let dir: TempDir
before(() => {
  dir = tempDir()
})
after(() => dir.remove())

const signIn = (url: string, key: unknown, headers: Record<string, string> = PAGE): Promise<Answer<Error>> =>
  call(url, 'POST', '/dashboard/session', { key }, headers)

/** The Cookie header that a browser sends after this response. */
function cookieOf({ headers }: Answer<unknown>): { cookie: string } {
  return { cookie: (headers.get('set-cookie') ?? '').split(';')[0] as string }
}

const me = (url: string, headers: Record<string, string>) =>
  call<{ key: { id: string } | null; code?: string }>(url, 'GET', '/api/v1/me', undefined, headers)

/** A server with a key of an administrator; on an address that needs a key. */
async function keyedServer(t: Parameters<typeof serve>[0], name: string, env: Record<string, string> = {}) {
  const database = join(dir.path, name)
  const server = await serve(t, database, env)
  const made = await call<{ id: string; secret: string }>(server.url, 'POST', '/api/v1/keys', {
    ...{ name: 'desk', role: 'administrator' },
  })
  return { ...server, database, key: made.body }
}

describe('a session', () => {
  test('takes the place of its key in requests of its own page alone', async (t) => {
    const { url, key } = await keyedServer(t, 'page.db')
    const response = await signIn(url, key.secret)
    assert.equal(response.status, 204)
    assert.match(
      response.headers.get('set-cookie') ?? '',
      /^minipay_session_\d+=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    )
    const cookie = cookieOf(response)
    const { status, body, headers } = await me(url, { ...cookie, ...PAGE })
    assert.deepEqual([status, body.key?.id], [200, key.id])
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('access-control-allow-origin'), null)

    const charge = await call<{ id: string }>(url, 'POST', '/api/v1/charges', ORDER, { ...cookie, ...PAGE })
    assert.equal(charge.status, 201)
    const capture = `/api/v1/charges/${charge.body.id}/capture`
    const { host } = new URL(url)
    const wrong: [name: string, Record<string, string>][] = [
      ['another port of this host', { ...PAGE, 'sec-fetch-site': 'same-site' }],
      ['another site', { ...PAGE, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
      ['no page', { ...PAGE, 'sec-fetch-site': 'none' }],
      ['no proof', {}],
      ['another origin, from an old browser', { 'x-minipay-dashboard': '1', origin: 'http://127.0.0.1:1' }],
      ['without the header', { 'sec-fetch-site': 'same-origin', origin: `http://${host}` }],
      ['with another value', { ...PAGE, 'x-minipay-dashboard': '0' }],
    ]
    for (const [name, headers] of wrong) {
      const refused = await call<Error>(url, 'POST', capture, undefined, { ...cookie, ...headers })
      assert.deepEqual([refused.status, refused.body.code], [403, 'dashboard_origin_required'], name)
    }
    const old = { 'x-minipay-dashboard': '1', origin: `http://${host}` }
    assert.equal((await me(url, { ...cookie, ...old })).status, 200)
    assert.equal((await me(url, { ...cookie, 'x-minipay-dashboard': '1' })).status, 200)
    const held = await call<{ status: string }>(url, 'GET', `/api/v1/charges/${charge.body.id}`, undefined, {
      ...{ ...cookie, ...PAGE },
    })
    assert.equal(held.body.status, 'authorized')
    assert.equal((await call(url, 'POST', capture, undefined, { ...cookie, ...PAGE })).status, 200)
  })

  test('is refused under another Host, and hidden from origins that may call the API', async (t) => {
    const { url, key } = await keyedServer(t, 'host.db', { MINIPAY_ALLOWED_ORIGINS: '*' })
    const cookie = cookieOf(await signIn(url, key.secret))
    const found = await new Promise<string>((resolve, reject) => {
      const headers = { ...cookie, ...PAGE, host: `evil.example:${new URL(url).port}` }
      request(`${url}/api/v1/me`, { headers }, async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        resolve(`${response.statusCode} ${JSON.parse(text).code}`)
      })
        .once('error', reject)
        .end()
    })
    assert.equal(found, '403 dashboard_origin_required')
    const own = { ...cookie, ...PAGE, origin: new URL(url).origin }
    assert.equal((await me(url, own)).headers.get('access-control-allow-origin'), null)
    const other = { ...PAGE, 'sec-fetch-site': 'cross-site', origin: 'https://shop.example' }
    assert.equal((await me(url, other)).headers.get('access-control-allow-origin'), '*')
    const refused = await me(url, { ...cookie, ...other })
    assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [403, null])
    for (const path of ['/dashboard/', '/dashboard/payments'])
      assert.equal(
        (await call(url, 'GET', path, undefined, own)).headers.get('access-control-allow-origin'),
        null,
      )
  })

  test('is begun by no other page, and by no wrong key, each of which counts against the address', async (t) => {
    const { url, key } = await keyedServer(t, 'wrong.db')
    for (const headers of [
      {},
      { 'sec-fetch-site': 'cross-site', 'x-minipay-dashboard': '1' },
      { origin: url },
    ])
      assert.deepEqual((await signIn(url, key.secret, headers)).body.code, 'dashboard_origin_required')
    assert.equal((await signIn(url, 7)).body.code, 'parameter_invalid')
    const answers: Answer<Error>[] = []
    for (let i = 0; i < 12; i++) answers.push(await signIn(url, `${key.secret.slice(0, -1)}!`))
    const [first] = answers
    assert.deepEqual([first?.status, first?.body.code, first?.body.param], [401, 'unauthenticated', 'key'])
    // A browser would open a form of its own for Basic.
    assert.doesNotMatch(first?.headers.get('www-authenticate') ?? '', /Basic/)
    assert.equal(answers.at(-1)?.status, 429)
    assert.ok(answers.every(({ headers }) => headers.get('set-cookie') === null))
    assert.equal((await signIn(url, key.secret)).status, 204)
  })

  test('ends by signing out, and with its key on every node, also for a stream that is open', async (t) => {
    const { url, key, database } = await keyedServer(t, 'ends.db')
    const [first, second] = [await signIn(url, key.secret), await signIn(url, key.secret)].map(cookieOf)
    const out = await call(url, 'DELETE', '/dashboard/session', undefined, { ...first, ...PAGE })
    assert.equal(out.status, 204)
    assert.match(out.headers.get('set-cookie') ?? '', /^minipay_session_\d+=; .*Max-Age=0/)
    assert.equal((await me(url, { ...first, ...PAGE })).status, 401)
    assert.equal((await me(url, { ...second, ...PAGE })).status, 200)
    const stream = await fetch(`${url}/api/v1/events/stream`, {
      headers: { ...second, ...PAGE },
    } as RequestInit)
    assert.equal(stream.status, 200)
    const revoked = await call(url, 'POST', `/api/v1/keys/${key.id}/revoke`, undefined, bearer(key.secret))
    assert.equal(revoked.status, 200)
    assert.equal((await me(url, { ...second, ...PAGE })).status, 401)
    // It ends by itself.
    for await (const _ of stream.body ?? []);
    const { code, stdout } = await runCli(['verify', '--database', database])
    assert.equal(code, 0, stdout)
  })

  test('that MiniPay did not begin is found by verify', async (t) => {
    const server = await keyedServer(t, 'planted.db')
    await server.stop()
    await inDatabase(server.database, async ({ store }) => {
      const scope = { accountId: 1, mode: 'test' } as const
      const at = Date.now()
      const session = { hash: 'a'.repeat(64), keyId: server.key.id, host: 'x', createdAt: at, usedAt: at }
      await store.addDashboardSession(session, auditEntry(scope, { action: 'delivery.retried', at }))
    })
    const { code, stdout, stderr } = await runCli(['verify', '--database', server.database])
    assert.notEqual(code, 0)
    assert.match(
      stdout + stderr,
      /A session of the dashboard with the API key key_\w+ was not begun by MiniPay/,
    )
  })
})

describe('a server', () => {
  test('keeps its session in a browser that signs in to another one on this host', async (t) => {
    const [one, two] = [await keyedServer(t, 'one.db'), await keyedServer(t, 'two.db')]
    // A browser keeps one cookie of each name for a host, and sends them all to every port.
    const jar = new Map<string, string>()
    for (const { url, key } of [one, two]) {
      const [name = '', value = ''] = cookieOf(await signIn(url, key.secret)).cookie.split('=')
      jar.set(name, value)
    }
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
    for (const { url, key } of [one, two])
      assert.equal((await me(url, { cookie, ...PAGE })).body.key?.id, key.id)
  })

  test('without keys ignores the cookie of another MiniPay on this host', async (t) => {
    const { url } = await serve(t, join(dir.path, 'keyless.db'))
    const cookie = { cookie: `minipay_session_${new URL(url).port}=${'a'.repeat(64)}; other=1` }
    assert.equal((await me(url, { ...cookie, ...PAGE })).status, 200)
  })

  test('with --no-dashboard serves no page, begins no session and accepts none', async (t) => {
    const on = await keyedServer(t, 'off.db')
    const { cookie } = cookieOf(await signIn(on.url, on.key.secret))
    await on.stop()
    const { url } = await serve(t, on.database, { MINIPAY_NO_DASHBOARD: 'true' })
    const here = { cookie: cookie.replace(new URL(on.url).port, new URL(url).port) }
    for (const path of ['/dashboard', '/dashboard/payments'])
      assert.equal((await call(url, 'GET', path)).status, 404)
    assert.equal((await signIn(url, on.key.secret)).status, 404)
    assert.equal((await me(url, { ...here, ...PAGE })).status, 401)
    const root = await fetch(`${url}/`, { redirect: 'manual', headers: { accept: 'text/html' } })
    assert.equal(root.headers.get('location'), '/docs')
  })

  test('leads people from / to the dashboard and programs to the documentation', async (t) => {
    const { url } = await serve(t, join(dir.path, 'root.db'))
    const to = async (accept: string) =>
      (await fetch(`${url}/`, { redirect: 'manual', headers: { accept } })).headers.get('location')
    assert.equal(await to('text/html,application/xhtml+xml,*/*;q=0.8'), '/dashboard/')
    assert.equal(await to('*/*'), '/docs')
  })

  test('behind a proxy with TLS sets a cookie for TLS alone', async (t) => {
    const database = join(dir.path, 'tls.db')
    const { secret } = await inDatabase(database, ({ key }) => key())
    const trusting = await serve(t, database, { MINIPAY_TRUSTED_PROXIES: '127.0.0.1' })
    const over = await signIn(trusting.url, secret, {
      ...{ ...PAGE, 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7' },
    })
    assert.match(over.headers.get('set-cookie') ?? '', /^__Host-minipay_session=.*; Secure$/)
  })
})
