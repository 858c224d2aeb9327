import type { VelocityCounter } from '../../domain/velocity.ts'
import type { Scope } from '../../ports/store.ts'
import { VELOCITY_COUNTERS } from '../columns.ts'
import { selectList } from '../table.ts'
import { COUNTER_NAMES } from './commit-sql-limits.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

/** Counters of velocity limits. */
export function limitReads(sql: Sql) {
  return {
    async velocityCounters(scope: Scope, counters: readonly string[]): Promise<VelocityCounter[]> {
      const names = COUNTER_NAMES.values(counters.map((counter) => ({ counter })))
      const { rows } = await sql(FIND_COUNTERS, [scope.accountId, live(scope), ...names])
      return rows.map(VELOCITY_COUNTERS.of)
    },
  }
}

const FIND_COUNTERS = `
  SELECT ${selectList(VELOCITY_COUNTERS, {}, 'v')}
  FROM velocity_counters v
  JOIN ${COUNTER_NAMES.scoped}
    ON v.account_id = r.account_id AND v.live = r.live AND v.counter = r.counter`
