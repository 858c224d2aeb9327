import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type Answer, call, type RunningServer, startServer, type TempDir, tempDir } from '../harness.ts'
import { assertDocumented, type Client, client, type ErrorAnswer, stored } from './client.ts'

/** A published test number: no account is behind it. */
const CARD = '4242424242424242'
const CHARGES = '/api/v1/charges'
const REFUNDS = '/api/v1/refunds'
const JSON_TYPE = { 'content-type': 'application/json' }
const VALID = { amount: 2500, currency: 'usd', customer: 'cus_1' }

let dir: TempDir
let server: RunningServer
let api: Client
let storedBefore: object

before(async () => {
  dir = tempDir()
  server = await startServer(`${dir.path}/minipay.db`)
  api = client(server.url)
  await api.refund((await api.charge()).id, { amount: 1 })
  storedBefore = await stored(api)
})
after(async () => {
  await server?.stop()
  dir?.remove()
})

type Expected = readonly [status: number, code: string, param?: string | undefined]

function assertRefused(answer: Answer<ErrorAnswer>, [status, code, param]: Expected, what: string): void {
  const { body } = answer
  assert.deepEqual([answer.status, body.code, body.param], [status, code, param], what)
  assert.match(body.error, /^[\w ].{15,300}\.$/, what)
  assert.match(body.request_id, /^req_[0-9a-z]{26}$/, what)
  assert.doesNotMatch(JSON.stringify(body), /4242|\bat .*:\d+|node_modules/, what)
}

async function refusesBody(body: unknown, expected: Expected, path = CHARGES): Promise<void> {
  assertRefused(await api.post<ErrorAnswer>(path, body), expected, JSON.stringify(body).slice(0, 100))
}

async function refusesPath(path: string, expected: Expected): Promise<void> {
  assertRefused(await api.get<ErrorAnswer>(path), expected, path)
}

/** A request as bytes of our own choice; answers what came back until the server closed the connection. */
async function raw(bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  // A server that refuses early may reset the connection while we still write.
  socket.on('error', () => {})
  socket.write(bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString()
}

async function refusesBytes(bytes: string | Buffer, expected: Expected): Promise<void> {
  const text = await raw(bytes)
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const headers = new Headers(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(/: ?/, 2) as [string, string]),
  )
  const answer = {
    status: Number(head.split(' ')[1]),
    headers,
    body: JSON.parse(body || '{}') as ErrorAnswer,
  }
  assertDocumented('', '', answer)
  assertRefused(answer, expected, String(bytes).slice(0, 100))
}

