/** Charges on PostgreSQL with one, two and three nodes, beside SQLite and pgbench in the same rounds. */
import {
  type Bench,
  measure,
  median,
  type Part,
  type Row,
  type Run,
  summary,
  warmUp,
  withDatabase,
  withServer,
} from './bench.ts'
import { CLIENTS, findPgbench, type PgbenchRun, pgbenchRound } from './pgbench.ts'
import { type Postgres, withPostgres } from './postgres.ts'
import { runVerify, type Server, startMiniPay, together } from './processes.ts'

const NODES = 'postgres: nodes'
const SQLITE = 'postgres: sqlite'
const PGBENCH = 'postgres: pgbench'

const WARMUP_SECONDS = 2
/** The aims for one node, as multiples of the references. */
const PGBENCH_AIM = 2.5
const SQLITE_AIM = 0.85

/** `engineCpu`: CPU seconds of PostgreSQL per second. */
type NodeRun = Run & { readonly engineCpu: number }
/** The rounds of each row, in order. */
type Rounds = {
  /** By nodes and connections. */
  readonly nodes: Map<string, NodeRun[]>
  /** By connections. */
  readonly sqlite: Map<number, Run[]>
  /** By clients. */
  readonly pgbench: Map<number, PgbenchRun[]>
}

export const cluster: Part = {
  names: [NODES, SQLITE, PGBENCH],
  run: (bench, wanted) =>
    withPostgres(async (postgres) => {
      const pgbench = wanted.includes(PGBENCH) ? findPgbench() : undefined
      const connections = bench.connections.filter((count) => count > 1)
      const rounds: Rounds = { nodes: new Map(), sqlite: new Map(), pgbench: new Map() }
      const works = [
        ...(wanted.includes(NODES)
          ? [1, 2, 3].map((nodes) => () => chargeNodes(bench, postgres, nodes, connections, rounds))
          : []),
        ...(wanted.includes(SQLITE) ? [() => chargeSqlite(bench, connections, rounds)] : []),
        ...(pgbench ? [() => chargePgbench(bench, postgres, pgbench, rounds)] : []),
      ]
      for (let round = 0; round < bench.rounds; round++)
        for (const i of works.keys()) await works[(i + round) % works.length]?.()
      return [
        ...connections.flatMap((count) => rowsAt(count, rounds)),
        ...(wanted.includes(PGBENCH) ? [pgbenchRow(rounds)] : []),
      ]
    }),
}

function keep<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  map.set(key, [...(map.get(key) ?? []), value])
}

const named = (nodes: number, connections: number) => `${nodes} nodes, ${connections} connections`

