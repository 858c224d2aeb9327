import { CHARGE_COUNTERS, type ChargeCounter } from '../../domain/charge.ts'
import type {
  CurrencyTotals,
  EntryQuery,
  LedgerAccount,
  LedgerEntry,
  Page,
  Scope,
} from '../../ports/store.ts'
import { pageOf, type Sql } from './read-page.ts'
import { live } from './rows.ts'

/** Accounts, their entries, and the counters of charges. */
export function ledgerReads(sql: Sql) {
  return {
    ledgerAccounts(scope: Scope): LedgerAccount[] {
      return sql(
        `SELECT code AS account, currency, balance FROM ledger_accounts
         WHERE account_id = ? AND live = ? ORDER BY code, currency`,
      )
        .safeIntegers()
        .all(scope.accountId, live(scope)) as LedgerAccount[]
    },

    ledgerEntries(scope: Scope, query: EntryQuery): Page<LedgerEntry> {
      const select = `SELECT e.seq AS sequence, e.transaction_id AS transactionId, a.code AS account, a.currency,
          e.amount, e.created_at AS createdAt
        FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id`
      const matches = (of: { account: string; currency: string }) =>
        (query.account ?? of.account) === of.account && (query.currency ?? of.currency) === of.currency
      const before = query.before ?? Number.MAX_SAFE_INTEGER
      if (query.transactionId !== undefined) {
        const rows = sql(
          `${select} WHERE e.account_id = ? AND e.live = ? AND e.transaction_id = ? AND e.seq < ? ORDER BY e.seq DESC`,
        ).all(scope.accountId, live(scope), query.transactionId, before) as LedgerEntry[]
        return pageOf(rows.filter(matches), query.limit)
      }
      // Entries are clustered by account: the newest of each account, merged, are the newest of all.
      const accounts = sql(
        `SELECT id, code AS account, currency FROM ledger_accounts WHERE account_id = ? AND live = ?`,
      ).all(scope.accountId, live(scope)) as { id: number; account: string; currency: string }[]
      const newest = sql(`${select} WHERE e.ledger_account_id = ? AND e.seq < ? ORDER BY e.seq DESC LIMIT ?`)
      const rows = accounts
        .filter(matches)
        .flatMap(({ id }) => newest.all(id, before, query.limit + 1) as LedgerEntry[])
        .sort((a, b) => b.sequence - a.sequence)
      return pageOf(rows, query.limit)
    },

    currencyTotals(scope: Scope): CurrencyTotals[] {
      const rows = sql(
        `SELECT name, currency, value FROM counters WHERE account_id = ? AND live = ? AND currency <> ''`,
      ).all(scope.accountId, live(scope)) as { name: ChargeCounter; currency: string; value: number }[]
      const zero = Object.fromEntries(Object.keys(CHARGE_COUNTERS).map((name) => [name, 0]))
      const byCurrency = new Map<string, Record<string, number>>()
      for (const { name, currency, value } of rows) {
        const totals = byCurrency.get(currency) ?? { ...zero }
        totals[name] = value
        byCurrency.set(currency, totals)
      }
      return [...byCurrency]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([currency, totals]) => ({ currency, ...(totals as Record<ChargeCounter, number>) }))
    },
  }
}
