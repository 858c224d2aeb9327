/** Charges, each with a new key, without webhooks, on MiniPay and the three references in turn. */
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
import { startMiniPay, startReference } from './processes.ts'
import type { ReferenceKind } from './references.ts'

type Kind = 'minipay' | ReferenceKind

const TITLES: Readonly<Record<Kind, string>> = {
  minipay: '**MiniPay: durable charges**',
  ceiling: 'reference, the ceiling: stores nothing',
  original: "reference, the original's storage: 4 commits, default journal",
  tuned: 'reference, the same tuned: 4 commits, WAL, one connection',
}
const NAMES = (Object.keys(TITLES) as Kind[]).map((kind) => `charges: ${kind}`)

/** The aims: multiples of each reference's charges per second, and p99 in ms by connections. */
const RATIO_AIMS: Readonly<Record<ReferenceKind, number>> = { ceiling: 0.55, original: 150, tuned: 12 }
const P99_AIMS: Readonly<Record<number, number>> = { 64: 10, 256: 30 }

const RESIDENT_AIM_MB = 300

type Cells = Map<string, Run[]>

export const charges: Part = {
  names: NAMES,
  async run(bench, wanted) {
    const kinds = (Object.keys(TITLES) as Kind[]).filter((kind) => wanted.includes(`charges: ${kind}`))
    const cells: Cells = new Map()
    const resident: number[] = []
    for (let round = 0; round < bench.rounds; round++) {
      // Another server begins each round, so none always runs in the same state of the machine.
      const order = kinds.map((_, i) => kinds[(i + round) % kinds.length] as Kind)
      for (const kind of order) await runServer(bench, kind, cells, resident)
    }
    return [...rows(bench, kinds, cells), ...memoryRow(resident)]
  },
}

function runServer(bench: Bench, kind: Kind, cells: Cells, resident: number[]): Promise<void> {
  return withDatabase(bench, (file) => {
    const starting = kind === 'minipay' ? startMiniPay(file, '', bench.nodeFlags) : startReference(kind, file)
    return withServer(starting, async (server) => {
      // The CPU limits the fast two, and cold code would slow the faster one more.
      await warmUp(bench, server, { seconds: kind === 'minipay' || kind === 'ceiling' ? 3 : 1 })
      for (const connections of bench.connections) {
        const run = await measure(bench, server, { connections, scenario: { kind: 'charge' } })
        const name = `${kind} ${connections}`
        cells.set(name, [...(cells.get(name) ?? []), run])
      }
      if (kind === 'minipay') resident.push(server.residentMB())
    })
  })
}

function rows(bench: Bench, kinds: readonly Kind[], cells: Cells): Row[] {
  return bench.connections.flatMap((connections) =>
    kinds.map((kind): Row => {
      const row = { what: TITLES[kind], connections, ...summary(cells.get(`${kind} ${connections}`) ?? []) }
      return kind === 'minipay' ? { ...row, ...comparison(row, connections, kinds, cells) } : row
    }),
  )
}

/** MiniPay's row beside the references of the same run; the aims are for 64 and 256 connections. */
function comparison(
  row: Pick<Row, 'perSecond' | 'p99'>,
  connections: number,
  kinds: readonly Kind[],
  cells: Cells,
): Pick<Row, 'beside' | 'aim' | 'met'> {
  const ratios = kinds
    .filter((kind) => kind !== 'minipay')
    .map((kind) => {
      const reference = summary(cells.get(`${kind} ${connections}`) ?? []).perSecond ?? Number.NaN
      return { kind, ratio: (row.perSecond ?? Number.NaN) / reference }
    })
  const beside = ratios
    .map(({ kind, ratio }) =>
      kind === 'ceiling' ? `${ratio.toFixed(2)} of the ceiling` : `${times(ratio)} the ${kind}`,
    )
    .join(', ')
  const p99Aim = P99_AIMS[connections]
  if (p99Aim === undefined) return { beside }
  const aims = ratios.map(({ kind }) => (kind === 'ceiling' ? `${RATIO_AIMS[kind]}` : `${RATIO_AIMS[kind]}×`))
  return {
    beside,
    aim: [...aims, `p99 < ${p99Aim} ms`].join(', '),
    met: ratios.every(({ kind, ratio }) => ratio >= RATIO_AIMS[kind]) && (row.p99 ?? 0) < p99Aim,
  }
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 100 ? 1 : 0)}×`
}

function memoryRow(resident: readonly number[]): Row[] {
  if (resident.length === 0) return []
  const mb = median(resident)
  return [
    {
      what: 'resident memory after those charges',
      beside: `${mb.toFixed(0)} MB`,
      aim: `< ${RESIDENT_AIM_MB} MB`,
      met: mb < RESIDENT_AIM_MB,
      raw: resident,
    },
  ]
}
