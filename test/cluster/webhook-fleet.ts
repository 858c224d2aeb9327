/** Webhook endpoints of a cluster: receivers that know which process each request comes from, and customers that buy. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { atEnd } from '../kit/folders.ts'
import { call, charge } from '../kit/http.ts'
import type { ClusterNode } from '../kit/nodes.ts'
import { onDatabase } from '../kit/postgres.ts'
import { onLoopback } from '../kit/sockets.ts'

/** Nodes of one database need the same key for the secrets of endpoints. */
export const SECRETS = { MINIPAY_SECRETS_KEY: randomBytes(32).toString('base64') }

/** On a busy machine an attempt may time out: it is soon made again. */
const QUICK = Array(12).fill(1)

/** A request to a receiver; `endedAt` once it was answered, or its connection broke. */
export type Told = { readonly event: string; readonly pid: number; readonly at: number; endedAt?: number }

export type Fleet = {
  /** By the index of the endpoint. */
  readonly told: readonly Told[][]
  /** Requests that came while another process had one in flight to the same endpoint, each as a sentence. */
  readonly overlaps: readonly string[]
  /** How long a receiver takes for each request, in ms. */
  latencyMs: number
}

/** Receivers of the nodes' webhooks, one path for each endpoint, which are registered at the first node. */
export async function startFleet(
  t: TestContext,
  nodes: readonly ClusterNode[],
  count: number,
): Promise<Fleet> {
  const told: Told[][] = Array.from({ length: count }, () => [])
  const overlaps: string[] = []
  const fleet = { told, overlaps, latencyMs: 0 }
  const pids = new WeakMap<Socket, number>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', async () => {
      const own = told[Number(request.url?.slice(1))] as Told[]
      const { id } = JSON.parse(Buffer.concat(chunks).toString()) as { id: string }
      const one: Told = { event: id, pid: pids.get(request.socket) ?? 0, at: performance.now() }
      const other = own.findLast(
        ({ pid, endedAt }) => pid !== one.pid && pid * one.pid !== 0 && endedAt === undefined,
      )
      if (other) overlaps.push(`${request.url}: ${id} of ${one.pid} while ${other.pid} sent ${other.event}`)
      own.push(one)
      response.on('close', () => {
        one.endedAt = performance.now()
      })
      if (fleet.latencyMs > 0) await pause(fleet.latencyMs)
      response.end('ok')
    })
  })
  server.on('connection', (socket: Socket) => {
    pids.set(socket, ownerOf(socket))
  })
  const { url, close } = await onLoopback(server)
  atEnd(t, close)
  for (let i = 0; i < count; i++) {
    const made = await call(nodes[0]?.url ?? '', 'POST', '/api/v1/webhook_endpoints', {
      url: `${url}/${i}`,
      retry_delays_seconds: QUICK,
    })
    if (made.status !== 201) throw new Error(JSON.stringify(made.body))
  }
  return fleet
}

