import type { AuditEntry } from '../../domain/audit.ts'
import type { Page, Scope } from '../../ports/store.ts'
import type { AuditQuery } from '../../ports/store-audit.ts'
import { AUDIT } from '../columns.ts'
import { selectList } from '../table.ts'
import { type Filter, listOf, page, type Sql } from './read-page.ts'
import { live } from './rows.ts'

const COLUMNS = selectList(AUDIT)
const LIST = listOf(AUDIT, COLUMNS)

/** The audit log. */
export function auditReads(sql: Sql) {
  return {
    auditEntry(scope: Scope, id: string): AuditEntry | undefined {
      const row = sql(`SELECT ${COLUMNS} FROM audit_log WHERE account_id = ? AND live = ? AND id = ?`).get(
        scope.accountId,
        live(scope),
        id,
      ) as object | undefined
      return row && { ...AUDIT.of(row), scope }
    },

    async auditEntries(scope: Scope, query: AuditQuery): Promise<Page<AuditEntry>> {
      const filters: Filter[] = [
        ['object', query.object, 'audit_log_by_object'],
        ['actor', query.actor, 'audit_log_by_actor'],
        ['action', query.action, 'audit_log_by_action'],
      ]
      const { data, hasMore } = await page(sql, LIST, scope, filters, query)
      return { data: data.map((entry) => ({ ...entry, scope })), hasMore }
    },
  }
}
