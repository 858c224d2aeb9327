import { idFloor } from '../../domain/id.ts'
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

    async purgeDeliveries(before: number, limit: number): Promise<number> {
      return Number(
        (await sql(PURGE_DELIVERIES, [before, limit, idFloor('dlv', before)])).rows[0]?.['deleted'] ?? 0,
      )
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

/**
 * The oldest of each scope: an id begins with the time of its event, which is before that of its end. The counters are
 * those of `deliveries`.
 */
const PURGE_DELIVERIES = `
  WITH oldest AS (
    SELECT d.account_id, d.live, d.id
    FROM accounts a
    CROSS JOIN (VALUES (0::smallint), (1::smallint)) AS m (live)
    CROSS JOIN LATERAL (
      SELECT account_id, live, id FROM webhook_deliveries
      WHERE account_id = a.id AND live = m.live AND id < $3 AND state = 'delivered' AND settled_at < $1
      ORDER BY id
      LIMIT $2
      FOR UPDATE SKIP LOCKED) AS d
    LIMIT $2),
  deleted AS (
    DELETE FROM webhook_deliveries d
    USING oldest o
    WHERE d.account_id = o.account_id AND d.live = o.live AND d.id = o.id
    RETURNING d.account_id, d.live),
  counted AS (
    INSERT INTO counters AS k (account_id, live, name, currency, part, value)
    SELECT account_id, live, 'deliveries_delivered', '', 1, -count(*)
    FROM deleted
    GROUP BY account_id, live
    ORDER BY account_id, live
    ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value)
  SELECT count(*) AS deleted FROM deleted`

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
