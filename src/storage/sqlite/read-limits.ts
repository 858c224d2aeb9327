import type { VelocityCounter } from '../../domain/velocity.ts'
import type { Scope } from '../../ports/store.ts'
import { VELOCITY_COUNTERS } from '../columns.ts'
import type { Sql } from './read-page.ts'
import { live } from './rows.ts'
import { FIND_COUNTER } from './write-limits.ts'

/** Counters of velocity limits. */
export function limitReads(sql: Sql) {
  return {
    velocityCounters(scope: Scope, counters: readonly string[]): VelocityCounter[] {
      const find = sql(FIND_COUNTER)
      return counters.flatMap((counter) => {
        const row = find.get(scope.accountId, live(scope), counter) as object | undefined
        return row ? [VELOCITY_COUNTERS.of(row)] : []
      })
    },
  }
}
