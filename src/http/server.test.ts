import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Caller } from './caller.ts'
import { NoQuery, type ServedEndpoint } from './endpoint.ts'
import { NO_WORDS } from './faults.ts'
import { object } from './schema.ts'
import { createServer } from './server.ts'

const unexpected = () => assert.fail('nothing of this should happen')
const ENDPOINT: ServedEndpoint = {
  ...{ method: 'POST', url: '/orders', permission: null, query: NoQuery, body: object({}) },
  handle: unexpected,
}

const CALLER: Caller = {
  ...{ scope: { accountId: 1, mode: 'test' }, actor: 'keyless', permissions: new Set() },
  ...{ keyId: null, rateLimit: null, address: '127.0.0.1', requestId: 'req_1' },
}

const STALLED = {
  head: 'POST /orders HTTP/1.1\r\nHost: x\r\n',
  body: 'POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n{"am',
}

test('a request whose head or body does not arrive in time is answered 408, and its connection closed', async (t) => {
  const server = await createServer({
    api: { endpoints: [ENDPOINT], parameterWords: NO_WORDS, otherResourceNames: {} },
    log: { info: unexpected, warn: unexpected, error: unexpected },
    authenticate: () => CALLER,
    allowedOrigins: new Set(),
    newRequestId: () => 'req_1',
    trustedProxies: [],
    rates: { request: unexpected },
    maxRequests: 100,
    keepAliveMs: 1_000,
    maxConnections: 100,
    requestTimeoutMs: 300,
    onResponse: () => {},
    onInternalError: unexpected,
    onDrop: unexpected,
    onUnavailable: unexpected,
  })
  const { port } = new URL((await server.listen('127.0.0.1', 0)).url)
  t.after(() => server.close(0))
  const responses = Object.entries(STALLED).map(async ([part, bytes]) => {
    const socket = connect(Number(port), '127.0.0.1')
    let response = ''
    socket.on('data', (chunk) => {
      response += chunk
    })
    socket.write(bytes)
    await once(socket, 'close')
    assert.match(response, /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/, part)
  })
  await Promise.all(responses)
})
