import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Head, headerOf, ResponseError, ResponseReader } from './response-reader.ts'

type Found = { head: Head | undefined; body: string; progress: string; isKept: boolean; atEnd: boolean }

/** Where all connections read into, so the next read overwrites the one before. */
const shared = Buffer.alloc(256 * 1024)

/** Reads pieces of a response as those that a connection gives. */
function read(...pieces: readonly string[]): Found {
  const reader = new ResponseReader(128 * 1024)
  const found: Found = { head: undefined, body: '', progress: 'more', isKept: false, atEnd: false }
  reader.begin({
    onHead(head) {
      assert.equal(found.head, undefined)
      found.head = head
    },
    onData(bytes) {
      found.body += bytes.toString('latin1')
    },
  })
  for (const piece of pieces) {
    found.progress = reader.read(shared.subarray(0, shared.write(piece, 'latin1')))
    shared.fill('?')
  }
  return { ...found, isKept: reader.isKept, atEnd: reader.end() }
}

/** The code of the error that reading it throws. */
function refused(text: string): string {
  try {
    read(text)
  } catch (error) {
    if (error instanceof ResponseError) return error.code
    throw error
  }
  return 'read'
}

/** Responses; whether they end by themselves, and whether their connection can be kept. */
const RESPONSES = {
  length: ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 200, 'hello', true],
  'no length': ['HTTP/1.1 500 Oh no\r\n\r\nhello', 500, 'hello', null],
  'no reason': ['HTTP/1.1 204\r\n\r\n', 204, '', true],
  'a strange reason': ['HTTP/1.1 200 \xff\x01\r\ncontent-length: 0\r\n\r\n', 200, '', true],
  'no body, whatever the length': ['HTTP/1.1 304 x\r\ncontent-length: 7\r\n\r\n', 304, '', true],
  chunks: [
    'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n5\r\nhello\r\nA;a="b;c"\r\n, my world\r\n0\r\n\r\n',
    ...([200, 'hello, my world', true] as const),
  ],
  trailers: [
    'HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\n\r\n0;x\r\na: b\r\nc: d\r\n\r\n',
    200,
    '',
    true,
  ],
  'another coding': ['HTTP/1.1 200 OK\r\ntransfer-encoding: x\r\n\r\n5\r\nhel', 200, '5\r\nhel', null],
  interim: [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: </a>\r\n\r\nHTTP/1.1 410 Gone\r\ncontent-length:0\r\n\r\n',
    ...([410, '', true] as const),
  ],
  closing: ['HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2 \r\n\r\nok', 200, 'ok', false],
  'the former version': ['HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', 200, 'ok', false],
} as const

test('every form of response is read, wherever it is cut', () => {
  for (const [name, [text, status, body, kept]] of Object.entries(RESPONSES))
    for (let cut = 0; cut <= text.length; cut++) {
      const found = read(...[text.slice(0, cut), text.slice(cut)].filter((piece) => piece !== ''))
      assert.deepEqual([found.head?.status, found.body], [status, body], `${name} ${cut}`)
      assert.equal(found.progress, kept === null ? 'more' : 'whole', name)
      assert.equal(found.isKept, kept ?? false, name)
      assert.equal(found.atEnd, kept === null, name)
      if (cut > 0 && cut < text.length && kept !== null)
        assert.equal(read(text.slice(0, cut)).progress, 'more', `${name} ${cut}`)
    }
})

test('the head tells of Retry-After, of a coded body, and how long a connection is kept', () => {
  const { head } = read(
    'HTTP/1.1 429 x\r\nRetry-After: 120\r\nretry-after: 7\r\nContent-Encoding: br\r\ncontent-length: 0\r\n\r\n',
  )
  assert.ok(head)
  const { lines, ...facts } = head
  assert.deepEqual(facts, { status: 429, retryAfter: '120', isEncoded: true, length: 0 })
  assert.equal(headerOf({ lines }, 'content-encoding'), 'br')
  assert.equal(headerOf({ lines }, 'retry-after'), undefined, 'it is repeated')
  assert.equal(headerOf({ lines }, 'content'), undefined)
  const reader = new ResponseReader(128 * 1024)
  reader.begin({ onHead() {}, onData() {} })
  reader.read(Buffer.from('HTTP/1.1 200 x\r\nkeep-alive: max=3, timeout=5\r\ncontent-length: 0\r\n\r\n'))
  assert.equal(reader.keptMs, 5_000)
})

