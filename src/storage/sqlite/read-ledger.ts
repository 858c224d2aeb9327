import { CHARGE_COUNTERS, type ChargeCounter } from '../../domain/charge.ts'
import type {
  CurrencyTotals,
  EntryQuery,
  LedgerAccount,
  LedgerEntry,
  ModeTotals,
  Page,
  Scope,
} from '../../ports/store.ts'
import { SLICE } from '../../ports/store-ledger.ts'
import { ledgerTimes } from './read-ledger-history.ts'
import { pageOf, type Sql } from './read-page.ts'
import { live, modeOf } from './rows.ts'

const SIDES = ['debit', 'credit'] as const
type Side = (typeof SIDES)[number]
/** The transfers among which MiniPay looks at once for those of a time. */
const PART = 64 * SLICE
/** Transfers after a number and up to another, and their entries before a sequence. */
type Stretch = { readonly after: number; readonly to: number; readonly before: number }
type AccountRow = { readonly id: number; readonly code: string; readonly currency: string }
type TransferRow = {
  readonly seq: number
  readonly transactionId: string
  readonly amount: number
  readonly createdAt: number
}

/** One side of a transfer. The debit of transfer n has the number 2n - 1, and the credit 2n. */
function entryOf(
  { seq, transactionId, amount, createdAt }: TransferRow,
  side: Side,
  { code, currency }: AccountRow,
): LedgerEntry {
  const [sequence, signed] = side === 'debit' ? [2 * seq - 1, amount] : [2 * seq, -amount]
  return { sequence, transactionId, account: code, currency, amount: signed, createdAt }
}

