import { IdLogReader } from './id-log.ts'
import { hashOf } from './keyed-hash.ts'
import { hashKeyOf } from './read-keys.ts'
import type { IndexBehind, Sql } from './read-page.ts'
import type { Tails } from './tails.ts'

/**
 * The ids of a customer's charges: those of the newest in memory, and those in the index. The memory is read first, so
 * that a fold in between hides none; an id that both have counts once.
 */
export function customerReads(sql: Sql, { customers }: Tails): IndexBehind {
  const newest = new IdLogReader(customers)
  return {
    index: 'customer_index',
    ids({ accountId, live }, customer, bounds, ascending, limit) {
      const hash = hashOf(hashKeyOf(sql), accountId, live, customer)
      const recent = newest.find(hash, bounds, ascending, limit)
      const found = sql(
        `SELECT id FROM customer_index WHERE hash = ? ${bounds.map(({ is }) => `AND id ${is} ?`).join(' ')}
         ORDER BY id ${ascending ? 'ASC' : 'DESC'} LIMIT ?`,
      ).all(hash, ...bounds.map(({ id }) => id), limit) as { id: string }[]
      const indexed = found.map(({ id }) => id)
      return recent.length === 0 ? indexed : merged(recent, indexed, ascending, limit)
    },
  }
}

function merged(
  some: readonly string[],
  others: readonly string[],
  ascending: boolean,
  limit: number,
): string[] {
  const ids: string[] = []
  for (let i = 0, j = 0; ids.length < limit; ) {
    const [one, other] = [some[i], others[j]]
    if (one === undefined && other === undefined) break
    const isOne = other === undefined || (one !== undefined && (ascending ? one <= other : one >= other))
    if (isOne && one === other) j++
    ids.push((isOne ? one : other) as string)
    if (isOne) i++
    else j++
  }
  return ids
}
