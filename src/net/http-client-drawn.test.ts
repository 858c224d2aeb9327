import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { Pool } from 'undici'
import { drawsFrom } from '../../test/kit/draws.ts'
import { httpClient } from './http-client.ts'

/** Draws in the words of this file. */
function drawer(seed: number) {
  const { between, chance } = drawsFrom(seed)
  const below = (limit: number) => between(0, limit - 1)
  return {
    below,
    oneOf: <T>(...all: readonly T[]): T => all[below(all.length)] as T,
    mostly: () => chance(0.92),
  }
}
type Draw = ReturnType<typeof drawer>

/** A response in pieces, as a peer might send it before it closes the connection, at once or later. */
type Drawn = { readonly pieces: readonly string[]; readonly closesAtOnce: boolean }

function draw({ below, oneOf, mostly }: Draw): Drawn {
  const body = oneOf(
    '',
    '{"status":"succeeded"}',
    'x'.repeat(below(3_000)),
    'é\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
  )
  const isChunked = below(3) === 0
  const length = mostly() ? body.length : body.length + oneOf(-1, 1, 3)
  const framing = isChunked
    ? `transfer-encoding: ${oneOf('chunked', 'Chunked', 'gzip, chunked', 'gzip')}\r\n`
    : mostly()
      ? `${oneOf('content-length', 'Content-Length')}:${oneOf(' ', '', '\t')}${mostly() ? length : oneOf('', '-1', '+5', '0x5', '5, 5', `${length}\r\ncontent-length: ${length}`)}\r\n`
      : ''
  const other = Array.from({ length: below(4) }, () =>
    mostly()
      ? oneOf(
          'x-id: 1',
          'Date: Fri, 27 Nov 2026',
          'connection: close',
          'connection: keep-alive',
          'keep-alive: timeout=5',
        )
      : oneOf('a b: c', 'no colon', 'a : b', ' folded', 'x: \0', 'x: \xff', 'x:', ': x'),
  ).map((line) => `${line}\r\n`)
  const interim = mostly() ? '' : 'HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n'
  const status = mostly()
    ? `HTTP/1.1 ${oneOf(200, 201, 204, 304, 400, 402, 500, 503)} ${oneOf('OK', '', 'a b')}`
    : oneOf(
        'HTTP/1.0 200 OK',
        'HTTP/1.1 200',
        'HTTP/2 200',
        'HTTP/1.1 20 OK',
        'hello',
        'HTTP/1.1 101 x',
        'HTTP/1.1 999 x',
      )
  const cut = below(body.length + 1)
  const chunk = (text: string) =>
    text === '' ? '' : `${text.length.toString(16)}${oneOf('', ';a=b')}\r\n${text}\r\n`
  const payload = isChunked
    ? `${chunk(body.slice(0, cut))}${chunk(body.slice(cut))}0\r\n${mostly() ? '' : 'trailer: x\r\n'}\r\n`
    : body
  let text = `${interim}${status}\r\n${framing}${other.join('')}\r\n${payload}`
  if (!mostly()) text = text.slice(0, below(text.length))
  if (!mostly()) text += oneOf('\r\n', 'HTTP/1.1 200 OK\r\n\r\n', 'x')
  if (!mostly()) text = text.replace('\r\n', '\n')
  const at = below(text.length + 1)
  return { pieces: mostly() ? [text] : [text.slice(0, at), text.slice(at)], closesAtOnce: oneOf(true, false) }
}

/** A peer that gives each connection the same response. */
async function peer(t: TestContext, current: () => Drawn): Promise<URL> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', async () => {
      const { pieces, closesAtOnce } = current()
      const [last = '', ...first] = pieces.toReversed()
      for (const piece of first) {
        socket.write(piece, 'latin1')
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      if (closesAtOnce) socket.end(last, 'latin1')
      else {
        socket.write(last, 'latin1')
        setTimeout(() => socket.end(), 3)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

/** How undici reads the response; `unknown` if it does not. */
async function byUndici(url: URL): Promise<string> {
  const pool = new Pool(url.origin, { connections: 1, pipelining: 0 })
  try {
    const { statusCode, body } = await pool.request({ method: 'POST', path: '/', body: '{}' })
    return `${statusCode} ${await body.text()}`
  } catch {
    return 'unknown'
  } finally {
    await pool.destroy()
  }
}

async function byMiniPay(url: URL): Promise<string> {
  const client = httpClient(url, 1, { kept: false })
  const patience = new AbortController().signal
  const result = await client.send({ method: 'POST', path: '/', headers: {}, body: '{}' }, patience)
  await client.close()
  return result.kind === 'response' ? `${result.status} ${result.body}` : result.kind
}

test('the client reads a drawn response as undici does, and leaves the same ones unknown', async (t) => {
  const seed = Number(process.env['SEED'] ?? 1)
  const drawn = drawer(seed)
  let current: Drawn = { pieces: [], closesAtOnce: true }
  const url = await peer(t, () => current)
  const outcomes = new Set<string>()
  for (let i = 0; i < Number(process.env['DRAWN'] ?? 150); i++) {
    current = draw(drawn)
    const [theirs, ours] = await Promise.all([byUndici(url), byMiniPay(url)])
    assert.equal(ours, theirs, `seed ${seed}, ${i}: ${JSON.stringify(current)}`)
    outcomes.add(ours.slice(0, 3))
  }
  assert.ok(outcomes.has('200') && outcomes.has('unk'))
})
