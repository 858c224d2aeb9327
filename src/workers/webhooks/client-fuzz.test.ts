import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type Draw, drawsFrom } from '../../../test/kit/draws.ts'
import { atEnd } from '../../../test/kit/folders.ts'
import { onLoopback } from '../../../test/kit/sockets.ts'
import { createEgress } from '../../net/egress.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { createWebhookClients } from './client.ts'

/** FUZZ_RESPONSES=100000 runs more of them. */
const RUNS = Number(process.env['FUZZ_RESPONSES'] ?? 800)
const DEADLINE_MS = 150

/** Pieces of responses, valid and not, in the order in which a response may have them. */
const STARTS = [
  ...[
    'HTTP/1.1 200 OK',
    'HTTP/1.1 204',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 100 Continue',
    'HTTP/1.1 101 Switching',
  ],
  ...[
    'HTTP/1.1 103 Early Hints',
    'HTTP/1.1 304 x',
    'HTTP/1.1 999 x',
    'HTTP/1.1 099 x',
    'HTTP/2 200',
    'HTTP/1.1',
    '',
  ],
  ...[
    'HTTP/1.1 2 OK',
    'GET / HTTP/1.1',
    '\0\0\0',
    'HTTP/1.1 410 Gone',
    'PRI * HTTP/2.0',
    'HTTP/1.1 200 \u00ff\u0001',
  ],
] as const
const HEADERS = [
  ...[
    'content-length: 5',
    'content-length: 0',
    'content-length: -1',
    'content-length: 5, 5',
    'content-length: x',
  ],
  ...[
    'content-length: 99999999999999999999',
    'transfer-encoding: chunked',
    'transfer-encoding: gzip, chunked',
  ],
  ...[
    'transfer-encoding: x',
    'connection: close',
    'connection: keep-alive',
    'connection: upgrade',
    'upgrade: h2c',
  ],
  ...[
    'keep-alive: timeout=0',
    'keep-alive: timeout=-1',
    'keep-alive: timeout=x',
    'retry-after: 1',
    'retry-after: x',
  ],
  ...[
    'content-encoding: gzip',
    'trailer: a',
    'a:',
    ': b',
    'a b: c',
    ' folded',
    'set-cookie: a',
    'a: \u0000',
    'location: /',
  ],
] as const
const BODIES = [
  ...[
    '',
    'hello',
    '5\r\nhello\r\n0\r\n\r\n',
    '5;ext=1\r\nhello\r\n0\r\na: b\r\n\r\n',
    '0\r\n\r\n',
    'ffffffffffffffffff\r\n',
    '-1\r\n',
  ],
  ...[
    'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    'x'.repeat(20_000),
    '5\r\nhel',
    '\r\n\r\n\r\n',
    '5\nhello\n0\n\n',
  ],
] as const

function responseOf(draw: Draw): string {
  const line = draw.chance(0.1) ? '\n' : '\r\n'
  const parts = Array.from({ length: draw.between(1, 3) }, () => {
    const headers = Array.from({ length: draw.between(0, 4) }, () => draw.of(HEADERS))
    return [draw.of(STARTS), ...headers].join(line) + line + line + draw.of(BODIES)
  })
  const text = parts.join('')
  if (draw.chance(0.7)) return text
  const at = draw.between(0, text.length)
  return text.slice(0, at) + String.fromCharCode(draw.between(0, 255)) + text.slice(at + draw.between(0, 3))
}

/** A receiver that sends drawn bytes in drawn pieces, before, during or after a request, and may end in three ways. */
async function fuzzingReceiver(t: TestContext, seed: number) {
  let connections = 0
  const server = createServer((socket) => {
    const draw = drawsFrom(seed + connections++)
    socket.on('error', () => {})
    const speak = async () => {
      const bytes = Buffer.from(responseOf(draw), 'latin1')
      const cut = draw.between(0, bytes.length)
      socket.write(bytes.subarray(0, cut))
      if (draw.chance(0.5)) await new Promise((resolve) => setImmediate(resolve))
      socket.write(bytes.subarray(cut))
      if (draw.chance(0.2)) socket.end()
      else if (draw.chance(0.1)) socket.resetAndDestroy()
    }
    if (draw.chance(0.1)) void speak()
    socket.on('data', () => void speak())
  })
  const { url, close } = await onLoopback(server)
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  atEnd(t, async () => {
    for (const socket of sockets) socket.destroy()
    await close()
  })
  return url
}

test('no response of any bytes makes an attempt hang or the process fail', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000)
  t.diagnostic(`FUZZ_SEED=${seed}`)
  const url = await fuzzingReceiver(t, seed)
  const clients = createWebhookClients({
    ...{ operator: createEgress(), policy: { allowed: createEgress(), local: true, ports: null } },
    ...{ connections: 8, runtime: nodeRuntime, deadlineMs: DEADLINE_MS },
  })
  atEnd(t, clients.destroy)
  const client = clients.of({ id: 'we_1', url })
  const kinds = new Map<string, number>()
  let left = RUNS
  const send = async () => {
    while (left-- > 0) {
      const attempt = await client.send({ headers: {}, body: '{}' })
      const kind = attempt.kind === 'response' ? 'response' : attempt.error
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      if (attempt.kind === 'response') assert.ok(attempt.status >= 200 && attempt.status <= 999)
      else assert.ok(attempt.error.length > 0 && attempt.error.length <= 200)
    }
  }
  await Promise.all(Array.from({ length: 8 }, send))
  t.diagnostic(JSON.stringify(Object.fromEntries(kinds)))
  assert.ok((kinds.get('response') ?? 0) > RUNS / 20)
})
