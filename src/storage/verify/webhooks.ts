/** Checks of webhook endpoints, their cursors, deliveries and replays. */
import { hash } from 'node:crypto'
import { HOUR_MS } from '../../domain/statistics.ts'
import { deliveryIdOf, KEPT_TRIES } from '../../domain/webhooks/delivery.ts'
import { DEFAULT_ENDPOINT } from '../../domain/webhooks/endpoint.ts'
import type { Check } from '../verify-checks.ts'
import type { Row } from './aggregate.ts'
import { timeOf } from './views.ts'

/** The condition that a row has the endpoint `w`. */
const OF_ENDPOINT = (row: string) =>
  `w.account_id = ${row}.account_id AND w.live = ${row}.live AND w.id = ${row}.endpoint`

/** The last deleted event of a scope, or 0. */
const PURGED_TO = (row: string) =>
  `coalesce((SELECT g.events_to FROM event_purges g WHERE g.account_id = ${row}.account_id AND g.live = ${row}.live), 0)`

/** The last number of a scope's events, those that were deleted included. */
const LAST = (row: string) => `(
  SELECT max(last) FROM (
    SELECT max(e.seq) AS last FROM events e WHERE e.account_id = ${row}.account_id AND e.live = ${row}.live
    UNION ALL SELECT max(first_seq) - 1 FROM epochs
    UNION ALL SELECT ${PURGED_TO(row)}) AS numbers)`

/** Each endpoint that is not deleted has a cursor, and no other. */
const CURSORS: readonly Check[] = [
  {
    sql: `SELECT coalesce(w.id, c.endpoint) AS id, w.deleted_at AS deleted, c.endpoint AS cursor FROM webhook_endpoints w
      FULL JOIN webhook_cursors c ON ${OF_ENDPOINT('c')}
      WHERE (w.id IS NULL OR w.deleted_at IS NOT NULL) <> (c.endpoint IS NULL) LIMIT 1`,
    problem: ({ id, deleted, cursor }) =>
      cursor === null || cursor === undefined
        ? `The webhook endpoint ${id} has no cursor.`
        : `There is a cursor of the webhook endpoint ${id}, which ${deleted === null ? 'does not exist' : 'was deleted'}.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT c.endpoint, c.position, c.reach, ${LAST('c')} AS last,
          coalesce(d.newest, 0) AS stored
        FROM webhook_cursors c LEFT JOIN (
          SELECT account_id, live, endpoint, max(event_seq) AS newest
          FROM webhook_deliveries GROUP BY account_id, live, endpoint) d
          ON d.account_id = c.account_id AND d.live = c.live AND d.endpoint = c.endpoint) AS x
      WHERE position < 0 OR position > last OR reach > last OR reach < stored LIMIT 1`,
    problem: ({ endpoint, position, reach, last, stored }) =>
      Number(reach) < Number(stored)
        ? `The cursor of ${endpoint} says that its last delivery is of event ${reach}, but it is of ${stored}.`
        : `The cursor of ${endpoint} is at ${position} with deliveries up to ${reach}, but the last event is ${last}.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT c.endpoint, c.pending, c.failed, coalesce(d.waiting, 0) AS waiting, coalesce(d.dead, 0) AS dead
        FROM webhook_cursors c LEFT JOIN (
          SELECT account_id, live, endpoint, count(*) FILTER (WHERE state = 'pending') AS waiting,
            count(*) FILTER (WHERE state = 'failed') AS dead
          FROM webhook_deliveries WHERE state <> 'delivered' GROUP BY account_id, live, endpoint) d
          ON d.account_id = c.account_id AND d.live = c.live AND d.endpoint = c.endpoint) AS x
      WHERE pending <> waiting OR failed <> dead LIMIT 1`,
    problem: ({ endpoint, pending, failed, waiting, dead }) =>
      `The cursor of ${endpoint} says ${pending} pending and ${failed} failed deliveries, but there are ${waiting} and ${dead}.`,
  },
  {
    sql: `SELECT id, status, events FROM webhook_endpoints
      WHERE version < 1 OR substr(secrets, 1, 1) <> '[' OR substr(events, 1, 1) <> '['
        OR (id <> '${DEFAULT_ENDPOINT}' AND id NOT LIKE 'we\\_%' ESCAPE '\\') LIMIT 1`,
    problem: ({ id }) => `The webhook endpoint ${id} is not one that MiniPay writes.`,
  },
]

