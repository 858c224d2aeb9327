import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createEventWaits } from '../../app/events/waits.ts'
import type { Caller } from '../../http/caller.ts'
import type { ServedEndpoint } from '../../http/endpoint.ts'
import { NO_WORDS } from '../../http/faults.ts'
import { object, strict, string } from '../../http/schema.ts'
import { createServer } from '../../http/server.ts'
import { type Page, StoreUnavailable } from '../../ports/store.ts'
import type { Services } from '../endpoint.ts'
import { listFormat } from './fields.ts'
import { sendList } from './list-response.ts'

const CALLER: Caller = {
  ...{ scope: { accountId: 1, mode: 'test' }, actor: 'keyless', permissions: new Set(['charges:read']) },
  ...{ keyId: null, rateLimit: null, address: '127.0.0.1', requestId: 'req_1' },
}
type Item = { readonly id: string }
type Query = { readonly limit: number; readonly startingAfter?: string }
type Read = (query: Query, reads: number) => Page<Item>
type Options = { readonly read: Read; readonly mayRead?: () => boolean; readonly monotonic?: () => number }

const unexpected = () => assert.fail('nothing of this should happen')
const isUnexpected = (error: unknown) => !(error instanceof StoreUnavailable) && unexpected()

/** A server with one list. */
async function started(t: TestContext, { read, mayRead = () => true, monotonic = () => 0 }: Options) {
  const exports = createEventWaits(2)
  const warned: object[] = []
  const log = { info() {}, warn: (fields: object) => warned.push(fields), error: unexpected }
  const context = { runtime: { monotonic }, now: () => Date.UTC(2026, 10, 23, 12), log }
  const services = { context, exports, mayRead: async () => mayRead() } as unknown as Services
  let reads = 0
  const list: ServedEndpoint = {
    ...{ method: 'GET', url: '/api/v1/things', permission: 'charges:read', query: strict(listFormat) },
    handle: (request, reply) => {
      const query: Query = { limit: Number((request.query as { limit?: string }).limit ?? 20) }
      return sendList<Item, Query, string>(services, request, reply, {
        ...{ query, schema: object({ id: string() }), view: (item) => item },
        read: async (next) => read(next, ++reads),
        cursor: ({ id }) => id,
        following: (startingAfter) => ({ startingAfter }),
      })
    },
  }
  const server = await createServer({
    api: { endpoints: [list], parameterWords: NO_WORDS, otherResourceNames: {} },
    log,
    authenticate: () => CALLER,
    allowedOrigins: new Set(),
    trustedProxies: [],
    rates: { request: unexpected },
    ...{ maxRequests: 100, keepAliveMs: 1_000, maxConnections: 100 },
    newRequestId: () => 'req_1',
    onResponse: () => {},
    ...{ onInternalError: unexpected, onFull: unexpected, onUnavailable: isUnexpected },
  })
  t.after(() => server.close(0))
  const { url } = await server.listen('127.0.0.1', 0)
  const get = (query = '', headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${url}/api/v1/things${query}`, { method, headers })
  return { get, exports, warned, reads: () => reads }
}

/** A list of so many items, newest first. */
const listOf =
  (count: number): Read =>
  ({ limit, startingAfter = String(count) }) => {
    const left = Number(startingAfter)
    const data = Array.from({ length: Math.min(limit, left) }, (_, i) => ({ id: String(left - 1 - i) }))
    return { data, hasMore: left > limit }
  }

test('CSV has the whole list, page by page, or as many objects as the limit says', async (t) => {
  const { get, exports } = await started(t, { read: listOf(250) })
  const response = await get('?format=csv')
  assert.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8; header=present')
  assert.equal(
    response.headers.get('content-disposition'),
    'attachment; filename="things-2026-11-23T120000Z.csv"',
  )
  const lines = (await response.text()).split('\r\n')
  assert.deepEqual([lines.length, ...lines.slice(0, 2), ...lines.slice(-2)], [252, 'id', '249', '0', ''])
  assert.equal((await (await get('?format=csv&limit=120')).text()).split('\r\n').length, 122)
  const empty = await started(t, { read: listOf(0) })
  assert.equal(await (await empty.get('?format=csv')).text(), 'id\r\n')
  assert.equal(exports.open(), 0)
})

test('a client gets CSV where its Accept header prefers it, JSON otherwise, and caches keep them apart', async (t) => {
  const { get } = await started(t, { read: listOf(1) })
  const type = async (query: string, accept: string) => {
    const { headers } = await get(query, { accept })
    assert.match(headers.get('vary') ?? '', /Accept/)
    return headers.get('content-type')?.split(';')[0]
  }
  assert.equal(await type('', 'text/csv'), 'text/csv')
  assert.equal(await type('', 'text/csv;q=0.9, application/json;q=0.1'), 'text/csv')
  assert.equal(await type('', 'application/json, text/csv;q=0.5'), 'application/json')
  assert.equal(await type('', '*/*'), 'application/json')
  assert.equal(await type('?format=json', 'text/csv'), 'application/json')
  assert.equal(await type('?format=csv', 'text/html,*/*;q=0.8'), 'text/csv')
})

test('HEAD sends the headers and reads no second page', async (t) => {
  const { get, reads } = await started(t, { read: listOf(1_000) })
  const response = await get('?format=csv', {}, 'HEAD')
  assert.match(response.headers.get('content-type') ?? '', /^text\/csv/)
  assert.equal(reads(), 1)
})

test('a database that is unavailable before the first line is 503', async (t) => {
  const { get, exports } = await started(t, {
    read: () => {
      throw new StoreUnavailable('connection', 'no connection')
    },
  })
  assert.equal((await get('?format=csv')).status, 503)
  assert.equal(exports.open(), 0)
})

test('a failure on the way cuts the connection, so that the client sees that the end is missing', async (t) => {
  const read: Read = (query, reads) => {
    if (reads > 2) throw new StoreUnavailable('connection', 'no connection')
    return listOf(1_000)(query, reads)
  }
  const { get, exports, warned } = await started(t, { read })
  const response = await get('?format=csv')
  assert.equal(response.status, 200)
  await assert.rejects(response.text())
  assert.equal(warned.length, 1)
  assert.equal(exports.open(), 0)
})

test('an export ends within seconds after its key is no longer valid, and at a stop of the server', async (t) => {
  let [now, mayRead] = [0, true]
  const read: Read = (query, reads) => {
    now += 1_000
    if (reads === 3) mayRead = false
    return listOf(1_000_000)(query, reads)
  }
  const revoked = await started(t, { read, mayRead: () => mayRead, monotonic: () => now })
  await assert.rejects((await revoked.get('?format=csv')).text())
  assert.ok(revoked.reads() <= 6, `${revoked.reads()} reads`)
  const stopped = await started(t, {
    read: (query, reads) => {
      if (reads === 3) stopped.exports.stop()
      return listOf(1_000_000)(query, reads)
    },
  })
  await assert.rejects((await stopped.get('?format=csv')).text())
})

test('an export of which nothing matches ends, too, when its client is gone or at a stop of the server', async (t) => {
  const none: Page<Item> & { next: string } = { data: [], hasMore: true, next: '1' }
  const stopped = await started(t, {
    read: (_query, reads) => {
      if (reads === 3) stopped.exports.stop()
      if (reads > 10) throw new Error('It reads on.')
      return none
    },
  })
  await assert.rejects((await stopped.get('?format=csv')).text())
  assert.ok(stopped.reads() <= 4, `${stopped.reads()} reads`)
  const left = await started(t, {
    read: (_query, reads) => {
      if (reads > 10_000) throw new Error('It reads on.')
      return none
    },
  })
  const response = await left.get('?format=csv')
  await response.body?.cancel()
  while (left.exports.open() > 0) await new Promise((resolve) => setImmediate(resolve))
  const reads = left.reads()
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(left.reads() <= reads + 1, 'it reads no further page')
})

test('there are only so many exports at once; a client that is gone gives its place back', async (t) => {
  const { get, exports } = await started(t, { read: listOf(1_000_000_000) })
  const open = [await get('?format=csv'), await get('?format=csv')]
  const refused = await get('?format=csv')
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1'])
  for (const response of open) await response.body?.cancel()
  while (exports.open() > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal((await get('?format=csv&limit=1')).status, 200)
})

test('CSV refuses parameters that only fit a page', async (t) => {
  const { get } = await started(t, { read: listOf(1) })
  const response = await get('?format=csv&ending_before=1')
  const { code, param } = (await response.json()) as { code: string; param: string }
  assert.deepEqual([response.status, code, param], [400, 'parameter_invalid', 'ending_before'])
})
