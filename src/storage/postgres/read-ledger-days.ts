import type { Page, Scope } from '../../ports/store.ts'
import { type LedgerDay, type LedgerDayQuery, SLICE } from '../../ports/store-ledger.ts'
import { AMOUNT_PART } from '../hourly.ts'
import { type DayPart, dayIn, daysPage, lastDay, storedRows } from '../ledger-days.ts'
import { live } from './rows.ts'
import type { Sql } from './statements.ts'

/** The last day of an `integer`. */
const LAST_DAY = 2_147_483_647

/** Totals of accounts by day: the stored ones, and the transfers that are in no slice yet. */
export function ledgerDayReads(sql: Sql) {
  return {
    /** One statement reads one snapshot. */
    async ledgerDays(scope: Scope, query: LedgerDayQuery): Promise<Page<LedgerDay>> {
      const last = Math.min(query.after?.day ?? LAST_DAY, query.to ?? LAST_DAY)
      const values: (string | number)[] = [scope.accountId, live(scope), last, storedRows(query) + 1]
      const given = (column: string, value: string | undefined) =>
        value === undefined ? '' : `AND ${column} = $${values.push(value)}`
      const { rows } = await sql(
        daysOf(`${given('code', query.account)} ${given('currency', query.currency)}`),
        values,
      )
      const parts = rows as unknown as DayPart[]
      return daysPage(
        parts.filter(({ account, currency, day }) => day <= lastDay(query, account, currency)),
        query,
      )
    },
  }
}

const SUM = (side: string) => `${side}_high::numeric * ${AMOUNT_PART} + ${side}_low`

/** The sums of one side of the transfers after the last slice. */
const unsliced = (side: 'debit' | 'credit', sums: string) => `
  SELECT m.code AS account, m.currency, t.day, t.entries, ${sums}, NULL::numeric AS balance
  FROM mine m
  CROSS JOIN LATERAL (
    SELECT (${dayIn('created_at')})::integer AS day, count(*) AS entries, sum(amount)::numeric AS amount
    FROM ledger_transfers
    WHERE ${side}_account_id = m.id AND seq > (SELECT last FROM sliced)
    GROUP BY 1) t
  WHERE t.day <= $3::integer`

/** The newest stored rows of each account, one more for the days after its cursor, and what was booked since. */
const daysOf = (accounts: string) => `
  WITH mine AS MATERIALIZED (
    SELECT id, code, currency FROM ledger_accounts
    WHERE account_id = $1::integer AND live = $2::smallint ${accounts}),
  sliced AS MATERIALIZED (
    SELECT coalesce((
      SELECT number FROM ledger_slices WHERE account_id = $1::integer AND live = $2::smallint
      ORDER BY number DESC LIMIT 1), 0) * ${SLICE} AS last)
  SELECT m.code AS account, m.currency, d.day, d.entries, ${SUM('d.debits')} AS debits,
    ${SUM('d.credits')} AS credits, d.balance::numeric AS balance
  FROM mine m
  CROSS JOIN LATERAL (
    SELECT * FROM ledger_days
    WHERE ledger_account_id = m.id AND day <= $3::integer ORDER BY day DESC LIMIT $4::integer) d
  UNION ALL
  ${unsliced('debit', 't.amount AS debits, 0::numeric AS credits')}
  UNION ALL
  ${unsliced('credit', '0::numeric AS debits, t.amount AS credits')}`
