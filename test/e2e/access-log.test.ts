/** Request ids, the access log, and what trusted proxies may say. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'

type Line = Readonly<Record<string, unknown>>

async function started(t: TestContext, env: Record<string, string>) {
  const server = await serve(t, join(folderOf(t), 'a.db'), env)
  const lines = () =>
    server
      .output()
      .split('\n')
      .filter((line) => line.includes('"Request finished."'))
      .map((line): Line => JSON.parse(line))
  /** Whole once a request that fails later has its line. */
  const logged = async (id: string) => {
    await until(`the line of ${id}`, () => lines().some(({ request_id }) => request_id === id))
    return lines().find(({ request_id }) => request_id === id) as Line
  }
  return { ...server, lines, logged }
}

test('a client may bring its request id: the response and the log have it', async (t) => {
  const { url, logged } = await started(t, { MINIPAY_ACCESS_LOG: 'info' })
  const { headers, body } = await call(url, 'GET', '/api/v1/charges/none?x=1', undefined, {
    'x-request-id': 'shop-7.a_b',
  })
  assert.equal(headers.get('x-request-id'), 'shop-7.a_b')
  assert.equal(body['request_id'], 'shop-7.a_b')
  const { time, ms, ...line } = await logged('shop-7.a_b')
  assert.match(String(time), /^\d{4}-/)
  assert.ok(Number.isInteger(ms))
  assert.deepEqual(line, {
    level: 'info',
    method: 'GET',
    route: '/api/v1/charges/:id',
    status: 400,
    request_id: 'shop-7.a_b',
    address: '127.0.0.1',
    actor: 'keyless',
    account: 1,
    mode: line['mode'],
    msg: 'Request finished.',
  })
})

test('an id that a log must not contain is replaced by a new one', async (t) => {
  const { url } = await started(t, {})
  for (const id of ['4111111111111111', 'x'.repeat(129), 'a b'])
    assert.match(
      (await call(url, 'GET', '/health', undefined, { 'x-request-id': id })).headers.get('x-request-id') ??
        '',
      /^req_/,
    )
})

test('the access log is written at its level, or not at all', async (t) => {
  const quiet = await started(t, {})
  const off = await started(t, { MINIPAY_LOG_LEVEL: 'debug', MINIPAY_ACCESS_LOG: 'off' })
  const debug = await started(t, { MINIPAY_LOG_LEVEL: 'debug' })
  for (const { url } of [quiet, off, debug])
    await call(url, 'GET', '/health', undefined, { 'x-request-id': 'probe' })
  assert.equal((await debug.logged('probe'))['level'], 'debug')
  // A stopped process has written all its lines.
  await quiet.stop()
  await off.stop()
  assert.deepEqual([quiet.lines(), off.lines()], [[], []])
})

test('a trusted proxy says who the client is and that it came by https; others cannot', async (t) => {
  const forwarded = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7', 'x-forwarded-proto': 'https' }
  for (const [trusted, address, secure] of [
    ['127.0.0.0/8, ::1', '198.51.100.7', 'max-age=31536000'],
    ['', '127.0.0.1', null],
    ['10.0.0.0/8', '127.0.0.1', null],
  ] as const) {
    const { url, logged } = await started(t, {
      MINIPAY_ACCESS_LOG: 'info',
      MINIPAY_TRUSTED_PROXIES: trusted,
    })
    const { headers } = await call(url, 'GET', '/health', undefined, { ...forwarded, 'x-request-id': 'p' })
    assert.equal((await logged('p'))['address'], address, trusted)
    assert.equal(headers.get('strict-transport-security'), secure, trusted)
  }
})
