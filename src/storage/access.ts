/** What both engines share for access keys and accounts. */
import type { AccessKey, Account } from '../domain/access/access-key.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { canonicalJson } from '../domain/idempotency.ts'
import type { FoundAccessKey } from '../ports/store-access.ts'
import { ACCESS_KEYS, ACCOUNTS } from './columns.ts'
import { selectList, type Value } from './table.ts'

/** Of the key `k`. */
export const KEY_COLUMNS = `k.account_id AS "accountId", k.live, ${selectList(ACCESS_KEYS, {}, 'k')}`
export const ACCOUNT_COLUMNS = selectList(ACCOUNTS)

/**
 * A row if a key was ever made. The subquery of the log stays a look-up in the index by action for each scope, also
 * where PostgreSQL has no statistics.
 */
export const ANY_KEY = `SELECT 1 WHERE EXISTS (SELECT 1 FROM access_keys) OR EXISTS (
  SELECT 1 FROM accounts a CROSS JOIN (SELECT 0 AS live UNION ALL SELECT 1) m
  WHERE (
    SELECT l.seq FROM audit_log l
    WHERE l.account_id = a.id AND l.live = m.live AND l.action = 'key.created' LIMIT 1) IS NOT NULL)`

type KeyRow = { readonly accountId: number; readonly live: number }

/** The key in a row that was read with `KEY_COLUMNS`. */
export function keyOf(row: object): AccessKey {
  const { accountId, live, ...rest } = row as KeyRow
  return { ...ACCESS_KEYS.of(rest), scope: { accountId, mode: live === 1 ? 'live' : 'test' } }
}

/** The same with `accountClosedAt`. */
export function foundKeyOf(row: object): FoundAccessKey {
  const { accountClosedAt, ...rest } = row as { readonly accountClosedAt: number | null }
  return { key: keyOf(rest), accountClosedAt }
}

/** The entry of a new account with its number, which only the store knows. */
export function withNumber(entry: AuditEntry, number: number): AuditEntry {
  if (entry.after === null) return entry
  return { ...entry, after: canonicalJson({ ...JSON.parse(entry.after), number }) }
}

export const accountOf = (row: object): Account => ACCOUNTS.of(row)

/** The columns of a new row of a key, and its values. */
export const NEW_KEY = ['account_id', 'live', ...ACCESS_KEYS.columns.map(({ name }) => name)]

export function newKeyRow({ scope, ...key }: AccessKey): Value[] {
  return [scope.accountId, scope.mode === 'live' ? 1 : 0, ...ACCESS_KEYS.row(key)]
}

/** The columns that people change, which a change compares first; and their values. */
export const GUARDED = ['name', 'expires_at', 'revoked_at', 'rolled_to'] as const

export function guardedOf({ name, expiresAt, revokedAt, rolledTo }: AccessKey): Value[] {
  return [name, expiresAt, revokedAt, rolledTo]
}
