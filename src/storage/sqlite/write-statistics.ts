import { DURATION_COLUMNS, type HourlySum, NUMBER_COLUMNS, PLACE_COLUMNS } from '../hourly.ts'
import type { Connection } from './connection.ts'

/** Adds the sums of a group to the rows of `hourly_statistics`. */
export function statisticWrites(db: Connection) {
  const plain = changesOf(db, NUMBER_COLUMNS)
  const withDurations = changesOf(db, [...NUMBER_COLUMNS, ...DURATION_COLUMNS])

  return (account: number, live: number, { place, calls, high, low, durations }: HourlySum): void => {
    const { hour, provider, currency, kind, state, declineCode } = place
    const key = [account, live, hour, provider, currency, kind, state, declineCode]
    if (durations) withDurations(key, [calls, high, low, ...durations])
    else plain(key, [calls, high, low])
  }
}

/** Nearly every row exists: an UPDATE takes half the time of an upsert, which also checks the constraints again. */
function changesOf(db: Connection, numbers: readonly string[]) {
  const key = ['account_id', 'live', ...PLACE_COLUMNS]
  const columns = [...key, ...numbers]
  const update = db.prepare(`
    UPDATE hourly_statistics
    SET ${numbers.map((number) => `${number} = ${number} + ?`).join(', ')}
    WHERE ${key.map((column) => `${column} = ?`).join(' AND ')}`)
  const insert = db.prepare(`
    INSERT INTO hourly_statistics (${columns.join(', ')})
    VALUES (${columns.map(() => '?').join(', ')})`)
  return (key: readonly (string | number)[], values: readonly number[]): void => {
    if (update.run(...values, ...key).changes === 0) insert.run(...key, ...values)
  }
}