/** How far the clock was set back at most, in ms. */
const SET_BACK = 'coalesce((SELECT max(set_back_ms) FROM clock), 0)'

/** Each delivery is of an endpoint and of an event, and of the event's time. */
const DELIVERIES: readonly Check[] = [
  {
    sql: `SELECT d.id, d.endpoint FROM webhook_deliveries d
      LEFT JOIN webhook_endpoints w ON ${OF_ENDPOINT('d')} WHERE w.id IS NULL LIMIT 1`,
    problem: ({ id, endpoint }) =>
      `The delivery ${id} is to the webhook endpoint ${endpoint}, which does not exist.`,
  },
  {
    sql: `SELECT d.id, d.event_seq AS seq FROM webhook_deliveries d
      LEFT JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
      WHERE e.seq IS NULL AND (d.event_seq < 1 OR d.event_seq > ${PURGED_TO('d')}) LIMIT 1`,
    problem: ({ id, seq }) => `The delivery ${id} belongs to event ${seq}, which is not there.`,
  },
  {
    sql: `SELECT d.id, d.event_seq AS seq, e.created_at <> d.created_at AS late FROM webhook_deliveries d
      JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
      WHERE e.created_at <> d.created_at OR e.id <> d.event_id OR e.type <> d.event_type LIMIT 1`,
    problem: ({ id, seq }) =>
      `The delivery ${id} is not of its event ${seq}: it has another time, id or type.`,
  },
  {
    // An endpoint that is deleted fails what waits there, also what was never tried. A clock that was set back may have
    // settled a delivery before the time of its event.
    sql: `SELECT id, state, attempts FROM webhook_deliveries
      WHERE attempts < 0 OR revision < 0 OR (state = 'delivered' AND (attempts < 1 OR tries = '[]'))
        OR (state <> 'pending' AND settled_at < created_at - 3600000 - ${SET_BACK}) LIMIT 1`,
    problem: ({ id, state, attempts }) => `The delivery ${id} is ${state} after ${attempts} attempts.`,
  },
  {
    sql: `SELECT d.id FROM webhook_deliveries d
      JOIN webhook_endpoints w ON ${OF_ENDPOINT('d')}
      WHERE d.state = 'pending' AND d.due_at IS NULL AND (w.ordered = 0 OR NOT EXISTS (
        SELECT 1 FROM webhook_deliveries b
        WHERE b.account_id = d.account_id AND b.live = d.live AND b.endpoint = d.endpoint AND b.object = d.object
          AND b.state = 'pending' AND b.event_seq < d.event_seq)) LIMIT 1`,
    problem: ({ id }) => `The delivery ${id} waits for no other one, and is never due.`,
  },
]

/**
 * The attempts of an hour: a delivery was settled in the hour in which the attempt that succeeded is counted. Deliveries are
 * purged, and may be sent again later, so there may be more attempts than the deliveries show. The first hour of an endpoint
 * is left out: an upgrade may have begun to count in the middle of it.
 */
