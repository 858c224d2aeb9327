import type { AccessKey, Account } from '../../domain/access/access-key.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import { OPERATOR_ACCOUNT } from '../../domain/scope.ts'
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
import { ACCESS_KEYS } from '../columns.ts'
import { recordset } from './recordset.ts'
import type { Work } from './statements.ts'

/** Writes of access keys and accounts. */
export function accessWork({ fenced, audited }: Work) {
  return {
    async addAccessKey(key: AccessKey, audit: AuditEntry, first = false): Promise<boolean> {
      const values = newKeyRow(key)
      const { count } = first
        ? await audited([{ text: LOCK_FIRST }, { text: ADD_FIRST_KEY, values }], audit)
        : await audited({ text: ADD_KEY, values }, audit)
      return count === 1
    },

    async changeAccessKey(before: AccessKey, after: AccessKey, audit: AuditEntry): Promise<boolean> {
      return (await audited({ text: CHANGE_KEY, values: changeOf(before, after) }, audit)).count === 1
    },

    async rollAccessKey(
      before: AccessKey,
      after: AccessKey,
      successor: AccessKey,
      audit: AuditEntry,
    ): Promise<boolean> {
      const values = [...newKeyRow(successor), ...changeOf(before, after)]
      return (await audited({ text: ROLL_KEY, values }, audit)).count === 1
    },

    /** In the order of the ids, so that two nodes do not wait for each other. */
    async touchAccessKeys(uses: readonly AccessKeyUse[]): Promise<void> {
      await fenced(TOUCH_KEYS, USES.values(uses.toSorted((a, b) => (a.id < b.id ? -1 : 1))))
    },

    async addAccount(account: Omit<Account, 'id'>, audit: AuditEntry): Promise<Account> {
      const { publicId, name, createdAt, closedAt } = account
      const { rows } = await audited(
        { text: ADD_ACCOUNT, values: [publicId, name, createdAt, closedAt] },
        ({ rows }) => withNumber(audit, accountOf(rows[0] as object).id),
      )
      return accountOf(rows[0] as object)
    },

    async changeAccount(before: Account, after: Account, audit: AuditEntry): Promise<boolean> {
      const values = [before.id, before.name, before.closedAt, after.name, after.closedAt]
      return (await audited({ text: CHANGE_ACCOUNT, values }, audit)).count === 1
    },
  }
}

/** The id, and the guarded columns before and after. */
const changeOf = (before: AccessKey, after: AccessKey) => [
  before.id,
  ...guardedOf(before),
  ...guardedOf(after),
]

const TYPES = ['text', 'bigint', 'bigint', 'text'] as const

/** The change of the guarded columns; its parameters are those of `changeOf`, after the first `offset` ones. */
function changeKey(offset: number, condition = ''): string {
  const parameter = (i: number) => `$${offset + i}`
  const before = GUARDED.map((column, i) => `${column} IS NOT DISTINCT FROM ${parameter(2 + i)}::${TYPES[i]}`)
  const after = GUARDED.map((column, i) => `${column} = ${parameter(2 + GUARDED.length + i)}::${TYPES[i]}`)
  return `
    UPDATE access_keys SET ${after.join(', ')}
    WHERE id = ${parameter(1)} AND ${before.join(' AND ')} ${condition}`
}

const KEY_TYPES = ['integer', 'smallint', ...ACCESS_KEYS.columns.map(({ type }) => type)]
const VALUES = NEW_KEY.map((_, i) => `$${i + 1}::${KEY_TYPES[i]}`).join(', ')
const place = (column: string) => `$${NEW_KEY.indexOf(column) + 1}`

/**
 * Locks the account and the maker, so that neither is closed or revoked while the key is stored. A key may roll itself:
 * several such rolls would deadlock if they shared the lock of a row that each of them changes.
 */
const LOCKED = `
  account AS (
    SELECT id FROM accounts WHERE id = ${place('account_id')}::integer AND closed_at IS NULL FOR SHARE),
  maker AS (
    SELECT revoked_at FROM access_keys WHERE id = ${place('created_by')}::text FOR NO KEY UPDATE)`
const ALLOWED =
  'EXISTS (SELECT 1 FROM account) AND NOT EXISTS (SELECT 1 FROM maker WHERE revoked_at IS NOT NULL)'

const ADD_KEY = `
  WITH ${LOCKED}
  INSERT INTO access_keys (${NEW_KEY.join(', ')})
  SELECT ${VALUES} WHERE ${ALLOWED}`

/** Of nodes that make the first key at once, the second sees the key of the first, because it waits before its insert. */
const LOCK_FIRST = `SELECT id FROM accounts WHERE id = ${OPERATOR_ACCOUNT} FOR UPDATE`
const ADD_FIRST_KEY = `${ADD_KEY} AND NOT EXISTS (${ANY_KEY})`

const CHANGE_KEY = changeKey(0)

/** Changes the old key only if the account and the maker allow its successor. */
const ROLL_KEY = `
  WITH ${LOCKED},
  old AS (${changeKey(NEW_KEY.length, `AND ${ALLOWED}`)} RETURNING id)
  INSERT INTO access_keys (${NEW_KEY.join(', ')})
  SELECT ${VALUES} FROM old`

const USES = recordset<AccessKeyUse>({ id: ['text', ({ id }) => id], at: ['bigint', ({ at }) => at] }, 1)

const TOUCH_KEYS = `
  UPDATE access_keys k SET last_used_at = u.at
  FROM (SELECT r.id, r.at FROM ${USES.from} ORDER BY r.id) AS u
  WHERE k.id = u.id AND coalesce(k.last_used_at, 0) < u.at`

/** The new account's events are in the newest epoch, as those of all accounts are. */
const ADD_ACCOUNT = `
  WITH added AS (
    INSERT INTO accounts (public_id, name, created_at, closed_at)
    VALUES ($1, $2, $3::bigint, $4::bigint)
    RETURNING ${ACCOUNT_COLUMNS}),
  numbered AS (
    INSERT INTO sequences (account_id, live, event, transfer, audit, counted)
    SELECT a.id, m.live, (SELECT max(first_seq) - 1 FROM epochs), 0, 0, 1
    FROM added a CROSS JOIN (VALUES (0), (1)) AS m (live))
  SELECT * FROM added`

const CHANGE_ACCOUNT = `
  UPDATE accounts SET name = $4, closed_at = $5::bigint
  WHERE id = $1 AND name = $2 AND closed_at IS NOT DISTINCT FROM $3::bigint`
