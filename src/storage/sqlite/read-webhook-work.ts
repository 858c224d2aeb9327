import type { Delivery } from '../../domain/webhooks/delivery.ts'
import type { Page, Scope, StoredEvent } from '../../ports/store.ts'
import type { DueDelivery, FailedEvent, NumberedType, WebhookStore } from '../../ports/store-webhooks.ts'
import { WEBHOOK_DELIVERIES } from '../columns.ts'
import { EPOCH_OF_EVENT } from '../lists.ts'
import { DELIVERY_COLUMNS, dueColumns, dueOf, PUT_BACK } from '../webhooks.ts'
import { EVENT_DATA } from './long-texts.ts'
import { pageOf, type Sql } from './read-page.ts'
import { LAST_ERROR } from './read-webhooks.ts'
import { live } from './rows.ts'

/** The last number of all. */
const END = Number.MAX_SAFE_INTEGER
const DUE = dueColumns(EVENT_DATA, EPOCH_OF_EVENT)
/** A delivery without its event, which `verify` reports, is no work. */
const EVENT = `JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq`
const OWN = 'd.account_id = ? AND d.live = ? AND d.endpoint = ?'

type RangeQuery = Parameters<WebhookStore['eventTypes']>[1]
type FailedQuery = Parameters<WebhookStore['failedDeliveriesOf']>[2]

/** What the holder of a cursor reads. */
export function webhookWorkReads(sql: Sql) {
  return {
    eventsToDeliver(
      scope: Scope,
      { after, to = END, limit }: { after: number; to?: number; limit: number },
    ): Page<StoredEvent> {
      const rows = sql(
        // Without `+ 0`, SQLite would plan the statement anew for each value: a third of the time of a page.
        `SELECT seq AS sequence, id, type, created_at AS createdAt, ${EVENT_DATA} AS data, ${EPOCH_OF_EVENT} AS epoch
         FROM events e WHERE account_id = ? + 0 AND live = ? + 0 AND seq > ? + 0 AND seq <= ? + 0
         ORDER BY seq LIMIT ? + 0`,
      ).iterate(scope.accountId, live(scope), after, to, limit + 1) as IterableIterator<StoredEvent>
      return pageOf(rows, limit)
    },

    webhookShare: () => Number.MAX_SAFE_INTEGER,

    storedDeliveries(scope: Scope, ids: readonly string[]): Delivery[] {
      const one = sql(
        `SELECT ${DELIVERY_COLUMNS} FROM webhook_deliveries d
         WHERE d.account_id = ? AND d.live = ? AND d.id = ?`,
      )
      return ids.flatMap((id) => {
        const row = one.get(scope.accountId, live(scope), id) as object | undefined
        return row ? [WEBHOOK_DELIVERIES.of(row)] : []
      })
    },

    dueDeliveries(
      scope: Scope,
      endpoint: string,
      { now, limit, putBack = false }: { now: number; limit: number; putBack?: boolean },
    ): Page<DueDelivery> {
      const index = `webhook_deliveries_${putBack ? 'put_back' : 'due'}`
      const rows = sql(
        `SELECT ${DUE} FROM webhook_deliveries d INDEXED BY ${index} CROSS ${EVENT}
         WHERE ${OWN} AND d.due_at <= ? ${putBack ? `AND ${PUT_BACK}` : ''} ORDER BY d.due_at, d.id LIMIT ?`,
      ).iterate(scope.accountId, live(scope), endpoint, now, limit + 1) as IterableIterator<object>
      return duePage(rows, limit)
    },

    nextDue(scope: Scope, endpoint: string): number | null {
      const row = sql(
        `SELECT d.due_at AS dueAt FROM webhook_deliveries d INDEXED BY webhook_deliveries_due CROSS ${EVENT}
         WHERE ${OWN} AND d.due_at IS NOT NULL ORDER BY d.due_at, d.id LIMIT 1`,
      ).get(scope.accountId, live(scope), endpoint) as { dueAt: number } | undefined
      return row?.dueAt ?? null
    },

    blockedObjects(scope: Scope, endpoint: string, objects: readonly string[]): string[] {
      const one = sql(
        `SELECT 1 FROM webhook_deliveries d INDEXED BY webhook_deliveries_pending
         WHERE ${OWN} AND d.object = ? AND d.state = 'pending' LIMIT 1`,
      )
      return objects.filter((object) => one.get(scope.accountId, live(scope), endpoint, object) !== undefined)
    },

    failedDeliveriesOf(scope: Scope, endpoint: string, query: FailedQuery): Page<DueDelivery> {
      const { after, to, types, error = null, limit } = query
      const typed = types ? 'AND d.event_type IN (SELECT value FROM json_each(?))' : ''
      const failedSo = error === null ? '' : `AND ${LAST_ERROR} = ?`
      const rows = sql(
        `SELECT ${DUE} FROM webhook_deliveries d INDEXED BY webhook_deliveries_failed CROSS ${EVENT}
         WHERE ${OWN} AND d.state = 'failed' AND d.event_seq > ? AND d.event_seq <= ? ${typed} ${failedSo}
         ORDER BY d.event_seq LIMIT ?`,
      ).iterate(
        ...[scope.accountId, live(scope), endpoint, after, to],
        ...(types ? [JSON.stringify(types)] : []),
        ...(error === null ? [] : [error]),
        limit + 1,
      ) as IterableIterator<object>
      return duePage(rows, limit)
    },

    eventTypes(scope: Scope, { after, to, limit }: RangeQuery): Page<NumberedType> {
      const rows = sql(
        `SELECT seq AS sequence, type FROM events
         WHERE account_id = ? AND live = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
      ).iterate(scope.accountId, live(scope), after, to, limit + 1)
      return pageOf(rows as IterableIterator<NumberedType>, limit)
    },

    failedEvents(scope: Scope, endpoint: string, { after, to, limit }: RangeQuery): Page<FailedEvent> {
      const rows = sql(
        `SELECT d.event_seq AS sequence, d.event_type AS type, ${LAST_ERROR} AS error
         FROM webhook_deliveries d INDEXED BY webhook_deliveries_failed
         WHERE ${OWN} AND d.state = 'failed' AND d.event_seq > ? AND d.event_seq <= ? ORDER BY d.event_seq LIMIT ?`,
      ).iterate(scope.accountId, live(scope), endpoint, after, to, limit + 1)
      return pageOf(rows as IterableIterator<FailedEvent>, limit)
    },
  }
}

function duePage(rows: Iterable<object>, limit: number): Page<DueDelivery> {
  const { data, hasMore } = pageOf(rows, limit)
  return { data: data.map(dueOf), hasMore }
}
