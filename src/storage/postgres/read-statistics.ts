import type { Scope } from '../../ports/store.ts'
import type { StatisticsQuery, StatisticsRow } from '../../ports/store-statistics.ts'
import { type FoundSums, parametersOf, statisticsQuery, Totals } from '../statistics-query.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

const STATISTICS = `${statisticsQuery((n) => `$${n}`)}
    LIMIT $14`

/** Statistics of provider calls. */
export function statisticReads(sql: Sql) {
  return {
    async statistics(scope: Scope, query: StatisticsQuery): Promise<StatisticsRow[]> {
      const parameters = parametersOf([scope.accountId, live(scope)], query)
      const { rows } = await sql(STATISTICS, [...parameters, query.limit + 1])
      const totals = new Totals(query)
      for (const row of rows) totals.add(row as FoundSums)
      return totals.rows()
    },
  }
}
