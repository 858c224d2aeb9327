import type { Connection } from './connection.ts'
import { indexState } from './key-index.ts'
import { FOLD_AT } from './key-table.ts'
import { hashOf } from './keyed-hash.ts'

/** The keys of one transaction. */
const CHUNK = 500_000
/** A writer takes so many keys over into its memory. */
const LONG = 2 * FOLD_AT

/** Lets SQL on this connection compute hashes of keys: `key_hash(account_id, live, key)`; null for a null. */
export function defineKeyHash(db: Connection): void {
  const state = indexState(db)
  db.function('key_hash', { deterministic: true }, (account: unknown, live: unknown, key: unknown) =>
    key === null ? null : hashOf(state, Number(account), Number(live), String(key)),
  )
}

/**
 * Folds the keys that are not in the index, if they are too many for a writer's memory: after an upgrade from a version
 * without this index, and after another program added rows. Each transaction moves the mark, so the next call continues
 * after a crash. `onFold` is called after each, with the number of keys in the index, and of all. No server may be using
 * the database.
 */
export function foldLongTail(
  db: Connection,
  onFold?: (folded: number, keys: number) => void,
  { chunk = CHUNK, long = LONG } = {},
): void {
  const behind = db.prepare<[number, number], number>(
    'SELECT seq FROM idempotency_keys WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?',
  )
  const at = (after: number, offset: number) => behind.pluck().get(after, offset)
  let { foldedTo } = indexState(db)
  if (at(foldedTo, long) === undefined) return
  defineKeyHash(db)
  const insert = db.prepare(
    `INSERT INTO key_index (hash, seq)
     SELECT key_hash(account_id, live, key), seq FROM idempotency_keys WHERE seq > ? AND seq <= ? ORDER BY 1, 2
     ON CONFLICT DO NOTHING`,
  )
  const move = db.prepare('UPDATE key_index_state SET folded_to = ? WHERE id = 1')
  const count = db.prepare<[number], number>('SELECT count(*) FROM idempotency_keys WHERE seq <= ?').pluck()
  const last = db.prepare<[], number>('SELECT max(seq) FROM idempotency_keys').pluck().get() as number
  const keys = count.get(last) as number
  const fold = db.transaction((to: number) => {
    insert.run(foldedTo, to)
    move.run(to)
  })
  for (let done = count.get(foldedTo) as number; foldedTo < last; ) {
    const to = at(foldedTo, chunk - 1) ?? last
    fold.immediate(to)
    foldedTo = to
    done = Math.min(done + chunk, keys)
    onFold?.(done, keys)
  }
}
