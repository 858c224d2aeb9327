import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Authenticated } from '../app/access/keyring.ts'
import { createRateLimits } from '../app/access/rate-limits.ts'
import { PERMISSIONS, type Permission } from '../domain/access/permissions.ts'
import type { Caller } from '../http/caller.ts'
import type { Request } from '../http/endpoint.ts'
import type { Refusal } from '../http/errors.ts'
import { type ManualRuntime, manualRuntime } from '../runtime/manual.ts'
import { type AuthenticateOptions, createAuthenticate } from './authenticate.ts'

const FOUND = {
  key: { id: 'key_1', scope: { accountId: 7, mode: 'live' }, rateLimit: 5 },
  permissions: new Set<Permission>(['charges:read']),
} as unknown as Authenticated
const BASIC = `Basic ${Buffer.from('right:').toString('base64')}`

type Keyring = AuthenticateOptions['keyring']
/** Knows the key `right`; `made`: whether a key was ever made. */
const keyring = (made = true): Keyring => ({
  authenticate: (text) => (text === 'right' ? FOUND : undefined),
  anyKey: () => made,
})

function authenticator(options: Partial<AuthenticateOptions> = {}) {
  const runtime = manualRuntime()
  const authenticate = createAuthenticate({
    ...{ keyring: keyring(), runtime, onLoopback: true, insecureNoAuth: false, allowedOrigins: new Set() },
    rates: createRateLimits(0, runtime),
    ...options,
  })
  const ask = (headers: Record<string, string>, permission: Permission | null = 'charges:read') =>
    authenticate(
      {
        ...{ headers: { host: 'localhost', ...headers }, client: { address: '127.0.0.1' }, id: 'req_1' },
      } as unknown as Request,
      permission,
    )
  return { runtime, ask }
}

const isCaller = (found: unknown): found is Caller => Object(found).actor !== undefined
const codeOf = async (found: unknown, runtime: ManualRuntime) => {
  if (found instanceof Promise) await runtime.advance(50)
  const settled = (await found) as Caller | Refusal
  return isCaller(settled) ? settled.actor : settled.code
}

describe('a request with a key', () => {
  test('acts in the scope and with the permissions of the key, at once if the key is cached', () => {
    for (const authorization of ['Bearer right', BASIC])
      assert.deepEqual(authenticator().ask({ authorization }), {
        ...{ scope: FOUND.key.scope, actor: 'key_1', permissions: FOUND.permissions, keyId: 'key_1' },
        ...{ rateLimit: 5, address: '127.0.0.1', requestId: 'req_1' },
      })
  })

  test('is refused with 429 after ten wrong ones from its address, while a valid one is served', async () => {
    const { runtime, ask } = authenticator()
    const wrong = Array.from({ length: 12 }, () => ask({ authorization: 'Bearer wrong' }))
    await runtime.advance(50)
    const refusals = (await Promise.all(wrong)) as Refusal[]
    assert.deepEqual(
      refusals.map(({ status }) => status),
      [...Array(10).fill(401), 429, 429],
    )
    const { code, retryAfterS, headers } = refusals.at(-1) as Refusal
    assert.deepEqual([code, retryAfterS], ['rate_limited', 1])
    assert.deepEqual(headers, {
      'ratelimit-policy': '"failures";q=10;w=10',
      ratelimit: '"failures";r=0;t=10',
    })
    assert.equal(await codeOf(ask({ authorization: 'Bearer right' }), runtime), 'key_1')
    // A request without a key is no guess.
    assert.equal(await codeOf(ask({}), runtime), 'unauthenticated')
    await runtime.advance(1_000)
    assert.equal(await codeOf(ask({ authorization: 'Bearer wrong' }), runtime), 'unauthenticated')
    assert.equal(await codeOf(ask({ authorization: 'Bearer wrong' }), runtime), 'rate_limited')
  })

  test('is read although its address has sent ten wrong ones, until all such addresses have used twenty reads', async () => {
    let reads = 0
    const { runtime, ask } = authenticator({
      keyring: {
        ...keyring(),
        authenticate: (text, _address, mayRead = () => true) => {
          if (!mayRead()) return undefined
          reads++
          return text === 'right' ? FOUND : undefined
        },
      },
    })
    const guess = (count: number) =>
      Promise.all(Array.from({ length: count }, () => ask({ authorization: 'Bearer wrong' })))
    const ten = guess(10)
    await runtime.advance(50)
    await ten
    assert.equal(await codeOf(ask({ authorization: 'Bearer right' }), runtime), 'key_1')
    assert.equal(reads, 11)
    const more = guess(100)
    assert.equal(reads, 30)
    const refused = ask({ authorization: 'Bearer right' }) as Promise<Refusal>
    await runtime.advance(50)
    await more
    assert.equal((await refused).status, 429)
    assert.equal(await codeOf(ask({ authorization: 'Bearer right' }), runtime), 'key_1')
  })

  test('every wrong key is refused in the same words after the same time', async () => {
    const slow: Keyring = {
      authenticate: () => new Promise((resolve) => setImmediate(() => resolve(undefined))),
      anyKey: () => true,
    }
    const responses: unknown[] = []
    for (const [options, headers] of [
      [{}, { authorization: 'Bearer wrong' }],
      [{}, { authorization: 'Basic ====' }],
      [{}, { authorization: 'Token right' }],
      [{ keyring: slow }, { authorization: 'Bearer wrong' }],
      [{}, {}],
      [{ onLoopback: false }, {}],
      [{ keyring: keyring(false) }, { authorization: 'Bearer wrong' }],
      [{ insecureNoAuth: true }, { authorization: 'Bearer wrong' }],
      [{ keyring: keyring(false) }, { 'x-forwarded-for': '203.0.113.9' }],
    ] as const) {
      const { runtime, ask } = authenticator(options)
      let sent: unknown
      const refused = Promise.resolve(ask(headers)).then((found) => {
        sent = found
      })
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
      await runtime.advance(49.9)
      assert.equal(sent, undefined, `too soon: ${JSON.stringify(headers)}`)
      await runtime.advance(0.1)
      await refused
      responses.push(sent)
    }
    assert.equal((responses[0] as Refusal).code, 'unauthenticated')
    for (const response of responses) assert.deepEqual(response, responses[0])
  })

  test('is refused after a multiple of that time when the look-up takes longer', async () => {
    const lookup = Promise.withResolvers<undefined>()
    const slow = { authenticate: () => lookup.promise, anyKey: () => true }
    const { runtime, ask } = authenticator({ keyring: slow })
    let sent = false
    const refused = Promise.resolve(ask({ authorization: 'Bearer wrong' })).then(() => {
      sent = true
    })
    await runtime.advance(70)
    lookup.resolve(undefined)
    await runtime.advance(29)
    assert.ok(!sent)
    await runtime.advance(1)
    await refused
  })

  test('rejects while the database is unavailable, and so does one without a key', async () => {
    const broken: Keyring = {
      authenticate: () => Promise.reject(new Error('away')),
      anyKey: () => Promise.reject(new Error('away')),
    }
    const { ask } = authenticator({ keyring: broken })
    await assert.rejects(async () => ask({ authorization: 'Bearer right' }), /away/)
    await assert.rejects(async () => ask({}), /away/)
  })

  test('may come from a page of made origin as a Bearer token, but not as a user name that a browser repeats', async () => {
    const { runtime, ask } = authenticator()
    for (const page of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      assert.equal(await codeOf(ask({ authorization: 'Bearer right', ...page }), runtime), 'key_1')
      assert.equal(await codeOf(ask({ authorization: BASIC, ...page }), runtime), 'origin_not_allowed')
    }
    assert.equal(await codeOf(ask({ authorization: BASIC, host: 'shop.example' }), runtime), 'key_1')
  })
})