const HOURS: readonly Check[] = [
  {
    sql: `WITH settled AS (
        SELECT account_id, live, endpoint, (settled_at - settled_at % ${HOUR_MS}) / ${HOUR_MS} AS hour, count(*) AS delivered
        FROM webhook_deliveries WHERE state = 'delivered' GROUP BY 1, 2, 3, 4),
      counted AS (
        SELECT account_id, live, endpoint, min(hour) AS since FROM webhook_hours GROUP BY 1, 2, 3)
      SELECT s.endpoint, s.hour, s.delivered, coalesce(h.succeeded, 0) AS succeeded FROM settled s
      JOIN counted c ON c.account_id = s.account_id AND c.live = s.live AND c.endpoint = s.endpoint AND s.hour > c.since
      LEFT JOIN webhook_hours h ON h.account_id = s.account_id AND h.live = s.live AND h.endpoint = s.endpoint
        AND h.hour = s.hour
      WHERE s.delivered > coalesce(h.succeeded, 0) LIMIT 1`,
    problem: ({ endpoint, hour, delivered, succeeded }) =>
      `The webhook endpoint ${endpoint} has ${succeeded} attempts that succeeded in the hour ${timeOf(Number(hour) * HOUR_MS)}, but at least ${delivered} did.`,
  },
]

/** Each replay is of an endpoint, and of events that exist. */
const REPLAYS: readonly Check[] = [
  {
    sql: `SELECT r.id, r.endpoint FROM webhook_replays r
      LEFT JOIN webhook_endpoints w ON ${OF_ENDPOINT('r')}
      WHERE w.id IS NULL OR (w.deleted_at IS NOT NULL AND r.state = 'running') LIMIT 1`,
    problem: ({ id, endpoint }) =>
      `The replay ${id} is of the webhook endpoint ${endpoint}, which is not there.`,
  },
  {
    sql: `SELECT id, state, position FROM webhook_replays
      WHERE from_seq < 0 OR from_seq > to_seq OR (state = 'done' AND position <> to_seq) LIMIT 1`,
    problem: ({ id, state, position }) => `The replay ${id} is ${state} at ${position}.`,
  },
]

export const WEBHOOKS: readonly Check[] = [...CURSORS, ...DELIVERIES, ...HOURS, ...REPLAYS]

/** The deliveries whose parts only the program can check. */
export const SENT = {
  deliveries: () =>
    'SELECT id, endpoint, event_id, event_seq, state, attempts, revision, tries FROM webhook_deliveries ORDER BY account_id, live, id',
} as const

const sha256 = (text: string) => hash('sha256', text, 'hex')

/**
 * The first delivery whose id is not that of its event and endpoint, or whose attempts do not lead to its state, as a
 * sentence. Those to `DEFAULT_ENDPOINT` from before deliveries had such ids keep theirs.
 */
export function* deliveryProblem(): Generator<keyof typeof SENT, string | undefined, readonly Row[]> {
  for (;;) {
    const rows = yield 'deliveries'
    if (rows.length === 0) return undefined
    for (const row of rows) {
      const wrong = wrongDelivery(row)
      if (wrong !== undefined) return wrong
    }
  }
}

type Try = { readonly at: number; readonly status: number | null }

function wrongDelivery(row: Row): string | undefined {
  const [id, endpoint, state] = [String(row['id']), String(row['endpoint']), row['state']]
  if (endpoint !== DEFAULT_ENDPOINT && id !== deliveryIdOf(endpoint, String(row['event_id']), sha256))
    return `The delivery ${id} does not have the id of its event ${row['event_seq']} and its endpoint.`
  const tries = triesIn(String(row['tries']))
  if (!tries) return `The attempts of the delivery ${id} are not a list of attempts.`
  if (tries.length > KEPT_TRIES) return `The delivery ${id} has ${tries.length} attempts.`
  const succeeded = tries.some(({ status }) => status !== null && status >= 200 && status < 300)
  if (state === 'delivered' && !succeeded) return `The delivery ${id} is delivered, but no attempt succeeded.`
  return undefined
}

function triesIn(text: string): readonly Try[] | undefined {
  try {
    const tries: unknown = JSON.parse(text)
    const isTry = (each: unknown) =>
      typeof each === 'object' && each !== null && 'at' in each && 'status' in each
    return Array.isArray(tries) && tries.every(isTry) ? (tries as Try[]) : undefined
  } catch {
    return undefined
  }
}
