import type { AuditEntry } from '../../domain/audit.ts'
import type { ProviderPause } from '../../domain/routing/pause.ts'
import { OPERATOR_ACCOUNT } from '../../domain/scope.ts'
import type { Scope } from '../../ports/store.ts'
import type { PauseTotal } from '../../ports/store-pauses.ts'
import { PROVIDER_PAUSES } from '../columns.ts'
import { namesOf, selectList } from '../table.ts'
import { live } from './rows.ts'
import type { Sql, Work } from './statements.ts'

/** Providers that people have paused. */
export function pauseReads(sql: Sql) {
  return {
    async providerPauses(scope: Scope): Promise<ProviderPause[]> {
      const { rows } = await sql(PAUSES, [live(scope), scope.accountId])
      return rows.map((row) => PROVIDER_PAUSES.of(row))
    },

    async pauseTotals(): Promise<PauseTotal[]> {
      const { rows } = await sql(TOTALS, [])
      return rows.map(({ provider, allAccounts, pauses }) => ({
        provider: provider as string,
        allAccounts: allAccounts === 1,
        pauses: pauses as number,
      }))
    },
  }
}

export function pauseWork({ audited }: Pick<Work, 'audited'>) {
  return {
    async addProviderPause(scope: Scope, pause: ProviderPause, audit: AuditEntry): Promise<boolean> {
      const values = [scope.accountId, live(scope), ...PROVIDER_PAUSES.row(pause)]
      return (await audited({ text: ADD, values }, audit)).count === 1
    },

    async removeProviderPause(scope: Scope, pause: ProviderPause, audit: AuditEntry): Promise<boolean> {
      const { provider, allAccounts, pausedAt, pausedBy } = pause
      const own = [scope.accountId, live(scope), provider, allAccounts ? 1 : 0]
      return (await audited({ text: REMOVE, values: [...own, pausedAt, pausedBy] }, audit)).count === 1
    },
  }
}

const PAUSES = `
  SELECT ${selectList(PROVIDER_PAUSES)} FROM provider_pauses
  WHERE live = $1 AND ((account_id = $2 AND all_accounts = 0) OR (account_id = ${OPERATOR_ACCOUNT} AND all_accounts = 1))
  ORDER BY paused_at`

const TOTALS = `
  SELECT provider, all_accounts AS "allAccounts", count(*)::bigint AS pauses
  FROM provider_pauses GROUP BY provider, all_accounts`

const COLUMNS = ['account_id', 'live', ...namesOf(PROVIDER_PAUSES.columns)]
const ADD = `
  INSERT INTO provider_pauses (${COLUMNS.join(', ')})
  VALUES (${COLUMNS.map((_, i) => `$${i + 1}`).join(', ')})
  ON CONFLICT DO NOTHING`

const REMOVE = `
  DELETE FROM provider_pauses
  WHERE account_id = $1 AND live = $2 AND provider = $3 AND all_accounts = $4 AND paused_at = $5::bigint
    AND paused_by = $6`
