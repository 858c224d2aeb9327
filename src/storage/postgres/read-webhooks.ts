import type { Mode } from '../../domain/scope.ts'
import type { Delivery } from '../../domain/webhooks/delivery.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { Replay } from '../../domain/webhooks/replay.ts'
import type { Page, Scope } from '../../ports/store.ts'
import type {
  BacklogTotal,
  FailedDelivery,
  SealedQuery,
  WebhookCursor,
  WebhookDeliveryQuery,
  WebhookDeliveryTotals,
  WebhookHour,
  WebhookPageQuery,
  WebhookStore,
} from '../../ports/store-webhooks.ts'
import { WEBHOOK_DELIVERIES, WEBHOOK_ENDPOINTS, WEBHOOK_REPLAYS } from '../columns.ts'
import { selectList } from '../table.ts'
import {
  beginningOf,
  DELIVERY_COLUMNS,
  DELIVERY_MARGIN_MS,
  ENDPOINT_COLUMNS,
  endpointOf,
  REPLAY_COLUMNS,
  replayOf,
} from '../webhooks.ts'
import { type Filter, listOf, page, pageOf } from './read-page.ts'
import { live, modeOf } from './rows.ts'
import type { Sql } from './statements.ts'

/** The error of the last attempt of a delivery. */
export const LAST_ERROR = `(tries::json -> -1 ->> 'error')`
const LAST_STATUS = `(tries::json -> -1 ->> 'status')::integer`
const OWNED = 'account_id AS "accountId", live'
const ENDPOINTS = {
  ...listOf(WEBHOOK_ENDPOINTS),
  columns: `${OWNED}, ${selectList(WEBHOOK_ENDPOINTS)}`,
  of: endpointOf,
  where: 'deleted_at IS NULL',
}
const DELIVERIES = { ...listOf(WEBHOOK_DELIVERIES), marginMs: DELIVERY_MARGIN_MS }
const REPLAYS = {
  ...listOf(WEBHOOK_REPLAYS),
  columns: `${OWNED}, ${selectList(WEBHOOK_REPLAYS)}`,
  of: replayOf,
}

/**
 * The exact backlog of the cursor `c`: numbers have no gaps within an epoch, so each epoch after the position costs one
 * look-up of its scope's last number.
 */
const BACKLOG = `(
  SELECT coalesce(sum(b.last - greatest(c.position, b.first - 1)), 0)::bigint
  FROM (
    SELECT p.first_seq AS first, (
      SELECT max(e.seq) FROM events e
      WHERE e.account_id = c.account_id AND e.live = c.live AND e.seq >= p.first_seq AND e.seq < coalesce(
        (SELECT min(n.first_seq) FROM epochs n WHERE n.first_seq > p.first_seq), 9223372036854775807)) AS last
    FROM epochs p) AS b
  WHERE b.last > c.position)`

const ENABLED = `webhook_cursors c JOIN webhook_endpoints w
  ON w.account_id = c.account_id AND w.live = c.live AND w.id = c.endpoint AND w.status = 'enabled'`

type FailedQuery = Parameters<WebhookStore['failedWebhookDeliveries']>[1]

