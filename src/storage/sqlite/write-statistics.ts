import { addNumbers, DURATION_COLUMNS, type HourlySum, NUMBER_COLUMNS, PLACE_COLUMNS } from '../hourly.ts'
import type { Connection } from './connection.ts'

/** Adds the sums of a group to the rows of `hourly_statistics`. */
export function statisticWrites(db: Connection) {
  const add = db.prepare(upsert(NUMBER_COLUMNS))
  const addWithDurations = db.prepare(upsert([...NUMBER_COLUMNS, ...DURATION_COLUMNS]))

  return (account: number, live: number, { place, calls, high, low, durations }: HourlySum): void => {
    const { hour, provider, currency, kind, state, declineCode } = place
    if (durations)
      addWithDurations.run(
        ...[account, live, hour, provider, currency, kind, state, declineCode, calls, high, low],
        ...durations,
      )
    else add.run(account, live, hour, provider, currency, kind, state, declineCode, calls, high, low)
  }
}

function upsert(numbers: readonly string[]): string {
  const columns = ['account_id', 'live', ...PLACE_COLUMNS, ...numbers]
  return `
    INSERT INTO hourly_statistics (${columns.join(', ')})
    VALUES (${columns.map(() => '?').join(', ')})
    ON CONFLICT DO UPDATE SET ${addNumbers(numbers)}`
}
