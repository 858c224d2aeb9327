/**
 * Requests that two readers could read differently. Behind each one on its connection comes an ordinary charge: MiniPay
 * must refuse the first, close the connection, and never make the second.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call, readAll } from '../kit/http.ts'
import { type RunningServer, startServer } from '../kit/server.ts'
import { bareConnection } from '../kit/sockets.ts'

let folder: TempDir
let server: RunningServer

before(async () => {
  folder = tempDir()
  server = await startServer(join(folder.path, 'a.db'))
})
after(async () => {
  await server.stop()
  folder.remove()
})

const bodyOf = (customer: string) => JSON.stringify({ amount: 2500, currency: 'usd', customer })
const BODY = bodyOf('cus_1')
const SIZE = BODY.length.toString(16)
const CHUNKS = `${SIZE}\r\n${BODY}\r\n0\r\n\r\n`
const LENGTH = `Content-Length: ${BODY.length}`
const CHUNKED = 'Transfer-Encoding: chunked'
const POST = 'POST /api/v1/charges HTTP/1.1'
const LOCAL = ['Host: localhost']

function request(headers: readonly string[], body: string, line = POST, hosts = LOCAL): string {
  return [line, ...hosts, 'Content-Type: application/json', ...headers, '', body].join('\r\n')
}
const lined = (line: string) => request([LENGTH], BODY, line)
const headed = (...headers: string[]) => request([...headers, LENGTH], BODY)
const coded = (...headers: string[]) => request(headers, CHUNKS)
const sized = (length: string) => request([length], BODY)
const hosted = (...hosts: string[]) => request([LENGTH], BODY, POST, hosts)
const chunked = (chunks: string) => request([CHUNKED], chunks)

const FORMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'two lengths': {
    'a length and chunks': coded(LENGTH, CHUNKED),
    'chunks and a length': coded(CHUNKED, 'Content-Length: 4'),
    'a length twice': request([LENGTH, LENGTH], BODY),
    'two different lengths': request([LENGTH, 'Content-Length: 5'], BODY),
    'a list of lengths': request([`Content-Length: ${BODY.length}, ${BODY.length}`], BODY),
  },
  'a disguised Transfer-Encoding': {
    'a tab behind': coded('Transfer-Encoding: chunked\t'),
    'a vertical tab before': coded('Transfer-Encoding: \x0bchunked'),
    'in upper case': coded('TRANSFER-ENCODING: CHUNKED'),
    'another name': coded('Transfer-Encoding: xchunked'),
    'in quotes': coded('Transfer-Encoding: "chunked"'),
    'a parameter': coded('Transfer-Encoding: chunked;q=1'),
    'gzip before': coded('Transfer-Encoding: gzip, chunked'),
    'gzip after': coded('Transfer-Encoding: chunked, gzip'),
    'identity after': coded('Transfer-Encoding: chunked, identity'),
    'an empty item before': coded('Transfer-Encoding: ,chunked'),
    'an empty item after': coded('Transfer-Encoding: chunked,'),
    twice: coded(CHUNKED, CHUNKED),
    'another line after': coded(CHUNKED, 'Transfer-Encoding: cow'),
    'another line before': coded('Transfer-Encoding: cow', CHUNKED),
    'identity with a length': request(['Transfer-Encoding: identity', LENGTH], BODY),
    'identity alone': request(['Transfer-Encoding: identity'], BODY),
    empty: request(['Transfer-Encoding:'], ''),
    'empty with a length': request(['Transfer-Encoding:', LENGTH], BODY),
    'a space before the colon': coded('Transfer-Encoding : chunked'),
    'a tab before the colon': coded('Transfer-Encoding\t: chunked'),
    'a space before the name': coded(' Transfer-Encoding: chunked'),
    folded: coded('Transfer-Encoding:\r\n chunked'),
    'a NUL': coded('Transfer-Encoding: chunked\0'),
    'in HTTP/1.0': request([CHUNKED, 'Connection: keep-alive'], CHUNKS, 'POST /api/v1/charges HTTP/1.0'),
  },
  'a malformed Content-Length': {
    'a plus': sized(`Content-Length: +${BODY.length}`),
    'a minus': sized('Content-Length: -1'),
    'a space inside': sized(`Content-Length: ${BODY.length} 1`),
    hexadecimal: sized(`Content-Length: 0x${SIZE}`),
    'a fraction': sized(`Content-Length: ${BODY.length}.0`),
    'an exponent': sized('Content-Length: 5e1'),
    empty: sized('Content-Length:'),
    'more than 64 bits': sized('Content-Length: 99999999999999999999999'),
    '64 bits that wrap': sized(`Content-Length: ${2n ** 64n + BigInt(BODY.length)}`),
    'a space before the colon': sized(`Content-Length : ${BODY.length}`),
    folded: sized(`Content-Length:\r\n ${BODY.length}`),
  },
  'malformed chunks': {
    'a size with 0x': chunked(`0x${CHUNKS}`),
    'a size with a plus': chunked(`+${CHUNKS}`),
    'a size with a minus': chunked(`-${CHUNKS}`),
    'a size of more than 64 bits': chunked(`100000000000000${SIZE}\r\n${BODY}\r\n0\r\n\r\n`),
    'a space after the size': chunked(`${SIZE} \r\n${BODY}\r\n0\r\n\r\n`),
    'a space before the size': chunked(` ${CHUNKS}`),
    'no size': chunked(`\r\n${BODY}\r\n0\r\n\r\n`),
    'a line feed after the size': chunked(`${SIZE}\n${BODY}\r\n0\r\n\r\n`),
    'a carriage return after the size': chunked(`${SIZE}\r${BODY}\r\n0\r\n\r\n`),
    'a line feed after the data': chunked(`${SIZE}\r\n${BODY}\n0\r\n\r\n`),
    'nothing after the data': chunked(`${SIZE}\r\n${BODY}0\r\n\r\n`),
    'a line feed after the last size': chunked(`${SIZE}\r\n${BODY}\r\n0\n\r\n`),
    'a line feed at the end': chunked(`${SIZE}\r\n${BODY}\r\n0\r\n\n`),
    'a line feed in an extension': chunked(`${SIZE};a\nb\r\n${BODY}\r\n0\r\n\r\n`),
    'a carriage return in an extension': chunked(`${SIZE};a\rb\r\n${BODY}\r\n0\r\n\r\n`),
    'an extension of 20 KB': chunked(`${SIZE};${'a'.repeat(20_000)}\r\n${BODY}\r\n0\r\n\r\n`),
  },
  trailers: {
    'Transfer-Encoding': chunked(`${SIZE}\r\n${BODY}\r\n0\r\n${CHUNKED}\r\n\r\n`),
    'Content-Length': chunked(`${SIZE}\r\n${BODY}\r\n0\r\nContent-Length: 5\r\n\r\n`),
    Host: chunked(`${SIZE}\r\n${BODY}\r\n0\r\nHost: evil.example\r\n\r\n`),
    Authorization: chunked(`${SIZE}\r\n${BODY}\r\n0\r\nAuthorization: Bearer x\r\n\r\n`),
    'Idempotency-Key': chunked(`${SIZE}\r\n${BODY}\r\n0\r\nIdempotency-Key: k\r\n\r\n`),
    'of 17 KB': chunked(`${SIZE}\r\n${BODY}\r\n0\r\nX-A: ${'x'.repeat(17_000)}\r\n\r\n`),
  },
  'malformed header lines': {
    'folded by a space': headed('X-A: b\r\n c'),
    'folded by a tab': headed('X-A: b\r\n\tc'),
    'folded after the first line': lined(`${POST}\r\n X: y`),
    'a carriage return in a value': headed('X-A: b\rc'),
    'a line feed in a value': headed('X-A: b\nX-B: c'),
    'a NUL in a value': headed('X-A: b\0c'),
    'a control character in a value': headed('X-A: b\x01c'),
    'a carriage return in a name': headed('X-\rA: b'),
    'a line feed in a name': headed('X-\nA: b'),
    'a NUL in a name': headed('X-\0A: b'),
    'a space in a name': headed('X A: b'),
    'a space before the colon': headed('X-A : b'),
    'no colon': headed('X-A'),
    'no name': headed(': b'),
    'a name beyond ASCII': headed('X-\xe9: b'),
    'line feeds alone': headed('X-A: b').replaceAll('\r\n', '\n'),
    'more than 16 KB': headed(`X-A: ${'x'.repeat(17_000)}`),
    'three thousand lines': headed(...Array.from({ length: 3_000 }, (_, i) => `x${i}: b`)),
  },
  'another host': {
    none: hosted(),
    empty: hosted('Host:'),
    two: hosted('Host: localhost', 'Host: evil.example'),
    'the same twice': hosted('Host: localhost', 'Host: localhost'),
    'a list': hosted('Host: localhost, evil.example'),
    'a user': hosted('Host: localhost@evil.example'),
    'a path': hosted('Host: localhost/evil'),
    'another one in the URL': lined('POST http://evil.example/api/v1/charges HTTP/1.1'),
    'an authority alone': lined('POST localhost:80 HTTP/1.1'),
  },
  'another request line': {
    'HTTP/0.9 without a version': 'GET /health\r\n\r\n',
    'HTTP/0.9': 'GET /health HTTP/0.9\r\nHost: localhost\r\n\r\n',
    'HTTP/1.2': lined('POST /api/v1/charges HTTP/1.2'),
    'HTTP/2.0': lined('POST /api/v1/charges HTTP/2.0'),
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a version with a letter': lined('POST /api/v1/charges HTTP/1.1x'),
    'a version with a zero': lined('POST /api/v1/charges HTTP/01.1'),
    'another protocol': lined('POST /api/v1/charges ICE/1.0'),
    tabs: lined('POST\t/api/v1/charges\tHTTP/1.1'),
    'a space before': lined(` ${POST}`),
    'a space behind': lined(`${POST} `),
    'a method in lower case': lined('post /api/v1/charges HTTP/1.1'),
    'a fragment': lined('POST /api/v1/charges#x HTTP/1.1'),
    'an asterisk': request([], '', 'GET * HTTP/1.1'),
    'a control character': lined('POST /api/v1/char\x01ges HTTP/1.1'),
    'a byte beyond ASCII': lined('POST /api/v1/charges\xff HTTP/1.1'),
    'a handshake of TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  },
  'a body where none belongs': {
    'on GET': request(['Content-Length: 5'], 'hello', 'GET /health HTTP/1.1'),
    'in chunks on GET': request([CHUNKED], '5\r\nhello\r\n0\r\n\r\n', 'GET /health HTTP/1.1'),
    'on HEAD': request(['Content-Length: 5'], 'hello', 'HEAD /health HTTP/1.1'),
    'on OPTIONS': request(['Content-Length: 5'], 'hello', 'OPTIONS /api/v1/charges HTTP/1.1'),
    'after another Expect': request([LENGTH, 'Expect: 200-ok'], BODY),
  },
}

const statuses = (text: string) =>
  [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status))

/** The customers of every charge that was made before this call. */
async function customers(): Promise<string[]> {
  const charges = await readAll<{ id: string; customer: string }>(
    (path) => call(server.url, 'GET', path),
    '/api/v1/charges',
    (last) => (last ? `&starting_after=${last.id}` : ''),
  )
  return charges.map(({ customer }) => customer)
}

