import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { limiter } from '../../test/kit/progress.ts'
import { bareConnection } from '../../test/kit/sockets.ts'
import type { Caller } from './caller.ts'
import { NoQuery, type ServedEndpoint } from './endpoint.ts'
import { NO_WORDS } from './faults.ts'
import { object } from './schema.ts'
import { createServer } from './server.ts'

const unexpected = () => assert.fail('nothing of this should happen')
const ORDER: ServedEndpoint = {
  ...{ method: 'POST', url: '/orders', permission: null, query: NoQuery, body: object({}) },
  handle: unexpected,
}
const BIG = 'x'.repeat(1024 * 1024)
const BIG_PAGE: ServedEndpoint = {
  ...{ method: 'GET', url: '/big', permission: null, query: NoQuery },
  handle: async (_request, reply) => reply.send(BIG),
}
const HEALTH: ServedEndpoint = {
  ...{ method: 'GET', url: '/health', permission: null, query: NoQuery },
  handle: async (_request, reply) => reply.send('ok'),
}
const TIMEOUT_MS = 300

const CALLER: Caller = {
  ...{ scope: { accountId: 1, mode: 'test' }, actor: 'keyless', permissions: new Set() },
  ...{ keyId: null, rateLimit: null, address: '127.0.0.1', requestId: 'req_1' },
}

const STALLED = {
  nothing: '',
  head: 'POST /orders HTTP/1.1\r\nHost: x\r\n',
  body: 'POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n{"am',
}

/** A server with a short time-out, which ends with the test. */
async function started(t: TestContext): Promise<string> {
  const server = await createServer({
    api: { endpoints: [ORDER, BIG_PAGE, HEALTH], parameterWords: NO_WORDS, otherResourceNames: {} },
    log: { info: unexpected, warn: unexpected, error: unexpected },
    authenticate: () => CALLER,
    allowedOrigins: new Set(),
    trustedProxies: [],
    rates: { request: unexpected },
    ...{ maxRequests: 100, keepAliveMs: 1_000, maxConnections: 4_000, requestTimeoutMs: TIMEOUT_MS },
    newRequestId: () => 'req_1',
    onResponse: () => {},
    ...{ onInternalError: unexpected, onFull: unexpected, onUnavailable: unexpected },
  })
  t.after(() => server.close(0))
  return (await server.listen('127.0.0.1', 0)).url
}

test('a thousand requests of each kind that do not arrive in time get 408, and their connections are closed', async (t) => {
  const url = await started(t)
  // The kernel keeps only so many new connections for the server; of more, it forgets some that send nothing.
  const connect = limiter(100)
  await Promise.all(
    Object.entries(STALLED).flatMap(([part, bytes]) =>
      Array.from({ length: 1_000 }, async () => {
        const { socket, text, closed } = await connect(() => bareConnection(url))
        socket.write(bytes)
        await closed
        assert.match(text(), /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/, part)
      }),
    ),
  )
})

test('a client that does not read its response in time is cut off', async (t) => {
  const url = await started(t)
  const deaf = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const connection = await bareConnection(url)
      connection.socket.pause()
      connection.socket.write('GET /big HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(16))
      return connection
    }),
  )
  // A client that reads a little again and again is not cut off: it gets all.
  const slow = await bareConnection(url)
  slow.socket.write('GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await slow.closed
  assert.ok(slow.text().length > BIG.length)
  // A socket that is not read does not see its end: the server has closed it when writing fails.
  await Promise.all(
    deaf.map(async ({ socket, closed }) => {
      const probe = setInterval(() => socket.write('x'), 50)
      await closed
      clearInterval(probe)
    }),
  )
})
