/**
 * The world of a cluster: three nodes, a primary with a synchronous standby, each behind a proxy, a bank, and a
 * receiver of webhooks. Whatever fails here, fails as it would for an operator.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type ClusterNode, startNodes, untilReady } from '../kit/nodes.ts'
import {
  databaseName,
  type OwnServer,
  onDatabase,
  type Standby,
  startPostgres,
  startStandby,
  withDatabase,
} from '../kit/postgres.ts'
import { type DatabaseProxy, startProxy } from '../kit/postgres-proxy.ts'
import { startReceiver } from '../kit/receiver.ts'
import { newSecret, type RunningBank, startBank } from '../kit/simulator.ts'

const NODES = 3
/** Long enough that calls are under way whenever a node is killed. */
const BANK_LATENCY_MS = 25
/** So long that a lease of it, ten seconds more, outlasts the test: a dead node's calls have to be taken over before. */
const BANK_DEADLINE_MS = 120_000
const RULES = {
  rules: [{ name: 'euros', when: "currency == 'eur'", providers: ['bank'] }],
  default: { providers: ['sandbox'] },
}

export type World = {
  readonly nodes: readonly ClusterNode[]
  /** What the nodes are told: both servers, by way of their proxies. */
  readonly database: string
  readonly bank: RunningBank
  /** Ids of the events whose webhooks have arrived, signed as they should be. */
  readonly told: ReadonlySet<string>
  /** Webhooks that were not as they should be, each as a sentence. */
  readonly refused: readonly string[]
  /** Runs a statement on the primary. */
  sql(text: string): Promise<Record<string, unknown>[]>
  /** Breaks every connection between the nodes and the servers. */
  cut(): void
  /** Has the primary end its connections with the nodes. */
  terminate(): Promise<void>
  /** Stops the primary as a crash does, or in order. */
  stopPrimary(mode: 'immediate' | 'fast'): Promise<void>
  startPrimary(): Promise<void>
  /** Makes the standby the primary; the old one must have been stopped. */
  promote(): Promise<void>
  /** Gives the primary a new standby, in the place of the server that it has replaced. */
  newStandby(): Promise<void>
  /** Ends every process. */
  end(): Promise<void>
}

export async function startWorld(): Promise<World> {
  const folder = tempDir()
  const ends: (() => unknown)[] = [folder.remove]
  const end = async () => {
    for (const step of ends.splice(0).toReversed()) await step()
  }
  try {
    const servers = await startServers(ends)
    const receiver = await startWebhooks(ends)
    const bank = await startBank(join(folder.path, 'bank.db'), { secret: newSecret() })
    ends.push(bank.kill)
    await bank.faults({ latency_ms: BANK_LATENCY_MS })
    const file = join(folder.path, 'providers.json')
    const settings = { kind: 'http', url: bank.url, secret: bank.secret, deadline_ms: BANK_DEADLINE_MS }
    writeFileSync(
      file,
      JSON.stringify({ sandbox: { kind: 'sandbox' }, bank: { ...settings, lookup: 'final' } }),
    )
    const env = { ...receiver.env, MINIPAY_PROVIDERS: file, MINIPAY_PROVIDER_WAIT_MS: '5000' }
    const nodes = await startNodes(servers.database, Array(NODES).fill(env))
    ends.push(() => Promise.all(nodes.map((node) => node.kill())))
    await untilReady(nodes, 200)
    const { status, body } = await call(nodes[0]?.url ?? '', 'PUT', '/api/v1/routing', { document: RULES })
    if (status !== 200) throw new Error(`the rules were not taken: ${JSON.stringify(body)}`)
    return { ...servers, ...receiver, nodes, bank, end }
  } catch (error) {
    await end()
    throw error
  }
}

type Servers = Pick<
  World,
  'database' | 'sql' | 'cut' | 'terminate' | 'stopPrimary' | 'startPrimary' | 'promote' | 'newStandby'
>

async function startServers(ends: (() => unknown)[]): Promise<Servers> {
  let primary: OwnServer = await startPostgres()
  ends.push(() => primary.remove())
  let standby: Standby = await startStandby(primary)
  let dead: OwnServer | undefined
  ends.push(() => standby.remove())
  ends.push(() => dead?.remove())
  const url = await primary.createDatabase()
  const name = databaseName(url)
  const proxies: DatabaseProxy[] = []
  for (const server of [primary, standby]) proxies.push(await startProxy(withDatabase(server.url, name)))
  ends.push(() => Promise.all(proxies.map((proxy) => proxy.close())))
  const [first, second] = proxies.map((proxy) => new URL(proxy.url))
  const sql = (text: string) =>
    onDatabase(withDatabase(primary.url, name), async (client) => (await client.query(text)).rows)

  return {
    database: `postgres://${first?.username}:${first?.password}@${first?.host},${second?.host}/${name}`,
    sql,
    cut() {
      for (const proxy of proxies) proxy.breakAll()
    },
    async terminate() {
      await sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = '${name}' AND application_name = 'minipay'`,
      )
    },
    stopPrimary: (mode) => primary.stop(mode),
    startPrimary: () => primary.start(),
    async promote() {
      await standby.promote()
      dead = primary
      primary = standby
    },
    async newStandby() {
      const { port } = dead as OwnServer
      await dead?.remove()
      dead = undefined
      standby = await startStandby(primary, port)
    },
  }
}

/** A receiver that checks each signature with the library that receivers use, and now and then is not well. */
async function startWebhooks(ends: (() => unknown)[]) {
  const secret = newSecret()
  const webhook = new Webhook(secret)
  const told = new Set<string>()
  const refused: string[] = []
  let count = 0
  const receiver = await startReceiver(({ headers, body }, response) => {
    const id = String(headers['webhook-id'])
    try {
      webhook.verify(body, headers as Record<string, string>)
      if (++count % 50 === 0) {
        response.writeHead(503).end()
        return
      }
      told.add(id)
    } catch (error) {
      refused.push(`the webhook ${id} was not as it should be: ${error}`)
    }
    response.end('ok')
  })
  ends.push(receiver.close)
  return {
    env: { WEBHOOK_TARGET: receiver.url, MINIPAY_WEBHOOK_SECRET: secret },
    told,
    refused,
  }
}
