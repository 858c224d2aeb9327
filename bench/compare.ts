/**
 * Compares charges of this checkout with those of another commit, in turn: rates, CPU, bytes written and bytes stored.
 */
import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withProviders } from './banks.ts'
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
import { type Postgres, withPostgres } from './postgres.ts'
import { type Server, startMiniPay, startStandIn } from './processes.ts'
import { postgresSize, type Size, sqliteSize } from './sizes.ts'

/** By name, the path of a charge: the engine, and whether MiniPay calls a provider's process. */
const ROADS = {
  'compare: in process': { title: 'durable charges', postgres: false, provider: false },
  'compare: provider': { title: 'durable charges through a provider', postgres: false, provider: true },
  'compare: postgres': { title: 'durable charges on PostgreSQL', postgres: true, provider: false },
  'compare: postgres provider': {
    title: 'durable charges on PostgreSQL through a provider',
    postgres: true,
    provider: true,
  },
} as const
type Name = keyof typeof ROADS
const NAMES = Object.keys(ROADS) as Name[]

const CONNECTIONS = 64
const WARMUP_SECONDS = 3
const OURS = fileURLToPath(new URL('..', import.meta.url))

/** Per charge: µs of CPU by thread or process, and bytes. */
type Cost = { readonly micros: Readonly<Record<string, number>>; readonly written: number; stored: number }
type ComparedRun = Run & Cost
/** A checkout and the folder that it is in. */
type Side = { readonly what: string; readonly folder: string; readonly runs: ComparedRun[] }
/** A database of a run, and the other processes that work on it. */
type Engine = {
  readonly database: string
  readonly postgres: Postgres | undefined
  /** Of the tables and indexes now, and how many charges they have. */
  size(): Promise<Size>
}

export const comparison: Part = {
  names: NAMES,
  onlyWhenNamed: true,
  async run(bench, wanted) {
    if (bench.compare === '') throw new Error('Name the other commit with --compare.')
    const theirs = checkOut(bench.folder, bench.compare)
    const roads = (postgres: boolean) =>
      NAMES.filter((name) => wanted.includes(name) && ROADS[name].postgres === postgres)
    const rows: Row[] = []
    try {
      for (const name of roads(false)) rows.push(...(await pairs(bench, name, theirs)))
      if (roads(true).length > 0)
        await withPostgres(async (postgres) => {
          for (const name of roads(true)) rows.push(...(await pairs(bench, name, theirs, postgres)))
        })
      return rows
    } finally {
      execFileSync('git', ['worktree', 'remove', '--force', theirs], { cwd: OURS })
    }
  },
}

/** The commit in its own folder, with this checkout's dependencies: only the code differs. */
function checkOut(parent: string, commit: string): string {
  const folder = join(parent, 'compared')
  execFileSync('git', ['worktree', 'add', '--quiet', '--detach', folder, commit], { cwd: OURS })
  symlinkSync(join(OURS, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** The sides take turns in beginning a pair, so neither always runs in the same state of the machine. */
async function pairs(bench: Bench, name: Name, theirs: string, postgres?: Postgres): Promise<Row[]> {
  const { title, provider } = ROADS[name]
  const ours: Side = { what: `**${title}: this checkout**`, folder: OURS, runs: [] }
  const other: Side = { what: `the same: ${bench.compare}`, folder: theirs, runs: [] }
  for (let round = 0; round < bench.rounds; round++)
    for (const side of round % 2 === 0 ? [other, ours] : [ours, other])
      await withEngine(bench, postgres, async (engine) => {
        side.runs.push(await (provider ? runWithProvider : runInProcess)(bench, side.folder, engine))
      })
  return [row(ours, other), row(other)]
}

function withEngine(
  bench: Bench,
  postgres: Postgres | undefined,
  use: (engine: Engine) => Promise<void>,
): Promise<void> {
  return postgres
    ? postgres.withDatabase((url) => use({ database: url, postgres, size: () => postgresSize(url) }))
    : withDatabase(bench, (file) =>
        use({ database: file, postgres: undefined, size: async () => sqliteSize(file) }),
      )
}

async function runInProcess(bench: Bench, folder: string, engine: Engine): Promise<ComparedRun> {
  const server = startMiniPay(engine.database, '', bench.nodeFlags, {}, folder)
  const run = await withServer(server, (started) => charge(bench, started, engine))
  return withStored(run, engine)
}

async function runWithProvider(bench: Bench, folder: string, engine: Engine): Promise<ComparedRun> {
  return withServer(startStandIn(), async ({ url }) => {
    const remotes = { bank: { url, concurrency: CONNECTIONS } }
    const use = (server: Server) => charge(bench, server, engine)
    return withStored(await withProviders(bench, engine.database, remotes, use, {}, folder), engine)
  })
}

/** After the server has ended, all data is in the tables and none in a log. */
async function withStored(run: ComparedRun, engine: Engine): Promise<ComparedRun> {
  const { bytes, charges } = await engine.size()
  return { ...run, stored: bytes / charges }
}

async function charge(bench: Bench, server: Server, { postgres }: Engine): Promise<ComparedRun> {
  await warmUp(bench, server, { seconds: WARMUP_SECONDS })
  const used = () => ({
    seconds: { ...server.threadSeconds(), ...(postgres && { postgres: postgres.cpuSeconds() }) },
    written: server.bytesWritten() + (postgres?.bytesWritten() ?? 0),
  })
  let before = used()
  const scenario = { kind: 'charge' } as const
  const run = await measure(bench, server, { connections: CONNECTIONS, scenario }, () => {
    before = used()
  })
  const after = used()
  const micros = Object.entries(after.seconds).map(([name, seconds]) => {
    const earlier: Readonly<Record<string, number>> = before.seconds
    return [name, ((seconds - (earlier[name] ?? 0)) * 1e6) / run.requests] as const
  })
  const written = (after.written - before.written) / run.requests
  return { ...run, micros: Object.fromEntries(micros), written, stored: Number.NaN }
}

/** Adds the ratios of its medians to those of `reference`, if given. */
function row(side: Side, reference?: Side): Row {
  const measured = (of: (run: ComparedRun) => number, unit: string) => {
    const ours = median(side.runs.map(of))
    const ratio = reference ? ` (${(ours / median(reference.runs.map(of))).toFixed(2)})` : ''
    return `${ours.toFixed(0)} ${unit}${ratio}`
  }
  // Omits idle threads: for example, PostgreSQL needs no writer thread.
  const used = Object.keys(side.runs[0]?.micros ?? {}).filter(
    (name) => median(side.runs.map((run) => run.micros[name] ?? 0)) > 0,
  )
  const micros = used.map((name) => `${name} ${measured((run) => run.micros[name] ?? Number.NaN, 'µs')}`)
  const rate = (of: Side) => median(of.runs.map((run) => run.perSecond))
  const rates = reference ? `${(rate(side) / rate(reference)).toFixed(2)} of its rate; ` : ''
  return {
    what: side.what,
    connections: CONNECTIONS,
    ...summary(side.runs),
    beside:
      `${rates}CPU a charge: ${micros.join(', ')}; ` +
      `written ${measured((run) => run.written, 'B')}, stored ${measured((run) => run.stored, 'B')}`,
  }
}
