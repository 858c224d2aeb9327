import type { AuditEntry } from '../../domain/audit.ts'
import type { Page, Scope } from '../../ports/store.ts'
import type { AuditQuery } from '../../ports/store-audit.ts'
import { AUDIT } from '../columns.ts'
import { selectList } from '../table.ts'
import { listOf, page } from './read-page.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

const LIST = listOf(AUDIT)
const FIND = `SELECT ${selectList(AUDIT)} FROM audit_log WHERE account_id = $1 AND live = $2 AND id = $3`

/** The audit log. */
export function auditReads(sql: Sql) {
  return {
    async auditEntry(scope: Scope, id: string): Promise<AuditEntry | undefined> {
      const { rows } = await sql(FIND, [scope.accountId, live(scope), id])
      return rows[0] && { ...AUDIT.of(rows[0]), scope }
    },

    async auditEntries(scope: Scope, query: AuditQuery): Promise<Page<AuditEntry>> {
      const filters = [
        ['object', query.object],
        ['actor', query.actor],
        ['action', query.action],
      ] as const
      const { data, hasMore } = await page(sql, LIST, scope, filters, query)
      return { data: data.map((entry) => ({ ...entry, scope })), hasMore }
    },
  }
}
