import type { Delivery } from '../../domain/webhooks/delivery.ts'
import type { Page, Scope, StoredEvent } from '../../ports/store.ts'
import type { DueDelivery, FailedEvent, NumberedType, WebhookStore } from '../../ports/store-webhooks.ts'
import { WEBHOOK_DELIVERIES } from '../columns.ts'
import { EPOCH_OF_EVENT } from '../lists.ts'
import { DELIVERY_COLUMNS, dueColumns, dueOf, PUT_BACK } from '../webhooks.ts'
import type { Result } from './batch.ts'
import { LAST_ERROR } from './read-webhooks.ts'
import { recordset } from './recordset.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

type RangeQuery = Parameters<WebhookStore['eventTypes']>[1]
type FailedQuery = Parameters<WebhookStore['failedDeliveriesOf']>[2]
type Values = readonly (string | number | null)[]

/** The last number of all. */
const END = Number.MAX_SAFE_INTEGER
/** A page ends before the data of its events is longer, in characters; it has one row at least. */
const PAGE_CHARACTERS = 4_000_000

/** What the holder of a cursor reads. Its sessions keep one plan for all calls, as those that commit. */
export function webhookWorkReads(sql: Sql) {
  async function due(text: string, values: Values, limit: number): Promise<Page<DueDelivery>> {
    const { data, hasMore } = pageOf<object>(await sql(text, values), limit)
    return { data: data.map(dueOf), hasMore }
  }

  return {
    async eventsToDeliver(
      scope: Scope,
      { after, to = END, limit }: { after: number; to?: number; limit: number },
    ): Promise<Page<StoredEvent>> {
      return pageOf<StoredEvent>(
        await sql(EVENTS, [scope.accountId, live(scope), after, to, limit + 1]),
        limit,
      )
    },

    async storedDeliveries(scope: Scope, ids: readonly string[]): Promise<Delivery[]> {
      const { rows } = await sql(STORED, [scope.accountId, live(scope), ...TEXTS.values(ids)])
      return rows.map(WEBHOOK_DELIVERIES.of)
    },

    dueDeliveries(
      scope: Scope,
      endpoint: string,
      { now, limit, putBack = false }: { now: number; limit: number; putBack?: boolean },
    ): Promise<Page<DueDelivery>> {
      const values = [scope.accountId, live(scope), endpoint, limit + 1, now]
      return due(putBack ? DUE_PUT_BACK : DUE, values, limit)
    },

    async nextDue(scope: Scope, endpoint: string): Promise<number | null> {
      const { rows } = await sql(NEXT_DUE, [scope.accountId, live(scope), endpoint])
      return (rows[0]?.['dueAt'] as number | undefined) ?? null
    },

    async blockedObjects(scope: Scope, endpoint: string, objects: readonly string[]): Promise<string[]> {
      const { rows } = await sql(BLOCKED, [scope.accountId, live(scope), ...TEXTS.values(objects), endpoint])
      const blocked = new Set(rows.map(({ text }) => text))
      return objects.filter((object) => blocked.has(object))
    },

    failedDeliveriesOf(scope: Scope, endpoint: string, query: FailedQuery): Promise<Page<DueDelivery>> {
      const { after, to, types, error = null, limit } = query
      const of = types && JSON.stringify(types)
      return due(FAILED, [scope.accountId, live(scope), endpoint, limit + 1, after, to, of, error], limit)
    },

    async eventTypes(scope: Scope, { after, to, limit }: RangeQuery): Promise<Page<NumberedType>> {
      const { rows } = await sql(EVENT_TYPES, [scope.accountId, live(scope), after, to, limit + 1])
      return firstOf(rows as NumberedType[], limit)
    },

    async failedEvents(
      scope: Scope,
      endpoint: string,
      { after, to, limit }: RangeQuery,
    ): Promise<Page<FailedEvent>> {
      const values = [scope.accountId, live(scope), endpoint, after, to, limit + 1]
      const { rows } = await sql(FAILED_EVENTS, values)
      return firstOf(rows as FailedEvent[], limit)
    },
  }
}

const TEXTS = recordset<string>({ text: ['text', (text) => text] })

