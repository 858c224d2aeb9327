/**
 * The world of a cluster: three nodes, a primary with a synchronous standby, each behind a proxy, a bank, and a
 * receiver of webhooks. Whatever fails here, fails as it would for an operator.
 */
import { join } from 'node:path'
import { type Ends, started, tempDir } from '../kit/folders.ts'
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
import { type SignedReceiver, startSignedReceiver } from '../kit/receiver.ts'
import { type Simulator, startSimulator } from '../kit/simulator.ts'
import { atBank, providersIn, storeRules } from '../kit/world.ts'

const NODES = 3
/** Long enough that calls are under way whenever a node is killed. */
const BANK_LATENCY_MS = 25
/** So long that a lease of it, ten seconds more, outlasts the test: a dead node's calls have to be taken over before. */
const BANK_DEADLINE_MS = 120_000
const RULES = {
  rules: [{ name: 'euros', when: "currency == 'eur'", providers: ['bank'] }],
  default: { providers: ['sandbox'] },
}

export type World = SignedReceiver & {
  readonly nodes: readonly ClusterNode[]
  /** What the nodes are told: both servers, by way of their proxies. */
  readonly database: string
  readonly bank: Simulator
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

export function startWorld(): Promise<World> {
  return started(async (ends) => {
    const folder = tempDir()
    ends.add(folder.remove)
    const servers = await startServers(ends)
    let webhooks = 0
    const receiver = await startSignedReceiver(ends, (response, accept) => {
      // Now and then it is not well.
      if (++webhooks % 50 === 0) return void response.writeHead(503).end()
      accept()
      response.end('ok')
    })
    const bank = await startSimulator(join(folder.path, 'bank.db'))
    ends.add(bank.kill)
    await bank.faults({ latency_ms: BANK_LATENCY_MS })
    const env = {
      ...receiver.env,
      ...providersIn(folder.path, {
        sandbox: { kind: 'sandbox' },
        bank: atBank(bank, { deadline_ms: BANK_DEADLINE_MS }),
      }),
      MINIPAY_PROVIDER_WAIT_MS: '5000',
    }
    const nodes = await startNodes(servers.database, Array(NODES).fill(env))
    ends.add(() => Promise.all(nodes.map((node) => node.kill())))
    await untilReady(nodes, 200)
    await storeRules(nodes[0]?.url ?? '', RULES)
    return { ...servers, ...receiver, nodes, bank }
  })
}

type Servers = Pick<
  World,
  'database' | 'sql' | 'cut' | 'terminate' | 'stopPrimary' | 'startPrimary' | 'promote' | 'newStandby'
>

async function startServers(ends: Ends): Promise<Servers> {
  let primary: OwnServer = await startPostgres()
  ends.add(() => primary.remove())
  let standby: Standby = await startStandby(primary)
  let dead: OwnServer | undefined
  ends.add(() => standby.remove())
  ends.add(() => dead?.remove())
  const url = await primary.createDatabase()
  const name = databaseName(url)
  const proxies: DatabaseProxy[] = []
  for (const server of [primary, standby]) proxies.push(await startProxy(withDatabase(server.url, name)))
  ends.add(() => Promise.all(proxies.map((proxy) => proxy.close())))
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
