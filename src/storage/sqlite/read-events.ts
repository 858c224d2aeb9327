import type { Epoch } from '../../domain/epoch.ts'
import type { Mode } from '../../domain/scope.ts'
import type {
  Delivery,
  DeliveryQuery,
  DeliveryTotals,
  EventPage,
  EventQuery,
  Page,
  Scope,
  StoredEvent,
} from '../../ports/store.ts'
import { DELIVERY, EPOCH, EPOCH_OF_EVENT } from '../lists.ts'
import { EVENT_DATA } from './long-texts.ts'
import { pageOf, type Sql } from './read-page.ts'
import { live } from './rows.ts'

/** Events, and their deliveries. */
export function eventReads(sql: Sql) {
  const newestEpoch = () =>
    sql(`SELECT ${EPOCH} FROM epochs WHERE first_seq = (SELECT max(first_seq) FROM epochs)`).get() as Epoch
  return {
    events(scope: Scope, query: EventQuery): EventPage {
      const { type } = query
      // As with charges: most events are successes, so MiniPay reads those from the events themselves and not from an
      // index.
      const rare = type !== undefined && type !== 'payment.succeeded'
      const rows = sql(
        `SELECT seq AS sequence, id, type, created_at AS createdAt, ${EVENT_DATA} AS data, ${EPOCH_OF_EVENT} AS epoch
         FROM events e ${rare ? 'INDEXED BY events_by_type' : ''}
         WHERE account_id = ? AND live = ? AND seq > ? ${type === undefined ? '' : 'AND type = ?'}
           ${rare ? `AND type <> 'payment.succeeded'` : ''}
         ORDER BY seq LIMIT ?`,
      ).iterate(
        ...[scope.accountId, live(scope), query.after],
        ...(type === undefined ? [] : [type]),
        query.limit + 1,
      ) as IterableIterator<StoredEvent>
      const page = pageOf(rows, query.limit)
      return { ...page, epoch: newestEpoch() }
    },

    deliveryTotals(mode?: Mode): DeliveryTotals {
      const rows = sql(
        `SELECT name, sum(value) AS value FROM counters
         WHERE name LIKE 'deliveries_%' AND live IN (?, ?) GROUP BY name`,
      ).all(live({ mode: mode ?? 'test' }), live({ mode: mode ?? 'live' })) as {
        name: string
        value: number
      }[]
      const of = (name: string) => rows.find((row) => row.name === `deliveries_${name}`)?.value ?? 0
      return {
        pending: of('pending'),
        delivered: of('delivered'),
        failed: of('failed'),
        retries: of('retried'),
      }
    },

    delivery(scope: Scope, id: string): Delivery | undefined {
      return sql(`SELECT ${DELIVERY} FROM deliveries d
         JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
         WHERE d.account_id = ? AND d.live = ? AND d.id = ?`).get(scope.accountId, live(scope), id) as
        | Delivery
        | undefined
    },

    failedDeliveries(
      scope: Scope,
      { after, before, limit }: { after: string; before: string; limit: number },
    ): Page<Delivery> {
      const rows = sql(
        `SELECT ${DELIVERY} FROM deliveries d INDEXED BY deliveries_failed
         JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
         WHERE d.account_id = ? AND d.live = ? AND d.state = 'failed' AND d.id > ? AND d.id < ?
         ORDER BY d.id LIMIT ?`,
      ).iterate(scope.accountId, live(scope), after, before, limit + 1) as IterableIterator<Delivery>
      return pageOf(rows, limit)
    },

    deliveries(scope: Scope, query: DeliveryQuery): Page<Delivery> {
      const failed = query.state === 'failed' ? `AND d.state = 'failed'` : ''
      const after = query.startingAfter === undefined ? '' : 'AND d.id < ?'
      const rows = sql(
        `SELECT ${DELIVERY} FROM deliveries d
         JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
         WHERE d.account_id = ? AND d.live = ? ${failed} ${after} ORDER BY d.id DESC LIMIT ?`,
      ).all(
        ...[scope.accountId, live(scope)],
        ...(query.startingAfter === undefined ? [] : [query.startingAfter]),
        query.limit + 1,
      ) as Delivery[]
      return pageOf(rows, query.limit)
    },
  }
}
