/** The balances at the ends of slices of the ledger, and the totals of days, in SQL that both engines run. */
import { SLICE } from '../../ports/store-ledger.ts'
import { AMOUNT_PART } from '../hourly.ts'
import { DAY_MS, dayIn } from '../ledger-days.ts'
import type { Check } from '../verify-checks.ts'

const sameScope = (one: string, other: string) =>
  `${one}.account_id = ${other}.account_id AND ${one}.live = ${other}.live`

const NUMBERS = ['entries', 'debits_high', 'debits_low', 'credits_high', 'credits_low'] as const

/** The transfers of stored slices, as one side of an account. */
const sliced = (side: 'debit' | 'credit') => {
  const parts = `t.amount / ${AMOUNT_PART}, t.amount % ${AMOUNT_PART}`
  return `
        SELECT t.${side}_account_id AS id, ${dayIn('t.created_at')} AS day, 1 AS entries,
          ${side === 'debit' ? `${parts}, 0, 0` : `0, 0, ${parts}`}
        FROM ledger_transfers t
        JOIN ledger_slices s ON ${sameScope('s', 't')} AND s.number = (t.seq + ${SLICE - 1}) / ${SLICE}`
}

/** On which days an account has transfers of a slice. */
const daysOf = (side: 'debit' | 'credit') => `
        SELECT account_id, live, (seq + ${SLICE - 1}) / ${SLICE} AS number, ${side}_account_id AS id,
          ${dayIn('created_at')} AS day
        FROM ledger_transfers`

/** The balances at the ends of slices follow from the transfers. */
export const SLICES: readonly Check[] = [
  {
    sql: `WITH filled AS (
        SELECT account_id, live, (seq + ${SLICE - 1}) / ${SLICE} AS number, min(created_at) AS earliest,
          max(created_at) AS latest, count(*) AS transfers
        FROM ledger_transfers GROUP BY 1, 2, 3),
      expected AS (
        SELECT account_id, live, number, earliest, transfers,
          max(latest) OVER (PARTITION BY account_id, live ORDER BY number) AS latest
        FROM filled)
      SELECT s.number FROM ledger_slices s
      LEFT JOIN expected x ON ${sameScope('x', 's')} AND x.number = s.number AND x.transfers = ${SLICE}
        AND x.earliest = s.earliest AND x.latest = s.latest
      WHERE x.number IS NULL OR (s.number > 1 AND NOT EXISTS (
        SELECT 1 FROM ledger_slices p WHERE ${sameScope('p', 's')} AND p.number = s.number - 1)) LIMIT 1`,
    problem: ({ number }) => `The slice ${number} of a ledger has other times than its transfers.`,
  },
  {
    sql: `WITH days AS (${daysOf('debit')}
        UNION${daysOf('credit')}),
      counted AS (SELECT account_id, live, number, count(*) AS days FROM days GROUP BY 1, 2, 3)
      SELECT s.number, s.days, c.days AS counted FROM ledger_slices s
      JOIN counted c ON ${sameScope('c', 's')} AND c.number = s.number
      WHERE s.days <> c.days LIMIT 1`,
    problem: ({ number, days, counted }) =>
      `The slice ${number} of a ledger says that it is in ${days} totals of days, but its transfers are in ${counted}.`,
  },
  {
    sql: `WITH sides AS (
        SELECT debit_account_id AS id, (seq + ${SLICE - 1}) / ${SLICE} AS slice, sum(amount) AS change
          FROM ledger_transfers GROUP BY 1, 2
        UNION ALL SELECT credit_account_id, (seq + ${SLICE - 1}) / ${SLICE}, -sum(amount)
          FROM ledger_transfers GROUP BY 1, 2),
      changes AS (SELECT id, slice, sum(change) AS change FROM sides GROUP BY id, slice),
      balances AS (
        SELECT id, slice, sum(change) OVER (PARTITION BY id ORDER BY slice) AS balance FROM changes),
      expected AS (
        SELECT b.* FROM balances b
        JOIN ledger_accounts a ON a.id = b.id
        JOIN ledger_slices s ON ${sameScope('s', 'a')} AND s.number = b.slice)
      SELECT a.code, a.currency, c.balance, x.balance AS sum, coalesce(c.slice, x.slice) AS slice
      FROM expected x
      FULL JOIN ledger_checkpoints c ON c.ledger_account_id = x.id AND c.slice = x.slice
      LEFT JOIN ledger_accounts a ON a.id = coalesce(c.ledger_account_id, x.id)
      WHERE c.balance IS NULL OR x.balance IS NULL OR c.balance <> x.balance LIMIT 1`,
    problem: ({ code, currency, balance, sum, slice }) =>
      `At the end of slice ${slice} the account ${code} (${currency}) says ${balance}, but its entries sum to ${sum}.`,
  },
  {
    sql: `WITH sides (id, day, ${NUMBERS.join(', ')}) AS (${sliced('debit')}
        UNION ALL ${sliced('credit')}),
      counted AS (
        SELECT id, day, ${NUMBERS.map((number) => `sum(${number}) AS ${number}`).join(', ')}
        FROM sides GROUP BY id, day),
      expected AS (
        SELECT c.*, sum((debits_high - credits_high) * ${AMOUNT_PART} + debits_low - credits_low) OVER (PARTITION BY id ORDER BY day) AS balance FROM counted c)
      SELECT a.code, a.currency, coalesce(d.day, x.day) AS day
      FROM expected x
      FULL JOIN ledger_days d ON d.ledger_account_id = x.id AND d.day = x.day
      LEFT JOIN ledger_accounts a ON a.id = coalesce(d.ledger_account_id, x.id)
      WHERE d.day IS NULL OR x.day IS NULL OR d.balance <> x.balance
        OR ${NUMBERS.map((number) => `d.${number} <> x.${number}`).join(' OR ')} LIMIT 1`,
    problem: ({ code, currency, day }) =>
      `The totals of ${dayName(Number(day))} of the account ${code} (${currency}) are not those of its entries.`,
  },
]

const dayName = (day: number) => new Date(day * DAY_MS).toISOString().slice(0, 10)
