import assert from 'node:assert/strict'
import dns from 'node:dns'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { type AddressInfo, createServer as createTcpServer, isIP, type Server } from 'node:net'
import test, { type TestContext } from 'node:test'
import { readConfig } from '../config.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { DEADLINE_MS, webhookClient } from './webhook-client.ts'

const MESSAGE = { headers: { 'content-type': 'application/json' }, body: '{"id":"txn_1"}' }
/** A deadline that a test can wait for. */
const SHORT_MS = 150

async function receiver(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<URL> {
  const server = createServer(answer)
  await listen(t, server)
  t.after(() => server.closeAllConnections())
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook?from=minipay`)
}

async function listen(t: TestContext, server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  t.after(() => server.close())
}

function client(t: TestContext, target: URL, deadlineMs?: number) {
  const made = webhookClient({
    ...{ target, connections: 4, runtime: nodeRuntime },
    ...(deadlineMs !== undefined && { deadlineMs }),
  })
  t.after(() => made.destroy())
  return made
}

test('a message is posted as it is, to the path and query of the target', async (t) => {
  const seen: unknown[] = []
  const target = await receiver(t, async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push(request.method, request.url, request.headers['content-type'], body)
    response.writeHead(204).end()
  })
  assert.deepEqual(await client(t, target).send(MESSAGE), { kind: 'response', status: 204 })
  assert.deepEqual(seen, ['POST', '/webhook?from=minipay', 'application/json', MESSAGE.body])
})

test('a redirect is a response like any other, and is not followed', async (t) => {
  let followed = 0
  const elsewhere = await receiver(t, (_request, response) => {
    followed++
    response.end()
  })
  for (const status of [301, 302, 303, 307, 308]) {
    const target = await receiver(t, (_request, response) => {
      response.writeHead(status, { location: elsewhere.href }).end()
    })
    assert.deepEqual(await client(t, target).send(MESSAGE), { kind: 'response', status })
  }
  assert.equal(followed, 0)
})

test('the deadline is ten seconds unless a shorter one is given, and silence until then counts as no response', async (t) => {
  assert.equal(DEADLINE_MS, 10_000)
  const target = await receiver(t, () => {})
  assert.deepEqual(await client(t, target, SHORT_MS).send(MESSAGE), {
    kind: 'no_answer',
    error: 'no response within 0.15 s',
  })
})

test('a response that arrives byte by byte does not outlast the deadline', async (t) => {
  const target = await receiver(t, (_request, response) => {
    const socket = response.socket!
    const trickle = setInterval(() => socket.write('H'), 10)
    socket.once('close', () => clearInterval(trickle))
    socket.write('HTTP/1.1 200 ')
  })
  assert.equal((await client(t, target, SHORT_MS).send(MESSAGE)).kind, 'no_answer')
})

test('an endless body is cut; its status counts', async (t) => {
  const { promise: cut, resolve } = Promise.withResolvers<void>()
  const target = await receiver(t, (_request, response) => {
    response.once('close', resolve)
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(8 * 1024)));
    }
    response.on('drain', pour)
    pour()
  })
  // With the default deadline: the limit on the body's size ends it.
  assert.deepEqual(await client(t, target).send(MESSAGE), { kind: 'response', status: 200 })
  await cut
})

test('a response with an endless body counts at once, and its connection is cut at the deadline', async (t) => {
  const { promise: cut, resolve } = Promise.withResolvers<void>()
  const target = await receiver(t, (_request, response) => {
    response.once('close', resolve)
    response.write('the beginning')
  })
  assert.deepEqual(await client(t, target, SHORT_MS).send(MESSAGE), { kind: 'response', status: 200 })
  await cut
})

test('a connection that is refused, or cut in the middle, counts as no response', async (t) => {
  const gone = createTcpServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', () => resolve()))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  assert.deepEqual(await client(t, new URL(`http://127.0.0.1:${port}/`)).send(MESSAGE), {
    kind: 'no_answer',
    error: 'ECONNREFUSED',
  })
  const cutting = await receiver(t, (request) => request.socket.destroy())
  assert.equal((await client(t, cutting).send(MESSAGE)).kind, 'no_answer')
})

test('data that is not HTTP counts as no response', async (t) => {
  const server = createTcpServer((socket) => socket.end('hello?\r\n\r\n'))
  await listen(t, server)
  const { port } = server.address() as AddressInfo
  assert.equal((await client(t, new URL(`http://127.0.0.1:${port}/`)).send(MESSAGE)).kind, 'no_answer')
})

test('a destroyed client ends the requests in flight, and sends no more', async (t) => {
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  const target = await receiver(t, () => resolve())
  const made = client(t, target)
  const inFlight = made.send(MESSAGE)
  await arrived
  await made.destroy()
  assert.equal((await inFlight).kind, 'no_answer')
  assert.equal((await made.send(MESSAGE)).kind, 'no_answer')
})

const METADATA_SERVICES = ['169.254.169.254', 'fd00:ec2::254', 'fe80::1', '0.0.0.0', '224.0.0.1', '::']

test('no webhook goes to an address of a cloud that hands out credentials, however it is written', async (t) => {
  const written = [
    'http://169.254.169.254/latest/meta-data',
    'http://0xa9fea9fe/',
    'http://2852039166/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fd00:ec2::254]/',
    'http://0/',
  ]
  for (const target of written) {
    assert.deepEqual(
      await client(t, new URL(target)).send(MESSAGE),
      { kind: 'no_answer', error: 'FORBIDDEN_ADDRESS' },
      target,
    )
    assert.throws(() => readConfig(['webhookTarget'], ['--webhook-target', target], {}), /must not be/)
  }
})

type Address = { readonly address: string; readonly family: number }

/** Resolves every name to the test's addresses, as a name server could; the rest of the connection is real. */
function resolver(t: TestContext): { addresses: string[] } {
  const answer: { addresses: string[] } = { addresses: [] }
  const lookup = (_name: string, _options: object, callback: (error: null, found: Address[]) => void) =>
    callback(
      null,
      answer.addresses.map((address) => ({ address, family: isIP(address) })),
    )
  const mocked = t.mock.method(dns, 'lookup', lookup)
  syncBuiltinESMExports()
  t.after(() => {
    mocked.mock.restore()
    syncBuiltinESMExports()
  })
  return answer
}

test('a name that resolves to a forbidden address is not connected to', async (t) => {
  const answer = resolver(t)
  for (const address of METADATA_SERVICES) {
    answer.addresses = [address]
    assert.deepEqual(await client(t, new URL('http://innocent.example/')).send(MESSAGE), {
      kind: 'no_answer',
      error: 'FORBIDDEN_ADDRESS',
    })
  }
})

test('of the addresses of a name only those that are allowed are used', async (t) => {
  const target = await receiver(t, (_request, response) => response.end())
  resolver(t).addresses = ['169.254.169.254', '127.0.0.1']
  const named = new URL(`http://innocent.example:${target.port}/`)
  assert.deepEqual(await client(t, named).send(MESSAGE), { kind: 'response', status: 200 })
})
