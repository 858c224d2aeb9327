import type { Sql } from './statements.ts'

/** What is forgotten, the oldest first, up to a limit. */
export function purges(sql: Sql) {
  return {
    async idempotency(before: number, limit: number): Promise<number> {
      return (await sql(PURGE_KEYS, [limit, before])).count
    },

    async notifications(before: number, limit: number): Promise<number> {
      return (await sql(PURGE_NOTIFICATIONS, [before, limit])).count
    },
  }
}

/**
 * Looks only at the oldest records, which come first by `seq`: a purge with nothing to do reads `limit` rows, and those
 * before them whose request has not ended, which stay.
 */
const PURGE_KEYS = `
  WITH oldest AS (
    SELECT seq, account_id, live, key, created_at FROM idempotency_keys
    WHERE answer_kind <> 'accepted' ORDER BY seq LIMIT $1)
  DELETE FROM idempotency_keys k
  USING oldest o
  WHERE k.account_id = o.account_id AND k.live = o.live AND k.key = o.key AND k.seq = o.seq
    AND o.created_at < $2`

const PURGE_NOTIFICATIONS = `
  WITH oldest AS (
    SELECT id FROM notifications
    WHERE state <> 'pending' AND received_at < $1
    ORDER BY received_at, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED)
  DELETE FROM notifications n USING oldest o WHERE n.id = o.id`