const post = (headers: string[], body = JSON.stringify(VALID), path = CHARGES) =>
  [
    ...[`POST ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close'],
    ...(headers.some((header) => /^(content-length|transfer-encoding)/i.test(header))
      ? headers
      : [...headers, `Content-Length: ${Buffer.byteLength(body)}`]),
    ...['', body],
  ].join('\r\n')

describe('a body', () => {
  test('one that is not JSON is refused', async () => {
    for (const text of ['{', '{"amount":}', "{'amount':1}", 'amount=1', '{"amount":1,}', 'NaN', '\ufeff{}'])
      await refusesBody(text, [400, 'invalid_json'])
    const empty = await call<ErrorAnswer>(server.url, 'POST', CHARGES, '', JSON_TYPE)
    assertRefused(empty, [400, 'invalid_json'], 'an empty body')
  })

  test('one that is JSON but no object is refused', async () => {
    for (const body of ['[]', '[{"amount":1}]', 'null', '7', '"text"', 'true'])
      await refusesBody(body, [400, 'parameter_invalid'])
    assertRefused(await api.post<ErrorAnswer>(CHARGES), [400, 'parameter_invalid'], 'no body')
  })

  test('one that is not UTF-8 is refused', async () => {
    const head = post(['Content-Type: application/json', 'Content-Length: 58'], '')
    const bytes = Buffer.from(
      `{"amount":2500,"currency":"usd","customer":"caf\xe9"${' '.repeat(9)}}`,
      'latin1',
    )
    const sized = head.replace('Content-Length: 58', `Content-Length: ${bytes.length}`)
    await refusesBytes(Buffer.concat([Buffer.from(sized), bytes]), [400, 'invalid_json'])
  })

  test('a missing field is refused by name', async () => {
    for (const name of ['amount', 'currency', 'customer'])
      await refusesBody({ ...VALID, [name]: undefined }, [400, 'parameter_missing', name])
    await refusesBody({ amount: 1 }, [400, 'parameter_missing', 'transaction_id'], REFUNDS)
  })

  test('an unknown field is refused by name, unless the name could do harm', async () => {
    await refusesBody({ ...VALID, colour: 'red' }, [400, 'parameter_unknown', 'colour'])
    await refusesBody({ ...VALID, constructor: 1 }, [400, 'parameter_unknown', 'constructor'])
    await refusesBody({ ...VALID, '<b>': 1 }, [400, 'parameter_unknown'])
    await refusesBody({ ...VALID, ['k'.repeat(5000)]: 1 }, [400, 'parameter_unknown'])
    await refusesBody({ transaction_id: 'txn_1', all: true }, [400, 'parameter_unknown', 'all'], REFUNDS)
  })

  test('a field of the wrong type or size is refused by name', async () => {
    for (const [name, values] of Object.entries({
      customer: [7, null, '', 'c'.repeat(256), ['cus_1'], {}],
      description: [7, null, 'd'.repeat(1001), {}],
      payment_method: [7, null, '', 't'.repeat(256)],
      metadata: [7, null, 'text', [], { key: 7 }, { key: null }, { key: {} }],
    }))
      for (const value of values)
        await refusesBody({ ...VALID, [name]: value }, [400, 'parameter_invalid', name])
    for (const value of ['us', 'usdd', '', 7, null, 'zzz', 'xau', '€€€', 'ıdr'])
      await refusesBody({ ...VALID, currency: value }, [400, 'currency_invalid', 'currency'])
    for (const value of [7, null, ['txn_1']])
      await refusesBody({ transaction_id: value }, [400, 'parameter_invalid', 'transaction_id'], REFUNDS)
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
      await refusesBody(charge, [400, 'amount_invalid', 'amount'])
      const refund = `{"transaction_id":"txn_1","amount":${amount}}`
      await refusesBody(refund, [400, 'amount_invalid', 'amount'], REFUNDS)
    }
  })

  test('NUL bytes and lone surrogates are refused by name, in keys without it', async () => {
    for (const escaped of ['\\u0000', '\\ud800', '\\udfff', '\\udfff\\ud800']) {
      const field = (name: string) => `{"amount":1,"currency":"usd","customer":"c","${name}":"a${escaped}b"}`
      await refusesBody(field('description'), [400, 'parameter_invalid', 'description'])
      await refusesBody(field('customer'), [400, 'parameter_invalid', 'customer'])
      const key = `{"amount":1,"currency":"usd","customer":"c","metadata":{"${escaped}":"v"}}`
      await refusesBody(key, [400, 'parameter_unknown'])
    }
    await refusesBody('{"amount":1,"currency":"usd","customer":"a\0b"}', [400, 'invalid_json'])
  })

  test('__proto__ is refused, and nothing inherits from it', async () => {
    const body = (field: string) => `{"amount":1,"currency":"usd","customer":"c",${field}}`
    await refusesBody(body('"__proto__":{"amount":1}'), [400, 'parameter_unknown', '__proto__'])
    await refusesBody(body('"metadata":{"__proto__":"v"}'), [400, 'parameter_unknown', '__proto__'])
    await refusesBody('{"__proto__":{"amount":1,"currency":"usd","customer":"c"}}', [
      400,
      'parameter_unknown',
      '__proto__',
    ])
  })

  test('JSON that is nested 10,000 deep is refused', async () => {
    const nested = (open: string, close: string, inside = '') =>
      open.repeat(10_000) + inside + close.repeat(10_000)
    await refusesBody(nested('[', ']'), [400, 'parameter_invalid'])
    await refusesBody(nested('[', ']', '1e3'), [400, 'invalid_json'])
    await refusesBody(nested('[', ''), [400, 'invalid_json'])
    const field = `{"amount":1,"currency":"usd","customer":"c","metadata":${nested('{"a":', '}', '1')}}`
    await refusesBody(field, [400, 'parameter_invalid', 'metadata'])
  })

  test('one larger than 256 KiB is refused with 413, whether its length is told or it comes in chunks', async () => {
    const huge = JSON.stringify({ ...VALID, description: 'x'.repeat(300_000) })
    const told = post(['Content-Type: application/json'], huge)
    await refusesBytes(told, [413, 'payload_too_large'])
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`.repeat(20)
    const chunked = post(
      ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
      `${chunk}0\r\n\r\n`,
    )
    await refusesBytes(chunked, [413, 'payload_too_large'])
  })

  test('one of escaped quotes without an end is refused as quickly as any other', async () => {
    await refusesBody(`{"a":"\\u0041${'\\"'.repeat(120_000)}`, [400, 'invalid_json'])
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
        await api.post<ErrorAnswer>(CHARGES, VALID, { 'content-type': type }),
        [415, 'unsupported_media_type'],
        type,
      )
    await refusesBytes(post([]), [415, 'unsupported_media_type'])
  })
})

