import type { FoundKey } from '../columns.ts'
import { tablesIn } from './key-table.ts'
import { type HashKey, hashOf } from './keyed-hash.ts'
import type { Sql } from './read-page.ts'
import { FIND_KEY } from './rows.ts'
import type { Tails } from './tails.ts'

export type FindKey = (accountId: number, live: number, key: string) => FoundKey | undefined

/**
 * Finds the record of a key: first among the newest keys, then in the index. So a fold in between hides none, because it
 * removes keys from the memory after the index has them.
 */
export function keyReads(sql: Sql, { keys }: Pick<Tails, 'keys'>): FindKey {
  const tables = tablesIn(keys)
  return (accountId, live, key) => {
    const hash = hashOf(hashKeyOf(sql), accountId, live, key)
    const recordAt = (seq: number) => sql(FIND_KEY).get(seq, accountId, live, key) as FoundKey | undefined
    for (const table of tables)
      for (const seq of table.find(hash)) {
        const record = recordAt(seq)
        if (record) return record
      }
    const indexed = sql('SELECT seq FROM key_index WHERE hash = ? ORDER BY seq').all(hash) as {
      seq: number
    }[]
    for (const { seq } of indexed) {
      const record = recordAt(seq)
      if (record) return record
    }
    return undefined
  }
}

const hashKeys = new WeakMap<Sql, HashKey>()

/** The key of the database's hashes, read once. */
export function hashKeyOf(sql: Sql): HashKey {
  const known = hashKeys.get(sql)
  if (known) return known
  const key = sql('SELECT low, high FROM key_index_state WHERE id = 1').get() as HashKey
  hashKeys.set(sql, key)
  return key
}
