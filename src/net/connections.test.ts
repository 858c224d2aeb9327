import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type Call, openConnections } from './connections.ts'
import { createDeadlines } from './deadlines.ts'
import { createEgress } from './egress.ts'

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
const response = (headers = '') => `HTTP/1.1 200 OK\r\n${headers}content-length: 2\r\n\r\nok`

/** Connections to a peer that sends `answers` in turn, on a clock of the test. */
async function started(t: TestContext, answer: (socket: Socket) => void, connections = 1) {
  const seen = { connections: 0, requests: 0 }
  const sockets = new Set<Socket>()
  // Without a delay: bytes that it sends later would wait for a request of the client.
  const server = createServer({ noDelay: true }, (socket) => {
    seen.connections++
    sockets.add(socket.on('error', () => {}))
    socket.on('data', () => {
      seen.requests++
      answer(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clock = { ms: 0 }
  const monotonic = () => clock.ms
  const time = { after: () => ({ cancel() {} }), monotonic, nextTurn: () => {} }
  const { lookup, forbids } = createEgress()
  const opened = openConnections(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), {
    ...{ connections, lookup, forbids, monotonic, deadlines: createDeadlines(time, 1_000), maxBytes: 1_000 },
    keeping: { idleMs: 60_000, unsaidMs: 4_000, earlyMs: 2_000, requests: Number.POSITIVE_INFINITY },
  })
  t.after(() => {
    opened.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const send = (request = REQUEST) =>
    new Promise<string>((resolve) => {
      let status = 0
      const call: Call = {
        isWanted: () => true,
        onConnection: () => request,
        onHead(head) {
          status = head.status
        },
        onData() {},
        onEnd: () => resolve(status === 200 ? 'ended' : `ended with ${status}`),
        onError: (error) => resolve(error.message),
      }
      opened.send(call)
    })
  return { send, seen, clock, sockets }
}

test('a connection that was idle longer than its peer may keep it carries no further request', async (t) => {
  let headers = ''
  const { send, seen, clock } = await started(t, (socket) => socket.write(response(headers)))
  const sentAfter = async (ms: number) => {
    // The connection has rested.
    for (let turn = 0; turn < 3; turn++) await setImmediate()
    clock.ms += ms
    assert.equal(await send(), 'ended')
    return seen.connections
  }
  assert.equal(await sentAfter(0), 1)
  assert.equal(await sentAfter(4_000), 1)
  headers = 'keep-alive: timeout=10\r\n'
  assert.equal(await sentAfter(4_001), 2, 'the peer had said nothing')
  assert.equal(await sentAfter(8_000), 2)
  headers = 'keep-alive: timeout=600\r\n'
  assert.equal(await sentAfter(8_001), 3, 'two seconds before the end that the peer named')
  assert.equal(await sentAfter(60_000), 3)
  headers = 'keep-alive: timeout=2\r\n'
  assert.equal(await sentAfter(60_001), 4, 'a minute at most')
  assert.equal(await sentAfter(0), 5, 'the peer keeps it for no longer than the margin')
})

test('no request is lost on a connection that its peer closes right after a response that keeps it', async (t) => {
  const { send, seen } = await started(t, (socket) => socket.end(response()))
  const results = await Promise.all(Array.from({ length: 20 }, () => send()))
  assert.deepEqual(new Set(results), new Set(['ended']))
  assert.deepEqual(seen, { connections: 20, requests: 20 })
})

test('no request is lost on such a connection while others rest, each for a time of its own', async (t) => {
  let answered = 0
  const answer = async (socket: Socket) => {
    // The responses end in different turns of the event loop.
    for (let turns = answered++ % 4; turns > 0; turns--) await setImmediate()
    socket.end(response())
  }
  const { send } = await started(t, answer, 4)
  const results = await Promise.all(Array.from({ length: 200 }, () => send()))
  assert.deepEqual(new Set(results), new Set(['ended']))
})

test('a request that comes while connections rest opens another one, and later ones use both', async (t) => {
  const { send, seen } = await started(t, (socket) => socket.write(response()), 10)
  for (let i = 0; i < 20; i++) assert.equal(await send(), 'ended')
  assert.ok(seen.connections < 10, String(seen.connections))
  assert.equal(seen.requests, 20)
})

test('an end or bytes that came while a connection was idle are read before it carries a request', async (t) => {
  const { send, seen, sockets } = await started(t, (socket) => socket.write(response()))
  for (const bytes of [`HTTP/1.1 201 Another's\r\ncontent-length: 0\r\n\r\n`, 'HTTP/1.1 2', '\r\n', '']) {
    assert.equal(await send(), 'ended')
    for (let turn = 0; turn < 3; turn++) await setImmediate()
    const last = [...sockets].at(-1)
    if (bytes === '') last?.end()
    else last?.write(bytes)
    // The event loop is busy while they come.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    assert.equal(await send(), 'ended', JSON.stringify(bytes))
  }
  assert.deepEqual(seen, { connections: 5, requests: 8 })
})

test('a connection whose response came before its whole request was written carries no further request', async (t) => {
  let answered = 0
  const early = (socket: Socket) => {
    if (answered++ === 0) socket.pause()
    socket.write(response())
  }
  const { send, seen } = await started(t, early)
  assert.equal(await send(Buffer.alloc(32_000_000)), 'ended')
  assert.equal(await send(), 'ended')
  assert.deepEqual(seen, { connections: 2, requests: 2 })
})
