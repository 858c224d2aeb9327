/** The base of every part of the benchmark: its options, its folder, and the medians of its rounds. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadJob, LoadResult } from './load.ts'
import { type LoadGenerator, type Server, startMiniPay } from './processes.ts'
import type { Scenario } from './requests.ts'

export type Options = {
  readonly rounds: number
  /** Measured seconds of each cell of the table; undefined for each part's own. */
  readonly seconds: number | undefined
  /** Runs only the parts whose name contains this. */
  readonly only: string
  /** Runs only these numbers of connections of the charge rows. */
  readonly connections: readonly number[]
  /** Flags for MiniPay's Node process, such as --cpu-prof. */
  readonly nodeFlags: readonly string[]
  /** The commit to compare this checkout with; empty without one. */
  readonly compare: string
  /** Writes the results of a partial run too. */
  readonly save: boolean
}

export type Bench = Options & {
  readonly seconds: number
  /** A folder on a real disk. */
  readonly folder: string
  readonly load: LoadGenerator
}

/** One measured run: the load generator's result, and the cost of a request. */
export type Run = LoadResult & {
  /**
   * µs of CPU: `all` of the server, by kind of its threads (`Server.threadSeconds`), and by the name of each process that
   * works with it.
   */
  readonly micros: Readonly<Record<string, number>>
  /** Bytes that the server and those processes wrote to the disk. */
  readonly written: number
}

/** Processes that a server works with, by name, whose work is a part of its costs. */
export type Others = Readonly<Record<string, Pick<Server, 'cpuSeconds' | 'bytesWritten'>>>

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
  /** Measured seconds of each of its cells, unless `--seconds` is given; 3 unless given here. */
  readonly seconds?: number
  run(bench: Bench, wanted: readonly string[]): Promise<Row[]>
}

const WARMUP_SECONDS = 0.3
const LONGEST_WARM_UP_SECONDS = 20
/**
 * A server compiles its code during so many charges. The compiler's threads take a tenth of the CPU time of the first 25,000
 * charges through a provider, and next to nothing of later ones.
 */
export const COMPILED_AFTER = 30_000
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

/** Calls `use` with MiniPay on an empty database, and stops it afterwards. */
export function withMiniPay<T>(bench: Bench, use: (server: Server) => Promise<T>): Promise<T> {
  return withDatabase(bench, (file) => withServer(startMiniPay(file, '', bench.nodeFlags), use))
}

/**
 * Runs each work once a round, one at a time, and returns the results of each in order. Another one begins each round, so
 * none always meets the same state of the machine.
 */
export async function inTurn<W extends Readonly<Record<string, () => Promise<unknown>>>>(
  rounds: number,
  works: W,
): Promise<{ [K in keyof W]: Awaited<ReturnType<W[K]>>[] }> {
  const all = Object.entries(works)
  const results = Object.fromEntries(all.map(([name]) => [name, [] as unknown[]]))
  for (let round = 0; round < rounds; round++)
    for (const i of all.keys()) {
      const [name, work] = all[(i + round) % all.length] as (typeof all)[number]
      results[name]?.push(await work())
    }
  return results as { [K in keyof W]: Awaited<ReturnType<W[K]>>[] }
}

/** Unless given, `seconds` are those of the part, and the warm-up is short. */
type Measured = Omit<LoadJob, 'ports' | 'warmup' | 'seconds'> & Partial<Pick<LoadJob, 'warmup' | 'seconds'>>

/** Runs one measured load against a server; `others` work with it. */
export async function measure(
  bench: Bench,
  server: Server,
  job: Measured,
  others: Others = {},
  onMeasuring?: () => void,
): Promise<Run> {
  let before = usage(server, others)
  let after: Usage | undefined
  const result = await bench.load.run(
    { seconds: bench.seconds, warmup: WARMUP_SECONDS, ...job, ports: server.ports },
    () => {
      before = usage(server, others)
      onMeasuring?.()
    },
    () => {
      after = usage(server, others)
    },
  )
  const run = { ...result, ...costs(before, after ?? usage(server, others), result.requests) }
  console.error(progress(server.name, job, run))
  return run
}

type Usage = { readonly seconds: Readonly<Record<string, number>>; readonly written: number }

function usage(server: Server, others: Others): Usage {
  const seconds = { ...server.threadSeconds() }
  for (const [name, other] of Object.entries(others)) seconds[name] = other.cpuSeconds()
  const written = [server, ...Object.values(others)].reduce((sum, one) => sum + one.bytesWritten(), 0)
  return { seconds, written }
}

function costs(before: Usage, after: Usage, requests: number): Pick<Run, 'micros' | 'written'> {
  const micros = Object.entries(after.seconds).map(([name, seconds]) => [
    name,
    ((seconds - (before.seconds[name] ?? 0)) * 1e6) / requests,
  ])
  return { micros: Object.fromEntries(micros), written: (after.written - before.written) / requests }
}

/** Prints a line for each run: it shows which CPU limits a rate. */
function progress(server: string, { scenario, connections }: Measured, run: Run): string {
  const { perSecond, p50, p99, cpu, micros } = run
  const cores = ((micros['all'] ?? Number.NaN) * perSecond) / 1e6
  return (
    `  ${server}: ${scenario.kind}, ${connections} connections: ${Math.round(perSecond)}/s, p50 ${p50.toFixed(2)} ms, ` +
    `p99 ${p99.toFixed(2)} ms; cores used: generator ${cpu.toFixed(2)}, server ${cores.toFixed(2)}`
  )
}

/**
 * A load of at least so many seconds and requests; it is repeated until it had them, but for at most LONGEST_WARM_UP_SECONDS.
 * `scenario`: charges unless given; the generator remembers the first `remember` for replays and refunds.
 */
type WarmUp = {
  readonly remember?: number
  readonly seconds?: number
  readonly requests?: number
  readonly connections?: number
  readonly scenario?: Scenario
}

/** A load before the measurement: the new server compiles its hot code, and the generator remembers charges. */
export async function warmUp(
  bench: Bench,
  server: Server,
  { remember = 0, seconds = 1, requests = 0, connections = 64, scenario }: WarmUp = {},
): Promise<LoadResult> {
  const job = { ports: server.ports, connections, warmup: 0, seconds }
  const from = performance.now()
  for (let done = 0; ; ) {
    const result = await bench.load.run({ ...job, scenario: scenario ?? { kind: 'charge', remember } })
    done += result.requests
    if (done >= requests || performance.now() - from > LONGEST_WARM_UP_SECONDS * 1000) return result
  }
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
