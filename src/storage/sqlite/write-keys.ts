import type { KeyRecord, Scope } from '../../ports/store.ts'
import { KEYS, keyFactsOf } from '../columns.ts'
import type { Definition } from './definition.ts'
import { live } from './rows.ts'
import { keyRecords } from './write-commit.ts'

export const keyWrites = {
  addIdempotencyRecord(db, _cache, behind) {
    const { insert } = keyRecords(db, behind)
    return (scope: Scope, record: KeyRecord, at: number): boolean =>
      insert(scope.accountId, live(scope), KEYS.row(keyFactsOf(record)), 0, at, undefined)
  },

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
    // The index keeps entries of purged records until a fold sweeps them out, sorted and many at once.
    const moveMark = db.prepare(
      `UPDATE key_index_state
       SET purged_to = max(purged_to, (SELECT min(?, max(seq)) FROM idempotency_keys)) WHERE id = 1`,
    )
    return (lastKey: number, limit: number): number => {
      const { changes } = purge.run(lastKey, limit)
      if (changes > 0) moveMark.run(lastKey)
      return changes
    }
  },
} satisfies Record<string, Definition>
