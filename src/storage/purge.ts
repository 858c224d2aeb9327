/** What both engines share for the retention of events. */

/** How much later than the event's own id that of its delivery may begin, in ms: nodes have clocks of their own. */
export const ID_MARGIN_MS = 10_000
/**
 * The event of a stored idempotency key is not older than the oldest key by more than this, in ms, unless the clock was
 * set back.
 */
const KEY_MARGIN_MS = 10_000

/** Parameters of the scope; and for SQLite, the words that choose an index: see sqlite/queries.test. */
export type PurgeText = {
  readonly account: string
  readonly live: string
  readonly indexed: (index: string) => string
}

/**
 * The events that the endpoints of a scope still need, the lowest of each reason, as `endpoint` and `seq`; null for a
 * reason that an endpoint does not have. Only an endpoint that is not deleted has a cursor.
 */
const needed = ({ account, live, indexed }: PurgeText): string => {
  const own = `c.account_id = ${account} AND c.live = ${live}`
  const lowest = (state: string) => `
      SELECT c.endpoint, (
        SELECT min(d.event_seq) FROM webhook_deliveries d ${indexed(`webhook_deliveries_${state}`)}
        WHERE d.account_id = c.account_id AND d.live = c.live AND d.endpoint = c.endpoint AND d.state = '${state}')
      FROM webhook_cursors c WHERE ${own}`
  return `
      SELECT c.endpoint, c.position + 1 AS seq FROM webhook_cursors c
      WHERE ${own} AND 'enabled' = (
        SELECT p.status FROM webhook_endpoints p
        WHERE p.account_id = c.account_id AND p.live = c.live AND p.id = c.endpoint)
      UNION ALL ${lowest('failed')}
      UNION ALL ${lowest('pending')}`
}

/**
 * The last event of a scope that may be deleted, as `last`; and the time before which no stored idempotency key names an
 * event, as `before`, null without keys.
 */
export const purgeBounds = (text: PurgeText): string => {
  const own = (alias: string) => `${alias}.account_id = ${text.account} AND ${alias}.live = ${text.live}`
  return `
    SELECT min(bound) AS last,
      (SELECT k.created_at - ${KEY_MARGIN_MS} - coalesce((SELECT max(set_back_ms) FROM clock), 0)
        FROM idempotency_keys k
        WHERE k.ending <> 'accepted' OR k.event_seq <> 0 ORDER BY k.seq LIMIT 1) AS before
    FROM (
      SELECT coalesce(max(v.seq), 0) - 1 AS bound FROM events v WHERE ${own('v')}
      UNION ALL
      SELECT r.position FROM webhook_replays r ${text.indexed('webhook_replays_running')} WHERE ${own('r')} AND r.state = 'running'
      UNION ALL
      SELECT n.seq - 1 FROM (${needed(text)}) AS n) AS bounds`
}
