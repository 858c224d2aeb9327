import type { AuditEntry } from '../../domain/audit.ts'
import { KEPT_VERSIONS } from '../../domain/routing/rule-set.ts'
import type { NewRuleSet, Scope } from '../../ports/store.ts'
import type { Definition } from './definition.ts'
import { live } from './rows.ts'
import { appendAudit } from './write-audit.ts'

export const ruleSetWrites = {
  /** Stores the next version if `version` is still the newest, and deletes old versions. */
  replaceRuleSet(db, cache) {
    const append = appendAudit(db, cache)
    const insertNext = db.prepare(
      `INSERT INTO rule_sets (account_id, live, version, document, created_at, author, note)
       SELECT ?, ?, ?, ?, ?, ?, ?
       WHERE ? = (SELECT coalesce(max(version), 0) FROM rule_sets WHERE account_id = ? AND live = ?)`,
    )
    const deleteOld = db.prepare('DELETE FROM rule_sets WHERE account_id = ? AND live = ? AND version <= ?')
    return (
      scope: Scope,
      version: number,
      { document, note, createdAt }: NewRuleSet,
      audit: AuditEntry,
    ): boolean => {
      const own = [scope.accountId, live(scope)]
      const next = version + 1
      const stored = [...own, next, document, createdAt, audit.actor, note]
      const { changes } = insertNext.run(...stored, version, ...own)
      if (changes !== 1) return false
      deleteOld.run(...own, next - KEPT_VERSIONS)
      append(audit)
      return true
    }
  },
} satisfies Record<string, Definition>
