/** Changes of the statistics. */
import type { Tampering } from './sql.ts'

const TAKEN = `hourly_statistics WHERE kind = 'sale' AND state = 'succeeded' AND provider = 'bank_a' AND currency = 'usd'`
const ABOUT = String.raw`sale at bank_a in usd that are succeeded, of the hour 20[\d:T.-]+Z`

export const STATISTICS: readonly Tampering[] = [
  {
    what: 'a count of the statistics',
    sql: `UPDATE ${TAKEN.replace('WHERE', 'SET calls = calls + 1 WHERE')}`,
    says: new RegExp(String.raw`^The statistics count \d+ ${ABOUT}, but there are \d+\.$`),
  },
  {
    what: 'an amount of the statistics',
    sql: `UPDATE ${TAKEN.replace('WHERE', 'SET amount_low = amount_low - 1 WHERE')}`,
    says: new RegExp(`^The statistics have another amount than the \\d+ ${ABOUT}\\.$`),
  },
  {
    what: 'a duration in the statistics',
    sql: `UPDATE ${TAKEN.replace('WHERE', 'SET longer = longer + 1 WHERE')}`,
    says: new RegExp(`^The statistics have other durations than the \\d+ ${ABOUT}\\.$`),
  },
  {
    what: 'a row of the statistics deleted',
    sql: `DELETE FROM ${TAKEN}`,
    says: new RegExp(String.raw`^The statistics count 0 ${ABOUT}, but there are \d+\.$`),
  },
  {
    what: 'statistics of calls that never were',
    sql: `INSERT INTO hourly_statistics
        (account_id, live, hour, provider, currency, kind, state, decline_code, calls, amount_high, amount_low)
      VALUES (1, 1, 7, 'bank_z', 'usd', 'capture', 'pending', '', 2, 0, 9)`,
    says: /^The statistics count 2 capture at bank_z in usd that are pending, of the hour 1970-01-01T07:00:00.000Z, but there are 0\.$/,
  },
]
