/** Batches of results as parameters of statements. */
import type { DeliveryBatch } from '../../ports/store-webhooks.ts'
import { recordset } from './recordset.ts'
import { live, nameIn } from './rows.ts'

/** A batch, and its place among those of a call. */
export type Placed = { readonly batch: DeliveryBatch; readonly place: number }

/** The order in which every node locks cursors. */
export function byCursor(a: Placed, b: Placed): number {
  const [one, other] = [a, b].map(({ batch }) => nameIn(batch.scope, batch.endpoint)) as [string, string]
  return one < other ? -1 : Number(one > other)
}

export const CURSOR = {
  account_id: ['integer', ({ batch }: Placed) => batch.scope.accountId],
  live: ['smallint', ({ batch }: Placed) => live(batch.scope)],
  endpoint: ['text', ({ batch }: Placed) => batch.endpoint],
  token: ['text', ({ batch }: Placed) => batch.token],
} as const

export const CURSORS = recordset<Placed>({ ...CURSOR, place: ['integer', ({ place }) => place] }, 1)

/** The cursor is locked: no other holder stores these deliveries, and a person who puts one back waits. */
export const HELD = `
      SELECT 1 FROM webhook_cursors
      WHERE account_id = r.account_id AND live = r.live AND endpoint = r.endpoint AND token = r.token
      LIMIT 1`