/** Accounts, their entries, and the counters of charges. */
export function ledgerReads(sql: Sql) {
  /**
   * Merges the newest of each account: these are the newest of all. Number 2n - 1 is before N if n is at most N / 2.
   */
  function newestOf(account: AccountRow, before: number, limit: number): LedgerEntry[] {
    const of = (side: Side, upTo: number) =>
      (
        sql(
          `SELECT seq, transaction_id AS transactionId, amount, created_at AS createdAt
           FROM ledger_transfers WHERE ${side}_account_id = ? AND seq <= ? ORDER BY seq DESC LIMIT ?`,
        ).all(account.id, Math.floor(upTo / 2), limit) as TransferRow[]
      ).map((row) => entryOf(row, side, account))
    return [...of('debit', before), ...of('credit', before - 1)]
  }

  /** The entries of one ledger transaction in those accounts; it has only a few. */
  function entriesOf(scope: Scope, transactionId: string, accounts: readonly AccountRow[]): LedgerEntry[] {
    const own = [scope.accountId, live(scope)]
    const rows = sql(OF_TRANSACTION).all(
      ...[...own, transactionId, ...own, transactionId, ...own],
    ) as (TransferRow & Record<Side, number>)[]
    return rows.flatMap((row) =>
      SIDES.flatMap((side) => {
        const account = accounts.find(({ id }) => id === row[side])
        return account ? entryOf(row, side, account) : []
      }),
    )
  }

  /** The newest of an account with these times, among some transfers. */
  function newestIn(account: AccountRow, { after, to, before }: Stretch, query: EntryQuery): LedgerEntry[] {
    const { limit, createdFrom = 0, createdUntil = Number.MAX_SAFE_INTEGER } = query
    const of = (side: Side, upTo: number) =>
      (
        sql(
          `SELECT seq, transaction_id AS transactionId, amount, created_at AS createdAt
           FROM ledger_transfers
           WHERE ${side}_account_id = ? AND seq > ? AND seq <= ? AND created_at >= ? AND created_at < ?
           ORDER BY seq DESC LIMIT ?`,
        ).all(
          ...[account.id, after, Math.min(to, Math.floor(upTo / 2)), createdFrom, createdUntil, limit + 1],
        ) as TransferRow[]
      ).map((row) => entryOf(row, side, account))
    return [...of('debit', before), ...of('credit', before - 1)]
  }

  /**
   * The slices tell between which transfers the times are. Before the slices are stored these may be many: between two
   * parts of them other requests get their turn.
   */
  async function inTime(
    scope: Scope,
    accounts: readonly AccountRow[],
    query: EntryQuery,
  ): Promise<Page<LedgerEntry>> {
    const { limit, before = Number.MAX_SAFE_INTEGER, createdFrom, createdUntil } = query
    const { sliceBefore, around, lastTransfer } = ledgerTimes(sql)
    const oldest = createdFrom === undefined ? 0 : SLICE * sliceBefore(scope, createdFrom)
    const newest = createdUntil === undefined ? lastTransfer(scope) : around(scope, createdUntil).to
    const found: LedgerEntry[] = []
    for (let to = Math.min(newest, Math.floor(before / 2)); to > oldest; to -= PART) {
      const stretch = { after: Math.max(oldest, to - PART), to, before }
      const part = accounts.flatMap((account) => newestIn(account, stretch, query))
      found.push(...part.sort((a, b) => b.sequence - a.sequence))
      if (found.length > limit) break
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    return pageOf(found, limit)
  }

  return {
    ledgerAccounts(scope: Scope): LedgerAccount[] {
      return sql(
        `SELECT code AS account, currency, balance FROM ledger_accounts
         WHERE account_id = ? AND live = ? ORDER BY code, currency`,
      )
        .safeIntegers()
        .all(scope.accountId, live(scope)) as LedgerAccount[]
    },

    ledgerEntries(scope: Scope, query: EntryQuery): Page<LedgerEntry> | Promise<Page<LedgerEntry>> {
      const { limit, transactionId, before = Number.MAX_SAFE_INTEGER } = query
      const accounts = (
        sql(`SELECT id, code, currency FROM ledger_accounts WHERE account_id = ? AND live = ?`).all(
          scope.accountId,
          live(scope),
        ) as AccountRow[]
      ).filter(
        ({ code, currency }) => (query.account ?? code) === code && (query.currency ?? currency) === currency,
      )
      if (transactionId === undefined && isTimed(query)) return inTime(scope, accounts, query)
      const entries =
        transactionId === undefined
          ? accounts.flatMap((account) => newestOf(account, before, limit + 1))
          : entriesOf(scope, transactionId, accounts).filter(
              (entry) => entry.sequence < before && isWithin(entry, query),
            )
      return pageOf(
        entries.sort((a, b) => b.sequence - a.sequence),
        limit,
      )
    },

    currencyTotals(scope: Scope): CurrencyTotals[] {
      const rows = sql(
        `SELECT name, currency, value FROM counters WHERE account_id = ? AND live = ? AND currency <> ''`,
      ).all(scope.accountId, live(scope)) as CounterRow[]
      return totalsOf(rows)
    },

    modeTotals(): ModeTotals[] {
      const rows = sql(
        `SELECT live, name, currency, sum(value) AS value FROM counters WHERE currency <> ''
         GROUP BY live, name, currency`,
      ).all() as (CounterRow & { live: number })[]
      return [0, 1].flatMap((of) =>
        totalsOf(rows.filter(({ live: in_ }) => in_ === of)).map((totals) => ({
          ...totals,
          mode: modeOf(of),
        })),
      )
    },
  }
}

const TRANSFER = `t.seq, t.transaction_id AS transactionId, t.amount, t.created_at AS createdAt,
  t.debit_account_id AS debit, t.credit_account_id AS credit`

/** Those that an index has by transaction, and the first one of a charge, whose number the charge has. */
const OF_TRANSACTION = `
  SELECT ${TRANSFER} FROM ledger_transfers t
  WHERE t.account_id = ? AND t.live = ? AND t.transaction_id = ? AND t.is_first IS NULL
  UNION ALL
  SELECT ${TRANSFER}
  FROM charges c CROSS JOIN ledger_accounts a CROSS JOIN ledger_transfers t
  WHERE c.account_id = ? AND c.live = ? AND c.id = ? AND a.account_id = ? AND a.live = ?
    AND t.debit_account_id = a.id AND t.seq = c.first_transfer`

const isTimed = ({ createdFrom, createdUntil }: EntryQuery) =>
  createdFrom !== undefined || createdUntil !== undefined

function isWithin(
  { createdAt }: LedgerEntry,
  { createdFrom = 0, createdUntil = Number.POSITIVE_INFINITY }: EntryQuery,
): boolean {
  return createdAt >= createdFrom && createdAt < createdUntil
}

type CounterRow = { readonly name: ChargeCounter; readonly currency: string; readonly value: number }

function totalsOf(rows: readonly CounterRow[]): CurrencyTotals[] {
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
}
