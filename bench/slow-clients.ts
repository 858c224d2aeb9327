/**
 * Clients that hold connections for nothing, in their own process: `node bench/slow-clients.ts PORT`. A thousand never
 * end the head of their request, a thousand never its body, and a thousand send 16 requests and read no response. Each sends
 * a byte every few seconds, and connects again when the server closes its connection. Sends 'there' over IPC once all
 * have connected, responds to 'count' with the number of connections, and ends with its parent.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Served } from './hostile-clients.ts'

const OF_EACH = 1_000
const DRIP_MS = 5_000
const AGAIN_MS = 1_000
const port = Number(process.argv[2])
const served = { heads: 0, bodies: 0, unread: 0 }

const HEAD = 'POST /api/v1/charges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
const FIRST = {
  heads: HEAD + `X-A: ${'a'.repeat(1_000)}\r\n`.repeat(14),
  bodies: `${HEAD}Content-Length: 250000\r\n\r\n{"a":"${'a'.repeat(100_000)}`,
  unread: 'GET /api/v1/charges?limit=2 HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(16),
} satisfies Record<keyof typeof served, string>

async function hold(kind: keyof typeof served): Promise<void> {
  const bytes = Buffer.from(FIRST[kind])
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    const closed = once(socket, 'close').catch(() => {})
    await Promise.race([once(socket, 'connect').catch(() => {}), closed])
    if (kind === 'unread') socket.pause()
    socket.write(bytes)
    served[kind]++
    const drip = setInterval(() => socket.write('a'), DRIP_MS)
    await closed
    clearInterval(drip)
    await delay(AGAIN_MS)
  }
}

process.on('disconnect', () => process.exit())
process.on('message', () => process.send?.(served satisfies Served))
for (const kind of ['heads', 'bodies', 'unread'] as const) for (let i = 0; i < OF_EACH; i++) hold(kind)
const there = setInterval(() => {
  if (Object.values(served).some((count) => count < OF_EACH)) return
  clearInterval(there)
  process.send?.('there')
}, 50)
