import type { Connection } from './connection.ts'
import { indexedBefore, NOT_INDEXED } from './customer-index.ts'
import { CHUNK, defineHash, type FoldOptions, LONG, type OnFold } from './fold-keys.ts'

/**
 * Folds the charges that are not in the index of customers, if they are too many for a writer's memory: as
 * `foldLongTail` does with keys.
 */
export function foldLongLog(
  db: Connection,
  onFold?: OnFold,
  { chunk = CHUNK, long = LONG }: FoldOptions = {},
): void {
  const count = (after: string, most: number) =>
    db
      .prepare<[string, number], number>(`SELECT count(*) FROM (SELECT 1 FROM ${NOT_INDEXED} LIMIT ?)`)
      .pluck()
      .get(after, most) as number
  let before = indexedBefore(db)
  if (count(before, long + 1) <= long) return
  defineHash(db)
  // So many charges of a scope further; the least of all scopes.
  const next = db
    .prepare<[string, number], string | null>(
      `SELECT min((
         SELECT id FROM charges c WHERE c.account_id = a.id AND c.live = m.live AND c.id >= ?
         ORDER BY id LIMIT 1 OFFSET ?))
       FROM accounts a CROSS JOIN (SELECT 0 AS live UNION ALL SELECT 1) m`,
    )
    .pluck()
  const insert = db.prepare(
    `INSERT INTO customer_index (hash, id)
     SELECT hash_in_scope(c.account_id, c.live, c.customer), c.id FROM ${NOT_INDEXED} AND c.id < ? ORDER BY 1, 2
     ON CONFLICT DO NOTHING`,
  )
  const last = db
    .prepare<[string], string>(`SELECT max(c.id) FROM ${NOT_INDEXED}`)
    .pluck()
    .get(before) as string
  const move = db.prepare('UPDATE customer_index_state SET indexed_before = ? WHERE id = 1')
  const all = db.prepare<[], number>('SELECT count(*) FROM charges').pluck().get() as number
  let done = all - count(before, all)
  const fold = db.transaction((to: string) => {
    done += insert.run(before, to).changes
    move.run(to)
  })
  while (before <= last) {
    const to = next.get(before, chunk) ?? `${last}\0`
    fold.immediate(to)
    before = to
    onFold?.('customers', done, all)
  }
}
