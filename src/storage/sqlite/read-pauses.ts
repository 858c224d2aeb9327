import type { ProviderPause } from '../../domain/routing/pause.ts'
import { OPERATOR_ACCOUNT } from '../../domain/scope.ts'
import type { Scope } from '../../ports/store.ts'
import type { PauseTotal } from '../../ports/store-pauses.ts'
import { PROVIDER_PAUSES } from '../columns.ts'
import { selectList } from '../table.ts'
import type { Sql } from './read-page.ts'
import { live } from './rows.ts'

/** Providers that people have paused. */
export function pauseReads(sql: Sql) {
  return {
    providerPauses(scope: Scope): ProviderPause[] {
      const rows = sql(
        `SELECT ${selectList(PROVIDER_PAUSES)} FROM provider_pauses WHERE live = ? AND account_id = ? AND all_accounts = 0
         UNION ALL
         SELECT ${selectList(PROVIDER_PAUSES)} FROM provider_pauses WHERE live = ? AND account_id = ? AND all_accounts = 1`,
      ).all(live(scope), scope.accountId, live(scope), OPERATOR_ACCOUNT) as object[]
      return rows.map(PROVIDER_PAUSES.of).toSorted((a, b) => a.pausedAt - b.pausedAt)
    },

    pauseTotals(): PauseTotal[] {
      const rows = sql(
        `SELECT provider, all_accounts AS allAccounts, count(*) AS pauses
         FROM provider_pauses GROUP BY provider, all_accounts`,
      ).all() as { provider: string; allAccounts: number; pauses: number }[]
      return rows.map((row) => ({ ...row, allAccounts: row.allAccounts === 1 }))
    },
  }
}
