import type { Charge, Dispute, Refund } from '../../domain/charge.ts'
import type { FoundRecord } from '../../domain/idempotency.ts'
import type { Mode } from '../../domain/scope.ts'
import type {
  ChargeQuery,
  DisputeQuery,
  DueDisputeQuery,
  Page,
  RefundQuery,
  Scope,
  ScopedDispute,
} from '../../ports/store.ts'
import { CHARGES, DISPUTES, REFUNDS, recordOf } from '../columns.ts'
import { chargeFilters, type ListFilter, refundFilters } from '../list-filters.ts'
import { selectList } from '../table.ts'
import type { FindKey } from './read-keys.ts'
import { type IndexBehind, listOf, page, pageOf, type Sql } from './read-page.ts'
import { CHARGE_COLUMNS, live, REFUND_COLUMNS } from './rows.ts'

const DISPUTE_COLUMNS = selectList(DISPUTES)
const LISTS = {
  charges: listOf(CHARGES, CHARGE_COLUMNS),
  refunds: listOf(REFUNDS, REFUND_COLUMNS),
  disputes: listOf(DISPUTES, DISPUTE_COLUMNS),
}

/** Charges, their refunds and disputes, and the records of idempotency keys. */
export function chargeReads(sql: Sql, findKey: FindKey, byCustomer: IndexBehind) {
  const charges = { ...LISTS.charges, behind: byCustomer }

  return {
    idempotencyRecord(scope: Scope, key: string): FoundRecord | undefined {
      const row = findKey(scope.accountId, live(scope), key)
      return row && recordOf(row)
    },

    charge(scope: Scope, id: string): Charge | undefined {
      const row = sql(
        `SELECT ${CHARGE_COLUMNS} FROM charges WHERE account_id = ? AND live = ? AND id = ?`,
      ).get(scope.accountId, live(scope), id) as object | undefined
      return row && CHARGES.of(row)
    },

    charges(scope: Scope, query: ChargeQuery): Page<Charge> | Promise<Page<Charge>> {
      return page(sql, charges, scope, chargeFilters(query), query)
    },

    refund(scope: Scope, id: string): Refund | undefined {
      const row = sql(
        `SELECT ${REFUND_COLUMNS} FROM refunds WHERE account_id = ? AND live = ? AND id = ?`,
      ).get(scope.accountId, live(scope), id) as object | undefined
      return row && REFUNDS.of(row)
    },

    refunds(scope: Scope, query: RefundQuery): Page<Refund> | Promise<Page<Refund>> {
      return page(sql, LISTS.refunds, scope, refundFilters(query), query)
    },

    dispute(scope: Scope, id: string): Dispute | undefined {
      return sql(`SELECT ${DISPUTE_COLUMNS} FROM disputes WHERE account_id = ? AND live = ? AND id = ?`).get(
        scope.accountId,
        live(scope),
        id,
      ) as Dispute | undefined
    },

    disputes(scope: Scope, query: DisputeQuery): Page<Dispute> | Promise<Page<Dispute>> {
      const filters: ListFilter[] = [
        { column: 'transaction_id', value: query.chargeId, index: 'disputes_by_transaction' },
        { column: 'status', value: query.status, index: 'disputes_by_status' },
      ]
      return page(sql, LISTS.disputes, scope, filters, query)
    },

    dueDisputes(scope: Scope, { limit, dueBefore, startingAfter }: DueDisputeQuery): Page<Dispute> {
      const own = [scope.accountId, live(scope)]
      const rest =
        startingAfter === undefined
          ? ''
          : `AND (evidence_due_at, id) >
               ((SELECT evidence_due_at FROM disputes WHERE account_id = ? AND live = ? AND id = ?), ?)`
      const rows = sql(
        `SELECT ${DISPUTE_COLUMNS} FROM disputes INDEXED BY disputes_due
         WHERE account_id = ? AND live = ? AND status = 'open' AND evidence_due_at < ? ${rest}
         ORDER BY evidence_due_at, id LIMIT ?`,
      ).iterate(
        ...own,
        dueBefore,
        ...(startingAfter === undefined ? [] : [...own, startingAfter, startingAfter]),
        limit + 1,
      ) as IterableIterator<Dispute>
      return pageOf(rows, limit)
    },

    disputeByReference(scope: Scope, provider: string, reference: string): Dispute | undefined {
      return sql(
        `SELECT ${DISPUTE_COLUMNS} FROM disputes
         WHERE account_id = ? AND live = ? AND provider = ? AND provider_reference = ?`,
      ).get(scope.accountId, live(scope), provider, reference) as Dispute | undefined
    },

    disputeInMode(mode: Mode, provider: string, reference: string): ScopedDispute | undefined {
      const row = sql(
        `SELECT account_id AS accountId, ${DISPUTE_COLUMNS} FROM disputes
         WHERE provider = ? AND provider_reference = ? AND live = ? ORDER BY id LIMIT 1`,
      ).get(provider, reference, live({ mode })) as ({ accountId: number } & Dispute) | undefined
      if (!row) return undefined
      const { accountId, ...dispute } = row
      return { scope: { accountId, mode }, dispute }
    },
  }
}