/** Our processes, also those that are starting. */
function children(): number[] {
  const tasks = readdirSync('/proc/self/task')
  const texts = tasks.map((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8'))
  return texts.flatMap((text) => text.split(' ').filter(Boolean).map(Number))
}

const portOf = (port = 0) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`

/** Our processes, by the addresses of their connections that were found, and not asked for yet. */
const senders = new Map<string, number>()

/**
 * Our process at the other end of a connection; 0 if that is not known, as when it has just ended. Connections come many at
 * once, and a look through all files of all processes is long: with one for each, receivers accepted twenty a second.
 */
function ownerOf({ localPort, remotePort }: Socket): number {
  const [to, name] = [portOf(localPort), portOf(remotePort) + portOf(localPort)]
  if (!senders.has(name)) findSenders(to)
  const pid = senders.get(name) ?? 0
  // Another connection may get the same port.
  senders.delete(name)
  return pid
}

function findSenders(to: string): void {
  const pids = new Map(children().flatMap((pid) => linksOf(pid).map((link) => [link, pid] as const)))
  senders.clear()
  for (const text of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, from = '', other = '', , , , , , , inode] = text.trim().split(/\s+/)
    const pid = other.endsWith(to) ? pids.get(`socket:[${inode}]`) : undefined
    if (pid !== undefined) senders.set(from.slice(-5) + to, pid)
  }
}

function linksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

export type Customers = {
  /** Makes no new charge; resolves with the number of charges once those in progress have ended. */
  leave(): Promise<number>
}

/** The pause of a customer between two charges, in ms: each is sent to every endpoint. */
const THINKS_MS = 100

/**
 * Customers that buy one charge after another at any node, and repeat a request with its key until it succeeds, or the test
 * has ended.
 */
export function startCustomers(
  t: TestContext,
  nodes: readonly ClusterNode[],
  count: number,
  prefix: string,
): Customers {
  let leaving = false
  const over = new AbortController()
  t.after(() => {
    leaving = true
    over.abort()
  })
  let made = 0
  async function buy(customer: number): Promise<void> {
    for (let order = 0; !leaving; order++) {
      await chargeAnywhere(nodes, `${prefix}-${customer}-${order}`, customer + order, over.signal)
      made++
      await pause(THINKS_MS)
    }
  }
  const all = Array.from({ length: count }, (_, i) => buy(i))
  return {
    async leave() {
      leaving = true
      await Promise.all(all)
      return made
    },
  }
}

/** Makes a charge at one node after another until it is made, or `signal` is aborted. */
export async function chargeAnywhere(
  nodes: readonly ClusterNode[],
  key: string,
  first = 0,
  signal?: AbortSignal,
): Promise<void> {
  for (let turn = first; !signal?.aborted; turn++) {
    const node = nodes[turn % nodes.length] as ClusterNode
    const status = node.isUp()
      ? await charge(node.url, key).then(
          (answer) => answer.status,
          () => 0,
        )
      : 0
    if (status === 200 || status === 201) return
    await pause(50)
  }
}

/** The ids of all events, in their order. */
export async function eventIds(database: string): Promise<string[]> {
  const { rows } = await onDatabase(database, (client) => client.query('SELECT id FROM events ORDER BY seq'))
  return rows.map(({ id }) => id as string)
}

export type CursorState = {
  readonly endpoint: string
  readonly owner: string | null
  readonly pending: number
  /** Events after the position. */
  readonly backlog: number
  /** When its lease ends, in ms from now; negative: it has ended. Null: it has none. */
  readonly leaseMs: number | null
}

export async function cursors(database: string): Promise<CursorState[]> {
  const { rows } = await onDatabase(database, (client) =>
    client.query(`
      SELECT endpoint, owner, pending::integer,
        (SELECT count(*) FROM events e
         WHERE e.account_id = c.account_id AND e.live = c.live AND e.seq > c.position)::integer AS backlog,
        (lease_until - extract(epoch FROM clock_timestamp()) * 1000)::integer AS "leaseMs"
      FROM webhook_cursors c ORDER BY endpoint`),
  )
  return rows
}

/** The attempts of some deliveries that wait, for a message. */
export async function waitingTries(database: string): Promise<string> {
  const { rows } = await onDatabase(database, (client) =>
    client.query(
      `SELECT endpoint, event_seq, due_at, tries FROM webhook_deliveries WHERE state = 'pending' LIMIT 9`,
    ),
  )
  return JSON.stringify(rows)
}

/** Every delivery has so many attempts: how often each number occurs. */
export async function attempts(database: string, ids: readonly string[]): Promise<Record<string, number>> {
  const { rows } = await onDatabase(database, (client) =>
    client.query(
      `SELECT json_array_length(tries::json) AS attempts, count(*)::integer AS count FROM webhook_deliveries
       WHERE event_id = ANY ($1) GROUP BY 1`,
      [ids],
    ),
  )
  return Object.fromEntries(rows.map(({ attempts, count }) => [attempts, count]))
}
