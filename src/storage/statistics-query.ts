/** Reads of `hourly_statistics`: the query that both engines run, and the sums of its rows. */
import { DAY_HOURS } from '../domain/statistics.ts'
import {
  DIMENSIONS,
  type Dimension,
  type StatisticsQuery,
  type StatisticsRow,
} from '../ports/store-statistics.ts'
import { AMOUNT_PART, DURATION_COLUMNS } from './hourly.ts'

const COLUMN_OF: Readonly<Record<Dimension, string>> = {
  provider: 'provider',
  currency: 'currency',
  kind: 'kind',
  state: 'state',
  declineCode: 'decline_code',
}

const FILTERS = ['provider', 'currency', 'kind'] as const

/** A row of the query: a bucket, or a part of it. The two parts of the amount are texts with all their digits. */
export type FoundSums = Readonly<Record<string, string | number | null>>

/** The values of the query's parameters. */
export function parametersOf(
  scope: readonly [accountId: number, live: number],
  query: StatisticsQuery,
  from = query.from,
  until = query.until,
): (string | number | null)[] {
  return [
    ...scope,
    from,
    until,
    query.bucketHours ?? 0,
    ...DIMENSIONS.map((name) => (query.by.includes(name) ? 1 : 0)),
    ...FILTERS.map((name) => query[name] ?? null),
  ]
}

const GROUPS = [1, ...DIMENSIONS.map((_, i) => i + 2)].join(', ')

/** The one text for every query; `parameter` is the engine's nth, from 1. It leaves out rows that became zero. */
export function statisticsQuery(parameter: (n: number) => string): string {
  const number = (n: number) => `CAST(${parameter(n)} AS integer)`
  const first = 6
  const split = DIMENSIONS.map(
    (name, i) => `CASE WHEN ${number(first + i)} = 1 THEN ${COLUMN_OF[name]} END AS ${COLUMN_OF[name]}`,
  )
  const filters = FILTERS.map((name, i) => {
    const wanted = parameter(first + DIMENSIONS.length + i)
    return `AND (CAST(${wanted} AS text) IS NULL OR ${COLUMN_OF[name]} = ${wanted})`
  })
  return `
    SELECT CASE WHEN ${number(5)} = 0 THEN 0 ELSE hour - hour % ${number(5)} END AS bucket, ${split.join(', ')},
      sum(calls) AS calls,
      CAST(sum(amount_high) AS text) AS high, CAST(sum(amount_low) AS text) AS low,
      ${DURATION_COLUMNS.map((column) => `sum(${column}) AS ${column}`).join(', ')}
    FROM hourly_statistics
    WHERE account_id = ${parameter(1)} AND live = ${parameter(2)} AND hour >= ${parameter(3)} AND hour < ${parameter(4)}
      ${filters.join(' ')}
    GROUP BY ${GROUPS}
    HAVING sum(calls) <> 0
    ORDER BY ${GROUPS}`
}

/** A reader on SQLite reads so many hours, and then lets other requests have their turn. */
export const SLICE_HOURS = DAY_HOURS

type Total = { readonly row: FoundSums; calls: number; amount: bigint; readonly durations: number[] }

/** Sums of rows by bucket and dimensions. */
export class Totals {
  readonly #query: StatisticsQuery
  readonly #totals = new Map<string, Total>()

  constructor(query: StatisticsQuery) {
    this.#query = query
  }

  /** More rows than the query wants. */
  get full(): boolean {
    return this.#totals.size > this.#query.limit
  }

  add(row: FoundSums): void {
    const name = JSON.stringify([row['bucket'], ...this.#query.by.map((of) => row[COLUMN_OF[of]])])
    let total = this.#totals.get(name)
    if (!total) {
      total = { row, calls: 0, amount: 0n, durations: DURATION_COLUMNS.map(() => 0) }
      this.#totals.set(name, total)
    }
    total.calls += Number(row['calls'])
    total.amount += BigInt(row['high'] ?? 0) * BigInt(AMOUNT_PART) + BigInt(row['low'] ?? 0)
    for (const [i, column] of DURATION_COLUMNS.entries())
      total.durations[i] = (total.durations[i] as number) + Number(row[column])
  }

  rows(): StatisticsRow[] {
    return [...this.#totals]
      .sort(([a, { row: first }], [b, { row: second }]) => {
        return Number(first['bucket']) - Number(second['bucket']) || (a < b ? -1 : 1)
      })
      .map(([, total]) => this.#rowOf(total))
  }

  #rowOf({ row, calls, amount, durations }: Total): StatisticsRow {
    const { from, bucketHours, by } = this.#query
    const own = Object.fromEntries(
      DIMENSIONS.map((name) => [name, (by.includes(name) && row[COLUMN_OF[name]]) || null]),
    ) as Pick<StatisticsRow, Dimension>
    return { hour: bucketHours === null ? from : Number(row['bucket']), ...own, calls, amount, durations }
  }
}
