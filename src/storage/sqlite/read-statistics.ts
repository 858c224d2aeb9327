import type { Scope } from '../../ports/store.ts'
import type { AttentionTotals, StatisticsQuery, StatisticsRow } from '../../ports/store-statistics.ts'
import { attentionQuery } from '../attention-query.ts'
import { type FoundSums, parametersOf, SLICE_HOURS, statisticsQuery, Totals } from '../statistics-query.ts'
import type { Sql } from './read-page.ts'
import { live } from './rows.ts'

export const STATISTICS = statisticsQuery((n) => `?${n}`)

export const ATTENTION = attentionQuery({ parameter: (n) => `?${n}`, by: (index) => `INDEXED BY ${index}` })

/** Statistics of provider calls, and what waits for a person. */
export function statisticReads(sql: Sql) {
  return {
    /** Reads a slice at a time; between two slices other requests get their turn. */
    async statistics(scope: Scope, query: StatisticsQuery): Promise<StatisticsRow[]> {
      const totals = new Totals(query)
      for (let from = query.from; from < query.until && !totals.full; from += SLICE_HOURS) {
        const until = Math.min(query.until, from + SLICE_HOURS)
        const parameters = parametersOf([scope.accountId, live(scope)], query, from, until)
        const byNumber = Object.fromEntries(parameters.map((value, i) => [i + 1, value]))
        for (const row of sql(STATISTICS).iterate(byNumber)) totals.add(row as FoundSums)
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      return totals.rows()
    },

    attention(scope: Scope, overdueBefore: number, dueBefore: number): AttentionTotals {
      const parameters = { 1: scope.accountId, 2: live(scope), 3: overdueBefore, 4: dueBefore }
      return sql(ATTENTION).get(parameters) as AttentionTotals
    },
  }
}
