/** Clients that cost much and give little: what they can take of the process is bounded. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

/** What the process may take in all, in MiB; a fresh one takes some 100. */
const MAX_RSS_MIB = 300
/** How long a whole request may take to arrive, in ms. On a busy machine these clients can take longer, and get 408. */
const REQUEST_TIMEOUT_MS = 30_000
const skip = process.platform === 'linux' ? false : 'reads /proc'

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

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** The most memory that the process ever had, in MiB. */
function peakRss(): number {
  const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

const write = (socket: Socket, bytes: Buffer | string) =>
  new Promise<void>((resolve) => {
    if (socket.destroyed) return resolve()
    socket.write(bytes, () => resolve())
  })

/** The first part of a response; empty if the connection is closed without one, as a reset can overtake a response. */
function firstBytes(socket: Socket): Promise<string> {
  socket.on('error', () => {})
  return new Promise((resolve) => {
    socket.once('data', (data) => resolve(String(data)))
    socket.once('close', () => resolve(''))
  })
}

test('bodies in chunks of one byte cost what they weigh', { skip }, async () => {
  const head =
    'POST /api/v1/charges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
  const chunks = Buffer.from('1\r\n \r\n'.repeat(250 * 1024))
  const started = performance.now()
  const sockets = await Promise.all(Array.from({ length: 5 }, open))
  const responses = sockets.map(firstBytes)
  await Promise.all(
    sockets.map(async (socket) => {
      await write(socket, head)
      await write(socket, chunks)
      await write(socket, '7\r\n{"x":1}\r\n0\r\n\r\n')
    }),
  )
  // All of it has arrived when the end of each body is answered.
  const expected =
    performance.now() - started < REQUEST_TIMEOUT_MS ? /^HTTP\/1\.1 400 / : /^(HTTP\/1\.1 4(00|08) |$)/
  for (const response of await Promise.all(responses)) assert.match(response, expected)
  for (const socket of sockets) socket.destroy()
  assert.ok(peakRss() < MAX_RSS_MIB, `${peakRss()} MiB`)
})

test('clients that ask for long pages and never read keep little in memory, and others are served', {
  skip,
}, async () => {
  const metadata = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`key_${i}`, 'ab "quoted" '.repeat(41)]),
  )
  const charge = { amount: 100, currency: 'usd', customer: 'cus_1', metadata }
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      assert.equal((await call(server.url, 'POST', '/api/v1/charges', charge)).status, 201)
    }),
  )
  const ask = 'GET /api/v1/charges?limit=100 HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const sockets = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const socket = await open()
      socket.on('error', () => {})
      socket.pause()
      await write(socket, ask.repeat(16))
      return socket
    }),
  )
  for (let i = 0; i < 40; i++) {
    assert.equal((await call(server.url, 'POST', '/api/v1/charges', charge)).status, 201)
    await delay(50)
  }
  for (const socket of sockets) socket.destroy()
  assert.ok(peakRss() < MAX_RSS_MIB, `${peakRss()} MiB`)
})

test('a client that sends more requests than may wait on its connection is cut off', async () => {
  const socket = await open()
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  await write(socket, 'GET /api/v1/charges?limit=100 HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_000))
  await closed
  assert.equal((await call(server.url, 'GET', '/health')).status, 200)
})
