/** What both engines share for the retention of events. */

/** How much later than the event's own id that of its delivery may begin, in ms: nodes have clocks of their own. */
export const ID_MARGIN_MS = 10_000
/**
 * The event of a stored idempotency key is not older than the oldest key by more than this, in ms, unless the clock was
 * set back.
 */
const KEY_MARGIN_MS = 10_000

/**
 * The last event of a scope that may be deleted, as `last`; and the time before which no stored idempotency key names an
 * event, as `before`, null without keys. `account` and `live` are the parameters of the scope.
 */
export const purgeBounds = (account: string, live: string): string => {
  const own = (alias: string) => `${alias}.account_id = ${account} AND ${alias}.live = ${live}`
  return `
    SELECT min(bound) AS last,
      (SELECT k.created_at - ${KEY_MARGIN_MS} - coalesce((SELECT max(set_back_ms) FROM clock), 0)
        FROM idempotency_keys k
        WHERE k.ending <> 'accepted' OR k.event_seq <> 0 ORDER BY k.seq LIMIT 1) AS before
    FROM (
      SELECT coalesce(max(v.seq), 0) - 1 AS bound FROM events v WHERE ${own('v')}
      UNION ALL
      SELECT c.position FROM webhook_cursors c
      JOIN webhook_endpoints p ON p.account_id = c.account_id AND p.live = c.live AND p.id = c.endpoint
      WHERE ${own('c')} AND p.status = 'enabled'
      UNION ALL
      SELECT r.position FROM webhook_replays r WHERE ${own('r')} AND r.state = 'running'
      UNION ALL
      SELECT d.event_seq - 1 FROM webhook_deliveries d
      JOIN webhook_endpoints p ON p.account_id = d.account_id AND p.live = d.live AND p.id = d.endpoint
      WHERE ${own('d')} AND d.state <> 'delivered' AND d.state IN ('pending', 'failed')
        AND p.deleted_at IS NULL) AS bounds`
}
