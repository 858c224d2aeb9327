import { BUILT_IN } from '../../domain/routing/rule-set.ts'
import type { Page, RuleSetVersion, Scope, StoredRuleSet } from '../../ports/store.ts'
import { pageOf } from './read-page.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

const FACTS = 'version, author, note, created_at AS "createdAt"'

/** The routing rules and their history. */
export function ruleSetReads(sql: Sql) {
  return {
    async ruleSet(scope: Scope): Promise<StoredRuleSet | undefined> {
      const { rows } = await sql(
        `SELECT ${FACTS}, document FROM rule_sets
         WHERE account_id = $1 AND live = $2 ORDER BY version DESC LIMIT 1`,
        [scope.accountId, live(scope)],
      )
      return rows[0] as StoredRuleSet | undefined
    },

    async ruleSetVersion(scope: Scope, version: number): Promise<StoredRuleSet | undefined> {
      const { rows } = await sql(
        `SELECT ${FACTS}, document FROM rule_sets WHERE account_id = $1 AND live = $2 AND version = $3`,
        [scope.accountId, live(scope), version],
      )
      return rows[0] as StoredRuleSet | undefined
    },

    async ruleSetVersions(
      scope: Scope,
      { limit, before = MAX_VERSION }: { readonly limit: number; readonly before?: number },
    ): Promise<Page<RuleSetVersion>> {
      const { rows } = await sql(
        `SELECT ${FACTS}, (document = '${BUILT_IN}')::integer AS "isBuiltIn" FROM rule_sets
         WHERE account_id = $1 AND live = $2 AND version < $3 ORDER BY version DESC LIMIT $4`,
        [scope.accountId, live(scope), Math.min(before, MAX_VERSION), limit + 1],
      )
      const versions = rows.map((row) => ({ ...row, isBuiltIn: row['isBuiltIn'] === 1 }))
      return pageOf(versions as unknown as RuleSetVersion[], limit)
    },
  }
}

/** A version is an integer of 32 bits. */
const MAX_VERSION = 2 ** 31 - 1
