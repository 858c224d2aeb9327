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
import { type Filter, listOf, page, pageOf, type Sql } from './read-page.ts'
import { live, modeOf } from './rows.ts'

/** The error of the last attempt of a delivery. */
export const LAST_ERROR = `json_extract(tries, '$[#-1].error')`
const LAST_STATUS = `json_extract(tries, '$[#-1].status')`
const OWNED = 'account_id AS accountId, live'
const ENDPOINTS = {
  ...listOf(WEBHOOK_ENDPOINTS, `${OWNED}, ${selectList(WEBHOOK_ENDPOINTS)}`),
  index: 'webhook_endpoints_listed',
  of: endpointOf,
}
const DELIVERIES = {
  ...listOf(WEBHOOK_DELIVERIES, selectList(WEBHOOK_DELIVERIES)),
  marginMs: DELIVERY_MARGIN_MS,
}
const REPLAYS = {
  ...listOf(WEBHOOK_REPLAYS, `${OWNED}, ${selectList(WEBHOOK_REPLAYS)}`),
  of: replayOf,
}

/**
 * The exact backlog of the cursor `c`: numbers have no gaps within an epoch, so each epoch after the position costs one
 * look-up of its scope's last number.
 */
const BACKLOG = `(SELECT coalesce(sum(last - max(c.position, first - 1)), 0) FROM (
  SELECT p.first_seq AS first, (
    SELECT max(e.seq) FROM events e
    WHERE e.account_id = c.account_id AND e.live = c.live AND e.seq >= p.first_seq AND e.seq < coalesce(
      (SELECT min(n.first_seq) FROM epochs n WHERE n.first_seq > p.first_seq), 9223372036854775807)) AS last
  FROM epochs p) WHERE last > c.position)`

const ENABLED = `FROM webhook_cursors c JOIN webhook_endpoints w
  ON w.account_id = c.account_id AND w.live = c.live AND w.id = c.endpoint AND w.status = 'enabled'`

type FailedQuery = Parameters<WebhookStore['failedWebhookDeliveries']>[1]