function chargeNodes(
  bench: Bench,
  postgres: Postgres,
  nodes: number,
  connections: readonly number[],
  rounds: Rounds,
): Promise<void> {
  return postgres.withDatabase(async (url) => {
    await withServer(startNodes(bench, url, nodes), async (server) => {
      await warmUp(bench, server, { seconds: WARMUP_SECONDS })
      for (const count of connections) {
        let cpuBefore = 0
        let startedAt = 0
        const run = await measure(bench, server, { connections: count, scenario: { kind: 'charge' } }, () => {
          cpuBefore = postgres.cpuSeconds()
          startedAt = performance.now()
        })
        const seconds = (performance.now() - startedAt) / 1000
        const engineCpu = (postgres.cpuSeconds() - cpuBefore) / seconds
        keep(rounds.nodes, named(nodes, count), { ...run, engineCpu })
      }
    })
    await runVerify(url)
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

function chargeSqlite(bench: Bench, connections: readonly number[], rounds: Rounds): Promise<void> {
  return withDatabase(bench, (file) =>
    withServer(startMiniPay(file, '', bench.nodeFlags), async (server) => {
      await warmUp(bench, server, { seconds: WARMUP_SECONDS })
      for (const count of connections)
        keep(
          rounds.sqlite,
          count,
          await measure(bench, server, { connections: count, scenario: { kind: 'charge' } }),
        )
    }),
  )
}

function chargePgbench(bench: Bench, postgres: Postgres, program: string, rounds: Rounds): Promise<void> {
  return postgres.withDatabase(async (url) => {
    for (const run of await pgbenchRound(program, url, bench.seconds)) keep(rounds.pgbench, run.clients, run)
  })
}

function rowsAt(connections: number, rounds: Rounds): Row[] {
  const sqlite = rounds.sqlite.get(connections)
  const rows = [1, 2, 3].flatMap((nodes): Row[] => {
    const runs = rounds.nodes.get(named(nodes, connections))
    if (!runs) return []
    const what = `charges on PostgreSQL, ${['one node', 'two nodes', 'three nodes'][nodes - 1]}`
    const compared = comparison(runs, sqlite, bestOf(rounds))
    return [
      {
        what: nodes === 1 ? `**MiniPay: durable ${what}**` : what,
        connections,
        ...summary(runs),
        beside: compared.beside,
        ...(nodes === 1 && aims(compared)),
      },
    ]
  })
  if (sqlite) rows.push({ what: 'reference: SQLite, the same rounds', connections, ...summary(sqlite) })
  return rows
}

type Comparison = {
  readonly beside: string
  readonly ofSqlite: number | undefined
  readonly ofPgbench: number | undefined
}

/** Ratios are medians of each round's ratios, because the machine's state changes between rounds. */
function comparison(
  runs: readonly NodeRun[],
  sqlite: readonly Run[] | undefined,
  pgbench: readonly PgbenchRun[] | undefined,
): Comparison {
  const ratio = (reference: readonly { readonly perSecond: number }[] | undefined) =>
    reference && median(runs.map((run, round) => run.perSecond / (reference[round]?.perSecond ?? Number.NaN)))
  const ofSqlite = ratio(sqlite)
  const ofPgbench = ratio(pgbench)
  const micros = (of: 'serverCpu' | 'engineCpu') =>
    Math.round(median(runs.map((run) => (run[of] / run.perSecond) * 1e6)))
  const words = [
    ofPgbench === undefined ? '' : `${ofPgbench.toFixed(1)}× pgbench's best, `,
    ofSqlite === undefined ? '' : `${ofSqlite.toFixed(2)} of SQLite; `,
    `CPU a charge: ${micros('serverCpu')} µs, and ${micros('engineCpu')} µs of PostgreSQL`,
  ]
  return { beside: words.join(''), ofSqlite, ofPgbench }
}

function aims({ ofSqlite, ofPgbench }: Comparison): Pick<Row, 'aim' | 'met'> {
  if (ofSqlite === undefined && ofPgbench === undefined) return {}
  return {
    aim: `${PGBENCH_AIM}× pgbench, ${SQLITE_AIM} of SQLite`,
    met: (ofSqlite ?? SQLITE_AIM) >= SQLITE_AIM && (ofPgbench ?? PGBENCH_AIM) >= PGBENCH_AIM,
  }
}

/** The rounds with the number of clients that is fastest. */
function bestOf({ pgbench }: Rounds): readonly PgbenchRun[] | undefined {
  const rate = (runs: readonly PgbenchRun[]) => median(runs.map((run) => run.perSecond))
  return [...pgbench.values()].sort((a, b) => rate(b) - rate(a))[0]
}

function pgbenchRow(rounds: Rounds): Row {
  const what = 'reference: pgbench, one transaction a charge on the same server, at its best'
  const best = bestOf(rounds)
  if (!best)
    return { what, beside: 'not measured: install postgresql-contrib or postgresql-NN for it', raw: [] }
  const latency = median(best.map((run) => run.latency))
  return {
    what,
    connections: best[0]?.clients ?? Number.NaN,
    perSecond: median(best.map((run) => run.perSecond)),
    beside: `mean latency ${latency.toFixed(2)} ms; the best of ${CLIENTS.join(', ')} clients`,
    raw: [...rounds.pgbench.values()].flat(),
  }
}