test('bytes behind a response end its connection', () => {
  for (const text of [RESPONSES.length[0], RESPONSES['no reason'][0], RESPONSES.chunks[0]]) {
    assert.equal(read(`${text}HTTP/1.1 200 OK`).isKept, false)
    assert.equal(read(`${text}\r\n`).progress, 'whole')
  }
})

test('what two readers could understand differently is refused', () => {
  const ok = 'HTTP/1.1 200 OK\r\n'
  const chunked = `${ok}transfer-encoding: chunked\r\n\r\n`
  for (const text of [
    ...['\0\0\0', 'GET / HTTP/1.1', 'HTTP/2 200\r\n\r\n', 'HTTP/1.1 20 x\r\n\r\n', 'HTTP/1.1 099 x\r\n\r\n'],
    ...[
      'HTTP/1.1  200 x\r\n\r\n',
      'HTTP/1.1 200\tx\r\n\r\n',
      'HTTP/1.1 2000\r\n\r\n',
      'HTTP/1.1 101 x\r\n\r\n',
    ],
    ...[
      `${ok}a b: c\r\n\r\n`,
      `${ok}a : b\r\n\r\n`,
      `${ok}: b\r\n\r\n`,
      `${ok}a\r\n\r\n`,
      `${ok}a: \0\r\n\r\n`,
    ],
    ...[
      `${ok} folded: x\r\n\r\n`,
      `${ok}a: b\r\n c\r\n\r\n`,
      `${ok}a: b\nc: d\r\n\r\n`,
      `${ok}a: b\rc\r\n\r\n`,
    ],
    ...['-1', 'x', '5, 5', '0x5', '5 5', '', '9999999999999999'].map(
      (value) => `${ok}content-length: ${value}\r\n\r\n`,
    ),
    `${ok}content-length: 5\r\ncontent-length: 5\r\n\r\n`,
    `${ok}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
    `${ok}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`,
    ...[
      '\r\n',
      '-1\r\n',
      ' 5\r\n',
      '5 \r\n',
      '5\nhello',
      'g\r\n',
      '123456789\r\n',
      '5\r\nhelloX',
      '5\r\nhello\n',
    ].map((text) => chunked + text),
    ...['0\r\na: b\n', '0\r\n\rx', '5;a\rb\r\n'].map((text) => chunked + text),
  ])
    assert.equal(refused(text), 'NOT_HTTP', JSON.stringify(text))
})

test('a head, interim responses, and a response as a whole have limits', () => {
  const ok = 'HTTP/1.1 200 OK\r\n'
  assert.equal(refused(`${ok}a: ${'x'.repeat(17_000)}`), 'HEADERS_TOO_LONG')
  assert.equal(refused(`${ok}a: ${'x'.repeat(17_000)}\r\n\r\n`), 'HEADERS_TOO_LONG')
  assert.equal(refused(`HTTP/1.1 200 ${'x'.repeat(17_000)}`), 'RESPONSE_TOO_LONG')
  const interim = 'HTTP/1.1 103 x\r\n\r\n'
  assert.equal(refused(interim.repeat(8)), 'read')
  assert.equal(refused(interim.repeat(9)), 'ONLY_INTERIM')
  assert.equal(refused(`${ok}\r\n${'x'.repeat(120_000)}`), 'read')
  assert.equal(refused(`${ok}\r\n${'x'.repeat(140_000)}`), 'RESPONSE_TOO_LONG')
  assert.equal(
    refused(`${ok}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(140_000)}`),
    'RESPONSE_TOO_LONG',
  )
})
