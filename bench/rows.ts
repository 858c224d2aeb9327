/** The texts and numbers of the table's rows. */
import { median, type Row, type Run } from './bench.ts'

/** The median of the µs of CPU a request: of the whole server, unless a kind of thread or another process is named. */
export function microsOf(runs: readonly Run[], name = 'all'): number {
  return median(runs.map((run) => run.micros[name] ?? Number.NaN))
}

/** The costs of a charge; bytes are left out where nothing is written, and `stored` where it is not measured. */
export function costText(runs: readonly Run[], stored = Number.NaN): string {
  const names = Object.keys(runs[0]?.micros ?? {}).filter(
    (name) => name !== 'all' && microsOf(runs, name) > 0,
  )
  const written = median(runs.map((run) => run.written))
  return [
    `CPU a charge ${rounded(microsOf(runs))} µs (${names.map((name) => `${name} ${rounded(microsOf(runs, name))}`).join(', ')})`,
    ...(written > 0 ? [`written ${rounded(written)} B`] : []),
    ...(Number.isNaN(stored) ? [] : [`stored ${rounded(stored)} B`]),
  ].join('; ')
}

const rounded = (value: number): string => Math.round(value).toLocaleString('en-US')

type Aim = {
  readonly what: string
  readonly connections?: number
  readonly value: number
  readonly most: number | undefined
  readonly unit: string
  readonly beside?: string
}

/** A measurement beside the most that it may be; no row without an aim or a measurement. */
export function aimRow({ what, connections, value, most, unit, beside = '' }: Aim): Row[] {
  if (most === undefined || Number.isNaN(value)) return []
  const number = value < 10 ? value.toFixed(1) : rounded(value)
  return [
    {
      what,
      ...(connections !== undefined && { connections }),
      beside: `${number} ${unit}${beside && ` (${beside})`}`,
      aim: `at most ${Number.isInteger(most) ? rounded(most) : most} ${unit}`,
      met: value <= most,
      raw: [],
    },
  ]
}

/** The rate of `runs` as a share of that of `references`, beside the least that it may be; no row if one is not measured. */
export function shareRow(
  what: string,
  connections: number,
  runs: readonly Run[],
  references: readonly Run[],
  least: number,
): Row[] {
  if (runs.length === 0 || references.length === 0) return []
  const [rate, limit] = [runs, references].map((of) => median(of.map((run) => run.perSecond))) as [
    number,
    number,
  ]
  return [
    {
      what,
      connections,
      beside: `${(rate / limit).toFixed(2)} (${rounded(rate)} of ${rounded(limit)}/s)`,
      aim: `at least ${least}`,
      met: rate / limit >= least,
      raw: [],
    },
  ]
}
