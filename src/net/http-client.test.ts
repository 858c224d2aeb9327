import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { SELF_SIGNED, unverified } from '../../test/kit/certificates.ts'
import { secure } from '../../test/kit/receivers.ts'
import { type HttpRequest, httpClient } from './http-client.ts'

const POST: HttpRequest = {
  method: 'POST',
  path: '/pay?x=1',
  headers: { 'content-type': 'application/json' },
  body: '{"amount":1}',
}
const patience = () => new AbortController().signal

async function listen(t: TestContext, server: Server): Promise<URL> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

/** A peer that answers as told, and the number of requests it saw. */
async function peer(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen = { requests: 0 }
  const server = createServer((request, response) => {
    seen.requests++
    answer(request, response)
  })
  t.after(() => server.closeAllConnections())
  return { url: await listen(t, server), seen }
}

/** A peer that speaks no HTTP by itself. */
async function bare(t: TestContext, onConnection: (socket: Socket) => void): Promise<URL> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    onConnection(socket)
  })
  t.after(() => sockets.forEach((socket) => void socket.destroy()))
  return listen(t, server)
}

function client(t: TestContext, url: URL, connections = 4) {
  const made = httpClient(url, connections)
  t.after(() => made.close())
  return made
}

test('a response is its status, headers and body, for any status', async (t) => {
  const heard: unknown[] = []
  const { url } = await peer(t, async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    heard.push(request.method, request.url, body)
    response.writeHead(418, { 'x-tea': 'pot' }).end('short and stout')
  })
  const result = await client(t, url).send(POST, patience())
  assert.ok(result.kind === 'response')
  assert.deepEqual([result.status, result.header('x-tea'), result.body], [418, 'pot', 'short and stout'])
  assert.deepEqual(heard, ['POST', '/pay?x=1', '{"amount":1}'])
})

test('a refused connection is not sent, and says so', async (t) => {
  const server = createTcpServer()
  const url = await listen(t, server)
  server.close()
  await once(server, 'close')
  assert.deepEqual(await client(t, url).send(POST, patience()), { kind: 'not_sent', reason: 'ECONNREFUSED' })
})

test('a host that has no address is not sent', async (t) => {
  const result = await client(t, new URL('http://nobody.invalid/')).send(POST, patience())
  assert.equal(result.kind, 'not_sent')
})

