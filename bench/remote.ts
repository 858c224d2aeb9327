/** Charges at a provider over the network, beside those that are decided in process. */
import { SECRET, withBank, withProviders } from './banks.ts'
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
import { type Server, startMiniPay, startStandIn } from './processes.ts'
import type { Scenario } from './requests.ts'

type Kind = 'bank' | 'stand-in' | 'in process' | 'bank alone'

const TITLES: Readonly<Record<Kind, string>> = {
  bank: '**MiniPay: durable charges through one bank process**',
  'stand-in': 'the same through a stand-in that says yes and stores nothing',
  'in process': 'reference: the sandbox, decided in process',
  'bank alone': 'reference: the bank alone, called as MiniPay calls it',
}
const NAMES = (Object.keys(TITLES) as Kind[]).map((kind) => `remote: ${kind}`)
const CONNECTIONS = [64, 256]
/** As many calls at once as connections, so that no call waits for a place. */
const CONCURRENCY = Math.max(...CONNECTIONS)
const WARMUP_SECONDS = 3

/** `otherCpu`: the CPU seconds per second of the process behind MiniPay. */
type RemoteRun = Run & { readonly otherCpu: number }
type Cells = Map<string, RemoteRun[]>

export const remote: Part = {
  names: NAMES,
  async run(bench, wanted) {
    const kinds = (Object.keys(TITLES) as Kind[]).filter((kind) => wanted.includes(`remote: ${kind}`))
    const cells: Cells = new Map()
    for (let round = 0; round < bench.rounds; round++) {
      const order = kinds.map((_, i) => kinds[(i + round) % kinds.length] as Kind)
      for (const kind of order) await runKind(bench, kind, cells)
    }
    return CONNECTIONS.flatMap((connections) => kinds.map((kind) => row(kind, connections, kinds, cells)))
  },
}

function runKind(bench: Bench, kind: Kind, cells: Cells): Promise<void> {
  const load = (server: Server, behind?: Server) => runServer(bench, kind, server, behind, cells)
  switch (kind) {
    case 'in process':
      return withDatabase(bench, (file) => withServer(startMiniPay(file, '', bench.nodeFlags), load))
    case 'bank alone':
      return withBank(bench, load)
    case 'bank':
      return withBank(bench, (bank) => through(bench, bank, load))
    case 'stand-in':
      return withServer(startStandIn(), (standIn) => through(bench, standIn, load))
  }
}

function through(
  bench: Bench,
  processor: Server,
  load: (server: Server, behind: Server) => Promise<void>,
): Promise<void> {
  const remotes = { bank: { url: processor.url, concurrency: CONCURRENCY } }
  return withDatabase(bench, (file) =>
    withProviders(bench, file, remotes, (server) => load(server, processor)),
  )
}

async function runServer(
  bench: Bench,
  kind: Kind,
  server: Server,
  behind: Server | undefined,
  cells: Cells,
): Promise<void> {
  const scenario: Scenario =
    kind === 'bank alone' ? { kind: 'authorize', secret: SECRET } : { kind: 'charge' }
  await warmUp(bench, server, { seconds: WARMUP_SECONDS, scenario })
  for (const connections of CONNECTIONS) {
    let cpuBefore = 0
    let startedAt = 0
    const run = await measure(bench, server, { connections, scenario }, () => {
      cpuBefore = behind?.cpuSeconds() ?? 0
      startedAt = performance.now()
    })
    const seconds = (performance.now() - startedAt) / 1000
    const otherCpu = ((behind?.cpuSeconds() ?? 0) - cpuBefore) / seconds
    const name = `${kind} ${connections}`
    cells.set(name, [...(cells.get(name) ?? []), { ...run, otherCpu }])
  }
}

function row(kind: Kind, connections: number, kinds: readonly Kind[], cells: Cells): Row {
  const runsOf = (one: Kind) => cells.get(`${one} ${connections}`) ?? []
  const runs = runsOf(kind)
  const numbers = { what: TITLES[kind], connections, ...summary(runs) }
  const remote = kind === 'bank' || kind === 'stand-in'
  const references = kinds.filter((one) => one === 'in process' || (one === 'bank alone' && kind === 'bank'))
  const ratios = references.map((one) => {
    const ratio = (numbers.perSecond ?? Number.NaN) / (summary(runsOf(one)).perSecond ?? Number.NaN)
    return one === 'in process'
      ? `${ratio.toFixed(2)} of the in-process rate`
      : `${ratio.toFixed(2)} of the bank's alone`
  })
  const micros = (cpu: (run: RemoteRun) => number) =>
    `${Math.round(median(runs.map((run) => (cpu(run) * 1e6) / run.perSecond)))} µs`
  const own = `CPU a ${kind === 'bank alone' ? 'call' : 'charge'}: ${micros((run) => run.serverCpu)}`
  const behind = remote ? `, and ${micros((run) => run.otherCpu)} of the ${kind}` : ''
  return {
    ...numbers,
    beside: [...(remote ? ratios : []), own + behind].join('; '),
    ...(kind === 'bank' && { aim: 'none stated' }),
  }
}
