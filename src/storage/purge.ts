/** What both engines share for the retention of events. */
import { DEFAULT_ENDPOINT } from '../domain/webhooks/endpoint.ts'

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

export const SQLITE_TEXT: PurgeText = {
  account: '?1',
  live: '?2',
  indexed: (index) => `INDEXED BY ${index}`,
}
export const POSTGRES_TEXT: PurgeText = { account: '$1::integer', live: '$2::smallint', indexed: () => '' }

/** Of the endpoint of a cursor `c`. */
const STATUS = `(
        SELECT p.status FROM webhook_endpoints p
        WHERE p.account_id = c.account_id AND p.live = c.live AND p.id = c.endpoint)`

/**
 * The events that the endpoints of a scope still need, the lowest of each reason, as `endpoint` and `seq`; null for a
 * reason that an endpoint does not have. Only an endpoint that is not deleted has a cursor.
 * Once the configuration has a target again, `default` continues after the last event.
 */
const needed = ({ account, live, indexed }: PurgeText): string => {
  const own = `c.account_id = ${account} AND c.live = ${live}`
  const lowest = (state: string, index: string) => `
      SELECT c.endpoint, (
        SELECT min(d.event_seq) FROM webhook_deliveries d ${indexed(index)}
        WHERE d.account_id = c.account_id AND d.live = c.live AND d.endpoint = c.endpoint AND d.state = '${state}')
      FROM webhook_cursors c WHERE ${own}`
  return `
      SELECT c.endpoint, c.position + 1 AS seq FROM webhook_cursors c
      WHERE ${own} AND NOT (c.endpoint = '${DEFAULT_ENDPOINT}' AND ${STATUS} = 'disabled')
      UNION ALL ${lowest('failed', 'webhook_deliveries_failed')}
      UNION ALL ${lowest('pending', 'webhook_deliveries_pending_by_event')}`
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

/** The ids of disabled endpoints that need an event from before the time `before`, a parameter. */
export const disabledHolders = (text: PurgeText, before: string): string => `
    SELECT DISTINCT n.endpoint FROM (${needed(text)}) AS n
    WHERE (
        SELECT p.status FROM webhook_endpoints p
        WHERE p.account_id = ${text.account} AND p.live = ${text.live} AND p.id = n.endpoint) = 'disabled'
      AND (
        SELECT e.created_at FROM events e
        WHERE e.account_id = ${text.account} AND e.live = ${text.live} AND e.seq >= n.seq
        ORDER BY e.seq LIMIT 1) < ${before}
    ORDER BY n.endpoint LIMIT 100`