/** A charge that is committed after all that MiniPay has begun. */
const settled = () => call(server.url, 'POST', '/api/v1/charges', bodyOf('cus_last'))

for (const [kind, forms] of Object.entries(FORMS))
  test(`${kind}: refused, the connection closed, and nothing behind it done`, async () => {
    await Promise.all(
      Object.entries(forms).flatMap(([form, bytes]) =>
        ['at once', 'later'].map(async (when) => {
          const behind = request([`Content-Length: ${bodyOf('cus_behind').length}`], bodyOf('cus_behind'))
          const { socket, text, closed } = await bareConnection(server.url)
          if (when === 'at once') socket.write(Buffer.from(bytes + behind, 'latin1'))
          else {
            socket.write(Buffer.from(bytes, 'latin1'))
            socket.once('data', () => socket.write(behind))
          }
          await closed
          const [status, ...more] = statuses(text())
          assert.ok(status !== undefined && status >= 400 && status < 500, `${form}, ${when}: ${text()}`)
          assert.deepEqual(more, [], `${form}, ${when}`)
          assert.match(text(), /^connection: close\r$/im, `${form}, ${when}`)
        }),
      ),
    )
    await settled()
    const made = await customers()
    assert.ok(!made.includes('cus_behind'), 'the request behind was carried out')
    assert.ok(!made.includes('cus_1'), 'the ambiguous request was carried out')
  })

