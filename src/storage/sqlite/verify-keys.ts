/** What `verify` checks of the index of idempotency keys, and how its other checks find the record of a key. */
import type { Connection } from './connection.ts'
import { defineHash } from './fold-keys.ts'
import { changeTemporary } from './long-texts.ts'

const HASH = 'hash_in_scope(k.account_id, k.live, k.key)'

/** The records behind the mark, which a fold may have put into the index already. */
const TAIL = `SELECT ${HASH} AS hash, k.seq FROM main.idempotency_keys k, key_index_state s
  WHERE k.seq > s.folded_to
    AND NOT EXISTS (SELECT 1 FROM key_index i WHERE i.hash = ${HASH} AND i.seq = k.seq)`

/**
 * Gives this connection the temporary view `key_places` of the hash and the number of every record, as the index and the
 * writer's memory have them together. Returns a function that removes it.
 */
export function showKeyPlaces(db: Connection): () => void {
  defineHash(db)
  changeTemporary(db, [
    'CREATE TEMP TABLE key_tail (hash INTEGER, seq INTEGER, PRIMARY KEY (hash, seq)) WITHOUT ROWID',
    `INSERT INTO key_tail ${TAIL} ORDER BY 1, 2`,
    'CREATE TEMP VIEW key_places AS SELECT hash, seq FROM key_index UNION ALL SELECT hash, seq FROM key_tail',
  ])
  return () => changeTemporary(db, ['DROP VIEW temp.key_places', 'DROP TABLE temp.key_tail'])
}

/** Joins the record `k` that has the key of a row; only while `key_places` is there. */
export const keyOf = (row: string): string => `LEFT JOIN idempotency_keys k ON k.seq = (
    SELECT p.seq FROM key_places p
    WHERE p.hash = hash_in_scope(${row}.account_id, ${row}.live, ${row}.idempotency_key) AND EXISTS (
      SELECT 1 FROM main.idempotency_keys m
      WHERE m.seq = p.seq AND m.account_id = ${row}.account_id AND m.live = ${row}.live
        AND m.key = ${row}.idempotency_key))`

const OWN = `SELECT count(*) FILTER (WHERE indexed) AS own,
    min(seq) FILTER (WHERE NOT indexed AND seq <= folded_to) AS missing,
    (SELECT count(*) FROM key_index) AS entries
  FROM (
    SELECT k.seq, s.folded_to,
      EXISTS (SELECT 1 FROM key_index i WHERE i.hash = ${HASH} AND i.seq = k.seq) AS indexed
    FROM main.idempotency_keys k, key_index_state s)`

/** Purged records keep their entries for a while. */
const STRAY = `SELECT i.seq FROM key_index i LEFT JOIN main.idempotency_keys k ON k.seq = i.seq
  WHERE CASE WHEN k.seq IS NULL THEN i.seq > (SELECT purged_to FROM key_index_state) ELSE i.hash <> ${HASH} END
  LIMIT 1`

const TWIN = `SELECT k.seq FROM key_places p
  JOIN key_places o ON o.hash = p.hash AND o.seq < p.seq
  JOIN main.idempotency_keys k ON k.seq = p.seq
  JOIN main.idempotency_keys other
    ON other.seq = o.seq AND other.account_id = k.account_id AND other.live = k.live AND other.key = k.key
  LIMIT 1`

/** The first problem of the index, as a sentence; only while `key_places` is there. */
export function keyIndexProblem(db: Connection): string | undefined {
  const counted = db.prepare<[], { own: number; missing: number | null; entries: number }>(OWN).get()
  const { own, missing, entries } = counted ?? { own: 0, missing: null, entries: 0 }
  if (missing !== null) return `The idempotency record ${missing} is not in the index of keys.`
  const seqOf = (text: string) => db.prepare<[], number>(text).pluck().get()
  // The search for an entry that is not a record's own reads the records in the order of their hashes, which is slow.
  const stray = own === entries ? undefined : seqOf(STRAY)
  if (stray !== undefined)
    return `The index of keys has an entry of the idempotency record ${stray}, which does not have its key.`
  const twin = seqOf(TWIN)
  return twin === undefined ? undefined : `The idempotency record ${twin} has the key of another.`
}
