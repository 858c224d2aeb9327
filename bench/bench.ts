/** What every part of the benchmark works with: its options, its folder, and how a row is made of rounds. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadJob, LoadResult } from './load.ts'
import type { LoadGenerator, Server } from './processes.ts'
import type { Scenario } from './requests.ts'

export type Options = {
  readonly rounds: number
  /** Measured seconds of each cell of the table. */
  readonly seconds: number
  /** Runs only the parts whose name holds this. */
  readonly only: string
  /** Runs only these numbers of connections of the charge rows. */
  readonly connections: readonly number[]
  /** Flags for MiniPay's Node, such as --cpu-prof. */
  readonly nodeFlags: readonly string[]
  /** The commit that this checkout is compared with, or nothing. */
  readonly compare: string
  /** Writes the results of a partial run too. */
  readonly save: boolean
}

export type Bench = Options & {
  /** A folder on a real disk. */
  readonly folder: string
  readonly load: LoadGenerator
}

/** One measured run: what the load generator saw, and the CPU seconds the server used a second. */
export type Run = LoadResult & { readonly serverCpu: number }

export type Row = {
  readonly what: string
  readonly connections?: number
  readonly perSecond?: number
  /** ms */
  readonly p50?: number
  readonly p99?: number
  /** Anything else that was measured, in words. */
  readonly beside?: string
  readonly aim?: string
  /** Undefined where there is no aim. */
  readonly met?: boolean
  /** What was not as it should be; the row's numbers are then not to be trusted. */
  readonly fault?: string
  /** The rounds that the medians are of. */
  readonly raw: readonly unknown[]
}

/** A part of the benchmark. `names` are what `--only` is matched with; `wanted` are those that matched. */
export type Part = {
  readonly names: readonly string[]
  /** It takes too long for a whole run: `--only` must name it. */
  readonly onlyWhenNamed?: boolean
  run(bench: Bench, wanted: readonly string[]): Promise<Row[]>
}

const WARMUP_SECONDS = 0.3
/** A generator above this share of a core may have been what was measured. */
const GENERATOR_LIMIT = 0.95

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

let databases = 0

/** Calls `use` with the path of a database that is not there yet, and deletes it afterwards. */
export async function withDatabase<T>(bench: Bench, use: (file: string) => Promise<T>): Promise<T> {
  const file = join(bench.folder, `${++databases}.db`)
  try {
    return await use(file)
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-lock', '-journal']) rmSync(file + suffix, { force: true })
  }
}

/** Calls `use` with a server, and stops it afterwards. */
export async function withServer<T>(
  starting: Promise<Server>,
  use: (server: Server) => Promise<T>,
): Promise<T> {
  const server = await starting
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

type Measured = Omit<LoadJob, 'ports' | 'warmup' | 'seconds'> & { readonly seconds?: number }

/** Runs one measured load against a server. */
export async function measure(
  bench: Bench,
  server: Server,
  job: Measured,
  onMeasuring?: () => void,
): Promise<Run> {
  let cpuBefore = 0
  let startedAt = 0
  const result = await bench.load.run(
    { seconds: bench.seconds, ...job, ports: server.ports, warmup: WARMUP_SECONDS },
    () => {
      cpuBefore = server.cpuSeconds()
      startedAt = performance.now()
      onMeasuring?.()
    },
  )
  const seconds = (performance.now() - startedAt) / 1000
  const run = { ...result, serverCpu: (server.cpuSeconds() - cpuBefore) / seconds }
  console.error(progress(server.name, job, run))
  return run
}

/** A line for whoever watches: whose CPU a rate is bounded by is seen here. */
function progress(server: string, { scenario, connections }: Measured, run: Run): string {
  const { perSecond, p50, p99, cpu, serverCpu } = run
  return (
    `  ${server}: ${scenario.kind}, ${connections} connections: ${Math.round(perSecond)}/s, p50 ${p50.toFixed(2)} ms, ` +
    `p99 ${p99.toFixed(2)} ms; cores used: generator ${cpu.toFixed(2)}, server ${serverCpu.toFixed(2)}`
  )
}

/** `scenario`: charges unless given, of which the first `remember` are kept for replays and refunds. */
type WarmUp = { readonly remember?: number; readonly seconds?: number; readonly scenario?: Scenario }

/** Lets a fresh server compile its hot code and fills the generator's memory of charges; not measured. */
export async function warmUp(
  bench: Bench,
  server: Server,
  { remember = 0, seconds = 1, scenario }: WarmUp = {},
): Promise<void> {
  await bench.load.run({
    ports: server.ports,
    connections: 64,
    warmup: 0,
    seconds,
    scenario: scenario ?? { kind: 'charge', remember },
  })
}

/** The medians of a row's rounds, and what was wrong with them. */
export function summary(runs: readonly Run[]): Pick<Row, 'perSecond' | 'p50' | 'p99' | 'fault' | 'raw'> {
  const wrong = runs.find((run) => run.errors > 0 || run.requests === 0)
  const busy = median(runs.map((run) => run.cpu)) > GENERATOR_LIMIT
  const fault = wrong
    ? `${wrong.errors} of ${wrong.requests} requests failed: ${JSON.stringify(wrong.statuses)}`
    : busy
      ? 'the load generator was the bottleneck'
      : undefined
  return {
    perSecond: median(runs.map((run) => run.perSecond)),
    p50: median(runs.map((run) => run.p50)),
    p99: median(runs.map((run) => run.p99)),
    ...(fault !== undefined && { fault }),
    raw: runs,
  }
}
