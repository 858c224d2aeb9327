/**
 * Compares charges of this checkout with those of another commit, in turn: rates, CPU, bytes written and bytes stored.
 */
import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
} from './bench.ts'
import { type Postgres, withPostgres } from './postgres.ts'
import { onRoad } from './roads.ts'

/** By name, the path of a charge: the engine, and whether MiniPay calls a provider's process. */
const ROADS = {
  'compare: provider': { title: 'durable charges through a provider', postgres: false, provider: true },
  'compare: postgres provider': {
    title: 'durable charges on PostgreSQL through a provider',
    postgres: true,
    provider: true,
  },
  'compare: in process': { title: 'durable charges', postgres: false, provider: false },
  'compare: postgres': { title: 'durable charges on PostgreSQL', postgres: true, provider: false },
} as const
type Name = keyof typeof ROADS
const NAMES = Object.keys(ROADS) as Name[]

const CONNECTIONS = 64
const OURS = fileURLToPath(new URL('..', import.meta.url))

/** `stored`: bytes a charge. */
type ComparedRun = Run & { readonly stored: number }

export const comparison: Part = {
  names: NAMES,
  onlyWhenNamed: true,
  async run(bench, wanted) {
    const roads = NAMES.filter((name) => wanted.includes(name))
    const theirs = checkOut(bench.folder, bench.compare)
    const compareAll = async (postgres?: Postgres) => {
      const rows: Row[] = []
      for (const name of roads) rows.push(...(await compare(bench, name, theirs, postgres)))
      return rows
    }
    try {
      return await (roads.some((name) => ROADS[name].postgres) ? withPostgres(compareAll) : compareAll())
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

async function compare(bench: Bench, name: Name, theirs: string, postgres?: Postgres): Promise<Row[]> {
  const { title, provider, postgres: onPostgres } = ROADS[name]
  const sideOf = (checkout: string) => async (): Promise<ComparedRun> => {
    const road = { provider, checkout, ...(onPostgres && { postgres }) }
    const { result, stored } = await onRoad(bench, road, async (server, others) => {
      await warmUp(bench, server, { requests: COMPILED_AFTER })
      return measure(bench, server, { connections: CONNECTIONS, scenario: { kind: 'charge' } }, others)
    })
    return { ...result, stored }
  }
  const { other, ours } = await inTurn(bench.rounds, { other: sideOf(theirs), ours: sideOf(OURS) })
  return [row(`**${title}: this checkout**`, ours, other), row(`the same: ${bench.compare}`, other)]
}

/** Adds the ratios of its medians to those of `reference`, if given. */
function row(what: string, runs: readonly ComparedRun[], reference?: readonly ComparedRun[]): Row {
  const measured = (of: (run: ComparedRun) => number, unit: string) => {
    const ours = median(runs.map(of))
    const ratio = reference ? ` (${(ours / median(reference.map(of))).toFixed(2)})` : ''
    return `${ours.toFixed(0)} ${unit}${ratio}`
  }
  // Omits idle threads: for example, PostgreSQL needs no writer thread.
  const used = Object.keys(runs[0]?.micros ?? {}).filter(
    (name) => median(runs.map((run) => run.micros[name] ?? 0)) > 0,
  )
  const micros = used.map((name) => `${name} ${measured((run) => run.micros[name] ?? Number.NaN, 'µs')}`)
  const rate = (of: readonly Run[]) => median(of.map((run) => run.perSecond))
  const rates = reference ? `${(rate(runs) / rate(reference)).toFixed(2)} of its rate; ` : ''
  return {
    what,
    connections: CONNECTIONS,
    ...summary(runs),
    beside:
      `${rates}CPU a charge: ${micros.join(', ')}; ` +
      `written ${measured((run) => run.written, 'B')}, stored ${measured((run) => run.stored, 'B')}`,
  }
}
