/** The sums of `hourly_statistics`, which a group of commits collects in memory and writes once. */
import {
  type CallPlace,
  type CountedCall,
  DURATION_BOUNDS_MS,
  DURATION_BUCKETS,
  HOUR_MS,
  MAX_DURATION_MS,
} from '../domain/statistics.ts'

/** Amounts are stored in two parts, so that no sum of them overflows 64 bits: `high` times this, and `low`. */
export const AMOUNT_PART = 4_294_967_296

/** The columns of the durations, in the order of their buckets. */
export const DURATION_COLUMNS: readonly string[] = [
  ...DURATION_BOUNDS_MS.map((bound) => `within_${bound}_ms`),
  'longer',
]

/** The sums of every row. */
export const NUMBER_COLUMNS: readonly string[] = ['calls', 'amount_high', 'amount_low']

/** The columns that identify a row in its scope. */
export const PLACE_COLUMNS = ['hour', 'provider', 'currency', 'kind', 'state', 'decline_code'] as const

/** Adds the numbers of a row that exists already; `own` is the table's name in the statement, with a point. */
export const addNumbers = (numbers: readonly string[], own = ''): string =>
  numbers.map((number) => `${number} = ${own}${number} + excluded.${number}`).join(', ')

/** The changes of one row. */
export type HourlySum = {
  readonly place: CallPlace
  calls: number
  high: number
  low: number
  /** Null if no duration changes. */
  durations: number[] | null
}

/** The changes of the rows of one scope. */
export class HourlySums {
  readonly #sums = new Map<string, HourlySum>()

  /** A call was counted as `before`, and is now counted as `after`; null where it is not counted. */
  move(before: CountedCall | null, after: CountedCall | null): void {
    if (before) this.#add(before, -1)
    if (after) this.#add(after, 1)
  }

  #add(call: CountedCall, change: 1 | -1): void {
    const { hour, provider, currency, kind, state, declineCode, amount, bucket } = call
    const name = `${hour}/${kind}/${state}/${currency}/${declineCode}/${provider}`
    let sum = this.#sums.get(name)
    if (!sum) {
      sum = { place: call, calls: 0, high: 0, low: 0, durations: null }
      this.#sums.set(name, sum)
    }
    sum.calls += change
    sum.high += change * Math.floor(amount / AMOUNT_PART)
    sum.low += change * (amount % AMOUNT_PART)
    if (bucket === null) return
    sum.durations ??= Array(DURATION_BUCKETS).fill(0)
    sum.durations[bucket] = (sum.durations[bucket] as number) + change
  }

  /** The rows that change, in one order. */
  rows(): HourlySum[] {
    return [...this.#sums]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, sum]) => sum)
      .filter(isChange)
  }
}

function isChange({ calls, high, low, durations }: HourlySum): boolean {
  return calls !== 0 || high !== 0 || low !== 0 || (durations?.some((change) => change !== 0) ?? false)
}

const SALE = `CASE WHEN t.kind = 'authorize' AND c.capture = 1 THEN 'sale' ELSE t.kind END`
const MS = `t.ended_at - t.started_at`
/** Rounded down, as `hourOf` does it: SQL rounds a quotient towards 0, and a wrong clock may be before 1970. */
const hourIn = (time: string) => `(${time} - (${time} % ${HOUR_MS} + ${HOUR_MS}) % ${HOUR_MS}) / ${HOUR_MS}`

/** The attempts as calls, in SQL that both engines run. A condition on `t.state` follows. */
export const CALLS_OF_ATTEMPTS = `
  SELECT t.account_id, t.live, ${hourIn('t.started_at')} AS hour, t.provider, t.currency, ${SALE} AS kind, t.state,
    coalesce(t.decline_code, '') AS decline_code, t.amount,
    CASE WHEN t.resolved_by = 'answer' AND ${MS} BETWEEN 0 AND ${MAX_DURATION_MS} THEN ${MS} END AS ms
  FROM attempts t
  JOIN charges c ON c.account_id = t.account_id AND c.live = t.live AND c.id = t.transaction_id`

const IS_AUTHORIZATION = `t.account_id = c.account_id AND t.live = c.live AND t.transaction_id = c.id AND t.kind = 'authorize'`

/** Every call that is counted. A charge that was decided at once, without an attempt, is one call: SQLite
 * finds its first attempt by the digits of its id, and the others by an index.
 */
export const CALLS = `
  ${CALLS_OF_ATTEMPTS}
  WHERE t.state IN ('pending', 'unknown', 'succeeded', 'declined', 'not_sent')
  UNION ALL
  SELECT c.account_id, c.live, ${hourIn('c.created_at')}, c.provider, c.currency,
    CASE c.capture WHEN 1 THEN 'sale' ELSE 'authorize' END,
    CASE c.status WHEN 'failed' THEN 'declined' ELSE 'succeeded' END,
    coalesce(CASE c.status WHEN 'failed' THEN c.decline_code END, ''), c.amount, NULL
  FROM charges c
  WHERE NOT EXISTS (SELECT 1 FROM attempts t WHERE t.id = 'att' || substr(c.id, 4) AND ${IS_AUTHORIZATION})
    AND NOT EXISTS (
      SELECT 1 FROM attempts t WHERE substr(t.id, 5) <> substr(t.transaction_id, 5) AND ${IS_AUTHORIZATION})`

/** 1 in the column of a call's duration, 0 in the others. */
export const DURATION_OF_CALL: readonly string[] = DURATION_COLUMNS.map((_, i) => {
  const [above, upTo] = [DURATION_BOUNDS_MS[i - 1], DURATION_BOUNDS_MS[i]]
  const conditions = [above !== undefined && `ms > ${above}`, upTo !== undefined && `ms <= ${upTo}`]
  return `CASE WHEN ${conditions.filter(Boolean).join(' AND ')} THEN 1 ELSE 0 END`
})

const PLACE = ['account_id', 'live', ...PLACE_COLUMNS]

/** Fills an empty table from the calls. */
export const COUNT_CALLS = `
  INSERT INTO hourly_statistics (${[...PLACE, ...NUMBER_COLUMNS, ...DURATION_COLUMNS].join(', ')})
  SELECT ${PLACE.join(', ')}, count(*), sum(amount / ${AMOUNT_PART}), sum(amount % ${AMOUNT_PART}),
    ${DURATION_OF_CALL.map((is) => `sum(${is})`).join(', ')}
  FROM (${CALLS}) AS call
  GROUP BY ${PLACE.map((_, i) => i + 1).join(', ')}`
