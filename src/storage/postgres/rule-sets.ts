import type { AuditEntry } from '../../domain/audit.ts'
import { KEPT_VERSIONS } from '../../domain/routing/rule-set.ts'
import type { NewRuleSet, Scope } from '../../ports/store.ts'
import { live } from './rows.ts'
import type { Work } from './statements.ts'

/** The rules that choose the providers of charges. */
export function ruleSetWork({ audited }: Pick<Work, 'audited'>) {
  return {
    async replaceRuleSet(
      scope: Scope,
      version: number,
      { document, note, createdAt }: NewRuleSet,
      audit: AuditEntry,
    ): Promise<boolean> {
      const values = [scope.accountId, live(scope), version, document, createdAt, audit.actor, note]
      return (await audited({ text: REPLACE_RULE_SET, values }, audit)).count === 1
    },
  }
}

/**
 * Stores the next version if `version` is still the newest. Of several concurrent writers, the primary key admits one,
 * and only that one deletes old versions.
 */
const REPLACE_RULE_SET = `
  WITH stored AS (
    INSERT INTO rule_sets (account_id, live, version, document, created_at, author, note)
    SELECT $1::integer, $2::smallint, $3::integer + 1, $4, $5::bigint, $6, $7
    WHERE $3 = (SELECT coalesce(max(version), 0) FROM rule_sets WHERE account_id = $1 AND live = $2)
    ON CONFLICT DO NOTHING
    RETURNING version),
  forgotten AS (
    DELETE FROM rule_sets
    WHERE account_id = $1 AND live = $2 AND version <= (SELECT version FROM stored) - ${KEPT_VERSIONS})
  SELECT version FROM stored`