/** Webhook endpoints with their cursors, replays and deliveries, as people see them. */
export function webhookReads(sql: Sql) {
  return {
    webhookEndpoint(scope: Scope, id: string): WebhookEndpoint | undefined {
      const row = sql(
        `SELECT ${ENDPOINT_COLUMNS} FROM webhook_endpoints w
         WHERE w.account_id = ? AND w.live = ? AND w.id = ?`,
      ).get(scope.accountId, live(scope), id) as object | undefined
      return row && endpointOf(row)
    },

    webhookEndpoints: (scope: Scope, query: WebhookPageQuery) => page(sql, ENDPOINTS, scope, [], query),

    sealedWebhookEndpoints({ after, limit }: SealedQuery): Page<WebhookEndpoint> {
      const rows = sql(
        `SELECT ${ENDPOINT_COLUMNS} FROM webhook_endpoints w INDEXED BY webhook_endpoints_listed
         WHERE w.deleted_at IS NULL AND (w.secrets <> '[]' OR w.headers IS NOT NULL)
           AND (w.account_id, w.live, w.id) > (?, ?, ?)
         ORDER BY w.account_id, w.live, w.id LIMIT ?`,
      ).all(
        ...(after ? [after.scope.accountId, live(after.scope), after.id] : [0, 0, '']),
        limit + 1,
      ) as object[]
      return { data: rows.slice(0, limit).map(endpointOf), hasMore: rows.length > limit }
    },

    webhookCursor(scope: Scope, id: string): WebhookCursor | undefined {
      return sql(
        `SELECT c.position, ${BACKLOG} AS backlog, c.pending, c.failed, c.failing_since AS failingSince,
           c.warned_at AS warnedAt
         FROM webhook_cursors c WHERE c.account_id = ? AND c.live = ? AND c.endpoint = ?`,
      ).get(scope.accountId, live(scope), id) as WebhookCursor | undefined
    },

    webhookHours: (scope: Scope, endpoint: string, hour: number): WebhookHour[] =>
      sql(
        `SELECT hour, attempts, succeeded FROM webhook_hours
         WHERE account_id = ? AND live = ? AND endpoint = ? AND hour >= ? ORDER BY hour`,
      ).all(scope.accountId, live(scope), endpoint, hour) as WebhookHour[],

    webhookDelivery(scope: Scope, id: string): Delivery | undefined {
      const row = sql(
        `SELECT ${DELIVERY_COLUMNS} FROM webhook_deliveries d
         WHERE d.account_id = ? AND d.live = ? AND d.id = ?`,
      ).get(scope.accountId, live(scope), id) as object | undefined
      return row && WEBHOOK_DELIVERIES.of(row)
    },

    /** Most deliveries are delivered, so MiniPay reads those from the rows themselves and not from an index. */
    webhookDeliveries(scope: Scope, query: WebhookDeliveryQuery): Page<Delivery> | Promise<Page<Delivery>> {
      const { endpoint, eventType, state, error, eventSequence, object, eventTime } = query
      const open = state === 'delivered' ? undefined : 'webhook_deliveries_open'
      const filters: Filter[] = [
        ['state', state, open],
        ['endpoint', endpoint, undefined],
        ['event_type', eventType, undefined],
        [LAST_ERROR, error, undefined],
        ['event_seq', eventSequence, undefined],
        ['object', object, undefined],
      ]
      return page(sql, DELIVERIES, scope, filters, { ...query, beginning: beginningOf(eventTime) })
    },

    failedWebhookDeliveries(
      scope: Scope,
      { after, before, limit, newestFirst = false }: FailedQuery,
    ): Page<FailedDelivery> {
      const rows = sql(
        `SELECT d.id, d.endpoint, d.event_type AS eventType, d.created_at AS createdAt, ${LAST_STATUS} AS status,
           ${LAST_ERROR} AS error
         FROM webhook_deliveries d INDEXED BY webhook_deliveries_open
         WHERE d.account_id = ? AND d.live = ? AND d.state = 'failed' AND d.state <> 'delivered'
           AND d.id > ? AND d.id < ?
         ORDER BY d.id ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`,
      ).iterate(scope.accountId, live(scope), after, before, limit + 1)
      return pageOf(rows as IterableIterator<FailedDelivery>, limit)
    },

    replay(scope: Scope, id: string): Replay | undefined {
      const row = sql(
        `SELECT ${REPLAY_COLUMNS} FROM webhook_replays r WHERE r.account_id = ? AND r.live = ? AND r.id = ?`,
      ).get(scope.accountId, live(scope), id) as object | undefined
      return row && replayOf(row)
    },

    replays: (scope: Scope, endpoint: string, query: WebhookPageQuery) =>
      page(sql, REPLAYS, scope, [['endpoint', endpoint, 'webhook_replays_by_endpoint']], query),

    webhookDeliveryTotals(mode?: Mode): WebhookDeliveryTotals {
      const modes = [live({ mode: mode ?? 'test' }), live({ mode: mode ?? 'live' })] as const
      const rows = sql(
        `SELECT name, sum(value) AS value FROM counters
         WHERE name LIKE 'deliveries_%' AND live IN (?, ?) GROUP BY name`,
      ).all(...modes) as { name: string; value: number }[]
      const waiting = sql(`SELECT sum(${BACKLOG}) AS value ${ENABLED} WHERE c.live IN (?, ?)`).get(
        ...modes,
      ) as { value: number | null }
      const of = (name: string) => rows.find((row) => row.name === `deliveries_${name}`)?.value ?? 0
      return {
        pending: of('pending') + (waiting.value ?? 0),
        delivered: of('delivered'),
        failed: of('failed'),
        retries: of('retried'),
      }
    },

    backlogTotals(limit: number): BacklogTotal[] {
      const rows = sql(
        `SELECT c.account_id AS accountId, c.live, c.endpoint, ${BACKLOG} AS backlog, c.pending, c.failed ${ENABLED}
         ORDER BY backlog + c.pending DESC, c.account_id, c.live, c.endpoint LIMIT ?`,
      ).all(limit) as (Omit<BacklogTotal, 'scope'> & { accountId: number; live: number })[]
      return rows.map(({ accountId, live, ...row }) => ({
        scope: { accountId, mode: modeOf(live) },
        ...row,
      }))
    },
  }
}