/** Webhook endpoints with their cursors, replays and deliveries, as people see them. */
export function webhookReads(sql: Sql) {
  return {
    async webhookEndpoint(scope: Scope, id: string): Promise<WebhookEndpoint | undefined> {
      const { rows } = await sql(
        `SELECT ${ENDPOINT_COLUMNS} FROM webhook_endpoints w
         WHERE w.account_id = $1 AND w.live = $2 AND w.id = $3`,
        [scope.accountId, live(scope), id],
      )
      return rows[0] && endpointOf(rows[0])
    },

    webhookEndpoints: (scope: Scope, query: WebhookPageQuery): Promise<Page<WebhookEndpoint>> =>
      page(sql, ENDPOINTS, scope, [], query),

    async sealedWebhookEndpoints({ after, limit }: SealedQuery): Promise<Page<WebhookEndpoint>> {
      const last = after ? [after.scope.accountId, live(after.scope), after.id] : [0, 0, '']
      return pageOf((await sql(SEALED, [...last, limit + 1])).rows.map(endpointOf), limit)
    },

    async webhookCursor(scope: Scope, id: string): Promise<WebhookCursor | undefined> {
      const { rows } = await sql(
        `SELECT c.position, ${BACKLOG} AS backlog, c.pending, c.failed, c.failing_since AS "failingSince",
           c.warned_at AS "warnedAt"
         FROM webhook_cursors c WHERE c.account_id = $1 AND c.live = $2 AND c.endpoint = $3`,
        [scope.accountId, live(scope), id],
      )
      return rows[0] as WebhookCursor | undefined
    },

    async webhookHours(scope: Scope, endpoint: string, hour: number): Promise<WebhookHour[]> {
      const { rows } = await sql(
        `SELECT hour, attempts, succeeded FROM webhook_hours
         WHERE account_id = $1 AND live = $2 AND endpoint = $3 AND hour >= $4 ORDER BY hour`,
        [scope.accountId, live(scope), endpoint, hour],
      )
      return rows as WebhookHour[]
    },

    async webhookDelivery(scope: Scope, id: string): Promise<Delivery | undefined> {
      const { rows } = await sql(
        `SELECT ${DELIVERY_COLUMNS} FROM webhook_deliveries d
         WHERE d.account_id = $1 AND d.live = $2 AND d.id = $3`,
        [scope.accountId, live(scope), id],
      )
      return rows[0] && WEBHOOK_DELIVERIES.of(rows[0])
    },

    /** Most deliveries are delivered, so MiniPay reads those from the rows themselves and not from an index. */
    webhookDeliveries(scope: Scope, query: WebhookDeliveryQuery): Promise<Page<Delivery>> {
      const { endpoint, eventType, state, error, eventSequence, object, eventTime } = query
      const filters: Filter[] = [
        state === 'delivered' ? ['state', state] : ['state', state, `state <> 'delivered'`],
        ['endpoint', endpoint],
        ['event_type', eventType],
        [LAST_ERROR, error],
        ['event_seq', eventSequence],
        ['object', object],
      ]
      return page(sql, DELIVERIES, scope, filters, { ...query, beginning: beginningOf(eventTime) })
    },

    async failedWebhookDeliveries(
      scope: Scope,
      { after, before, limit, newestFirst = false }: FailedQuery,
    ): Promise<Page<FailedDelivery>> {
      const text = newestFirst ? FAILED_LATELY : FAILED
      const { rows } = await sql(text, [scope.accountId, live(scope), limit + 1, after, before])
      return pageOf(rows as FailedDelivery[], limit)
    },

    async replay(scope: Scope, id: string): Promise<Replay | undefined> {
      const { rows } = await sql(
        `SELECT ${REPLAY_COLUMNS} FROM webhook_replays r
         WHERE r.account_id = $1 AND r.live = $2 AND r.id = $3`,
        [scope.accountId, live(scope), id],
      )
      return rows[0] && replayOf(rows[0])
    },

    replays: (scope: Scope, endpoint: string, query: WebhookPageQuery): Promise<Page<Replay>> =>
      page(sql, REPLAYS, scope, [['endpoint', endpoint]], query),

    async webhookDeliveryTotals(mode?: Mode): Promise<WebhookDeliveryTotals> {
      const modes = [live({ mode: mode ?? 'test' }), live({ mode: mode ?? 'live' })]
      const { rows } = await sql(TOTALS, modes)
      const of = (name: string) => {
        const values = rows.filter((row) => row['name'] === `deliveries_${name}`)
        return values.reduce((sum, { value }) => sum + (value as number), 0)
      }
      return {
        pending: of('pending'),
        delivered: of('delivered'),
        failed: of('failed'),
        retries: of('retried'),
      }
    },

    async backlogTotals(limit: number): Promise<BacklogTotal[]> {
      const { rows } = await sql(BACKLOGS, [limit])
      return (rows as (Omit<BacklogTotal, 'scope'> & { accountId: number; live: number })[]).map(
        ({ accountId, live, ...row }) => ({ scope: { accountId, mode: modeOf(live) }, ...row }),
      )
    },
  }
}

/** Those with a secret, or with a header, whose value is sealed too. */
const SEALED = `
  SELECT ${ENDPOINT_COLUMNS} FROM webhook_endpoints w
  WHERE (w.account_id, w.live, w.id) > ($1, $2, $3) AND w.deleted_at IS NULL
    AND (w.secrets <> '[]' OR w.headers IS NOT NULL)
  ORDER BY w.account_id, w.live, w.id LIMIT $4`

const failed = (order: 'ASC' | 'DESC') => `
  SELECT d.id, d.endpoint, d.event_type AS "eventType", d.created_at AS "createdAt", ${LAST_STATUS} AS status,
    ${LAST_ERROR} AS error
  FROM webhook_deliveries d
  WHERE d.account_id = $1 AND d.live = $2 AND d.state = 'failed' AND d.state <> 'delivered' AND d.id > $4 AND d.id < $5
  ORDER BY d.id ${order} LIMIT $3`
const FAILED = failed('ASC')
const FAILED_LATELY = failed('DESC')

/** Counters, and the backlogs of enabled endpoints. */
const TOTALS = `
  SELECT name, sum(value)::bigint AS value FROM counters
  WHERE name LIKE 'deliveries_%' AND live IN ($1, $2) GROUP BY name
  UNION ALL
  SELECT 'deliveries_pending', coalesce(sum(${BACKLOG}), 0)::bigint FROM ${ENABLED} WHERE c.live IN ($1, $2)`

const BACKLOGS = `
  SELECT * FROM (
    SELECT c.account_id AS "accountId", c.live, c.endpoint, ${BACKLOG} AS backlog, c.pending, c.failed
    FROM ${ENABLED}) AS b
  ORDER BY backlog + pending DESC, "accountId", live, endpoint
  LIMIT $1`
