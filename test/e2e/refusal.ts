/** Requests that must be refused: sent, and checked to be answered as every refusal is. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type Client, client, type ErrorAnswer, stored } from '../kit/client.ts'
import { assertDocumented } from '../kit/documented.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import type { Answer } from '../kit/http.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

export type Expected = readonly [status: number, code: string, param?: string | undefined]

export type Refuser = {
  readonly server: RunningServer
  readonly api: Client
  /** A POST with that body, to charges unless a path is given. */
  body(body: unknown, expected: Expected, path?: string): Promise<void>
  /** A GET of that path and query. */
  path(path: string, expected: Expected): Promise<void>
  /** Bytes of the test's own choice on a connection of their own, which the server closes. */
  bytes(bytes: string | Buffer, expected: Expected): Promise<void>
  /** Fails when anything was stored since the start, or when the server logged or counted an error of its own. */
  assertUnharmed(): Promise<void>
  stop(): Promise<void>
}

/** Starts a server with a charge and a refund in it, so that a change of either would be seen. */
export async function startRefuser(): Promise<Refuser> {
  const dir: TempDir = tempDir()
  const server = await startServer(`${dir.path}/minipay.db`)
  const api = client(server.url)
  await api.refund((await api.charge()).id, { amount: 1 })
  const before = await stored(api)
  return {
    server,
    api,
    async body(body, expected, path = '/api/v1/charges') {
      const what = JSON.stringify(body)?.slice(0, 100)
      assertRefused(await api.post<ErrorAnswer>(path, body), expected, what)
    },
    async path(path, expected) {
      assertRefused(await api.get<ErrorAnswer>(path), expected, path)
    },
    async bytes(bytes, expected) {
      const answer = parse(await raw(server.url, bytes))
      assertDocumented('', '', answer)
      assertRefused(answer, expected, String(bytes).slice(0, 100))
    },
    async assertUnharmed() {
      assert.deepEqual(await stored(api), before)
      assert.doesNotMatch(server.output().replace(RANDOM, ''), /4242|"level":"error"/)
      const { body } = await api.get<string>('/metrics', { accept: 'text/plain' })
      assert.match(body, /^minipay_errors_total 0$/m)
      assert.equal((await api.get('/health')).status, 200)
      assert.equal((await api.get('/ready')).status, 200)
      await api.charge()
    },
    async stop() {
      await server.stop()
      dir.remove()
    },
  }
}

/** The parts of a log that may have the digits of a card by chance: ids, times, processes and ports. */
const RANDOM = /\b[a-z]+_[0-9a-z]{26}\b|\b\d{13}\b|"pid":\d+|127\.0\.0\.1:\d+/g

/** Fails unless the answer is the expected refusal: a sentence, a request id, nothing of a card or a stack. */
export function assertRefused(
  { status, body }: Answer<ErrorAnswer>,
  [expectedStatus, code, param]: Expected,
  what: string,
): void {
  assert.deepEqual([status, body.code, body.param], [expectedStatus, code, param], what)
  assert.match(body.error, /^[\w ].{15,500}\.$/, what)
  assert.match(body.request_id, /^req_[0-9a-z]{26}$/, what)
  // The id is random, and may have the digits of a card.
  assert.doesNotMatch(JSON.stringify({ ...body, request_id: '' }), /4242|\bat .*:\d+|node_modules/, what)
}

/** What came back until the server closed the connection. */
async function raw(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  // A server that refuses early may reset the connection while we still write.
  socket.on('error', () => {})
  socket.write(bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString()
}

function parse(text: string): Answer<ErrorAnswer> {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Headers(lines.map((line) => line.split(/: ?/, 2) as [string, string]))
  return { status: Number(statusLine.split(' ')[1]), headers, body: JSON.parse(body || '{}') as ErrorAnswer }
}

/** A POST to charges as text, with the right Content-Length unless the headers say how the body is framed. */
export function post(headers: string[], body = '{"amount":2500,"currency":"usd","customer":"c"}'): string {
  const framed = headers.some((header) => /^(content-length|transfer-encoding)/i.test(header))
  const length = framed ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const start = ['POST /api/v1/charges HTTP/1.1', 'Host: localhost', 'Connection: close']
  return [...start, ...headers, ...length, '', body].join('\r\n')
}