test('a call over TLS to a peer without TLS is not sent', async (t) => {
  const plain = await bare(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const result = await client(t, new URL(`https://127.0.0.1:${plain.port}`)).send(POST, patience())
  assert.equal(result.kind, 'not_sent', JSON.stringify(result))
})

test('a connection that never gets through its TLS handshake is not sent when it is given up', async (t) => {
  const deadline = new AbortController()
  const silent = await bare(t, (socket) => void socket.once('data', () => deadline.abort()))
  const result = await client(t, new URL(`https://127.0.0.1:${silent.port}`)).send(POST, deadline.signal)
  assert.equal(result.kind, 'not_sent', JSON.stringify(result))
})

test('what was given up before it began, or while it waited for a connection, is not sent, then or later', async (t) => {
  const { promise: arrived, resolve } = Promise.withResolvers<ServerResponse>()
  let onSecond = (): void => assert.fail('what was given up came after all')
  const { url, seen } = await peer(t, (_request, response) => {
    if (seen.requests === 1) resolve(response)
    else onSecond()
  })
  const one = client(t, url, 1)
  assert.equal((await one.send(POST, AbortSignal.abort())).kind, 'not_sent')
  const first = one.send(POST, patience())
  const response = await arrived
  const deadline = new AbortController()
  const second = one.send(POST, deadline.signal)
  deadline.abort()
  assert.equal((await second).kind, 'not_sent')
  response.end('done')
  assert.equal((await first).kind, 'response')
  // The connection is free again. Had the given up one been sent, it would have come before this one.
  const third = new AbortController()
  const { promise: came, resolve: come } = Promise.withResolvers<void>()
  onSecond = come
  const last = one.send(POST, third.signal)
  await came
  third.abort()
  assert.equal((await last).kind, 'unknown')
  assert.equal(seen.requests, 2)
})

test('silence until the deadline is unknown, and the connection is cut', async (t) => {
  const deadline = new AbortController()
  const { promise: cut, resolve } = Promise.withResolvers<void>()
  const { url } = await peer(t, (_request, response) => {
    response.once('close', resolve)
    deadline.abort()
  })
  assert.equal((await client(t, url).send(POST, deadline.signal)).kind, 'unknown')
  await cut
})

test('a connection that is cut before, in or after the head of the answer is unknown', async (t) => {
  for (const part of ['', 'HTTP/1.1 20', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf']) {
    const url = await bare(t, (socket) => void socket.once('data', () => socket.end(part)))
    const result = await client(t, url).send(POST, patience())
    assert.equal(result.kind, 'unknown', JSON.stringify([part, result]))
  }
})

test('what is not HTTP is unknown', async (t) => {
  const url = await bare(t, (socket) => void socket.once('data', () => socket.end('hello?\r\n\r\n')))
  assert.equal((await client(t, url).send(POST, patience())).kind, 'unknown')
})

test('a kept connection that the peer closes as the next request comes is unknown, and nothing is sent again', async (t) => {
  let requests = 0
  let connections = 0
  const url = await bare(t, (socket) => {
    connections++
    socket.on('data', () => {
      requests++
      if (requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      else socket.destroy()
    })
  })
  const one = client(t, url, 1)
  assert.equal((await one.send(POST, patience())).kind, 'response')
  assert.equal((await one.send(POST, patience())).kind, 'unknown')
  assert.deepEqual([connections, requests], [1, 2])
  // A later request makes a connection of its own; the lost one does not come with it.
  assert.equal((await one.send(POST, patience())).kind, 'unknown')
  assert.deepEqual([connections, requests], [2, 3])
})

test('where connections are not kept each request has a new one, and none is lost on one that the peer had closed', async (t) => {
  const seen = new Set<unknown>()
  const { url } = await peer(t, (request, response) => {
    if (seen.has(request.socket)) return void request.socket.destroy()
    seen.add(request.socket)
    response.end('ok')
  })
  const made = httpClient(url, 1, { kept: false })
  t.after(() => made.close())
  for (let i = 1; i <= 3; i++) {
    assert.equal((await made.send(POST, patience())).kind, 'response')
    assert.equal(seen.size, i)
  }
})

test('a redirect is an answer, and is not followed', async (t) => {
  const elsewhere = await peer(t, (_request, response) => response.end())
  for (const status of [301, 302, 303, 307, 308]) {
    const { url } = await peer(t, (_request, response) =>
      response.writeHead(status, { location: elsewhere.url.href }).end(),
    )
    const result = await client(t, url).send(POST, patience())
    assert.ok(result.kind === 'response' && result.status === status)
  }
  assert.equal(elsewhere.seen.requests, 0)
})

test('a body of up to 1 MiB is read, and one that is longer is cut and unknown', async (t) => {
  const { promise: cut, resolve } = Promise.withResolvers<void>()
  const { url } = await peer(t, (request, response) => {
    if (request.method === 'GET') return void response.end('x'.repeat(1024 * 1024))
    response.once('close', resolve)
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(64 * 1024)));
    }
    response.on('drain', pour)
    pour()
  })
  const one = client(t, url)
  const whole = await one.send({ ...POST, method: 'GET', body: null }, patience())
  assert.ok(whole.kind === 'response' && whole.body.length === 1024 * 1024)
  assert.deepEqual(await one.send(POST, patience()), {
    kind: 'unknown',
    reason: 'the response is longer than 1024 KiB',
  })
  await cut
})

test('a client that is closed leaves unknown what was on its way, and sends nothing more', async (t) => {
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  const { url, seen } = await peer(t, () => resolve())
  const one = client(t, url)
  const inFlight = one.send(POST, patience())
  await arrived
  await one.close()
  assert.equal((await inFlight).kind, 'unknown')
  assert.equal((await one.send(POST, patience())).kind, 'not_sent')
  assert.equal(seen.requests, 1)
})

test('a request that can never be sent is not sent', async (t) => {
  const { url } = await peer(t, (_request, response) => response.end())
  const result = await client(t, url).send({ ...POST, headers: { 'x-bad': 'a\r\nb' } }, patience())
  assert.equal(result.kind, 'not_sent')
})

test('a certificate is verified, also if the variable of Node.js switches that off', async (t) => {
  unverified(t)
  const wrong = await secure({ add: (step) => t.after(step) }, SELF_SIGNED)
  const result = await client(t, new URL(wrong.url)).send(POST, patience())
  assert.deepEqual(result, { kind: 'not_sent', reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  assert.equal(wrong.count(), 0)
})
