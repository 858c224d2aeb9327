/**
 * Clients that cost the server much, in their own process: `node bench/hostile-clients.ts PORT`. Five send bodies in
 * chunks of one byte, a hundred request long pages and never read, sixteen request /docs without a pause. Sends 'there'
 * over IPC once all are connected, responds to 'count' with the number of responses, and ends with its parent.
 */
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** How much of each kind these clients got, or held. */
export type Served = Readonly<Record<string, number>>

const [CHUNKERS, DEAF, READERS] = [5, 100, 16]
const port = Number(process.argv[2])
const served = { bodies: 0, documents: 0, unread: 0 }

const HEAD =
  'POST /api/v1/charges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
/** A body of spaces: the server reads it to its end and then rejects it. */
const BYTES = Buffer.from('1\r\n \r\n'.repeat(250 * 1024))
const END = '7\r\n{"x":1}\r\n0\r\n\r\n'
const PAGES = 'GET /api/v1/charges?limit=100 HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(16)

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await Promise.race([once(socket, 'connect'), once(socket, 'close')])
  return socket
}

async function sendByteByByte(): Promise<void> {
  for (;;) {
    const socket = await open()
    while (!socket.destroyed) {
      socket.write(HEAD)
      socket.write(BYTES)
      socket.write(END)
      // The response, or the end of the connection.
      await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => {})
      if (!socket.destroyed) served.bodies++
    }
  }
}

async function neverRead(): Promise<void> {
  for (;;) {
    const socket = await open()
    socket.pause()
    socket.write(PAGES)
    served.unread++
    await once(socket, 'close').catch(() => {})
    // A client reconnects if the server closes its connection.
    await delay(1_000)
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: READERS })

async function readDocuments(): Promise<void> {
  for (;;)
    await new Promise<void>((resolve) => {
      const request = get({ port, host: '127.0.0.1', path: '/docs', agent }, (response) => {
        response.resume()
        response.once('close', () => {
          served.documents++
          resolve()
        })
      })
      request.once('error', () => resolve())
    })
}

process.on('disconnect', () => process.exit())
process.on('message', () => process.send?.(served satisfies Served))
for (let i = 0; i < CHUNKERS; i++) sendByteByByte()
for (let i = 0; i < DEAF; i++) neverRead()
for (let i = 0; i < READERS; i++) readDocuments()
const there = setInterval(() => {
  if (served.unread < DEAF || served.documents < READERS) return
  clearInterval(there)
  process.send?.('there')
}, 50)
