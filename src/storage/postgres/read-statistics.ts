import type { Scope } from '../../ports/store.ts'
import type { AttentionTotals, StatisticsQuery, StatisticsRow } from '../../ports/store-statistics.ts'
import { attentionQuery } from '../attention-query.ts'
import { type FoundSums, parametersOf, statisticsQuery, Totals } from '../statistics-query.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

const STATISTICS = `${statisticsQuery((n) => `$${n}`)}
    LIMIT $14`

const ATTENTION = attentionQuery({ parameter: (n) => `$${n}`, by: () => '' })

/** Statistics of provider calls, and what waits for a person. */
export function statisticReads(sql: Sql) {
  return {
    async statistics(scope: Scope, query: StatisticsQuery): Promise<StatisticsRow[]> {
      const parameters = parametersOf([scope.accountId, live(scope)], query)
      const { rows } = await sql(STATISTICS, [...parameters, query.limit + 1])
      const totals = new Totals(query)
      for (const row of rows) totals.add(row as FoundSums)
      return totals.rows()
    },

    async attention(scope: Scope, overdueBefore: number, dueBefore: number): Promise<AttentionTotals> {
      const { rows } = await sql(ATTENTION, [scope.accountId, live(scope), overdueBefore, dueBefore])
      const row = rows[0] as unknown as AttentionTotals
      // Sums of 64-bit integers arrive as bigints.
      const [unknown, pending, failedDeliveries, openAlarms] = [
        ...[row.unknown, row.pending, row.failedDeliveries, row.openAlarms],
      ].map(Number) as [number, number, number, number]
      return { ...row, unknown, pending, failedDeliveries, openAlarms }
    },
  }
}
