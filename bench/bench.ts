/** The base of every part of the benchmark: its options, its folder, and the medians of its rounds. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadJob, LoadResult } from './load.ts'
import type { LoadGenerator, Server } from './processes.ts'
import type { Scenario } from './requests.ts'

export type Options = {
  readonly rounds: number
  /** Measured seconds of each cell of the table. */
  readonly seconds: number
  /** Runs only the parts whose name contains this. */
  readonly only: string
  /** Runs only these numbers of connections of the charge rows. */
  readonly connections: readonly number[]
  /** Flags for MiniPay's Node process, such as --cpu-prof. */
  readonly nodeFlags: readonly string[]
  /** The commit to compare this checkout with; undefined without one. */
  readonly compare: string
  /** Writes the results of a partial run too. */
  readonly save: boolean
}

export type Bench = Options & {
  /** A folder on a real disk. */
  readonly folder: string
  readonly load: LoadGenerator
}

/** One measured run: the load generator's result, and the CPU seconds of the server per second. */
export type Run = LoadResult & { readonly serverCpu: number }

export type Row = {
  readonly what: string
  readonly connections?: number
  readonly perSecond?: number
  /** ms */
  readonly p50?: number
  readonly p99?: number
  /** Other measurements, as text. */
  readonly beside?: string
  readonly aim?: string
  /** Undefined without an aim. */
  readonly met?: boolean
  /** Problems of the run: if there are any, do not trust the row's numbers. */
  readonly fault?: string
  /** The rounds behind the medians. */
  readonly raw: readonly unknown[]
}

/** A part of the benchmark. `--only` matches `names`; `wanted` are those that matched. */
export type Part = {
  readonly names: readonly string[]
  /** Too slow for a whole run: only `--only` runs it. */
  readonly onlyWhenNamed?: boolean
  run(bench: Bench, wanted: readonly string[]): Promise<Row[]>
}

const WARMUP_SECONDS = 0.3
/** If the generator used more than this share of a core, the run may have measured the generator. */
const GENERATOR_LIMIT = 0.95

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

let databases = 0

/** Calls `use` with the path of a database that does not exist yet, and deletes it afterwards. */
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

/** Prints a line for each run: it shows which CPU limits a rate. */
function progress(server: string, { scenario, connections }: Measured, run: Run): string {
  const { perSecond, p50, p99, cpu, serverCpu } = run
  return (
    `  ${server}: ${scenario.kind}, ${connections} connections: ${Math.round(perSecond)}/s, p50 ${p50.toFixed(2)} ms, ` +
    `p99 ${p99.toFixed(2)} ms; cores used: generator ${cpu.toFixed(2)}, server ${serverCpu.toFixed(2)}`
  )
}

/** `scenario`: charges unless given; the generator remembers the first `remember` for replays and refunds. */
type WarmUp = { readonly remember?: number; readonly seconds?: number; readonly scenario?: Scenario }

/** An unmeasured load: the new server compiles its hot code, and the generator remembers charges. */
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

/** The medians of a row's rounds, and their problems. */
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
