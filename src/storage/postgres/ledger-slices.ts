import type { Scope } from '../../ports/store.ts'
import { SLICE } from '../../ports/store-ledger.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

/** Balances at the end of slices of the ledger. */
export function ledgerSliceWork(sql: Sql) {
  return {
    async addLedgerSlice(scope: Scope, slice: number): Promise<boolean> {
      return (await sql(ADD_SLICE, [scope.accountId, live(scope), slice])).count > 0
    },
  }
}

const side = (name: 'debit' | 'credit', amount: string) => `
    SELECT a.id, ${amount} AS amount, t.created_at
    FROM ledger_accounts a
    CROSS JOIN LATERAL (
      SELECT amount, created_at FROM ledger_transfers
      WHERE ${name}_account_id = a.id AND seq > ($3::bigint - 1) * ${SLICE} AND seq <= $3::bigint * ${SLICE}) t
    WHERE a.account_id = $1::integer AND a.live = $2::smallint`

/**
 * Of nodes that add the same slice, the primary key admits one. A number is visible only with all before it, because a
 * commit holds the lock of its scope's numbers, so as many transfers as a slice has are all of them.
 */
const ADD_SLICE = `
  WITH debits AS MATERIALIZED (${side('debit', 't.amount')}),
  credits AS MATERIALIZED (${side('credit', '-t.amount')}),
  changes AS (
    SELECT id, sum(amount) AS amount
    FROM (SELECT id, amount FROM debits UNION ALL SELECT id, amount FROM credits) AS sides
    GROUP BY id),
  before AS (
    SELECT number, latest FROM ledger_slices
    WHERE account_id = $1::integer AND live = $2::smallint ORDER BY number DESC LIMIT 1),
  added AS (
    INSERT INTO ledger_slices (account_id, live, number, earliest, latest)
    SELECT $1::integer, $2::smallint, $3::bigint, min(created_at),
      greatest(max(created_at), (SELECT latest FROM before))
    FROM debits
    HAVING count(*) = ${SLICE} AND coalesce((SELECT number FROM before), 0) = $3::bigint - 1
    ON CONFLICT DO NOTHING
    RETURNING number)
  INSERT INTO ledger_checkpoints (ledger_account_id, slice, balance)
  SELECT c.id, a.number, (c.amount + coalesce(p.balance, 0))::bigint
  FROM added a
  CROSS JOIN changes c
  LEFT JOIN LATERAL (
    SELECT balance FROM ledger_checkpoints
    WHERE ledger_account_id = c.id ORDER BY slice DESC LIMIT 1) p ON TRUE`
