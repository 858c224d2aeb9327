/** Charges on both roads, each beside a reference that stores nothing and beside PostgreSQL, in turn. */
import {
  type Bench,
  COMPILED_AFTER,
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
import { type Postgres, withPostgres } from './postgres.ts'
import { type Server, startReference, startStandIn } from './processes.ts'
import { onRoad } from './roads.ts'
import { aimRow, costText, microsOf, shareRow } from './rows.ts'

type Definition = {
  /** Completes "durable charges ...". */
  readonly title: string
  readonly provider: boolean
  /** The reference, and its name in a sentence. */
  readonly reference: readonly [title: string, name: string]
  /** The aims: the share of the reference's rate, by connections. */
  readonly shares: Readonly<Record<number, number>>
  /** The other aims are for AIMED connections. PostgreSQL's share of SQLite's rate. */
  readonly postgres: number
  /** The most µs of CPU a charge, by kind of thread. */
  readonly micros: Readonly<Record<string, number>>
  /** The most CPU time a charge, as a multiple of the reference's: unlike µs, it says the same on any machine. */
  readonly cpu: number
  /** The most bytes a charge. */
  readonly written: number
  readonly stored?: number
  /** The most, as a multiple of the reference's. */
  readonly p99?: number
  /** The most memory after all charges. */
  readonly residentMB?: number
}

const PROVIDER: Definition = {
  title: 'through a stand-in provider',
  provider: true,
  reference: [
    'a Fastify route with one undici call to the stand-in, which stores nothing',
    'the undici route',
  ],
  shares: { 64: 0.45, 256: 0.6 },
  postgres: 0.9,
  micros: { all: 190 },
  // 190 µs beside 67 µs, as first measured.
  cpu: 2.8,
  written: 14_000,
}
const PROCESS: Definition = {
  title: 'decided in process',
  provider: false,
  reference: ['a Fastify route that stores nothing', 'the no-op'],
  shares: { 64: 0.5, 256: 0.55 },
  postgres: 0.9,
  micros: { main: 40, workers: 28 },
  // 68 µs beside 22 µs, as first measured.
  cpu: 3.1,
  written: 8_000,
  stored: 800,
  p99: 2,
  residentMB: 300,
}
const AIMED = 64

/** The kinds of threads that an aim is for. */
const THREADS: Readonly<Record<string, string>> = {
  all: 'all threads',
  main: 'main thread',
  workers: 'writer',
}

const KINDS = ['reference', 'minipay', 'postgres'] as const
type Kind = (typeof KINDS)[number]
/** The measurements of one server by connections, its memory afterwards, and the bytes that MiniPay stored a charge. */
type Visit = { readonly runs: ReadonlyMap<number, Run>; readonly stored: number; readonly residentMB: number }
type Visits = Readonly<Record<Kind, readonly Visit[]>>

export const providerCharges: Part = part('provider', PROVIDER)
export const processCharges: Part = part('process', PROCESS)

function part(prefix: string, road: Definition): Part {
  const names = KINDS.map((kind) => `${prefix}: ${kind}`)
  return {
    names,
    async run(bench, wanted) {
      const kinds = KINDS.filter((kind) => wanted.includes(`${prefix}: ${kind}`))
      const visitAll = (postgres?: Postgres) => {
        const works = kinds.map((kind) => [kind, () => visit(bench, road, kind, postgres)] as const)
        return inTurn(bench.rounds, Object.fromEntries(works))
      }
      const visited = await (kinds.includes('postgres') ? withPostgres(visitAll) : visitAll())
      const visits = { reference: [], minipay: [], postgres: [], ...visited }
      return [
        ...aims(road, visits),
        ...bench.connections.flatMap((connections) =>
          kinds.map((kind) => measured(road, kind, connections, visits)),
        ),
      ]
    },
  }
}

async function visit(bench: Bench, road: Definition, kind: Kind, postgres?: Postgres): Promise<Visit> {
  const charge = async (server: Server, others = {}) => {
    await warmUp(bench, server, { requests: COMPILED_AFTER })
    const runs = new Map<number, Run>()
    for (const connections of bench.connections)
      runs.set(
        connections,
        await measure(bench, server, { connections, scenario: { kind: 'charge' } }, others),
      )
    return { runs, residentMB: server.residentMB() }
  }
  if (kind === 'reference') {
    const reference = (provider?: Server) => withServer(startReference(provider), charge)
    const visited = await (road.provider ? withServer(startStandIn(), reference) : reference())
    return { ...visited, stored: Number.NaN }
  }
  const on = { provider: road.provider, ...(kind === 'postgres' && { postgres }) }
  const { result, stored } = await onRoad(bench, on, charge)
  return { ...result, stored }
}

const runsOf = (visits: readonly Visit[], connections: number): Run[] =>
  visits.flatMap(({ runs }) => runs.get(connections) ?? [])

function aims(road: Definition, visits: Visits): Row[] {
  const at = (connections: number) => ({
    ours: runsOf(visits.minipay, connections),
    theirs: runsOf(visits.reference, connections),
    postgres: runsOf(visits.postgres, connections),
  })
  const { title, reference, shares } = road
  const { ours, theirs, postgres } = at(AIMED)
  const p99 = (runs: readonly Run[]) => median(runs.map((run) => run.p99))
  const bound = (what: string, value: number, most: number | undefined, unit: string, beside = '') =>
    aimRow({ what: `${title}: ${what}`, connections: AIMED, value, most, unit, beside })
  return [
    ...Object.entries(shares).flatMap(([text, least]) => {
      const sides = at(Number(text))
      const what = `${title}: share of ${reference[1]}`
      return shareRow(what, Number(text), sides.ours, sides.theirs, least)
    }),
    ...bound(
      `CPU a charge beside that of ${reference[1]}`,
      microsOf(ours) / microsOf(theirs),
      road.cpu,
      'times',
    ),
    ...costAims(title, ours, median(visits.minipay.map((one) => one.stored)), road),
    ...bound(
      `p99 beside that of ${reference[1]}`,
      p99(ours) / p99(theirs),
      road.p99,
      'times',
      `${p99(ours).toFixed(1)} ms and ${p99(theirs).toFixed(1)} ms`,
    ),
    ...shareRow(`${title}: PostgreSQL's share of SQLite`, AIMED, postgres, ours, road.postgres),
    ...bound('memory afterwards', median(visits.minipay.map((one) => one.residentMB)), road.residentMB, 'MB'),
  ]
}

/** The rows of what a charge may cost, at AIMED connections; in process unless `road` is given. `stored`: bytes a charge. */
export function costAims(title: string, runs: readonly Run[], stored: number, road = PROCESS): Row[] {
  const bound = (what: string, value: number, most: number | undefined, unit: string) =>
    aimRow({ what: `${title}: ${what}`, connections: AIMED, value, most, unit })
  return [
    ...Object.entries(road.micros).flatMap(([kind, most]) =>
      bound(`CPU a charge, ${THREADS[kind]}`, microsOf(runs, kind), most, 'µs'),
    ),
    ...bound('written a charge', median(runs.map((run) => run.written)), road.written, 'bytes'),
    ...bound('stored a charge', stored, road.stored, 'bytes'),
  ]
}

function measured(road: Definition, kind: Kind, connections: number, visits: Visits): Row {
  const runs = runsOf(visits[kind], connections)
  const what = {
    reference: `reference: ${road.reference[0]}`,
    minipay: `**MiniPay: durable charges ${road.title}**`,
    postgres: 'the same on PostgreSQL, one node',
  }
  const stored = median(visits[kind].map((one) => one.stored))
  return { what: what[kind], connections, ...summary(runs), beside: costText(runs, stored) }
}
