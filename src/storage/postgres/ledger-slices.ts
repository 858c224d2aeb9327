import type { Scope } from '../../ports/store.ts'
import { SLICE } from '../../ports/store-ledger.ts'
import { AMOUNT_PART } from '../hourly.ts'
import { dayIn, partsOf } from '../ledger-days.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

/** Balances at the end of slices of the ledger, and the totals of days. */
export function ledgerSliceWork(sql: Sql) {
  return {
    async addLedgerSlice(scope: Scope, slice: number): Promise<boolean> {
      return (await sql(ADD_SLICE, [scope.accountId, live(scope), slice])).count > 0
    },
  }
}

const side = (name: 'debit' | 'credit') => `
    SELECT a.id, t.amount, t.created_at
    FROM ledger_accounts a
    CROSS JOIN LATERAL (
      SELECT amount, created_at FROM ledger_transfers
      WHERE ${name}_account_id = a.id AND seq > ($3::bigint - 1) * ${SLICE} AND seq <= $3::bigint * ${SLICE}) t
    WHERE a.account_id = $1::integer AND a.live = $2::smallint`

const PARTS = ['debits_high', 'debits_low', 'credits_high', 'credits_low']
const NO_PARTS = '0::numeric AS high, 0::numeric AS low'
const ofSide = (name: 'debits' | 'credits', debits: string, credits: string) => `
        SELECT id, ${dayIn('created_at')} AS day, count(*) AS entries, ${debits}, ${credits}
        FROM ${name} GROUP BY 1, 2`
const named = (side: string, parts: string) =>
  parts.replace('AS high', `AS ${side}_high`).replace('AS low', `AS ${side}_low`)

/**
 * Of nodes that add the same slice, the primary key admits one. A number is visible only with all before it, because a
 * commit holds the lock of its scope's numbers, so as many transfers as a slice has are all of them. A slice also changes
 * the balances of later days that exist: transfers are only nearly in the order of their times.
 */
const ADD_SLICE = `
  WITH debits AS MATERIALIZED (${side('debit')}),
  credits AS MATERIALIZED (${side('credit')}),
  changes AS MATERIALIZED (
    SELECT id, day::integer AS day, sum(entries) AS entries, ${PARTS.map((part) => `sum(${part}) AS ${part}`).join(', ')}
    FROM (${ofSide('debits', named('debits', partsOf('amount')), named('credits', NO_PARTS))}
        UNION ALL ${ofSide('credits', named('debits', NO_PARTS), named('credits', partsOf('amount')))}) AS sides
    GROUP BY 1, 2),
  before AS (
    SELECT number, latest FROM ledger_slices
    WHERE account_id = $1::integer AND live = $2::smallint ORDER BY number DESC LIMIT 1),
  added AS (
    INSERT INTO ledger_slices (account_id, live, number, earliest, latest, days)
    SELECT $1::integer, $2::smallint, $3::bigint, min(created_at),
      greatest(max(created_at), (SELECT latest FROM before)), (SELECT count(*) FROM changes)
    FROM debits
    HAVING count(*) = ${SLICE} AND coalesce((SELECT number FROM before), 0) = $3::bigint - 1
    ON CONFLICT DO NOTHING
    RETURNING number),
  changed AS (
    SELECT id, day, ${['entries', ...PARTS].map((part) => `sum(${part}) AS ${part}`).join(', ')},
      (sum(debits_high) - sum(credits_high)) * ${AMOUNT_PART} + sum(debits_low) - sum(credits_low) AS change
    FROM (
      SELECT id, day, entries, ${PARTS.join(', ')} FROM changes
      UNION ALL
      SELECT first.id, later.day, 0, 0, 0, 0, 0
      FROM (SELECT id, min(day) AS day FROM changes GROUP BY id) first
      CROSS JOIN LATERAL (
        SELECT day FROM ledger_days WHERE ledger_account_id = first.id AND day > first.day) later) AS touched
    GROUP BY id, day),
  days AS (
    INSERT INTO ledger_days AS d (ledger_account_id, day, entries, ${PARTS.join(', ')}, balance)
    SELECT c.id, c.day, c.entries, ${PARTS.map((part) => `c.${part}`).join(', ')},
      coalesce(p.balance, 0) + sum(c.change) OVER (PARTITION BY c.id ORDER BY c.day)
    FROM added
    CROSS JOIN changed c
    LEFT JOIN LATERAL (
      SELECT balance FROM ledger_days
      WHERE ledger_account_id = c.id AND day <= c.day ORDER BY day DESC LIMIT 1) p ON TRUE
    ON CONFLICT (ledger_account_id, day) DO UPDATE SET entries = d.entries + excluded.entries,
      ${PARTS.map((part) => `${part} = d.${part} + excluded.${part}`).join(', ')}, balance = excluded.balance)
  INSERT INTO ledger_checkpoints (ledger_account_id, slice, balance)
  SELECT c.id, a.number, (c.change + coalesce(p.balance, 0))::bigint
  FROM added a
  CROSS JOIN (SELECT id, sum(change) AS change FROM changed GROUP BY id) c
  LEFT JOIN LATERAL (
    SELECT balance FROM ledger_checkpoints
    WHERE ledger_account_id = c.id ORDER BY slice DESC LIMIT 1) p ON TRUE`