describe('a route', () => {
  test('one that does not exist is answered 404', async () => {
    for (const path of ['/', '/none', '/api/v2/charges', '/api/v1/charges/a/b', '/API/v1/charges'])
      await refusesPath(path, [404, 'route_not_found'])
    await refusesPath('/api/v1/charges/', [404, 'transaction_not_found', 'id'])
  })

  test('one that does not have the method is answered 405 with Allow', async () => {
    for (const [method, path, allow] of [
      ['PUT', CHARGES, 'POST, GET, HEAD, OPTIONS'],
      ['DELETE', `${CHARGES}/txn_1`, 'GET, HEAD, OPTIONS'],
      ['PATCH', REFUNDS, 'POST, GET, HEAD, OPTIONS'],
      ['POST', '/api/v1/balance', 'GET, HEAD, OPTIONS'],
      ['GET', '/api/v1/webhook_deliveries/dlv_1/retry', 'POST, OPTIONS'],
      ['PROPFIND', '/health', 'GET, HEAD, OPTIONS'],
    ] as const) {
      const answer = await call<ErrorAnswer>(server.url, method, path)
      assertDocumented(method, path, answer)
      assertRefused(answer, [405, 'method_not_allowed'], `${method} ${path}`)
      assert.equal(answer.headers.get('allow'), allow)
    }
  })

  test('a path that is not well-formed is refused', async () => {
    await refusesBytes('GET /api/v1/charges/%ZZ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', [
      400,
      'bad_request',
    ])
    await refusesPath(`${CHARGES}/${'x'.repeat(5000)}`, [404, 'transaction_not_found', 'id'])
  })
})

describe('a query', () => {
  test('a bad cursor is refused by name', async () => {
    const missing = 'txn_01kasw5v8g000ne3r5yx2tb4qd'
    for (const name of ['starting_after', 'ending_before'])
      for (const cursor of ['', 'nonsense', missing, 're_01kasw5v8g000ne3r5yx2tb4qd', '%00', '1%20OR%201=1'])
        for (const path of [CHARGES, REFUNDS]) {
          const { status, body } = await api.get<ErrorAnswer>(`${path}?${name}=${cursor}`)
          assert.deepEqual([status, body.param], [400, name], `${path} ${name} ${cursor}`)
        }
    await refusesPath(`/api/v1/webhook_deliveries?starting_after=dlv_1`, [
      400,
      'cursor_invalid',
      'starting_after',
    ])
    for (const [path, name] of [
      ['/api/v1/events', 'after'],
      ['/api/v1/ledger/entries', 'before'],
    ])
      for (const cursor of ['-1', '1.5', 'x', '', '9007199254740992', '99999999999999999999'])
        await refusesPath(`${path}?${name}=${cursor}`, [400, 'cursor_invalid', name])
  })

  test('both cursors at once are refused', async () => {
    const { id } = (await api.get<{ data: { id: string }[] }>(CHARGES)).body.data[0] as { id: string }
    await refusesPath(`${CHARGES}?starting_after=${id}&ending_before=${id}`, [
      400,
      'cursor_invalid',
      'ending_before',
    ])
  })

  test('an unknown or repeated parameter is refused by name', async () => {
    for (const path of [CHARGES, REFUNDS, '/api/v1/events', '/api/v1/balance', `${CHARGES}/txn_1`])
      for (const name of ['colour', '__proto__', 'constructor'])
        await refusesPath(`${path}?${name}=1`, [400, 'parameter_unknown', name])
    await refusesPath(`${CHARGES}?limit=1&limit=2`, [400, 'parameter_invalid', 'limit'])
    await refusesPath(`${CHARGES}?customer=a&customer=b`, [400, 'parameter_invalid', 'customer'])
  })

  test('a value outside its list or limits, or with a NUL, is refused by name', async () => {
    await refusesPath(`${CHARGES}?status=paid`, [400, 'parameter_invalid', 'status'])
    await refusesPath(`${CHARGES}?currency=zzz`, [400, 'currency_invalid', 'currency'])
    await refusesPath(`${CHARGES}?customer=a%00b`, [400, 'parameter_invalid', 'customer'])
    await refusesPath('/api/v1/events?type=payment.lost', [400, 'parameter_invalid', 'type'])
    await refusesPath('/api/v1/webhook_deliveries?status=lost', [400, 'parameter_invalid', 'status'])
  })
})

