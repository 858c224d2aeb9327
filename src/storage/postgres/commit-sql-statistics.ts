/** The statements that add to `hourly_statistics`. */
import type { Scope } from '../../ports/store.ts'
import {
  AMOUNT_PART,
  addNumbers,
  CALLS_OF_ATTEMPTS,
  DURATION_COLUMNS,
  type HourlySum,
  type HourlySums,
  NUMBER_COLUMNS,
  PLACE_COLUMNS,
} from '../hourly.ts'
import type { Statement } from './batch.ts'
import { SCOPE, write } from './commit-sql.ts'
import { type Recordset, recordset } from './recordset.ts'

const COLUMNS = {
  hour: ['integer', ({ place }: HourlySum) => place.hour],
  provider: ['text', ({ place }: HourlySum) => place.provider],
  currency: ['text', ({ place }: HourlySum) => place.currency],
  kind: ['text', ({ place }: HourlySum) => place.kind],
  state: ['text', ({ place }: HourlySum) => place.state],
  decline_code: ['text', ({ place }: HourlySum) => place.declineCode],
  calls: ['integer', ({ calls }: HourlySum) => calls],
  amount_high: ['bigint', ({ high }: HourlySum) => high],
  amount_low: ['bigint', ({ low }: HourlySum) => low],
} as const

const durations = Object.fromEntries(
  DURATION_COLUMNS.map((name, i) => [
    name,
    ['integer', ({ durations }: HourlySum) => durations?.[i] ?? 0] as const,
  ]),
)

const PLACE = PLACE_COLUMNS.join(', ')

/** The rows are sorted, so that two groups cannot deadlock. */
const add = (rows: Recordset<HourlySum>, numbers: readonly string[]) =>
  write(
    rows,
    `
  INSERT INTO hourly_statistics AS h (account_id, live, ${rows.columns}, part)
  SELECT ${SCOPE}, r.*, 0
  FROM ${rows.from}
  ON CONFLICT (account_id, live, ${PLACE}, part) DO UPDATE SET ${addNumbers(numbers, 'h.')}`,
  )

const addCalls = add(recordset<HourlySum>(COLUMNS), NUMBER_COLUMNS)
const addTimedCalls = add(recordset<HourlySum>({ ...COLUMNS, ...durations }), [
  ...NUMBER_COLUMNS,
  ...DURATION_COLUMNS,
])

/** Adds the sums of a group. The most frequent charge has no duration, and sends no columns for it. */
export function statisticsWrites(scope: Scope, sums: HourlySums): Statement[] {
  const rows = sums.rows()
  if (rows.length === 0) return []
  return [(rows.some(({ durations }) => durations) ? addTimedCalls : addCalls)(scope, rows)]
}

/**
 * Counts open attempts in another state. `moves` has the id of each, with -1 for the state that it leaves and 1 for the
 * next one. An attempt that is being sent is not counted. In part 1, like the counters of those who work on what was
 * committed. LATERAL finds each attempt and charge by its key, however many the planner expects.
 */
export const movedCalls = (moves: string): string => `
  called AS (
    INSERT INTO hourly_statistics AS h (account_id, live, ${PLACE}, part, ${NUMBER_COLUMNS.join(', ')})
    SELECT t.account_id, t.live, t.hour, t.provider, t.currency, t.kind, m.state, '', 1, sum(m.change),
      sum(m.change * (t.amount / ${AMOUNT_PART})), sum(m.change * (t.amount % ${AMOUNT_PART}))
    FROM ${moves} m
    CROSS JOIN LATERAL (${CALLS_OF_ATTEMPTS} WHERE t.id = m.id LIMIT 1) AS t
    WHERE m.state <> 'sending'
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (account_id, live, ${PLACE}, part) DO UPDATE SET ${addNumbers(NUMBER_COLUMNS, 'h.')})`
