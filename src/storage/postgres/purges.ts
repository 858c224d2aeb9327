import type { Sql } from './statements.ts'

/** Deletes old rows, the oldest first, up to a limit. */
export function purges(sql: Sql) {
  return {
    async purgeIdempotency(lastKey: number, limit: number): Promise<number> {
      return (await sql(PURGE_KEYS, [limit, lastKey])).count
    },

    async purgeNotifications(before: number, limit: number): Promise<number> {
      return (await sql(PURGE_NOTIFICATIONS, [before, limit])).count
    },

    async purgeVelocityCounters(before: number, limit: number): Promise<number> {
      return (await sql(PURGE_COUNTERS, [before, limit])).count
    },
  }
}

/**
 * Looks only at the oldest records, which come first by `seq`, and skips those whose request has not ended. The
 * database never issues a number twice, so even the newest record can be deleted.
 */
const PURGE_KEYS = `
  WITH oldest AS (
    SELECT seq, account_id, live, key FROM idempotency_keys
    WHERE seq <= $2 AND ending <> 'accepted'
    ORDER BY seq LIMIT $1)
  DELETE FROM idempotency_keys k
  USING oldest o
  WHERE k.account_id = o.account_id AND k.live = o.live AND k.key = o.key AND k.seq = o.seq`

const PURGE_NOTIFICATIONS = `
  WITH oldest AS (
    SELECT id FROM notifications
    WHERE state <> 'pending' AND received_at < $1
    ORDER BY received_at, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED)
  DELETE FROM notifications n USING oldest o WHERE n.id = o.id`

/** Skips counters that a commit has locked: it may count in them. */
const PURGE_COUNTERS = `
  WITH oldest AS (
    SELECT account_id, live, counter FROM velocity_counters
    WHERE ends_at <= $1
    ORDER BY ends_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED)
  DELETE FROM velocity_counters v
  USING oldest o
  WHERE v.account_id = o.account_id AND v.live = o.live AND v.counter = o.counter`
