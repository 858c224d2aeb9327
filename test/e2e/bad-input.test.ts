import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { ErrorAnswer } from '../kit/client.ts'
import { assertDocumented } from '../kit/documented.ts'
import { call } from '../kit/http.ts'
import { assertRefused, post, type Refuser, startRefuser } from './refusal.ts'

const CHARGES = '/api/v1/charges'
const REFUNDS = '/api/v1/refunds'
const JSON_TYPE = { 'content-type': 'application/json' }
const VALID = { amount: 2500, currency: 'usd', customer: 'cus_1' }

let refuses: Refuser

before(async () => {
  refuses = await startRefuser()
})
after(() => refuses?.stop())

describe('a body', () => {
  test('a body that is not JSON is refused', async () => {
    for (const text of ['{', '{"amount":}', "{'amount':1}", 'amount=1', '{"amount":1,}', 'NaN', '\ufeff{}'])
      await refuses.body(text, [400, 'invalid_json'])
    const empty = await call<ErrorAnswer>(refuses.server.url, 'POST', CHARGES, '', JSON_TYPE)
    assertRefused(empty, [400, 'invalid_json'], 'an empty body')
  })

  test('a body that is JSON but no object is refused', async () => {
    for (const body of ['[]', '[{"amount":1}]', 'null', '7', '"text"', 'true'])
      await refuses.body(body, [400, 'parameter_invalid'])
    assertRefused(await refuses.api.post<ErrorAnswer>(CHARGES), [400, 'parameter_invalid'], 'no body')
  })

  test('a body that is not UTF-8 is refused', async () => {
    const bytes = Buffer.from('{"amount":2500,"currency":"usd","customer":"caf\xe9"}', 'latin1')
    const head = post(['Content-Type: application/json', `Content-Length: ${bytes.length}`], '')
    await refuses.bytes(Buffer.concat([Buffer.from(head), bytes]), [400, 'invalid_json'])
  })

  test('a missing field is refused by name', async () => {
    for (const name of ['amount', 'currency', 'customer'])
      await refuses.body({ ...VALID, [name]: undefined }, [400, 'parameter_missing', name])
    await refuses.body({ amount: 1 }, [400, 'parameter_missing', 'transaction_id'], REFUNDS)
  })

  test('an unknown field is refused by name, unless the name could do harm', async () => {
    await refuses.body({ ...VALID, colour: 'red' }, [400, 'parameter_unknown', 'colour'])
    await refuses.body({ ...VALID, constructor: 1 }, [400, 'parameter_unknown', 'constructor'])
    await refuses.body({ ...VALID, '<b>': 1 }, [400, 'parameter_unknown'])
    await refuses.body({ ...VALID, ['k'.repeat(5000)]: 1 }, [400, 'parameter_unknown'])
    await refuses.body({ transaction_id: 'txn_1', all: true }, [400, 'parameter_unknown', 'all'], REFUNDS)
  })

  test('a field of the wrong type or size is refused by name', async () => {
    for (const [name, values] of Object.entries({
      customer: [7, null, '', 'c'.repeat(256), ['cus_1'], {}],
      description: [7, null, 'd'.repeat(1001), {}],
      payment_method: [7, null, '', 't'.repeat(256)],
      metadata: [7, null, 'text', []],
    }))
      for (const value of values)
        await refuses.body({ ...VALID, [name]: value }, [400, 'parameter_invalid', name])
    for (const value of [7, null, {}])
      await refuses.body({ ...VALID, metadata: { key: value } }, [400, 'parameter_invalid', 'metadata.key'])
    for (const value of ['us', 'usdd', '', 7, null, 'zzz', 'xau', 'bgn', 'ANG', '€€€', 'ıdr'])
      await refuses.body({ ...VALID, currency: value }, [400, 'currency_invalid', 'currency'])
    for (const value of [7, null, ['txn_1']])
      await refuses.body({ transaction_id: value }, [400, 'parameter_invalid', 'transaction_id'], REFUNDS)
  })

  test('an amount that is not a positive safe integer in plain digits is refused by name', async () => {
    const amounts = [
      '0',
      '-0',
      '-5',
      '1e3',
      '1E3',
      '1000.0',
      '0.1',
      '10.5',
      '"1000"',
      'null',
      'true',
      '[1]',
      '{}',
    ]
    const large = [
      '9007199254740992',
      '9007199254740993',
      '9223372036854775807',
      '1234567890123456789',
      '1e400',
    ]
    for (const amount of [...amounts, ...large]) {
      const charge = `{"amount":${amount},"currency":"usd","customer":"cus_1"}`
      await refuses.body(charge, [400, 'amount_invalid', 'amount'])
      const refund = `{"transaction_id":"txn_1","amount":${amount}}`
      await refuses.body(refund, [400, 'amount_invalid', 'amount'], REFUNDS)
    }
  })

  test('NUL bytes and lone surrogates are refused by name, in keys without it', async () => {
    for (const escaped of ['\\u0000', '\\ud800', '\\udfff', '\\udfff\\ud800']) {
      const field = (name: string) => `{"amount":1,"currency":"usd","${name}":"a${escaped}b"}`
      await refuses.body(field('description'), [400, 'parameter_invalid', 'description'])
      await refuses.body(field('customer'), [400, 'parameter_invalid', 'customer'])
      const key = `{"amount":1,"currency":"usd","customer":"c","metadata":{"${escaped}":"v"}}`
      await refuses.body(key, [400, 'parameter_unknown'])
    }
    await refuses.body('{"amount":1,"currency":"usd","customer":"a\0b"}', [400, 'invalid_json'])
  })

  test('__proto__ is refused, and nothing inherits from it', async () => {
    const body = (field: string) => `{"amount":1,"currency":"usd","customer":"c",${field}}`
    await refuses.body(body('"__proto__":{"amount":1}'), [400, 'parameter_unknown', '__proto__'])
    await refuses.body(body('"metadata":{"__proto__":"v"}'), [400, 'parameter_unknown', '__proto__'])
    await refuses.body('{"__proto__":{"amount":1,"currency":"usd","customer":"c"}}', [
      400,
      'parameter_unknown',
      '__proto__',
    ])
  })

  test('JSON that is nested 10,000 deep is refused', async () => {
    const nested = (open: string, close: string, inside = '') =>
      open.repeat(10_000) + inside + close.repeat(10_000)
    await refuses.body(nested('[', ']'), [400, 'parameter_invalid'])
    await refuses.body(nested('[', ']', '1e3'), [400, 'invalid_json'])
    await refuses.body(nested('[', ''), [400, 'invalid_json'])
    const field = `{"amount":1,"currency":"usd","customer":"c","metadata":${nested('{"a":', '}', '1')}}`
    await refuses.body(field, [400, 'parameter_invalid', 'metadata.a'])
  })

  test('a body larger than 256 KiB is refused with 413, with a Content-Length and in chunks', async () => {
    const huge = JSON.stringify({ ...VALID, description: 'x'.repeat(300_000) })
    const told = post(['Content-Type: application/json'], huge)
    await refuses.bytes(told, [413, 'payload_too_large'])
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`.repeat(20)
    const chunked = post(
      ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
      `${chunk}0\r\n\r\n`,
    )
    await refuses.bytes(chunked, [413, 'payload_too_large'])
  })

  test('a body of escaped quotes without an end is refused as quickly as any other', async () => {
    await refuses.body(`{"a":"\\u0041${'\\"'.repeat(120_000)}`, [400, 'invalid_json'])
  })

  test('a wrong or missing content type is refused with 415', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/jsonp',
      'nonsense',
      '',
    ])
      assertRefused(
        await refuses.api.post<ErrorAnswer>(CHARGES, VALID, { 'content-type': type }),
        [415, 'unsupported_media_type'],
        type,
      )
    await refuses.bytes(post([]), [415, 'unsupported_media_type'])
  })
})

