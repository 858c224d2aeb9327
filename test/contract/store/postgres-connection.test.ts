import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket, connect as tcp } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { type Connection, connect } from '../../../src/storage/postgres/connection.ts'
import { meaningOf } from '../../../src/storage/postgres/errors.ts'
import { hostsOf } from '../../../src/storage/postgres/hosts.ts'
import { type PostgresServer, postgresServer } from '../../kit/postgres.ts'

const NAMES = 'SELECT name FROM pg_prepared_statements'

let server: PostgresServer
before(async () => {
  server = await postgresServer()
})
after(() => server.remove())

async function connected(t: TestContext, ...urls: string[]): Promise<Connection> {
  const connection = await connect(urls.flatMap(hostsOf))
  t.after(() => connection.close())
  return connection
}

test('no two connections prepare statements under one name, even if they share sessions', async (t) => {
  const names = await Promise.all(
    [1, 2].map(async () => {
      const { run } = await connected(t, server.url)
      const results = await run([{ text: 'BEGIN' }, { text: 'COMMIT' }, { text: NAMES }])
      return results[2]?.rows.map(({ name }) => name) ?? []
    }),
  )
  assert.deepEqual(
    names.map((each) => each.length),
    [3, 3],
  )
  assert.equal(new Set(names.flat()).size, 6)
})

test('a failing statement is prepared once, however often it fails, and with any statement after it', async (t) => {
  const { run } = await connected(t, server.url)
  const divided = (by: string) => ({ text: 'SELECT 12 / $1::integer AS quotient', values: [by] })
  const later = { text: 'SELECT 7 AS later' }
  // The first fails when its parameters are bound, the others when they run.
  for (const by of ['nothing', '0', '0', '0'])
    await assert.rejects(run([divided(by), later]), { code: by === '0' ? '22012' : '22P02' })
  const results = await run([divided('4'), divided('3'), later, { text: NAMES }])
  assert.deepEqual(
    results.slice(0, 3).map(({ rows }) => rows),
    [[{ quotient: 3 }], [{ quotient: 4 }], [{ later: 7 }]],
  )
  assert.equal(results[3]?.rows.length, 3)
})

/** A proxy to the server that stops responding, as after a pulled cable: connections stay open without data. */
async function relay(t: TestContext, silentAt: (chunk: Buffer) => boolean = () => false) {
  const target = new URL(server.url)
  const sockets = new Set<Socket>()
  const { promise: silence, resolve: reached } = Promise.withResolvers<void>()
  const { promise: given, resolve: giveUp } = Promise.withResolvers<void>()
  let silent = false
  const listener = createServer({ allowHalfOpen: true }, (near) => {
    const far = tcp({ port: Number(target.port), host: target.hostname, allowHalfOpen: true })
    near.on('data', (chunk: Buffer) => {
      silent ||= silentAt(chunk)
      if (silent) reached()
      else far.write(chunk)
    })
    near.on('end', giveUp)
    far.on('data', (chunk: Buffer) => !silent && near.write(chunk))
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    listener.close()
    await once(listener, 'close')
  })
  const url = new URL(server.url)
  url.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`
  return {
    url: url.href,
    /** Resolves when the proxy is silent, and when the node has closed its connection. */
    silence,
    given,
    fallSilent() {
      silent = true
    },
  }
}

/** The beginning of the driver's simple queries; the first one follows the handshake. */
const isQuery = (chunk: Buffer) => chunk[0] === 'Q'.charCodeAt(0)

test('a server that falls silent after the handshake is left, and the next host is tried', async (t) => {
  const mute = await relay(t, isQuery)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const connecting = connected(t, mute.url, server.url)
  await mute.silence
  t.mock.timers.tick(3_000)
  await mute.given
  const [result] = await (await connecting).run([{ text: 'SELECT 7 AS seven' }])
  assert.deepEqual(result?.rows, [{ seven: 7 }])
})

test('a single server that stops responding counts as an outage', async (t) => {
  const mute = await relay(t, isQuery)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const refused = assert.rejects(connect(hostsOf(mute.url)), { name: 'ConnectionLost' })
  await mute.silence
  t.mock.timers.tick(3_000)
  await refused
})

test('a connection whose server is silent is closed nevertheless', async (t) => {
  const mute = await relay(t)
  const connection = await connect(hostsOf(mute.url))
  mute.fallSilent()
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const closing = connection.close()
  t.mock.timers.tick(1_000)
  await closing
  await mute.given
})

test('a commit whose outcome the server does not know is looked up, and never repeated blindly', () => {
  const error = Object.assign(new Error('the result is ambiguous'), { code: '40003' })
  assert.equal(meaningOf(error), 'lost')
})