describe('bytes that are not a proper request', () => {
  test('malformed HTTP is answered 400', async () => {
    for (const bytes of [
      'GARBAGE\r\n\r\n',
      'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n',
      'GET /health HTTP/9.9\r\n\r\n',
      'FOO /health HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET /health HTTP/1.1\r\nHost a\r\n\r\n',
      'GET /health HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n',
      'GET /he\0alth HTTP/1.1\r\nHost: a\r\n\r\n',
      post(['Content-Length: ten', 'Content-Type: application/json']),
      post(['Content-Length: 5', 'Content-Length: 6', 'Content-Type: application/json']),
      post(['Content-Length: 5', 'Transfer-Encoding: chunked', 'Content-Type: application/json']),
      post(['Transfer-Encoding: chunked', 'Content-Type: application/json'], 'zz\r\n{}\r\n0\r\n\r\n'),
    ])
      await refusesBytes(bytes, [400, 'bad_request'])
  })

  test('headers larger than 16 KiB are answered 431', async () => {
    await refusesBytes(`GET /health HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, [
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
      await refusesBytes(post([...type, ...twice]), [400, 'header_repeated', name])
    }
  })

  test('a request that is cut off in its body changes nothing', async () => {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    const cut = post(['Content-Type: application/json', 'Content-Length: 500'])
    await new Promise<void>((resolve) => socket.write(cut, () => resolve()))
    socket.destroy()
  })
})

describe('a card number', () => {
  const spellings = [
    CARD,
    '4242 4242 4242 4242',
    '4242-4242-4242-4242',
    '4242  4242--4242 - 4242',
    `my card is ${CARD}, thanks`,
    'order 12: 4242 4242 4242 4242 exp 12/34',
  ]
  const REFUSED = [400, 'card_number_refused'] as const

  test('it is refused in every string of a body, and the field is named', async () => {
    for (const text of spellings)
      for (const name of ['customer', 'description', 'payment_method', 'currency'])
        await refusesBody({ ...VALID, [name]: text }, [...REFUSED, name])
    for (const text of spellings)
      for (const name of ['transaction_id', 'reason', 'description'])
        await refusesBody({ transaction_id: 'txn_1', [name]: text }, [...REFUSED, name], REFUNDS)
  })

  test('it is refused in metadata, in nested values and in keys, and the key is not repeated', async () => {
    for (const text of spellings) {
      await refusesBody({ ...VALID, metadata: { note: text } }, [...REFUSED, 'note'])
      await refusesBody({ ...VALID, metadata: { a: [{ b: text }] } }, [...REFUSED, 'b'])
      await refusesBody({ ...VALID, metadata: { [text]: 'v' } }, REFUSED)
      await refusesBody({ ...VALID, [text]: 'v' }, REFUSED)
    }
  })

  test('it is refused as a number, and behind escapes', async () => {
    await refusesBody(`{"amount":${CARD},"currency":"usd","customer":"c"}`, [...REFUSED, 'amount'])
    const hidden = [...CARD].map((digit) => `\\u003${digit}`).join('')
    await refusesBody(`{"amount":1,"currency":"usd","customer":"${hidden}"}`, [...REFUSED, 'customer'])
  })

  test('it is refused as an Idempotency-Key', async () => {
    for (const key of [CARD, '4242-4242-4242-4242', `card:${CARD}`])
      assertRefused(
        await api.post<ErrorAnswer>(CHARGES, VALID, { 'idempotency-key': key }),
        [...REFUSED, 'Idempotency-Key'],
        key,
      )
  })

  test('it is refused in a path and in a query, however it is encoded', async () => {
    const escaped = [...CARD].map((digit) => `%3${digit}`).join('')
    const encoded = [CARD, '4242-4242-4242-4242', '4242%204242%204242%204242', escaped]
    for (const text of [...encoded, `${CARD}%ZZ`])
      for (const path of [`${CHARGES}?customer=${text}`, `${CHARGES}?${text}=1`, `/health?x=${text}`])
        await refusesPath(path, REFUSED)
    await refusesPath(`${CHARGES}?customer=4242+4242+4242+4242`, REFUSED)
    for (const text of encoded) await refusesPath(`${CHARGES}/${text}`, REFUSED)
    await refusesPath(`/${CARD}`, REFUSED)
  })
})

describe('afterwards', () => {
  test('nothing of it was stored', async () => {
    assert.deepEqual(await stored(api), storedBefore)
  })

  test('the log holds no error, no card number and no internal error was counted', async () => {
    assert.doesNotMatch(server.output(), /4242/)
    assert.doesNotMatch(server.output(), /"level":"error"/)
    const { body } = await api.get<string>('/metrics', { accept: 'text/plain' })
    assert.match(body, /^minipay_errors_total 0$/m)
  })

  test('the server is healthy and charges', async () => {
    assert.equal((await api.get('/health')).status, 200)
    assert.equal((await api.get('/ready')).status, 200)
    await api.charge()
  })

  test('none of 2,000 random UUIDs is refused as an Idempotency-Key or in metadata', async () => {
    for (let group = 0; group < 20; group++)
      await Promise.all(
        Array.from({ length: 100 }, () =>
          api.charge({ customer: randomUUID(), metadata: { [randomUUID()]: randomUUID() } }, randomUUID()),
        ),
      )
  })
})
