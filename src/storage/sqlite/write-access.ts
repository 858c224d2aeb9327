import type { AccessKey, Account } from '../../domain/access/access-key.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import type { AccessKeyUse } from '../../ports/store-access.ts'
import {
  ACCOUNT_COLUMNS,
  ANY_KEY,
  accountOf,
  GUARDED,
  guardedOf,
  NEW_KEY,
  newKeyRow,
  withNumber,
} from '../access.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import { appendAudit } from './write-audit.ts'

/** The condition that the guarded columns are as they were read. */
const UNCHANGED = GUARDED.map((column) => `${column} IS ?`).join(' AND ')

/** The parameters: the row, its account, its maker, and those of `condition`. */
const insertKey = (condition = '') => `
  INSERT INTO access_keys (${NEW_KEY.join(', ')})
  SELECT ${NEW_KEY.map(() => '?').join(', ')}
  WHERE EXISTS (SELECT 1 FROM accounts WHERE id = ? AND closed_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM access_keys WHERE id = ? AND revoked_at IS NOT NULL) ${condition}`

const newKeyValues = (key: AccessKey) => [...newKeyRow(key), key.scope.accountId, key.createdBy]

/** The parameters: the guarded columns after, the id, and the guarded columns before. */
function updateKey(db: Connection) {
  const update = db.prepare(
    `UPDATE access_keys SET ${GUARDED.map((column) => `${column} = ?`).join(', ')} WHERE id = ? AND ${UNCHANGED}`,
  )
  return (before: AccessKey, after: AccessKey): boolean =>
    update.run(...guardedOf(after), before.id, ...guardedOf(before)).changes === 1
}

/** Appends the entry of a change that was made; always true. */
function appended(append: (entry: AuditEntry) => void, audit: AuditEntry): true {
  append(audit)
  return true
}

export const accessWrites = {
  addAccessKey(db, cache) {
    const append = appendAudit(db, cache)
    const insert = db.prepare(insertKey())
    const insertFirst = db.prepare(insertKey(`AND NOT EXISTS (${ANY_KEY})`))
    return (key: AccessKey, audit: AuditEntry, first = false): boolean =>
      (first ? insertFirst : insert).run(...newKeyValues(key)).changes === 1 && appended(append, audit)
  },

  changeAccessKey(db, cache) {
    const append = appendAudit(db, cache)
    const update = updateKey(db)
    return (before: AccessKey, after: AccessKey, audit: AuditEntry): boolean =>
      update(before, after) && appended(append, audit)
  },

  rollAccessKey(db, cache) {
    const append = appendAudit(db, cache)
    const insert = db.prepare(
      insertKey(`AND EXISTS (SELECT 1 FROM access_keys WHERE id = ? AND ${UNCHANGED})`),
    )
    const update = updateKey(db)
    return (before: AccessKey, after: AccessKey, successor: AccessKey, audit: AuditEntry): boolean => {
      const { changes } = insert.run(...newKeyValues(successor), before.id, ...guardedOf(before))
      return changes === 1 && update(before, after) && appended(append, audit)
    }
  },

  touchAccessKeys(db) {
    const touch = db.prepare(
      'UPDATE access_keys SET last_used_at = ? WHERE id = ? AND coalesce(last_used_at, 0) < ?',
    )
    return (uses: readonly AccessKeyUse[]): void => {
      for (const { id, at } of uses) touch.run(at, id, at)
    }
  },

  addAccount(db, cache) {
    const append = appendAudit(db, cache)
    const insert = db.prepare(
      `INSERT INTO accounts (id, public_id, name, created_at, closed_at)
       SELECT max(id) + 1, ?, ?, ?, ? FROM accounts
       RETURNING ${ACCOUNT_COLUMNS}`,
    )
    return ({ publicId, name, createdAt, closedAt }: Omit<Account, 'id'>, audit: AuditEntry): Account => {
      const account = accountOf(insert.get(publicId, name, createdAt, closedAt) as object)
      append(withNumber(audit, account.id))
      return account
    }
  },

  changeAccount(db, cache) {
    const append = appendAudit(db, cache)
    const update = db.prepare(
      'UPDATE accounts SET name = ?, closed_at = ? WHERE id = ? AND name = ? AND closed_at IS ?',
    )
    return (before: Account, after: Account, audit: AuditEntry): boolean =>
      update.run(after.name, after.closedAt, before.id, before.name, before.closedAt).changes === 1 &&
      appended(append, audit)
  },
} satisfies Record<string, Definition>
