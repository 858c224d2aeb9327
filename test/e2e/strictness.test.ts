import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

type Refusal = { readonly code: string; readonly param?: string; readonly request_id: string }
const folder = tempDir()
let server: RunningServer
before(async () => {
  server = await startServer(`${folder.path}/minipay.db`)
})
after(async () => {
  await server.stop()
  folder.remove()
})

const charge = { amount: 100, currency: 'usd', customer: 'cus_1' }
const post = (body: unknown, headers: Record<string, string> = {}, path = '/api/v1/charges') =>
  call<Refusal>(server.url, 'POST', path, body, headers)

test('an object that has a name twice is refused: another parser would read the other amount', async () => {
  for (const body of [
    '{"amount":100,"amount":200,"currency":"usd","customer":"cus_1"}',
    '{"amount":100,"currency":"usd","customer":"cus_1","metadata":{"a":"1","\\u0061":"2"}}',
  ])
    assert.deepEqual([(await post(body)).status, (await post(body)).body.code], [400, 'invalid_json'], body)
})

test('strings that look like names, colons and braces in them included, are strings', async () => {
  const description = 'a", ":": {"amount":1} \\ "b'
  const { status } = await post({ ...charge, description, metadata: { 'x": "y': '":' } })
  assert.equal(status, 201)
})

test('a body in a content encoding or another character set is refused', async () => {
  assert.equal((await post(charge, { 'content-encoding': 'gzip' })).status, 415)
  assert.equal((await post(charge, { 'content-type': 'application/json; charset=latin1' })).status, 415)
  assert.equal((await post(charge, { 'content-type': 'application/json; charset=UTF-8' })).status, 201)
})

test('a wrong route or method is refused with any body', async () => {
  assert.equal((await post('{', {}, '/nope')).body.code, 'route_not_found')
  const put = await call<Refusal>(server.url, 'PUT', '/api/v1/charges', '{')
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'POST, GET, HEAD, OPTIONS'])
  const query = await call<Refusal>(server.url, 'QUERY', '/api/v1/charges')
  assert.equal(query.status, 405)
})

test('an Expect that is not known is refused with an answer like every other', async () => {
  const answer = await raw(
    'GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: 200-maybe\r\nConnection: close\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1\.1 400 /)
  assert.match(answer, /"code":"bad_request".*"request_id":"req_/)
})

test('a day that is not in the calendar is refused', async () => {
  const { status, body } = await call<Refusal>(
    server.url,
    'GET',
    '/api/v1/charges?created_gte=2026-02-30T00:00:00Z',
  )
  assert.deepEqual([status, body.code, body.param], [400, 'parameter_invalid', 'created_gte'])
})

test('a query parameter given twice is refused by name, and an unknown status with those there are', async () => {
  const twice = await call<Refusal & { error: string }>(server.url, 'GET', '/api/v1/charges?limit=1&limit=2')
  assert.deepEqual([twice.status, twice.body.param], [400, 'limit'])
  assert.match(twice.body.error, /more than once/)
  const bogus = await call<Refusal & { error: string }>(server.url, 'GET', '/api/v1/charges?status=bogus')
  assert.match(
    bogus.body.error,
    /one of processing, requires_action, authorized, succeeded, .* canceled, or several/,
  )
})

test('a balance is of one moment: its sum and its count agree under load', async () => {
  let stop = false
  const load = Promise.all(
    Array.from({ length: 16 }, async () => {
      while (!stop) await post({ amount: 1, currency: 'jpy', customer: 'cus_1' })
    }),
  )
  for (let i = 0; i < 300; i++) {
    const { body } = await call<{
      balances: { currency: string; balance: number; successful_transactions: number }[]
    }>(server.url, 'GET', '/api/v1/balance')
    const jpy = body.balances.find(({ currency }) => currency === 'jpy')
    assert.equal(jpy?.balance, jpy?.successful_transactions)
  }
  stop = true
  await load
})

function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
    socket.end(request)
  })
}
