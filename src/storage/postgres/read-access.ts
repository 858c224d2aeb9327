import type { AccessKey, Account } from '../../domain/access/access-key.ts'
import type { Page, Scope } from '../../ports/store.ts'
import type { AccessKeyQuery, AccountQuery, FoundAccessKey } from '../../ports/store-access.ts'
import { ACCOUNT_COLUMNS, ANY_KEY, accountOf, foundKeyOf, KEY_COLUMNS, keyOf } from '../access.ts'
import { ACCESS_KEYS } from '../columns.ts'
import { selectList } from '../table.ts'
import { listOf, page, pageOf } from './read-page.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

const LIST = {
  ...listOf(ACCESS_KEYS),
  columns: `account_id AS "accountId", live, ${selectList(ACCESS_KEYS)}`,
  of: keyOf,
}

/** Access keys and accounts. */
export function accessReads(sql: Sql) {
  return {
    async accessKeyByHash(hash: string): Promise<FoundAccessKey | undefined> {
      const { rows } = await sql(BY_HASH, [hash])
      return rows[0] && foundKeyOf(rows[0])
    },

    async anyAccessKey(): Promise<boolean> {
      return (await sql(ANY_KEY)).rows.length > 0
    },

    async accessKey(scope: Scope | null, id: string): Promise<AccessKey | undefined> {
      const { rows } = scope
        ? await sql(OWN_KEY, [id, scope.accountId, live(scope)])
        : await sql(FIND_KEY, [id])
      return rows[0] && keyOf(rows[0])
    },

    accessKeys: (scope: Scope, query: AccessKeyQuery): Promise<Page<AccessKey>> =>
      page(sql, LIST, scope, [], query),

    async account(publicId: string): Promise<Account | undefined> {
      const { rows } = await sql(FIND_ACCOUNT, [publicId])
      return rows[0] && accountOf(rows[0])
    },

    async accounts({ limit, startingAfter }: AccountQuery): Promise<Page<Account>> {
      const { rows } =
        startingAfter === undefined
          ? await sql(ACCOUNTS, [limit + 1])
          : await sql(ACCOUNTS_AFTER, [limit + 1, startingAfter])
      return pageOf(rows.map(accountOf), limit)
    },
  }
}

const BY_HASH = `
  SELECT ${KEY_COLUMNS}, a.closed_at AS "accountClosedAt"
  FROM access_keys k JOIN accounts a ON a.id = k.account_id WHERE k.hash = $1`

const FIND_KEY = `SELECT ${KEY_COLUMNS} FROM access_keys k WHERE k.id = $1`
const OWN_KEY = `${FIND_KEY} AND k.account_id = $2 AND k.live = $3`

const FIND_ACCOUNT = `SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE public_id = $1`
const ACCOUNTS = `SELECT ${ACCOUNT_COLUMNS} FROM accounts ORDER BY id DESC LIMIT $1`
const ACCOUNTS_AFTER = `
  SELECT ${ACCOUNT_COLUMNS} FROM accounts
  WHERE id < (SELECT id FROM accounts WHERE public_id = $2) ORDER BY id DESC LIMIT $1`
