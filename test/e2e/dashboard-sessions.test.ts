/** Sessions of the dashboard at a started server: who gets one, what proves its origin, and what ends it. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { auditEntry } from '../kit/audit-entries.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { runCli, serve } from '../kit/server.ts'
import { PAGE, pageOf, type SignedIn, sessionOf, signIn } from '../kit/sessions.ts'

const ORDER = { amount: 2500, currency: 'usd', customer: 'cus_42', capture: false }
type Error = { readonly code: string; readonly error: string; readonly param?: string }

let dir: TempDir
before(() => {
  dir = tempDir()
})
after(() => dir.remove())

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
    assert.equal(response.status, 200)
    assert.match(response.body.proof, /^[0-9a-f]{64}$/)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.match(
      response.headers.get('set-cookie') ?? '',
      /^minipay_session_\d+=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    )
    const page = pageOf(response)
    const { proof } = response.body
    const { status, body, headers } = await me(url, page)
    assert.deepEqual([status, body.key?.id], [200, key.id])
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('access-control-allow-origin'), null)

    const charge = await call<{ id: string }>(url, 'POST', '/api/v1/charges', ORDER, page)
    assert.equal(charge.status, 201)
    const capture = `/api/v1/charges/${charge.body.id}/capture`
    const { host } = new URL(url)
    const wrong: [name: string, Record<string, string>][] = [
      ['another port of this host', { ...page, 'sec-fetch-site': 'same-site' }],
      ['another site', { ...page, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
      ['no page', { ...page, 'sec-fetch-site': 'none' }],
      ['another origin, from an old browser', { 'x-minipay-dashboard': proof, origin: 'http://127.0.0.1:1' }],
      ['without the header', { 'sec-fetch-site': 'same-origin', origin: `http://${host}` }],
      ['with another value', { ...PAGE, 'x-minipay-dashboard': '0' }],
      ['with a proof that is cut', { ...PAGE, 'x-minipay-dashboard': proof.slice(1) }],
      ['with two proofs', { ...PAGE, 'x-minipay-dashboard': `${proof}, ${proof}` }],
    ]
    const { cookie } = page
    for (const [name, headers] of wrong)
      for (const [method, path] of [
        ['POST', capture],
        ['GET', '/api/v1/me'],
      ] as const) {
        const refused = await call<Error>(url, method, path, undefined, { ...headers, cookie })
        assert.deepEqual([refused.status, refused.body.code], [403, 'dashboard_origin_required'], name)
      }
    const old = { 'x-minipay-dashboard': proof, origin: `http://${host}` }
    assert.equal((await me(url, { ...old, cookie })).status, 200)
    assert.equal((await me(url, { cookie, 'x-minipay-dashboard': proof })).status, 200)
    const held = await call<{ status: string }>(
      url,
      'GET',
      `/api/v1/charges/${charge.body.id}`,
      undefined,
      page,
    )
    assert.equal(held.body.status, 'authorized')
    assert.equal((await call(url, 'POST', capture, undefined, page)).status, 200)
  })

  test('serves no request with its cookie and the proof of none, of another session, or of another server', async (t) => {
    const { url, key } = await keyedServer(t, 'proof.db')
    const other = await keyedServer(t, 'other-proof.db')
    const [mine, second] = [await signIn(url, key.secret), await signIn(url, key.secret)]
    const foreign = await signIn(other.url, other.key.secret)
    const page = pageOf(mine)
    const { body } = await call<{ id: string }>(url, 'POST', '/api/v1/charges', ORDER, page)
    const requests = [
      ['GET', '/api/v1/me'],
      ['GET', '/api/v1/charges?format=csv'],
      ['GET', '/api/v1/events/stream'],
      ['GET', '/metrics'],
      ['POST', `/api/v1/charges/${body.id}/capture`],
      ['POST', '/api/v1/keys'],
    ] as const
    const proofs = [
      '1',
      second.body.proof,
      foreign.body.proof,
      '0'.repeat(64),
      page.cookie.split('=')[1] ?? '',
    ]
    for (const proof of proofs)
      for (const [method, path] of requests) {
        const wrong = { ...page, 'x-minipay-dashboard': proof }
        const refused = await call<Error>(url, method, path, undefined, wrong)
        // An address with many failures gets 429 in the place of 401.
        assert.ok([401, 429].includes(refused.status), `${method} ${path} ${proof} ${refused.status}`)
        assert.ok(!JSON.stringify([refused.body, ...refused.headers]).includes(proof) || proof === '1')
      }
    const { body: held } = await call<{ status: string }>(
      url,
      'GET',
      `/api/v1/charges/${body.id}`,
      undefined,
      page,
    )
    assert.equal(held.status, 'authorized')
    // Neither ends it.
    for (const proof of proofs) {
      const out = { ...page, 'x-minipay-dashboard': proof }
      const refused = await call<Error>(url, 'DELETE', '/dashboard/session', undefined, out)
      assert.deepEqual([refused.status, refused.headers.get('set-cookie')], [403, null])
      // A sign-in beside a planted cookie leaves its session as it is.
      assert.equal((await signIn(url, key.secret, out)).status, 200)
    }
    assert.equal((await me(url, page)).status, 200)
    // One with its own proof takes its place.
    assert.equal((await signIn(url, key.secret, page)).status, 200)
    assert.equal((await me(url, page)).status, 429)
  })

  test('continues after a restart, and neither of its secrets is in the log or the audit log', async (t) => {
    const { key, database, url, stop, output } = await keyedServer(t, 'restart.db', {
      ...{ MINIPAY_LOG_LEVEL: 'debug', MINIPAY_ACCESS_LOG: 'info' },
    })
    const signed = await signIn(url, key.secret)
    const page = pageOf(signed)
    await me(url, { ...page, 'sec-fetch-site': 'cross-site' })
    await me(url, page)
    await stop()
    const again = await serve(t, database, { PORT: new URL(url).port })
    assert.equal((await me(again.url, page)).status, 200)
    const { body } = await call<object>(again.url, 'GET', '/api/v1/audit', undefined, bearer(key.secret))
    for (const secret of [signed.body.proof, page.cookie.split('=')[1] ?? ''])
      assert.ok(!(output() + again.output() + JSON.stringify(body)).includes(secret))
  })

  test('is refused under another Host, and hidden from origins that may call the API', async (t) => {
    const { url, key } = await keyedServer(t, 'host.db', { MINIPAY_ALLOWED_ORIGINS: '*' })
    const page = pageOf(await signIn(url, key.secret))
    const found = await new Promise<string>((resolve, reject) => {
      const headers = { ...page, host: `evil.example:${new URL(url).port}` }
      request(`${url}/api/v1/me`, { headers }, async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        resolve(`${response.statusCode} ${JSON.parse(text).code}`)
      })
        .once('error', reject)
        .end()
    })
    assert.equal(found, '403 dashboard_origin_required')
    const own = { ...page, origin: new URL(url).origin }
    assert.equal((await me(url, own)).headers.get('access-control-allow-origin'), null)
    const other = { ...PAGE, 'sec-fetch-site': 'cross-site', origin: 'https://shop.example' }
    assert.equal((await me(url, other)).headers.get('access-control-allow-origin'), '*')
    // No preflight allows the header.
    const asked = { ...other, 'access-control-request-headers': 'x-minipay-dashboard' }
    const preflight = await call(url, 'OPTIONS', '/api/v1/me', undefined, asked)
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Authorization/)
    assert.doesNotMatch(preflight.headers.get('access-control-allow-headers') ?? '', /dashboard|\*/i)
    const begun = await signIn(url, key.secret, { ...PAGE, origin: new URL(url).origin })
    assert.deepEqual([begun.status, begun.headers.get('access-control-allow-origin')], [200, null])
    const refused = await me(url, { ...page, ...other })
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
    const answers: SignedIn[] = []
    for (let i = 0; i < 12; i++) answers.push(await signIn(url, `${key.secret.slice(0, -1)}!`))
    const [first] = answers
    assert.deepEqual([first?.status, first?.body.code, first?.body.param], [401, 'unauthenticated', 'key'])
    // A browser would open a form of its own for Basic.
    assert.doesNotMatch(first?.headers.get('www-authenticate') ?? '', /Basic/)
    assert.equal(answers.at(-1)?.status, 429)
    assert.ok(answers.every(({ headers }) => headers.get('set-cookie') === null))
    assert.match(answers.at(-1)?.body.error ?? '', /Too many wrong keys .* Try again in a second/)
    assert.equal((await signIn(url, key.secret)).status, 200)
  })

  test('is begun twenty times at once with a key, and then seldom, with a sentence that says when', async (t) => {
    const { url, key } = await keyedServer(t, 'many.db')
    const all = await Promise.all(Array.from({ length: 25 }, () => signIn(url, key.secret)))
    assert.equal(all.filter(({ status }) => status === 200).length, 20)
    const refused = all.find(({ status }) => status === 429)
    assert.equal(refused?.body.code, 'rate_limited')
    const seconds = Number(refused?.headers.get('retry-after'))
    assert.ok(seconds > 0 && seconds <= 10)
    assert.match(refused?.body.error ?? '', new RegExp(`Try again in ${seconds} seconds`))
    assert.match(refused?.headers.get('ratelimit-policy') ?? '', /^"sign_ins";q=20;w=200$/)
    assert.equal(refused?.headers.get('set-cookie'), null)
    // Its other requests are as before.
    assert.equal((await me(url, bearer(key.secret))).status, 200)
  })

  test('ends by signing out, and with its key on every node, also for a stream that is open', async (t) => {
    const { url, key, database } = await keyedServer(t, 'ends.db')
    const [first, second] = [await signIn(url, key.secret), await signIn(url, key.secret)].map(pageOf)
    const out = await call(url, 'DELETE', '/dashboard/session', undefined, first)
    assert.equal(out.status, 204)
    assert.match(out.headers.get('set-cookie') ?? '', /^minipay_session_\d+=; .*Max-Age=0/)
    assert.equal((await me(url, first ?? {})).status, 401)
    assert.equal((await me(url, second ?? {})).status, 200)
    const stream = await fetch(`${url}/api/v1/events/stream`, {
      headers: second,
    } as RequestInit)
    assert.equal(stream.status, 200)
    const revoked = await call(url, 'POST', `/api/v1/keys/${key.id}/revoke`, undefined, bearer(key.secret))
    assert.equal(revoked.status, 200)
    assert.equal((await me(url, second ?? {})).status, 401)
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
      const session = sessionOf(server.key.id, { createdAt: at, usedAt: at })
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
    const pages: ReturnType<typeof pageOf>[] = []
    for (const { url, key } of [one, two]) {
      const page = pageOf(await signIn(url, key.secret))
      pages.push(page)
      const [name = '', value = ''] = page.cookie.split('=')
      jar.set(name, value)
    }
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
    for (const [i, { url, key }] of [one, two].entries())
      assert.equal((await me(url, { ...pages[i], cookie })).body.key?.id, key.id)
  })

  test('without keys ignores the cookie of another MiniPay on this host', async (t) => {
    const { url } = await serve(t, join(dir.path, 'keyless.db'))
    const cookie = { cookie: `minipay_session_${new URL(url).port}=${'a'.repeat(64)}; other=1` }
    assert.equal((await me(url, { ...cookie, ...PAGE })).status, 200)
  })

  test('with --no-dashboard serves no page, begins no session and accepts none', async (t) => {
    const on = await keyedServer(t, 'off.db')
    const page = pageOf(await signIn(on.url, on.key.secret))
    await on.stop()
    const { url } = await serve(t, on.database, { MINIPAY_NO_DASHBOARD: 'true' })
    const here = { ...page, cookie: page.cookie.replace(new URL(on.url).port, new URL(url).port) }
    for (const path of ['/dashboard', '/dashboard/payments'])
      assert.equal((await call(url, 'GET', path)).status, 404)
    assert.equal((await signIn(url, on.key.secret)).status, 404)
    assert.equal((await me(url, here)).status, 401)
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
