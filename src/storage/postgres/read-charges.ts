import type { Charge, Dispute, Refund } from '../../domain/charge.ts'
import type { IdempotencyRecord } from '../../domain/idempotency.ts'
import type { ChargeQuery, DisputeQuery, Page, RefundQuery, Scope } from '../../ports/store.ts'
import { type List, page } from './read-page.ts'
import {
  CHARGE_COLUMNS,
  chargeOf,
  DISPUTE_COLUMNS,
  disputeOf,
  live,
  REFUND_COLUMNS,
  recordOf,
  refundOf,
} from './rows.ts'
import type { Sql } from './statements.ts'

const CHARGES: List<Charge> = { prefix: 'txn', columns: CHARGE_COLUMNS, from: 'charges', of: chargeOf }
const REFUNDS: List<Refund> = { prefix: 're', columns: REFUND_COLUMNS, from: 'refunds', of: refundOf }
const DISPUTES: List<Dispute> = { prefix: 'dp', columns: DISPUTE_COLUMNS, from: 'disputes', of: disputeOf }

/** Charges, what went back of them, and what their keys answer. */
export function chargeReads(sql: Sql) {
  const find = async <T>(
    text: string,
    of: (row: Parameters<typeof chargeOf>[0]) => T,
    scope: Scope,
    ...rest: string[]
  ) => {
    const { rows } = await sql(text, [scope.accountId, live(scope), ...rest])
    return rows[0] && of(rows[0])
  }

  return {
    idempotencyRecord: (scope: Scope, key: string): Promise<IdempotencyRecord | undefined> =>
      find(FIND_KEY, recordOf, scope, key),

    charge: (scope: Scope, id: string): Promise<Charge | undefined> => find(FIND_CHARGE, chargeOf, scope, id),

    charges(scope: Scope, query: ChargeQuery): Promise<Page<Charge>> {
      const { customer, status, currency } = query
      // `succeeded`, which most charges are, has no index: the newest charges are read until the page is full.
      const rare = status === 'succeeded' ? undefined : `status <> 'succeeded'`
      const filters = [
        ['customer', customer],
        ['status', status, ...(rare ? [rare] : [])],
        ['currency', currency],
      ] as const
      return page(sql, CHARGES, scope, filters as Parameters<typeof page>[3], query)
    },

    refund: (scope: Scope, id: string): Promise<Refund | undefined> => find(FIND_REFUND, refundOf, scope, id),

    refunds: (scope: Scope, query: RefundQuery): Promise<Page<Refund>> =>
      page(
        sql,
        REFUNDS,
        scope,
        [
          ['transaction_id', query.transactionId],
          ['customer', query.customer],
          ['status', query.status],
          ['currency', query.currency],
        ],
        query,
      ),

    dispute: (scope: Scope, id: string): Promise<Dispute | undefined> =>
      find(FIND_DISPUTE, disputeOf, scope, id),

    disputes: (scope: Scope, query: DisputeQuery): Promise<Page<Dispute>> =>
      page(sql, DISPUTES, scope, [['transaction_id', query.transactionId]], query),

    disputeByReference: (scope: Scope, provider: string, reference: string): Promise<Dispute | undefined> =>
      find(FIND_DISPUTE_BY_REFERENCE, disputeOf, scope, provider, reference),
  }
}

const FIND_KEY = `
  SELECT k.fingerprint, k.answer_kind AS kind, coalesce(k.answer_body, e.data) AS body
  FROM idempotency_keys k
  LEFT JOIN events e ON e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq
  WHERE k.account_id = $1 AND k.live = $2 AND k.key = $3`

const FIND_CHARGE = `SELECT ${CHARGE_COLUMNS} FROM charges WHERE account_id = $1 AND live = $2 AND id = $3`

const FIND_REFUND = `SELECT ${REFUND_COLUMNS} FROM refunds WHERE account_id = $1 AND live = $2 AND id = $3`

const FIND_DISPUTE = `SELECT ${DISPUTE_COLUMNS} FROM disputes WHERE account_id = $1 AND live = $2 AND id = $3`

const FIND_DISPUTE_BY_REFERENCE = `
  SELECT ${DISPUTE_COLUMNS} FROM disputes
  WHERE account_id = $1 AND live = $2 AND provider = $3 AND provider_reference = $4`
