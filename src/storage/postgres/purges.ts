import { idFloor } from '../../domain/id.ts'
import type { Scope } from '../../domain/scope.ts'
import type { DeliveryPurge, PurgedDeliveries } from '../../ports/store-retention.ts'
import { live } from './rows.ts'
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

    async purgeDeliveries(scope: Scope, { before, after, limit }: DeliveryPurge): Promise<PurgedDeliveries> {
      const own = [scope.accountId, live(scope)]
      const values = [...own, after ?? '', idFloor('dlv', before), limit, before]
      const [row] = (await sql(PURGE_DELIVERIES, values)).rows
      const read = Number(row?.['read'] ?? 0)
      return { deleted: Number(row?.['deleted'] ?? 0), next: read < limit ? null : String(row?.['last']) }
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
 * One page of a scope: an id begins with the time of its event, which is before that of its end. The counters are those of
 * `deliveries`.
 */
const PURGE_DELIVERIES = `
  WITH page AS MATERIALIZED (
    SELECT id FROM webhook_deliveries
    WHERE account_id = $1::integer AND live = $2::smallint AND id > $3 AND id < $4
    ORDER BY id
    LIMIT $5::integer),
  old AS (
    SELECT id FROM webhook_deliveries
    WHERE account_id = $1::integer AND live = $2::smallint AND id > $3 AND id <= (SELECT max(id) FROM page)
      AND state = 'delivered' AND settled_at < $6::bigint
    ORDER BY id
    FOR UPDATE SKIP LOCKED),
  deleted AS (
    DELETE FROM webhook_deliveries
    WHERE account_id = $1::integer AND live = $2::smallint AND id = ANY (ARRAY(SELECT id FROM old))
    RETURNING id),
  counted AS (
    INSERT INTO counters AS k (account_id, live, name, currency, part, value)
    SELECT $1::integer, $2::smallint, 'deliveries_delivered', '', 1, -count(*) FROM deleted HAVING count(*) > 0
    ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value)
  SELECT (SELECT count(*) FROM deleted) AS deleted, count(*) AS read, max(id) AS last FROM page`

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
