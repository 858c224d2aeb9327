/** Charges on PostgreSQL with one, two and three nodes, beside pgbench in the same rounds. */
import {
  type Bench,
  inTurn,
  measure,
  median,
  type Part,
  type Row,
  type Run,
  summary,
  warmUp,
  withServer,
} from './bench.ts'
import { CLIENTS, findPgbench, type PgbenchRun, pgbenchRound } from './pgbench.ts'
import { type Postgres, withPostgres } from './postgres.ts'
import { runVerify, type Server, startMiniPay, together } from './processes.ts'
import { costText } from './rows.ts'

const NODES = 'postgres: nodes'
const PGBENCH = 'postgres: pgbench'

const WARMUP_SECONDS = 2
/** The rate of one node, as a multiple of pgbench's best. */
const PGBENCH_AIM = 2.5

/** By connections; empty if it was not wanted. */
type Visit = ReadonlyMap<number, Run>

export const cluster: Part = {
  names: [NODES, PGBENCH],
  onlyWhenNamed: true,
  seconds: 1,
  run: (bench, wanted) =>
    withPostgres(async (postgres) => {
      const program = wanted.includes(PGBENCH) ? findPgbench() : undefined
      const charge = async (nodes: number): Promise<Visit> =>
        wanted.includes(NODES) ? chargeNodes(bench, postgres, nodes) : new Map()
      const { pgbench, ...visits } = await inTurn(bench.rounds, {
        'one node': () => charge(1),
        'two nodes': () => charge(2),
        'three nodes': () => charge(3),
        pgbench: async () =>
          program ? postgres.withDatabase((url) => pgbenchRound(program, url, bench.seconds)) : [],
      })
      const best = bestOf(pgbench.flat())
      return [
        ...bench.connections.flatMap((connections) =>
          Object.entries(visits).flatMap(([nodes, all]) => nodesRow(nodes, connections, all, best)),
        ),
        ...(wanted.includes(PGBENCH) ? [pgbenchRow(best)] : []),
      ]
    }),
}

function chargeNodes(bench: Bench, postgres: Postgres, nodes: number): Promise<Visit> {
  return postgres.withDatabase(async (url) => {
    const runs = new Map<number, Run>()
    await withServer(startNodes(bench, url, nodes), async (server) => {
      await warmUp(bench, server, { seconds: WARMUP_SECONDS })
      for (const connections of bench.connections) {
        const job = { connections, scenario: { kind: 'charge' } } as const
        runs.set(connections, await measure(bench, server, job, { postgres }))
      }
    })
    await runVerify(url)
    return runs
  })
}

async function startNodes(bench: Bench, url: string, count: number): Promise<Server> {
  const first = await startMiniPay(url, '', bench.nodeFlags)
  const servers: [Server, ...Server[]] = [first]
  try {
    while (servers.length < count) servers.push(await startMiniPay(url, '', bench.nodeFlags))
  } catch (error) {
    await together(servers).stop()
    throw error
  }
  return together(servers)
}

function nodesRow(
  nodes: string,
  connections: number,
  visits: readonly Visit[],
  pgbench: readonly PgbenchRun[],
): Row[] {
  const runs = visits.flatMap((visit) => visit.get(connections) ?? [])
  if (runs.length === 0) return []
  const numbers = summary(runs)
  const times = (numbers.perSecond ?? Number.NaN) / median(pgbench.map((run) => run.perSecond))
  const isCompared = nodes === 'one node' && pgbench.length > 0
  return [
    {
      what: `durable charges on PostgreSQL, ${nodes}`,
      connections,
      ...numbers,
      beside: `${isCompared ? `${times.toFixed(1)}× pgbench's best; ` : ''}${costText(runs)}`,
      ...(isCompared && { aim: `${PGBENCH_AIM}× pgbench`, met: times >= PGBENCH_AIM }),
    },
  ]
}

/** The rounds with the number of clients that is fastest. */
function bestOf(runs: readonly PgbenchRun[]): readonly PgbenchRun[] {
  const rate = (of: readonly PgbenchRun[]) => median(of.map((run) => run.perSecond))
  const byClients = [...Map.groupBy(runs, (run) => run.clients).values()]
  return byClients.sort((a, b) => rate(b) - rate(a))[0] ?? []
}

function pgbenchRow(best: readonly PgbenchRun[]): Row {
  const what = 'reference: pgbench, one transaction a charge on the same server, at its best'
  const [first] = best
  if (!first)
    return { what, beside: 'not measured: install postgresql-contrib or postgresql-NN for it', raw: [] }
  const latency = median(best.map((run) => run.latency))
  return {
    what,
    connections: first.clients,
    perSecond: median(best.map((run) => run.perSecond)),
    beside: `mean latency ${latency.toFixed(2)} ms; the best of ${CLIENTS.join(', ')} clients`,
    raw: best,
  }
}
