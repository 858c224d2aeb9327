import type { Definition } from './definition.ts'

export const keyWrites = {
  /**
   * Looks only at the oldest records, which come first by `seq`, and skips those whose request has not ended. The newest
   * stays: the next record would get its number, and would look old.
   */
  purgeIdempotency(db) {
    const purge = db.prepare(
      `DELETE FROM idempotency_keys WHERE seq IN (
         SELECT seq FROM idempotency_keys
         WHERE seq <= ? AND seq < (SELECT max(seq) FROM idempotency_keys) AND ending <> 'accepted'
         ORDER BY seq LIMIT ?)`,
    )
    return (lastKey: number, limit: number): number => purge.run(lastKey, limit).changes
  },
} satisfies Record<string, Definition>
