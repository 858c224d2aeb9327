import { countUse, type LimitUse, type VelocityCounter } from '../../domain/velocity.ts'
import { VELOCITY_COUNTERS } from '../columns.ts'
import { selectList } from '../table.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import { putRow } from './row-statements.ts'

export const FIND_COUNTER = `SELECT ${selectList(VELOCITY_COUNTERS)} FROM velocity_counters
  WHERE account_id = ? AND live = ? AND counter = ?`

/** The counters of velocity limits, as a commit reads and changes them. */
export function counterWrites(db: Connection) {
  const findRow = db.prepare<[number, number, string], object>(FIND_COUNTER)
  const put = db.prepare(putRow(VELOCITY_COUNTERS))

  function find(account: number, live: number, counter: string): VelocityCounter | undefined {
    const row = findRow.get(account, live, counter)
    return row && VELOCITY_COUNTERS.of(row)
  }

  return {
    find,
    add(account: number, live: number, use: LimitUse, at: number): void {
      const counter = countUse(find(account, live, use.counter), use, at)
      put.run(account, live, ...VELOCITY_COUNTERS.row(counter))
    },
  }
}

export const limitWrites = {
  purgeVelocityCounters(db) {
    const purge = db.prepare(
      `DELETE FROM velocity_counters WHERE (account_id, live, counter) IN (
         SELECT account_id, live, counter FROM velocity_counters WHERE ends_at <= ? ORDER BY ends_at LIMIT ?)`,
    )
    return (before: number, limit: number): number => purge.run(before, limit).changes
  },
} satisfies Record<string, Definition>
