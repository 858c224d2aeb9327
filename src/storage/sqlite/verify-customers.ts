/** What `verify` checks of the index of customers. */
import type { Connection } from './connection.ts'

const HASH = 'hash_in_scope(c.account_id, c.live, c.customer)'

const OWN = `SELECT count(*) FILTER (WHERE indexed) AS own,
    min(id) FILTER (WHERE NOT indexed AND id < indexed_before) AS missing,
    (SELECT count(*) FROM customer_index) AS entries
  FROM (
    SELECT c.id, s.indexed_before,
      EXISTS (SELECT 1 FROM customer_index i WHERE i.hash = ${HASH} AND i.id = c.id) AS indexed
    FROM main.charges c, customer_index_state s)`

const STRAY = `SELECT i.id FROM customer_index i
  WHERE NOT EXISTS (
    SELECT 1 FROM accounts a CROSS JOIN (SELECT 0 AS live UNION ALL SELECT 1) m
    CROSS JOIN main.charges c ON c.account_id = a.id AND c.live = m.live AND c.id = i.id
    WHERE i.hash = ${HASH}) LIMIT 1`

/** The first problem of the index, as a sentence; only where `hash_in_scope` is defined. */
export function customerIndexProblem(db: Connection): string | undefined {
  const counted = db.prepare<[], { own: number; missing: string | null; entries: number }>(OWN).get()
  const { own, missing, entries } = counted ?? { own: 0, missing: null, entries: 0 }
  if (missing !== null) return `The transaction ${missing} is not in the index of customers.`
  // The search for an entry that is not a charge's own reads the charges in the order of their hashes, which is slow.
  const stray = own === entries ? undefined : db.prepare<[], string>(STRAY).pluck().get()
  return stray === undefined
    ? undefined
    : `The index of customers has an entry of the transaction ${stray}, which is not of that customer.`
}