describe('a route', () => {
  test('a route that does not exist is answered 404', async () => {
    for (const path of ['/none', '/none/', '/api/v2/charges', '/api/v1/charges/a/b', '/API/v1/charges'])
      await refuses.path(path, [404, 'route_not_found'])
  })

  test('a route that does not have the method is answered 405 with Allow', async () => {
    for (const [method, path, allow] of [
      ['PUT', CHARGES, 'POST, GET, HEAD, OPTIONS'],
      ['DELETE', `${CHARGES}/txn_1`, 'GET, HEAD, OPTIONS'],
      ['PATCH', REFUNDS, 'POST, GET, HEAD, OPTIONS'],
      ['POST', '/api/v1/balance', 'GET, HEAD, OPTIONS'],
      ['GET', '/api/v1/webhook_deliveries/dlv_1/retry', 'POST, OPTIONS'],
      ['PROPFIND', '/health', 'GET, HEAD, OPTIONS'],
    ] as const) {
      const answer = await call<ErrorAnswer>(refuses.server.url, method, path)
      assertDocumented(method, path, answer)
      assertRefused(answer, [405, 'method_not_allowed'], `${method} ${path}`)
      assert.equal(answer.headers.get('allow'), allow)
    }
  })

  test('a path that is not well-formed is refused', async () => {
    await refuses.bytes('GET /api/v1/charges/%ZZ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', [
      400,
      'bad_request',
    ])
    await refuses.path(`${CHARGES}/${'x'.repeat(5000)}`, [404, 'transaction_not_found', 'id'])
  })
})

