import { BUILT_IN } from '../../domain/routing/rule-set.ts'
import type { Page, RuleSetVersion, Scope, StoredRuleSet } from '../../ports/store.ts'
import { pageOf, type Sql } from './read-page.ts'
import { live } from './rows.ts'

const FACTS = 'version, author, note, created_at AS createdAt'

/** The routing rules and their history. */
export function ruleSetReads(sql: Sql) {
  return {
    ruleSet(scope: Scope): StoredRuleSet | undefined {
      return sql(
        `SELECT ${FACTS}, document FROM rule_sets
         WHERE account_id = ? AND live = ? ORDER BY version DESC LIMIT 1`,
      ).get(scope.accountId, live(scope)) as StoredRuleSet | undefined
    },

    ruleSetVersion(scope: Scope, version: number): StoredRuleSet | undefined {
      return sql(
        `SELECT ${FACTS}, document FROM rule_sets WHERE account_id = ? AND live = ? AND version = ?`,
      ).get(scope.accountId, live(scope), version) as StoredRuleSet | undefined
    },

    ruleSetVersions(
      scope: Scope,
      { limit, before = Number.MAX_SAFE_INTEGER }: { readonly limit: number; readonly before?: number },
    ): Page<RuleSetVersion> {
      const rows = sql(
        `SELECT ${FACTS}, document = '${BUILT_IN}' AS isBuiltIn FROM rule_sets
         WHERE account_id = ? AND live = ? AND version < ? ORDER BY version DESC LIMIT ?`,
      ).all(scope.accountId, live(scope), before, limit + 1) as (Omit<RuleSetVersion, 'isBuiltIn'> & {
        readonly isBuiltIn: number
      })[]
      return pageOf(
        rows.map((row) => ({ ...row, isBuiltIn: row.isBuiltIn === 1 })),
        limit,
      )
    },
  }
}
