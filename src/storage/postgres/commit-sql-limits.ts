/**
 * The statements for the counters of velocity limits. A group locks those that exist before it judges its commits, and
 * writes them once. If another group has inserted one since, the primary key refuses the insert, and the group reads again.
 */
import type { VelocityCounter } from '../../domain/velocity.ts'
import type { Commit, Scope } from '../../ports/store.ts'
import { VELOCITY_COUNTERS } from '../columns.ts'
import { selectList } from '../table.ts'
import type { Statement } from './batch.ts'
import { changesIn, SCOPE, setChanges, write } from './commit-sql.ts'
import { recordset, recordsetOf } from './recordset.ts'
import { nameIn } from './rows.ts'

export const COUNTER_NAMES = recordset<{ readonly counter: string }>({
  counter: ['text', ({ counter }) => counter],
})

/** Sorted, so that two groups cannot deadlock. */
export const LOCK_COUNTERS = `
  SELECT ${selectList(VELOCITY_COUNTERS, {}, 'v')}
  FROM velocity_counters v
  JOIN ${COUNTER_NAMES.scoped}
    ON v.account_id = r.account_id AND v.live = r.live AND v.counter = r.counter
  ORDER BY v.counter
  FOR UPDATE OF v`

const ROWS = recordsetOf(VELOCITY_COUNTERS.columns)
/** Sorted, so that two groups cannot deadlock. */
const insertCounters = write(
  ROWS,
  `
  INSERT INTO velocity_counters (account_id, live, ${ROWS.columns})
  SELECT ${SCOPE}, r.* FROM ${ROWS.from}
  ORDER BY r.counter COLLATE "C"`,
)

const CHANGES = recordsetOf(changesIn(VELOCITY_COUNTERS))
const updateCounters = write(
  CHANGES,
  `
  UPDATE velocity_counters v
  SET ${setChanges(VELOCITY_COUNTERS)}
  FROM ${CHANGES.scoped}
  WHERE v.account_id = r.account_id AND v.live = r.live AND v.counter = r.counter`,
)

/** Counters by the names of `nameIn`. */
export type Counters = {
  /** Names of those whose rows are locked. */
  readonly stored: ReadonlySet<string>
  /** As they are after the commits that were accepted. */
  readonly after: ReadonlyMap<string, VelocityCounter>
}

/** Writes each counter that the accepted commits of a scope have changed. */
export function counterWrites(scope: Scope, commits: readonly Commit[], counters: Counters): Statement[] {
  const names = new Set<string>()
  for (const { limits } of commits) for (const { counter } of limits ?? []) names.add(nameIn(scope, counter))
  if (names.size === 0) return []
  const rowsOf = (stored: boolean) =>
    [...names]
      .filter((name) => counters.stored.has(name) === stored)
      .map((name) => counters.after.get(name) as VelocityCounter)
  const writing = [insertCounters, updateCounters] as const
  return writing.flatMap((write, i) => {
    const rows = rowsOf(i === 1)
    return rows.length > 0 ? [write(scope, rows)] : []
  })
}
