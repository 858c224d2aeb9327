import type { Page, Scope } from '../../ports/store.ts'
import { type LedgerDay, type LedgerDayQuery, SLICE } from '../../ports/store-ledger.ts'
import { amountOf, type DayPart, dayIn, daysPage, lastDay, storedRows } from '../ledger-days.ts'
import type { Connection } from './connection.ts'
import { ledgerTimes } from './read-ledger-history.ts'
import type { Sql } from './read-page.ts'
import { live } from './rows.ts'

type Account = {
  readonly id: number
  readonly account: string
  readonly currency: string
  readonly to: number
}
type Row = Readonly<
  Record<'day' | 'entries' | 'debitsHigh' | 'debitsLow' | 'creditsHigh' | 'creditsLow' | 'balance', bigint>
>

/** Totals of accounts by day: the stored ones, and the transfers that are in no slice yet. */
export function ledgerDayReads(db: Connection, sql: Sql) {
  const { lastTransfer } = ledgerTimes(sql)

  function accountsOf(scope: Scope, query: LedgerDayQuery): Account[] {
    const rows = sql(
      'SELECT id, code AS account, currency FROM ledger_accounts WHERE account_id = ? AND live = ?',
    ).all(scope.accountId, live(scope)) as Omit<Account, 'to'>[]
    return rows
      .filter(
        ({ account, currency }) =>
          (query.account ?? account) === account && (query.currency ?? currency) === currency,
      )
      .map((row) => ({ ...row, to: lastDay(query, row.account, row.currency) }))
  }

  function storedDays({ id, account, currency, to }: Account, limit: number): DayPart[] {
    const rows = sql(
      `SELECT day, entries, debits_high AS debitsHigh, debits_low AS debitsLow, credits_high AS creditsHigh,
         credits_low AS creditsLow, balance
       FROM ledger_days WHERE ledger_account_id = ? AND day <= ? ORDER BY day DESC LIMIT ?`,
    )
      .safeIntegers()
      .all(id, to, limit) as Row[]
    return rows.map((row) => ({
      ...{ account, currency, balance: row.balance },
      ...{ day: Number(row.day), entries: Number(row.entries) },
      debits: amountOf(row.debitsHigh, row.debitsLow),
      credits: amountOf(row.creditsHigh, row.creditsLow),
    }))
  }

  /** The stored days, and between which numbers the other transfers are: from one snapshot. */
  const stored = db.transaction((scope: Scope, query: LedgerDayQuery) => {
    const accounts = accountsOf(scope, query)
    const slices = sql('SELECT coalesce(max(number), 0) FROM ledger_slices WHERE account_id = ? AND live = ?')
      .pluck()
      .get(scope.accountId, live(scope)) as number
    const parts = accounts.flatMap((account) => storedDays(account, storedRows(query)))
    return { accounts, parts, after: slices * SLICE, last: lastTransfer(scope) }
  })

  /** The sum of one slice is a 64-bit integer. */
  function unslicedDays({ id, account, currency, to }: Account, after: number, upTo: number): DayPart[] {
    return (['debit', 'credit'] as const).flatMap((side) => {
      const rows = sql(
        `SELECT ${dayIn('created_at')} AS day, count(*) AS entries, sum(amount) AS amount
         FROM ledger_transfers WHERE ${side}_account_id = ? AND seq > ? AND seq <= ? GROUP BY 1`,
      )
        .safeIntegers()
        .all(id, after, upTo) as Record<'day' | 'entries' | 'amount', bigint>[]
      return rows
        .map(({ day, entries, amount }) => ({
          ...{ account, currency, day: Number(day), entries: Number(entries), balance: null },
          debits: side === 'debit' ? amount : 0n,
          credits: side === 'credit' ? amount : 0n,
        }))
        .filter(({ day }) => day <= to)
    })
  }

  return {
    async ledgerDays(scope: Scope, query: LedgerDayQuery): Promise<Page<LedgerDay>> {
      const { accounts, parts, after, last } = stored(scope, query)
      // Transfers never change. After an upgrade these may be many: other requests get their turn.
      for (let from = after; from < last; from += SLICE) {
        if (from > after) await new Promise<void>((resolve) => setImmediate(resolve))
        const upTo = Math.min(last, from + SLICE)
        for (const account of accounts) parts.push(...unslicedDays(account, from, upTo))
      }
      return daysPage(parts, query)
    },
  }
}
