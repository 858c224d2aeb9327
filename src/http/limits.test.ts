import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createRateLimits } from '../app/access/rate-limits.ts'
import type { Caller } from './caller.ts'
import { NoQuery, type ServedEndpoint, sendJson } from './endpoint.ts'
import { NO_WORDS } from './faults.ts'
import { object } from './schema.ts'
import { createServer } from './server.ts'

const unexpected = () => assert.fail('nothing of this should happen')

/** A server whose POST /orders ends when `end` is called, and whose caller is the key `key_TOKEN`. */
async function started(t: TestContext, { perSecond = 0, maxRequests = 100, time = () => 1_000 }) {
  const waiting: (() => void)[] = []
  const order: ServedEndpoint = {
    ...{ method: 'POST', url: '/orders', permission: 'charges:write', query: NoQuery, body: object({}) },
    async handle(_request, reply) {
      await new Promise<void>((resolve) => waiting.push(resolve))
      return sendJson(reply, 200, '{}')
    },
  }
  const health: ServedEndpoint = {
    ...{ method: 'GET', url: '/health', permission: null, vital: true },
    handle: async (_request, reply) => sendJson(reply, 200, '{}'),
  }
  const list: ServedEndpoint = { ...health, url: '/orders', permission: 'charges:read', vital: false }
  const server = await createServer({
    api: { endpoints: [order, list, health], parameterWords: NO_WORDS, otherResourceNames: {} },
    log: { info: unexpected, warn: unexpected, error: unexpected },
    authenticate: ({ headers, client, id }): Caller => {
      const key = headers.authorization?.slice('Bearer '.length) ?? null
      return {
        scope: { accountId: 1, mode: 'test' },
        actor: key === null ? 'keyless' : `key_${key}`,
        permissions: new Set(['charges:write', 'charges:read']),
        keyId: key && `key_${key}`,
        rateLimit: key === 'own' ? 3 : null,
        ...{ address: client.address, requestId: id },
      }
    },
    allowedOrigins: new Set(),
    trustedProxies: [],
    rates: createRateLimits(perSecond, { monotonic: time }),
    maxRequests,
    newRequestId: () => 'req_1',
    ...{ keepAliveMs: 1_000, maxConnections: 100, onResponse: () => {} },
    ...{ onInternalError: unexpected, onFull: unexpected, onUnavailable: unexpected },
  })
  const { url } = await server.listen('127.0.0.1', 0)
  t.after(() => server.close(0))
  const send = (method: string, path: string, key?: string) =>
    fetch(url + path, {
      method,
      headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
      ...(method === 'POST' && { body: '{}' }),
    })
  return { send, waiting }
}

test('a key beyond its limit gets 429 with the time to wait, and others are served', async (t) => {
  let now = 1_000
  const { send } = await started(t, { perSecond: 2, time: () => now })
  const results = [await send('GET', '/orders', 'a'), await send('GET', '/orders', 'a')]
  assert.deepEqual(
    results.map(({ status, headers }) => [status, headers.get('ratelimit'), headers.get('ratelimit-policy')]),
    [
      [200, '"key";r=1;t=1', '"key";q=2;w=1'],
      [200, '"key";r=0;t=1', '"key";q=2;w=1'],
    ],
  )
  const refused = await send('GET', '/orders', 'a')
  assert.deepEqual(
    [refused.status, refused.headers.get('retry-after'), refused.headers.get('ratelimit')],
    [429, '1', '"key";r=0;t=1'],
  )
  assert.equal(((await refused.json()) as { code: string }).code, 'rate_limited')
  for (const key of ['b', 'own', undefined]) assert.equal((await send('GET', '/orders', key)).status, 200)
  const own = await send('GET', '/orders', 'own')
  assert.equal(own.headers.get('ratelimit'), '"key";r=1;t=1')
  assert.equal((await send('GET', '/orders')).headers.get('ratelimit'), null)
  now += 500
  assert.equal((await send('GET', '/orders', 'a')).status, 200)
})

test('more requests than may be in flight get 503 with the time to wait; vital ones are served', async (t) => {
  const { send, waiting } = await started(t, { maxRequests: 2 })
  const first = [send('POST', '/orders'), send('POST', '/orders')]
  while (waiting.length < 2) await new Promise(setImmediate)
  const refused = await send('POST', '/orders')
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1'])
  assert.equal(((await refused.json()) as { code: string }).code, 'overloaded')
  assert.equal((await send('GET', '/orders')).status, 503)
  assert.equal((await send('GET', '/health')).status, 200)
  for (const end of waiting) end()
  assert.deepEqual(
    (await Promise.all(first)).map(({ status }) => status),
    [200, 200],
  )
  // The places are free again.
  for (let i = 0; i < 5; i++) assert.equal((await send('GET', '/orders')).status, 200)
})

test('a request whose body has not arrived takes no place, and one whose client has left gives its place back', async (t) => {
  const { send, waiting } = await started(t, { maxRequests: 1 })
  const abort = new AbortController()
  const unsent = new ReadableStream({ pull: () => new Promise(() => {}) })
  const { url } = await send('GET', '/health')
  const stalled = fetch(new URL('/orders', url), {
    ...{ method: 'POST', body: unsent, duplex: 'half', signal: abort.signal },
    headers: { 'content-type': 'application/json' },
  } as RequestInit)
  assert.equal((await send('GET', '/orders')).status, 200)
  abort.abort()
  await assert.rejects(stalled)
  const left = new AbortController()
  const leaving = fetch(new URL('/orders', url), {
    ...{ method: 'POST', body: '{}', signal: left.signal },
    headers: { 'content-type': 'application/json' },
  })
  while (waiting.length < 1) await new Promise(setImmediate)
  left.abort()
  await assert.rejects(leaving)
  assert.equal((await send('GET', '/orders')).status, 503)
  waiting[0]?.()
  while ((await send('GET', '/orders')).status !== 200) await new Promise(setImmediate)
})
