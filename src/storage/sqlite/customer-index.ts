/** The index of charges by customer, as the writer maintains it: see docs/internals/sqlite.md. */
import type { Connection } from './connection.ts'
import { type FoldSteps, folding } from './folding.ts'
import { IdLog, type LogMemory } from './id-log.ts'
import { indexState } from './key-index.ts'
import { hashOf } from './keyed-hash.ts'

export type CustomerIndex = ReturnType<typeof customerIndex>

/** Every charge with a smaller id is in the index. */
export function indexedBefore(db: Connection): string {
  return db.prepare('SELECT indexed_before FROM customer_index_state WHERE id = 1').pluck().get() as string
}

/** The charges that may be missing in the index, of every scope. */
export const NOT_INDEXED = `accounts a CROSS JOIN (SELECT 0 AS live UNION ALL SELECT 1) m
  CROSS JOIN charges c ON c.account_id = a.id AND c.live = m.live AND c.id >= ?`

export function customerIndex(db: Connection, memory: LogMemory) {
  const key = indexState(db)
  const logs = [new IdLog(memory, 0), new IdLog(memory, 1)] as const
  const moveMark = db.prepare('UPDATE customer_index_state SET indexed_before = ? WHERE id = 1')
  const insert = db.prepare('INSERT INTO customer_index (hash, id) VALUES (?, ?) ON CONFLICT DO NOTHING')
  let before = indexedBefore(db)
  let committedBefore = before
  const rows = db
    .prepare<[string], [number, number, string, string]>(
      `SELECT c.account_id, c.live, c.customer, c.id FROM ${NOT_INDEXED}`,
    )
    .raw()
  for (const [accountId, live, customer, id] of rows.iterate(before))
    logs[0].add(hashOf(key, accountId, live, customer), id)
  logs[0].show()

  const steps: FoldSteps<IdLog> = {
    insert: (from, place) => void insert.run(from.hashes[place], from.idAt(place)),
    end(from) {
      const { count, least } = fold.current()
      before = count > 0 ? least : from.greatest
      moveMark.run(before)
    },
  }
  const fold = folding(logs, memory.foldAt, () => steps)

  return {
    ...fold,

    /** A new charge, whose row was inserted. */
    add(accountId: number, live: number, customer: string, id: string): void {
      fold.current().add(hashOf(key, accountId, live, customer), id)
      fold.added()
      // A request can be under way for longer than a fold.
      if (id < before) {
        before = id
        moveMark.run(id)
      }
    },

    committed(): void {
      committedBefore = before
      fold.current().show()
      fold.committed()
    },

    reset(): void {
      fold.reset()
      before = committedBefore
    },
  }
}
