import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { bytesKept } from '../../test/kit/garbage.ts'
import { bareConnection } from '../../test/kit/sockets.ts'
import type { Caller } from './caller.ts'
import { NoQuery, type ServedEndpoint } from './endpoint.ts'
import { NO_WORDS } from './faults.ts'
import { createServer } from './server.ts'

const LOAD = 20_000
const REQUESTS = 400
const unexpected = () => assert.fail('nothing of this should happen')
/** Each of its requests has LOAD bytes. */
const HEAVY: ServedEndpoint = {
  ...{ method: 'GET', url: '/heavy', permission: null, query: NoQuery },
  async handle(request, reply) {
    Object.assign(request, { load: new Array(LOAD / 8).fill(0) })
    await Promise.resolve()
    return reply.send('done')
  },
}
const CALLER: Caller = {
  ...{ scope: { accountId: 1, mode: 'test' }, actor: 'keyless', permissions: new Set() },
  ...{ keyId: null, rateLimit: null, address: '127.0.0.1', requestId: 'req_1' },
}

test('a request that has its response is collected with the young objects', async (t) => {
  // As a started server sets it: see young-objects.
  setFlagsFromString('--no-allocation-site-pretenuring')
  const server = await createServer({
    api: { endpoints: [HEAVY], parameterWords: NO_WORDS, otherResourceNames: {} },
    log: { info: unexpected, warn: unexpected, error: unexpected },
    authenticate: () => CALLER,
    allowedOrigins: new Set(),
    trustedProxies: [],
    rates: { request: unexpected },
    ...{ maxRequests: 100, keepAliveMs: 60_000, maxConnections: 10 },
    newRequestId: () => 'req_1',
    onResponse: () => {},
    ...{ onInternalError: unexpected, onFull: unexpected, onUnavailable: unexpected },
  })
  t.after(() => server.close(0))
  const { socket } = await bareConnection((await server.listen('127.0.0.1', 0)).url)
  const kept = await bytesKept(async () => {
    for (let i = 0; i < REQUESTS; i++) {
      socket.write('GET /heavy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
      await new Promise((resolve) => socket.once('data', resolve))
    }
  })
  assert.ok(kept / REQUESTS < LOAD / 2, `${kept / REQUESTS} bytes of each request`)
})
