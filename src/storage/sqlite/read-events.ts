import type { Mode } from '../../domain/scope.ts'
import type { Delivery, DeliveryQuery, DeliveryTotals, Page, Scope } from '../../ports/store.ts'
import { DELIVERY } from '../lists.ts'
import { pageOf, type Sql } from './read-page.ts'
import { live } from './rows.ts'

/** Deliveries. */
export function eventReads(sql: Sql) {
  return {
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