/** The query of a page reads one row more than its limit: `found` is the number of rows before any was left out. */
function pageOf<T>({ rows }: Result, limit: number): Page<T> {
  const data = rows.slice(0, limit).map(({ before, found, ...row }) => row as T)
  return { data, hasMore: Number(rows[0]?.['found'] ?? 0) > data.length }
}

/** Those rows of a query whose data, with that of the rows before, is not too long. */
const bounded = (query: string, order: string) => `
  SELECT * FROM (
    SELECT q.*, count(*) OVER () AS found, sum(length(q.data)) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) - length(q.data) AS before
    FROM (${query}) AS q) AS p
  WHERE before < ${PAGE_CHARACTERS}
  ORDER BY ${order}`

const EVENTS = bounded(
  `
    SELECT seq AS sequence, id, type, created_at AS "createdAt", data, ${EPOCH_OF_EVENT} AS epoch
    FROM events e
    WHERE account_id = $1 AND live = $2 AND seq > $3 AND seq <= $4
    ORDER BY seq LIMIT $5`,
  'sequence',
)

const firstOf = <T>(rows: readonly T[], limit: number): Page<T> => ({
  data: rows.slice(0, limit),
  hasMore: rows.length > limit,
})

const EVENT_TYPES = `
  SELECT seq AS sequence, type FROM events
  WHERE account_id = $1 AND live = $2 AND seq > $3 AND seq <= $4
  ORDER BY seq LIMIT $5`

const FAILED_EVENTS = `
  SELECT d.event_seq AS sequence, d.event_type AS type, ${LAST_ERROR} AS error
  FROM webhook_deliveries d
  WHERE d.account_id = $1 AND d.live = $2 AND d.endpoint = $3 AND d.state = 'failed'
    AND d.event_seq > $4 AND d.event_seq <= $5
  ORDER BY d.event_seq LIMIT $6`

const STORED = `
  SELECT ${DELIVERY_COLUMNS}
  FROM ${TEXTS.from}
  CROSS JOIN LATERAL (
    SELECT * FROM webhook_deliveries
    WHERE account_id = $1 AND live = $2 AND id = r.text OFFSET 0) AS d`

/** LATERAL keeps the planner from scanning `events`. A delivery without its event, which `verify` reports, is no work. */
const WITH_EVENTS = `
    FROM webhook_deliveries d
    CROSS JOIN LATERAL (
      SELECT seq, type, created_at, data FROM events
      WHERE account_id = d.account_id AND live = d.live AND seq = d.event_seq
      LIMIT 1) AS e
    WHERE d.account_id = $1 AND d.live = $2 AND d.endpoint = $3`

const DUE_COLUMNS = dueColumns('e.data', EPOCH_OF_EVENT)

const dueThat = (condition: string) =>
  bounded(
    `
    SELECT ${DUE_COLUMNS} ${WITH_EVENTS} AND d.due_at <= $5 ${condition}
    ORDER BY d.due_at, d.id LIMIT $4`,
    '"dueAt", id',
  )
const DUE = dueThat('')
const DUE_PUT_BACK = dueThat(`AND ${PUT_BACK}`)

const NEXT_DUE = `
  SELECT d.due_at AS "dueAt" ${WITH_EVENTS} AND d.due_at IS NOT NULL
  ORDER BY d.due_at, d.id LIMIT 1`

const BLOCKED = `
  SELECT DISTINCT r.text
  FROM ${TEXTS.from}
  CROSS JOIN LATERAL (
    SELECT 1 FROM webhook_deliveries
    WHERE account_id = $1 AND live = $2 AND endpoint = $4 AND object = r.text AND state = 'pending'
    LIMIT 1) AS d`

const FAILED = bounded(
  `
    SELECT ${DUE_COLUMNS} ${WITH_EVENTS} AND d.state = 'failed' AND d.event_seq > $5 AND d.event_seq <= $6
      AND ($7::text IS NULL OR d.event_type IN (SELECT json_array_elements_text($7::json)))
      AND ($8::text IS NULL OR ${LAST_ERROR} = $8)
    ORDER BY d.event_seq LIMIT $4`,
  '"eventSequence"',
)