test('whole requests before garbage get their own responses, and the garbage none in their place', async () => {
  const good = request([LENGTH], BODY)
  const { socket, text, closed } = await bareConnection(server.url)
  socket.write(`${good}\0garbage\r\n\r\n`)
  await closed
  assert.deepEqual(statuses(text()), [201])
})

test('a request that is refused before its body gets no second response when the body is malformed', async () => {
  for (const path of ['/api/v1/nothing', '/api/v1/charges?x=4242424242424242']) {
    const { socket, text, closed } = await bareConnection(server.url)
    socket.write(request([CHUNKED], '', `POST ${path} HTTP/1.1`))
    await new Promise((resolve) => socket.once('data', resolve))
    socket.write(`zz\r\n${lined(POST)}`)
    await closed
    assert.equal(statuses(text()).length, 1, text())
  }
})

test('nothing behind a request that closes its connection is done', async () => {
  const last = (customer: string) =>
    request(['Connection: close', `Content-Length: ${bodyOf(customer).length}`], bodyOf(customer))
  const { socket, text, closed } = await bareConnection(server.url)
  socket.write(last('cus_closing') + last('cus_beyond'))
  await closed
  assert.deepEqual(statuses(text()), [201])
  await settled()
  const made = await customers()
  assert.ok(made.includes('cus_closing') && !made.includes('cus_beyond'), made.join())
})

test('unusual but unambiguous forms are one request each', async () => {
  const FINE = {
    'a tab before the value': coded('Transfer-Encoding:\tchunked'),
    'a name in upper case': coded('TRANSFER-ENCODING: chunked'),
    'zeros before a length': sized(`Content-Length: 000${BODY.length}`),
    'zeros before a chunk size': chunked(`000${CHUNKS}`),
    'a chunk extension': chunked(`${SIZE};a=b\r\n${BODY}\r\n0\r\n\r\n`),
    'the same host in the URL': lined('POST http://localhost/api/v1/charges HTTP/1.1'),
    'HTTP/1.0': lined('POST /api/v1/charges HTTP/1.0'),
    'an empty line before': `\r\n${lined(POST)}`,
  }
  for (const [form, bytes] of Object.entries(FINE)) {
    const { socket, text, closed } = await bareConnection(server.url)
    socket.write(bytes + request(['Connection: close'], '', 'GET /health HTTP/1.1'))
    await closed
    const expected = form === 'HTTP/1.0' ? [201] : [201, 200]
    assert.deepEqual(statuses(text()), expected, `${form}: ${text()}`)
  }
})
