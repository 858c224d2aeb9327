import type { AuditEntry } from '../../domain/audit.ts'
import type { Claim, ClaimedDelivery, DeliverySettlement, Scope } from '../../ports/store.ts'
import { EPOCH_OF_EVENT } from '../lists.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import type { LedgerCache } from './ledger-cache.ts'
import { EVENT_DATA } from './long-texts.ts'
import { live } from './rows.ts'
import { appendAudit } from './write-audit.ts'

type ClaimedRow = readonly [id: string, accountId: number, live: number, eventSeq: number, attempts: number]
type EventOf = Omit<ClaimedDelivery, 'id' | 'token' | 'attempts'>

/** Deliveries, and the counters of their states. */
export const deliveryWrites = {
  claimDeliveries(db) {
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
    const findEvent = db.prepare<[number, number, number], EventOf>(
      `SELECT seq AS sequence, ${EPOCH_OF_EVENT} AS epoch, id AS eventId, type AS eventType,
         created_at AS eventAt, ${EVENT_DATA} AS data
       FROM events e WHERE account_id = ? AND live = ? AND seq = ?`,
    )
    /** A delivery without its event, which `verify` reports, keeps its lease: it must not stop the others. */
    return ({ endpoint, limit, now, leaseUntil, token }: Claim): ClaimedDelivery[] =>
      claimDue.all(leaseUntil, token, endpoint, now, limit).flatMap(([id, account, live, seq, attempts]) => {
        const event = findEvent.get(account, live, seq)
        return event ? [{ id, token, attempts, ...event }] : []
      })
  },

  settleDelivery(db, cache) {
    const settleClaimed = db
      .prepare<unknown[], [accountId: number, live: number]>(
        `UPDATE deliveries
         SET state = ?, attempts = attempts + 1, due_at = ?, token = NULL, last_status = ?, last_error = ?
         WHERE id = ? AND token = ? AND state = 'pending'
         RETURNING account_id, live`,
      )
      .raw()
    return ({ id, token, verdict, status, error }: DeliverySettlement): boolean => {
      const { state } = verdict
      const scope = settleClaimed.get(
        ...[state, state === 'pending' ? verdict.retryAt : null, status, error],
        ...[id, token],
      )
      if (!scope) return false
      if (state === 'pending') cache.count(...scope, 'deliveries_retried', '', 1)
      else {
        cache.count(...scope, 'deliveries_pending', '', -1)
        cache.count(...scope, `deliveries_${state}`, '', 1)
      }
      return true
    }
  },

  releaseDelivery(db) {
    const releaseClaimed = db.prepare(
      `UPDATE deliveries SET due_at = created_at, token = NULL
       WHERE id = ? AND token = ? AND state = 'pending'`,
    )
    return (id: string, token: string): boolean => releaseClaimed.run(id, token).changes === 1
  },

  retryDelivery(db, cache) {
    const retry = retryFailed(db, cache)
    return (scope: Scope, id: string, now: number, audit: AuditEntry): boolean =>
      retry(scope, [id], now, audit) === 1
  },

  retryDeliveries: retryFailed,
} satisfies Record<string, Definition>

/** Returns how many failed deliveries it made due again; without any it stores nothing. */
function retryFailed(db: Connection, cache: LedgerCache) {
  const append = appendAudit(db, cache)
  const putBack = db.prepare(
    `UPDATE deliveries SET state = 'pending', attempts = 0, due_at = ?, token = NULL
     WHERE id = ? AND account_id = ? AND live = ? AND state = 'failed'`,
  )
  return (scope: Scope, ids: readonly string[], now: number, audit: AuditEntry): number => {
    const own = [scope.accountId, live(scope)] as const
    let count = 0
    for (const id of ids) count += putBack.run(now, id, ...own).changes
    if (count === 0) return 0
    cache.count(...own, 'deliveries_failed', '', -count)
    cache.count(...own, 'deliveries_pending', '', count)
    append(audit)
    return count
  }
}
