import type { Connection } from './connection.ts'
import { EPOCH_OF_EVENT } from './epochs.ts'
import type { LedgerCache } from './ledger-cache.ts'
import { EVENT_DATA } from './long-texts.ts'
import type { ClaimOp, ReleaseOp, RetryManyOp, RetryOp, SettleOp } from './ops.ts'

type ClaimedRow = readonly [id: string, accountId: number, live: number, eventSeq: number, attempts: number]

/** Deliveries, and the counters of their states. */
export function deliveryWrites(db: Connection, cache: LedgerCache) {
  const claimDue = db
    .prepare<[number, string, string, number, number], ClaimedRow>(
      `UPDATE deliveries SET due_at = ?, token = ?
       WHERE id IN (
         SELECT id FROM deliveries
         WHERE endpoint = ? AND state = 'pending' AND due_at <= ?
         ORDER BY due_at, id LIMIT ?)
       RETURNING id, account_id, live, event_seq, attempts`,
    )
    .raw()
  const findEvent = db
    .prepare<[number, number, number], [seq: number, epoch: string, ...event: unknown[]]>(
      `SELECT seq, ${EPOCH_OF_EVENT}, id, type, created_at, ${EVENT_DATA} FROM events e
       WHERE account_id = ? AND live = ? AND seq = ?`,
    )
    .raw()
  const settleClaimed = db
    .prepare<unknown[], [accountId: number, live: number]>(
      `UPDATE deliveries
       SET state = ?, attempts = attempts + 1, due_at = ?, token = NULL, last_status = ?, last_error = ?
       WHERE id = ? AND token = ? AND state = 'pending'
       RETURNING account_id, live`,
    )
    .raw()
  const releaseClaimed = db.prepare(
    `UPDATE deliveries SET due_at = created_at, token = NULL WHERE id = ? AND token = ? AND state = 'pending'`,
  )
  const retryFailed = db.prepare(
    `UPDATE deliveries SET state = 'pending', attempts = 0, due_at = ?, token = NULL
     WHERE id = ? AND account_id = ? AND live = ? AND state = 'failed'`,
  )

  /** Answers how many were failed, and are put back. */
  function retry(account: number, live: number, ids: readonly string[], now: number): number {
    let count = 0
    for (const id of ids) count += retryFailed.run(now, id, account, live).changes
    cache.count(account, live, 'deliveries_failed', '', -count)
    cache.count(account, live, 'deliveries_pending', '', count)
    return count
  }

  return {
    /** A delivery whose event is gone, which `verify` reports, is left to its lease: it must not stop the others. */
    claim([, endpoint, limit, now, leaseUntil, token]: ClaimOp): unknown {
      return claimDue
        .all(leaseUntil, token, endpoint, now, limit)
        .flatMap(([id, account, live, seq, attempts]) => {
          const event = findEvent.get(account, live, seq)
          return event ? [[id, attempts, ...event]] : []
        })
    },

    settle([, id, token, state, dueAt, status, error]: SettleOp): boolean {
      const scope = settleClaimed.get(state, dueAt, status, error, id, token)
      if (!scope) return false
      if (state === 'pending') cache.count(...scope, 'deliveries_retried', '', 1)
      else {
        cache.count(...scope, 'deliveries_pending', '', -1)
        cache.count(...scope, `deliveries_${state}`, '', 1)
      }
      return true
    },

    release([, id, token]: ReleaseOp): boolean {
      return releaseClaimed.run(id, token).changes === 1
    },

    retry([, account, live, id, now]: RetryOp): boolean {
      return retry(account, live, [id], now) === 1
    },

    retryMany([, account, live, ids, now]: RetryManyOp): number {
      return retry(account, live, ids, now)
    },
  }
}