describe('a query', () => {
  test('a bad cursor is refused by name', async () => {
    const missing = 'txn_01kasw5v8g000ne3r5yx2tb4qd'
    for (const name of ['starting_after', 'ending_before'])
      for (const cursor of ['', 'nonsense', missing, 're_01kasw5v8g000ne3r5yx2tb4qd', '%00', '1%20OR%201=1'])
        for (const path of [CHARGES, REFUNDS]) {
          const { status, body } = await refuses.api.get<ErrorAnswer>(`${path}?${name}=${cursor}`)
          assert.deepEqual([status, body.param], [400, name], `${path} ${name} ${cursor}`)
        }
    await refuses.path(`/api/v1/webhook_deliveries?starting_after=dlv_1`, [
      400,
      'cursor_invalid',
      'starting_after',
    ])
    for (const [path, name] of [
      ['/api/v1/events', 'after'],
      ['/api/v1/ledger/entries', 'before'],
    ])
      for (const cursor of ['-1', '1.5', 'x', '', '9007199254740992', '99999999999999999999'])
        await refuses.path(`${path}?${name}=${cursor}`, [400, 'cursor_invalid', name])
    for (const cursor of ['', 'x', '2026-02-30/merchant/usd', '2026-11-23/merchant'])
      await refuses.path(`/api/v1/ledger/days?starting_after=${cursor}`, [
        400,
        'cursor_invalid',
        'starting_after',
      ])
  })

  test('a day that is none is refused by name', async () => {
    for (const name of ['from', 'to'])
      for (const day of [
        '',
        'x',
        '2026-02-30',
        '2026-11-23T00:00:00Z',
        '1969-12-31',
        '12026-01-01',
        '2026-11-23%00',
      ])
        await refuses.path(`/api/v1/ledger/days?${name}=${day}`, [400, 'parameter_invalid', name])
  })

  test('both cursors at once are refused', async () => {
    const { id } = (await refuses.api.get<{ data: { id: string }[] }>(CHARGES)).body.data[0] as { id: string }
    await refuses.path(`${CHARGES}?starting_after=${id}&ending_before=${id}`, [
      400,
      'cursor_invalid',
      'ending_before',
    ])
  })

  test('an unknown or repeated parameter is refused by name', async () => {
    for (const path of [CHARGES, REFUNDS, '/api/v1/events', '/api/v1/balance', `${CHARGES}/txn_1`])
      for (const name of ['colour', '__proto__', 'constructor'])
        await refuses.path(`${path}?${name}=1`, [400, 'parameter_unknown', name])
    await refuses.path(`${CHARGES}?limit=1&limit=2`, [400, 'parameter_invalid', 'limit'])
    await refuses.path(`${CHARGES}?customer=a&customer=b`, [400, 'parameter_invalid', 'customer'])
  })

  test('a value outside its list or limits, or with a NUL, is refused by name', async () => {
    await refuses.path(`${CHARGES}?status=paid`, [400, 'parameter_invalid', 'status'])
    await refuses.path(`${CHARGES}?currency=zzz`, [400, 'currency_invalid', 'currency'])
    await refuses.path(`${CHARGES}?customer=a%00b`, [400, 'parameter_invalid', 'customer'])
    await refuses.path('/api/v1/events?type=payment.lost', [400, 'parameter_invalid', 'type'])
    await refuses.path('/api/v1/webhook_deliveries?status=lost', [400, 'parameter_invalid', 'status'])
  })
})

describe('bytes that are not a proper request', () => {
  test('malformed HTTP is answered 400', async () => {
    for (const bytes of [
      'GARBAGE\r\n\r\n',
      'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n',
      'GET /health HTTP/9.9\r\n\r\n',
      'FOO /health HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'GET /health HTTP/1.1\r\nHost a\r\n\r\n',
      'GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n',
      'GET /he\0alth HTTP/1.1\r\nHost: localhost\r\n\r\n',
      post(['Content-Length: ten', 'Content-Type: application/json']),
      post(['Content-Length: 5', 'Content-Length: 6', 'Content-Type: application/json']),
      post(['Content-Length: 5', 'Transfer-Encoding: chunked', 'Content-Type: application/json']),
      post(['Transfer-Encoding: chunked', 'Content-Type: application/json'], 'zz\r\n{}\r\n0\r\n\r\n'),
    ])
      await refuses.bytes(bytes, [400, 'bad_request'])
  })

  test('headers larger than 16 KiB are answered 431', async () => {
    await refuses.bytes(`GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, [
      431,
      'headers_too_large',
    ])
  })

  test('a header that means one thing only and is sent twice is refused by name', async () => {
    for (const [name, value] of [
      ['content-type', 'application/json'],
      ['idempotency-key', 'k1'],
      ['authorization', 'Bearer a'],
      ['host', 'localhost'],
    ] as const) {
      const type = name === 'content-type' ? [] : ['Content-Type: application/json']
      const twice =
        name === 'host' ? [`host: ${value}`] : [`${name}: ${value}`, `${name.toUpperCase()}: ${value}`]
      await refuses.bytes(post([...type, ...twice]), [400, 'header_repeated', name])
    }
  })

  test('a request that is cut off in its body changes nothing', async () => {
    const { hostname, port } = new URL(refuses.server.url)
    const socket = connect(Number(port), hostname)
    const cut = post(['Content-Type: application/json', 'Content-Length: 500'])
    await new Promise<void>((resolve) => socket.write(cut, () => resolve()))
    socket.destroy()
  })
})

test('after all of it nothing was stored, no error was logged or counted, and the server charges', () =>
  refuses.assertUnharmed())