describe('a request without a key', () => {
  const CASES: readonly [boolean, boolean, boolean, string][] = [
    // On loopback, a key exists, insecure.
    [true, false, false, 'keyless'],
    [true, true, false, 'unauthenticated'],
    [false, false, false, 'unauthenticated'],
    [false, true, false, 'unauthenticated'],
    [true, false, true, 'keyless'],
    [true, true, true, 'keyless'],
    [false, false, true, 'keyless'],
    [false, true, true, 'keyless'],
  ]
  for (const [onLoopback, made, insecureNoAuth, expected] of CASES)
    test(`${expected}: ${onLoopback ? 'on' : 'off'} loopback, with ${made ? 'a' : 'no'} key, --insecure-no-auth ${insecureNoAuth}`, async () => {
      const { runtime, ask } = authenticator({ onLoopback, keyring: keyring(made), insecureNoAuth })
      assert.equal(await codeOf(ask({}), runtime), expected)
    })

  test('does all that a key in test mode of the first account could do', () => {
    const caller = authenticator({ keyring: keyring(false) }).ask({})
    assert.ok(isCaller(caller))
    assert.deepEqual([caller.scope, caller.keyId], [{ accountId: 1, mode: 'test' }, null])
    const lacking = PERMISSIONS.filter((permission) => !caller.permissions.has(permission))
    assert.deepEqual(lacking, ['accounts:write'])
  })

  test('must call loopback by its own name, and come from no page of another origin', async () => {
    const { runtime, ask } = authenticator({ keyring: keyring(false) })
    assert.equal(await codeOf(ask({ host: 'evil.example' }), runtime), 'host_not_allowed')
    assert.equal(await codeOf(ask({ host: 'minipay' }), runtime), 'host_not_allowed')
    assert.equal(await codeOf(ask({ origin: 'https://evil.example' }), runtime), 'origin_not_allowed')
    const off = authenticator({ onLoopback: false, insecureNoAuth: true })
    assert.equal(await codeOf(off.ask({ host: 'minipay' }), off.runtime), 'keyless')
    assert.equal(await codeOf(off.ask({ host: 'evil.example' }), off.runtime), 'host_not_allowed')
  })

  test('may use the endpoints that are open to all, with every header, and does nothing else there', () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { host: 'evil.example' }]) {
      const caller = authenticator({ onLoopback: false }).ask(headers, null)
      assert.ok(isCaller(caller) && caller.permissions.size === 0)
    }
  })
})
