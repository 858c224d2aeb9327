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
import { CHARGES, DISPUTES, REFUNDS } from '../columns.ts'
import { chargeFilters, refundFilters } from '../list-filters.ts'
import { selectList } from '../table.ts'
import type { Row } from './batch.ts'
import { listOf, page, pageOf } from './read-page.ts'
import { foundRecord, live, RECORD } from './rows.ts'
import { searchPage } from './search-page.ts'
import type { Sql } from './statements.ts'

const LISTS = { charges: listOf(CHARGES), refunds: listOf(REFUNDS), disputes: listOf(DISPUTES) }

/** Charges, their refunds and disputes, and the records of idempotency keys. */
export function chargeReads(sql: Sql) {
  const find = async <T>(text: string, of: (row: Row) => T, scope: Scope, ...rest: string[]) => {
    const { rows } = await sql(text, [scope.accountId, live(scope), ...rest])
    return rows[0] && of(rows[0])
  }

  return {
    idempotencyRecord: (scope: Scope, key: string): Promise<FoundRecord | undefined> =>
      find(FIND_KEY, foundRecord, scope, key),

    charge: (scope: Scope, id: string): Promise<Charge | undefined> =>
      find(FIND_CHARGE, CHARGES.of, scope, id),

    charges: (scope: Scope, query: ChargeQuery): Promise<Page<Charge>> =>
      searchPage(sql, LISTS.charges, scope, chargeFilters(query), query),

    refund: (scope: Scope, id: string): Promise<Refund | undefined> =>
      find(FIND_REFUND, REFUNDS.of, scope, id),

    refunds: (scope: Scope, query: RefundQuery): Promise<Page<Refund>> =>
      searchPage(sql, LISTS.refunds, scope, refundFilters(query), query),

    dispute: (scope: Scope, id: string): Promise<Dispute | undefined> =>
      find(FIND_DISPUTE, DISPUTES.of, scope, id),

    disputes: (scope: Scope, query: DisputeQuery): Promise<Page<Dispute>> =>
      page(
        sql,
        LISTS.disputes,
        scope,
        [
          ['transaction_id', query.chargeId],
          ['status', query.status],
        ],
        query,
      ),

    async dueDisputes(
      scope: Scope,
      { limit, dueBefore, startingAfter }: DueDisputeQuery,
    ): Promise<Page<Dispute>> {
      const own = [scope.accountId, live(scope), dueBefore, limit + 1]
      const { rows } =
        startingAfter === undefined
          ? await sql(dueDisputes(), own)
          : await sql(dueDisputes(AFTER_DISPUTE), [...own, startingAfter])
      return pageOf(rows.map(DISPUTES.of), limit)
    },

    disputeByReference: (scope: Scope, provider: string, reference: string): Promise<Dispute | undefined> =>
      find(FIND_DISPUTE_BY_REFERENCE, DISPUTES.of, scope, provider, reference),

    async disputeInMode(mode: Mode, provider: string, reference: string): Promise<ScopedDispute | undefined> {
      const { rows } = await sql(FIND_DISPUTE_IN_MODE, [provider, reference, live({ mode })])
      if (!rows[0]) return undefined
      const { accountId, ...row } = rows[0]
      return { scope: { accountId: accountId as number, mode }, dispute: DISPUTES.of(row) }
    },
  }
}

const FIND_KEY = `
  SELECT ${RECORD}
  FROM idempotency_keys k
  LEFT JOIN events e ON e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq
  WHERE k.account_id = $1 AND k.live = $2 AND k.key = $3`

const FIND_CHARGE = `SELECT ${selectList(CHARGES)} FROM charges WHERE account_id = $1 AND live = $2 AND id = $3`

const FIND_REFUND = `SELECT ${selectList(REFUNDS)} FROM refunds WHERE account_id = $1 AND live = $2 AND id = $3`

const AFTER_DISPUTE = `AND (evidence_due_at, id) >
  ((SELECT evidence_due_at FROM disputes WHERE account_id = $1 AND live = $2 AND id = $5), $5)`
const dueDisputes = (rest = '') => `
  SELECT ${selectList(DISPUTES)} FROM disputes
  WHERE account_id = $1 AND live = $2 AND status = 'open' AND evidence_due_at < $3 ${rest}
  ORDER BY evidence_due_at, id LIMIT $4`

const FIND_DISPUTE = `SELECT ${selectList(DISPUTES)} FROM disputes WHERE account_id = $1 AND live = $2 AND id = $3`

const FIND_DISPUTE_BY_REFERENCE = `
  SELECT ${selectList(DISPUTES)} FROM disputes
  WHERE account_id = $1 AND live = $2 AND provider = $3 AND provider_reference = $4`

const FIND_DISPUTE_IN_MODE = `
  SELECT account_id AS "accountId", ${selectList(DISPUTES)} FROM disputes
  WHERE provider = $1 AND provider_reference = $2 AND live = $3 ORDER BY id LIMIT 1`
