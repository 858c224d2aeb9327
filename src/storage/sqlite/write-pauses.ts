import type { AuditEntry } from '../../domain/audit.ts'
import type { ProviderPause } from '../../domain/routing/pause.ts'
import type { Scope } from '../../ports/store.ts'
import { PROVIDER_PAUSES } from '../columns.ts'
import { namesOf } from '../table.ts'
import type { Definition } from './definition.ts'
import { live } from './rows.ts'
import { appendAudit } from './write-audit.ts'

const COLUMNS = ['account_id', 'live', ...namesOf(PROVIDER_PAUSES.columns)]

export const pauseWrites = {
  addProviderPause(db, cache) {
    const append = appendAudit(db, cache)
    const insert = db.prepare(
      `INSERT INTO provider_pauses (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
       ON CONFLICT DO NOTHING`,
    )
    return (scope: Scope, pause: ProviderPause, audit: AuditEntry): boolean => {
      const { changes } = insert.run(scope.accountId, live(scope), ...PROVIDER_PAUSES.row(pause))
      if (changes === 1) append(audit)
      return changes === 1
    }
  },

  removeProviderPause(db, cache) {
    const append = appendAudit(db, cache)
    const remove = db.prepare(
      `DELETE FROM provider_pauses
       WHERE account_id = ? AND live = ? AND provider = ? AND all_accounts = ? AND paused_at = ? AND paused_by = ?`,
    )
    return (scope: Scope, pause: ProviderPause, audit: AuditEntry): boolean => {
      const { provider, allAccounts, pausedAt, pausedBy } = pause
      const own = [scope.accountId, live(scope), provider, allAccounts ? 1 : 0]
      const { changes } = remove.run(...own, pausedAt, pausedBy)
      if (changes === 1) append(audit)
      return changes === 1
    }
  },
} satisfies Record<string, Definition>
