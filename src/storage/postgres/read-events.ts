import type { Mode } from '../../domain/scope.ts'
import type { Delivery, DeliveryQuery, DeliveryTotals, Page, Scope } from '../../ports/store.ts'
import { DELIVERY } from '../lists.ts'
import { pageOf } from './read-page.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

/** LATERAL keeps the planner from scanning `events`, which may have been tiny when the plan was made. */
const FROM_DELIVERIES = `
  SELECT ${DELIVERY}
  FROM deliveries d
  CROSS JOIN LATERAL (
    SELECT type FROM events
    WHERE account_id = d.account_id AND live = d.live AND seq = d.event_seq
    LIMIT 1) AS e
  WHERE d.account_id = $1 AND d.live = $2`

/** Deliveries. */
export function eventReads(sql: Sql) {
  return {
    async deliveryTotals(mode?: Mode): Promise<DeliveryTotals> {
      const { rows } = await sql(
        `SELECT name, sum(value)::bigint AS value FROM counters
         WHERE name LIKE 'deliveries_%' AND live IN ($1, $2) GROUP BY name`,
        [live({ mode: mode ?? 'test' }), live({ mode: mode ?? 'live' })],
      )
      const of = (name: string) =>
        (rows.find((row) => row['name'] === `deliveries_${name}`)?.['value'] as number | undefined) ?? 0
      return {
        pending: of('pending'),
        delivered: of('delivered'),
        failed: of('failed'),
        retries: of('retried'),
      }
    },

    async delivery(scope: Scope, id: string): Promise<Delivery | undefined> {
      const { rows } = await sql(`${FROM_DELIVERIES} AND d.id = $3`, [scope.accountId, live(scope), id])
      return rows[0] as Delivery | undefined
    },

    async failedDeliveries(
      scope: Scope,
      { after, before, limit }: { after: string; before: string; limit: number },
    ): Promise<Page<Delivery>> {
      const { rows } = await sql(
        `${FROM_DELIVERIES} AND d.state = 'failed' AND d.id > $4 AND d.id < $5 ORDER BY d.id LIMIT $3`,
        [scope.accountId, live(scope), limit + 1, after, before],
      )
      return pageOf(rows as unknown as Delivery[], limit)
    },

    async deliveries(scope: Scope, { limit, startingAfter, state }: DeliveryQuery): Promise<Page<Delivery>> {
      const { rows } = await sql(
        `${FROM_DELIVERIES} ${state === 'failed' ? `AND d.state = 'failed'` : ''}
           ${startingAfter === undefined ? '' : 'AND d.id < $4'}
         ORDER BY d.id DESC LIMIT $3`,
        [scope.accountId, live(scope), limit + 1, ...(startingAfter === undefined ? [] : [startingAfter])],
      )
      return pageOf(rows as unknown as Delivery[], limit)
    },
  }
}
