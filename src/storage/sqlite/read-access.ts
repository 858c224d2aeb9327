import type { AccessKey, Account } from '../../domain/access/access-key.ts'
import type { Page, Scope } from '../../ports/store.ts'
import type { AccessKeyQuery, AccountQuery, FoundAccessKey } from '../../ports/store-access.ts'
import { ACCOUNT_COLUMNS, ANY_KEY, accountOf, foundKeyOf, KEY_COLUMNS, keyOf } from '../access.ts'
import { ACCESS_KEYS } from '../columns.ts'
import { selectList } from '../table.ts'
import { listOf, page, pageOf, type Sql } from './read-page.ts'
import { live } from './rows.ts'

const LIST = {
  ...listOf(ACCESS_KEYS, `account_id AS accountId, live, ${selectList(ACCESS_KEYS)}`),
  index: 'access_keys_by_scope',
  of: keyOf,
}

/** Access keys and accounts. */
export function accessReads(sql: Sql) {
  return {
    accessKeyByHash(hash: string): FoundAccessKey | undefined {
      const row = sql(
        `SELECT ${KEY_COLUMNS}, a.closed_at AS accountClosedAt
         FROM access_keys k JOIN accounts a ON a.id = k.account_id WHERE k.hash = ?`,
      ).get(hash) as object | undefined
      return row && foundKeyOf(row)
    },

    anyAccessKey: (): boolean => sql(ANY_KEY).get() !== undefined,

    accessKey(scope: Scope | null, id: string): AccessKey | undefined {
      const own = scope ? 'AND k.account_id = ? AND k.live = ?' : ''
      const row = sql(`SELECT ${KEY_COLUMNS} FROM access_keys k WHERE k.id = ? ${own}`).get(
        id,
        ...(scope ? [scope.accountId, live(scope)] : []),
      ) as object | undefined
      return row && keyOf(row)
    },

    accessKeys: (scope: Scope, query: AccessKeyQuery): Page<AccessKey> | Promise<Page<AccessKey>> =>
      page(sql, LIST, scope, [], query),

    account(publicId: string): Account | undefined {
      const row = sql(`SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE public_id = ?`).get(publicId) as
        | object
        | undefined
      return row && accountOf(row)
    },

    accounts({ limit, startingAfter }: AccountQuery): Page<Account> {
      const after =
        startingAfter === undefined ? '' : 'WHERE id < (SELECT id FROM accounts WHERE public_id = ?)'
      const found = sql(`SELECT ${ACCOUNT_COLUMNS} FROM accounts ${after} ORDER BY id DESC LIMIT ?`).iterate(
        ...(startingAfter === undefined ? [] : [startingAfter]),
        limit + 1,
      ) as IterableIterator<object>
      const { data, hasMore } = pageOf(found, limit)
      return { data: data.map(accountOf), hasMore }
    },
  }
}
