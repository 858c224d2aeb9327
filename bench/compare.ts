/** Charges of this checkout beside those of another commit, in turn: what changes made of the rate and of the CPU. */
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
import { withPostgres } from './postgres.ts'
import { type Server, startMiniPay, startStandIn } from './processes.ts'

const NAMES = ['compare: in process', 'compare: stand-in', 'compare: postgres'] as const
type Name = (typeof NAMES)[number]

const TITLES: Readonly<Record<Name, string>> = {
  'compare: in process': 'durable charges',
  'compare: stand-in': 'durable charges through a stand-in provider',
  'compare: postgres': 'durable charges on PostgreSQL',
}

const CONNECTIONS = 64
const WARMUP_SECONDS = 3
const OURS = fileURLToPath(new URL('..', import.meta.url))

/** `threads`: CPU that each kind of thread used, in µs a charge. */
type ComparedRun = Run & { readonly threads: Readonly<Record<string, number>> }
/** A checkout and the folder that it is in. */
type Side = { readonly what: string; readonly folder: string; readonly runs: ComparedRun[] }
/** Calls `use` with a new server of that checkout. */
type WithCharges = (folder: string, use: (server: Server) => Promise<void>) => Promise<void>

export const comparison: Part = {
  names: NAMES,
  onlyWhenNamed: true,
  async run(bench, wanted) {
    if (bench.compare === '') throw new Error('Name the other commit with --compare.')
    const theirs = checkOut(bench.folder, bench.compare)
    try {
      const rows: Row[] = []
      for (const name of NAMES) if (wanted.includes(name)) rows.push(...(await path(bench, name, theirs)))
      return rows
    } finally {
      execFileSync('git', ['worktree', 'remove', '--force', theirs], { cwd: OURS })
    }
  },
}

/** The commit in a folder of its own, with this checkout's dependencies: what differs is the code alone. */
function checkOut(parent: string, commit: string): string {
  const folder = join(parent, 'compared')
  execFileSync('git', ['worktree', 'add', '--quiet', '--detach', folder, commit], { cwd: OURS })
  symlinkSync(join(OURS, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

function path(bench: Bench, name: Name, theirs: string): Promise<Row[]> {
  switch (name) {
    case 'compare: in process':
      return pairs(bench, name, theirs, (folder, use) =>
        withDatabase(bench, (file) => withServer(startMiniPay(file, '', bench.nodeFlags, {}, folder), use)),
      )
    case 'compare: stand-in':
      return pairs(bench, name, theirs, (folder, use) =>
        withServer(startStandIn(), ({ url }) =>
          withDatabase(bench, (file) =>
            withProviders(bench, file, { bank: { url, concurrency: CONNECTIONS } }, use, {}, folder),
          ),
        ),
      )
    case 'compare: postgres':
      return withPostgres((postgres) =>
        pairs(bench, name, theirs, (folder, use) =>
          postgres.withDatabase((url) => withServer(startMiniPay(url, '', bench.nodeFlags, {}, folder), use)),
        ),
      )
  }
}

/** Each pair is begun by the other side: neither always runs on a machine in the same state. */
async function pairs(bench: Bench, name: Name, theirs: string, withCharges: WithCharges): Promise<Row[]> {
  const ours: Side = { what: `**${TITLES[name]}: this checkout**`, folder: OURS, runs: [] }
  const other: Side = { what: `the same: ${bench.compare}`, folder: theirs, runs: [] }
  for (let round = 0; round < bench.rounds; round++)
    for (const side of round % 2 === 0 ? [other, ours] : [ours, other])
      await withCharges(side.folder, async (server) => {
        side.runs.push(await charge(bench, server))
      })
  return [row(ours, other), row(other)]
}

async function charge(bench: Bench, server: Server): Promise<ComparedRun> {
  await warmUp(bench, server, { seconds: WARMUP_SECONDS })
  let before: Readonly<Record<string, number>> = {}
  const run = await measure(bench, server, { connections: CONNECTIONS, scenario: { kind: 'charge' } }, () => {
    before = server.threadSeconds()
  })
  const used = Object.entries(server.threadSeconds()).map(
    ([thread, seconds]) => [thread, ((seconds - (before[thread] ?? 0)) * 1e6) / run.requests] as const,
  )
  return { ...run, threads: Object.fromEntries(used) }
}

/** With the ratios of its medians to those of `reference`, when it is given. */
function row(side: Side, reference?: Side): Row {
  const rate = (of: Side) => median(of.runs.map((run) => run.perSecond))
  const cpu = (of: Side, thread: string) => median(of.runs.map((run) => run.threads[thread] ?? Number.NaN))
  const ratio = (measured: (of: Side) => number) =>
    reference ? ` (${(measured(side) / measured(reference)).toFixed(2)})` : ''
  // PostgreSQL's writes need no thread of their own.
  const used = Object.keys(side.runs[0]?.threads ?? {}).filter((thread) => cpu(side, thread) > 0)
  const micros = used.map(
    (thread) => `${thread} ${cpu(side, thread).toFixed(0)} µs${ratio((of) => cpu(of, thread))}`,
  )
  const rates = reference ? `${(rate(side) / rate(reference)).toFixed(2)} of its rate; ` : ''
  return {
    what: side.what,
    connections: CONNECTIONS,
    ...summary(side.runs),
    beside: `${rates}CPU a charge: ${micros.join(', ')}`,
  }
}
