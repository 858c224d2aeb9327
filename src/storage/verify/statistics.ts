/** The check that the statistics are a fresh count of the calls. */
import { HOUR_MS } from '../../domain/statistics.ts'
import { AMOUNT_PART, CALLS, DURATION_COLUMNS, DURATION_OF_CALL, PLACE_COLUMNS } from '../hourly.ts'
import type { Check } from '../verify-checks.ts'
import { timeOf } from './views.ts'

const PLACE = ['account_id', 'live', ...PLACE_COLUMNS].join(', ')

/** One pass over both: a join would try each row of one with each of the other, where statistics are missing. */
export const STATISTICS: readonly Check[] = [
  {
    sql: `SELECT ${PLACE}, sum(stored) AS stored, sum(counted) AS counted, sum(high) AS high, sum(low) AS low
      FROM (
        SELECT ${PLACE}, calls AS stored, 0 AS counted, amount_high AS high, amount_low AS low,
          ${DURATION_COLUMNS.join(', ')}
        FROM hourly_statistics
        UNION ALL
        SELECT ${PLACE}, 0, 1, -(amount / ${AMOUNT_PART}), -(amount % ${AMOUNT_PART}),
          ${DURATION_OF_CALL.map((is) => `-(${is})`).join(', ')}
        FROM (${CALLS}) AS call) AS both_sides
      GROUP BY ${PLACE}
      HAVING sum(stored) <> sum(counted) OR sum(high) <> 0 OR sum(low) <> 0
        OR ${DURATION_COLUMNS.map((column) => `sum(${column}) <> 0`).join(' OR ')} LIMIT 1`,
    problem({ hour, provider, currency, kind, state, stored, counted, high, low }) {
      const about = `${kind} at ${provider} in ${currency} that are ${state}, of the hour ${timeOf(Number(hour) * HOUR_MS)}`
      if (stored !== counted) return `The statistics count ${stored} ${about}, but there are ${counted}.`
      const what = Number(high) !== 0 || Number(low) !== 0 ? 'another amount' : 'other durations'
      return `The statistics have ${what} than the ${counted} ${about}.`
    },
  },
]
