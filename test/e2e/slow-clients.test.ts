/** Thousands of clients that send slowly, or never read: MiniPay keeps its memory, and serves all others. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { limiter } from '../kit/progress.ts'
import { type RunningServer, serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'

const THOUSAND = 1_000
/** The most that the process may take in all, in MiB. A fresh one takes some 100, and these clients sent 160. */
const MAX_RSS_MIB = 450
const skip = process.platform === 'linux' ? false : 'reads /proc'

/** The most memory that the process ever had, in MiB. */
function peakRss({ process: { pid } }: RunningServer): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** Connects this many clients, each of which sends the bytes; they end with the test. */
async function connected(t: TestContext, { url }: RunningServer, count: number, bytes: string) {
  const port = Number(new URL(url).port)
  const data = Buffer.from(bytes)
  // The kernel keeps only so many new connections for the server; of more, it forgets some that send nothing.
  const few = limiter(100)
  const sockets = await Promise.all(
    Array.from({ length: count }, () =>
      few(async () => {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => {})
        await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
        if (!socket.destroyed) socket.write(data)
        return socket
      }),
    ),
  )
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  return sockets
}

const HEAD = `POST /api/v1/charges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
const CHARGE = JSON.stringify({ amount: 100, currency: 'usd', customer: 'cus_1' })

/** Charges on connections that stay open, and on new ones: the statuses. */
async function healthy({ url }: RunningServer, count: number): Promise<number[]> {
  const agents = [
    new Agent({ keepAlive: true, maxSockets: 4 }),
    new Agent({ keepAlive: false, maxSockets: 4 }),
  ]
  const charge = (agent: Agent) =>
    new Promise<number>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': CHARGE.length }
      request(`${url}/api/v1/charges`, { method: 'POST', agent, headers }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0))
      })
        .once('error', reject)
        .end(CHARGE)
    })
  try {
    return (
      await Promise.all(
        agents.map((agent) => Promise.all(Array.from({ length: count }, () => charge(agent)))),
      )
    ).flat()
  } finally {
    for (const agent of agents) agent.destroy()
  }
}

async function assertHealthy(server: RunningServer): Promise<void> {
  assert.deepEqual(new Set(await healthy(server, 50)), new Set([201]))
}

const open = (sockets: readonly Socket[]) => sockets.filter(({ destroyed }) => !destroyed).length
const drip = (sockets: readonly Socket[], bytes: string) => {
  for (const socket of sockets) if (!socket.destroyed) socket.write(bytes)
}

test('a thousand slow heads, a thousand slow bodies and a thousand clients that never read', {
  skip,
}, async (t) => {
  const server = await serve(t, join(folderOf(t), 'a.db'))
  const metadata = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key_${i}`, 'ab '.repeat(60)]))
  for (let i = 0; i < 20; i++)
    await call(server.url, 'POST', '/api/v1/charges', { ...JSON.parse(CHARGE), metadata })
  const line = `X-A: ${'a'.repeat(1_000)}\r\n`
  const heads = await connected(t, server, THOUSAND, HEAD + line.repeat(14))
  await assertHealthy(server)
  const bodies = await connected(
    ...[t, server, THOUSAND, `${HEAD}Content-Length: 250000\r\n\r\n{"a":"${'a'.repeat(100_000)}`],
  )
  await assertHealthy(server)
  const page = 'GET /api/v1/charges?limit=100 HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const deaf = await connected(t, server, THOUSAND, page.repeat(16))
  for (const socket of deaf) socket.pause()
  for (let i = 0; i < 10; i++) {
    drip(heads, 'b')
    drip(bodies, 'b')
    await assertHealthy(server)
  }
  assert.ok(peakRss(server) < MAX_RSS_MIB, `${peakRss(server)} MiB`)
  // There are no more connections than may be open, so most of the slow ones were closed.
  assert.ok(open([...heads, ...bodies, ...deaf]) <= 2_048)
})

test('when all connections are taken, the one that is idle longest gives way to a new one', async (t) => {
  const server = await serve(t, join(folderOf(t), 'a.db'), { MINIPAY_MAX_CONNECTIONS: '20' })
  const silent = await connected(t, server, 200, '')
  await assertHealthy(server)
  await until('the oldest are closed', () => open(silent) < 20)
  assert.deepEqual(new Set(silent.slice(0, 180).map(({ destroyed }) => destroyed)), new Set([true]))
  assert.match(
    server.output(),
    /"max_connections":20,"msg":"Too many connections: MiniPay closes idle ones\."/,
  )
  // Those that were served before are closed last.
  const [proven] = await connected(t, server, 1, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await new Promise((resolve) => proven?.once('data', resolve))
  await connected(t, server, 100, 'GET /')
  assert.equal(proven?.destroyed, false)
})
