import type { Connection } from './connection.ts'
import { FOLD_AT } from './folding.ts'
import { indexState } from './key-index.ts'
import { hashOf } from './keyed-hash.ts'

/** The rows of one transaction. */
export const CHUNK = 500_000
/** A writer takes so many rows over into its memory. */
export const LONG = 2 * FOLD_AT

/** `long`: fewer rows are left to the writer. */
export type FoldOptions = { readonly chunk?: number; readonly long?: number }

/** Called after each transaction, with the number of rows in the index, and of all. */
export type OnFold = (index: 'keys' | 'customers' | 'references', done: number, all: number) => void

/** Lets SQL on this connection hash keys and customers: `hash_in_scope(account_id, live, text)`; null for a null. */
export function defineHash(db: Connection): void {
  const state = indexState(db)
  db.function('hash_in_scope', { deterministic: true }, (account: unknown, live: unknown, text: unknown) =>
    text === null ? null : hashOf(state, Number(account), Number(live), String(text)),
  )
}

/**
 * Empties the index if the newest records are gone, as after a person deleted all of them: new ones would get numbers before
 * the mark, and would look as if they were in the index. MiniPay itself never deletes the newest record.
 */
function beginAnew(db: Connection): void {
  const { foldedTo } = indexState(db)
  const last = db.prepare<[], number | null>('SELECT max(seq) FROM idempotency_keys').pluck().get() ?? 0
  const isEmpty = () => db.prepare('SELECT 1 FROM key_index LIMIT 1').get() === undefined
  if (last >= foldedTo && (last > 0 || isEmpty())) return
  db.exec(`BEGIN IMMEDIATE;
    DELETE FROM key_index;
    UPDATE key_index_state SET folded_to = 0, purged_to = 0, swept_to = 0;
    COMMIT`)
}

/**
 * Folds the keys that are not in the index, if they are too many for a writer's memory: after an upgrade from a version
 * without this index, and after another program added rows. Each transaction moves the mark, so the next call continues
 * after a crash. No server may be using the database.
 */
export function foldLongTail(
  db: Connection,
  onFold?: OnFold,
  { chunk = CHUNK, long = LONG }: FoldOptions = {},
): void {
  const behind = db.prepare<[number, number], number>(
    'SELECT seq FROM idempotency_keys WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?',
  )
  const at = (after: number, offset: number) => behind.pluck().get(after, offset)
  beginAnew(db)
  let { foldedTo } = indexState(db)
  if (at(foldedTo, long) === undefined) return
  defineHash(db)
  const insert = db.prepare(
    `INSERT INTO key_index (hash, seq)
     SELECT hash_in_scope(account_id, live, key), seq FROM idempotency_keys WHERE seq > ? AND seq <= ? ORDER BY 1, 2
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
    onFold?.('keys', done, keys)
  }
}
