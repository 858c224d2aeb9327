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
import type { Row } from './batch.ts'
import { ledgerTimes } from './read-ledger-history.ts'
import { pageOf } from './read-page.ts'
import { live, modeOf } from './rows.ts'
import type { Sql } from './statements.ts'

/** Accounts, their entries, and the counters of charges. */
export function ledgerReads(sql: Sql) {
  const rowsOf = async (text: string, scope: Scope) => (await sql(text, [scope.accountId, live(scope)])).rows
  return {
    async ledgerAccounts(scope: Scope): Promise<LedgerAccount[]> {
      return (await rowsOf(`${ACCOUNTS} ORDER BY code, currency`, scope)).map(ledgerAccount)
    },

    async ledgerEntries(scope: Scope, query: EntryQuery): Promise<Page<LedgerEntry>> {
      const { transactionId, account, currency, limit, createdFrom, createdUntil } = query
      const { sliceBefore, around } = ledgerTimes(sql)
      const newest =
        createdUntil === undefined || transactionId !== undefined
          ? Number.MAX_SAFE_INTEGER
          : 2 * (await around(scope, createdUntil)).to + 1
      const before = Math.min(query.before ?? newest, newest)
      // Debit 2n - 1 is before number N if n is at most N / 2. Credit 2n is one number later.
      const [debits, credits] = [Math.floor(before / 2), Math.floor((before - 1) / 2)]
      const values: (string | number)[] = [scope.accountId, live(scope), debits, credits, limit + 1]
      const given = (condition: string, value: string | number | undefined) =>
        value === undefined ? '' : `AND ${condition} $${values.push(value)}`
      const of = `${given('a.code =', account)} ${given('a.currency =', currency)}`
      const times = `${given('t.created_at >=', createdFrom)} ${given('t.created_at <', createdUntil)}`
      const oldest =
        createdFrom === undefined || transactionId !== undefined
          ? undefined
          : (await sliceBefore(scope, createdFrom)) * SLICE
      const { rows } = await sql(
        transactionId === undefined
          ? newestOf(of, `${times} ${given('t.seq >', oldest)}`)
          : entriesOf(`${given('t.transaction_id =', transactionId)} ${times}`, of),
        values,
      )
      return pageOf(rows as unknown as LedgerEntry[], limit)
    },

    async currencyTotals(scope: Scope): Promise<CurrencyTotals[]> {
      return currencyTotals(await rowsOf(COUNTERS, scope))
    },

    async modeTotals(): Promise<ModeTotals[]> {
      const { rows } = await sql(MODE_COUNTERS)
      return [0, 1].flatMap((of) =>
        currencyTotals(rows.filter((row) => row['live'] === of)).map((totals) => ({
          ...totals,
          mode: modeOf(of),
        })),
      )
    },

    /** One statement reads one snapshot. */
    async balances(scope: Scope): Promise<{ totals: CurrencyTotals[]; accounts: LedgerAccount[] }> {
      const rows = await rowsOf(`${ACCOUNTS} UNION ALL ${COUNTERS} ORDER BY 1, 2, 3`, scope)
      return {
        totals: currencyTotals(rows.filter((row) => row['kind'] === 'counter')),
        accounts: rows.filter((row) => row['kind'] === 'account').map(ledgerAccount),
      }
    },
  }
}

const ACCOUNTS = `
  SELECT 'account' AS kind, code AS name, currency, balance::numeric AS value
  FROM ledger_accounts WHERE account_id = $1 AND live = $2`

const COUNTERS = `
  SELECT 'counter' AS kind, name, currency, sum(value)::numeric AS value
  FROM counters WHERE account_id = $1 AND live = $2 AND currency <> ''
  GROUP BY name, currency`

const MODE_COUNTERS = `
  SELECT live, name, currency, sum(value)::numeric AS value FROM counters WHERE currency <> ''
  GROUP BY live, name, currency`

const ENTRY = `e.seq AS sequence, e.transaction_id AS "transactionId", a.code AS account, a.currency, e.amount,
  e.created_at AS "createdAt"`

/** One side of each transfer: the debit of transfer n has the number 2n - 1, and the credit 2n. */
const DEBITS = 'SELECT 2 * t.seq - 1 AS seq, t.transaction_id, t.amount, t.created_at FROM ledger_transfers t'
const CREDITS =
  'SELECT 2 * t.seq AS seq, t.transaction_id, -t.amount AS amount, t.created_at FROM ledger_transfers t'

/** Merges the newest of each account: these are the newest of all. */
function newestOf(accounts: string, times: string): string {
  return `
    SELECT ${ENTRY}
    FROM ledger_accounts a
    CROSS JOIN LATERAL (
      (${DEBITS} WHERE t.debit_account_id = a.id AND t.seq <= $3 ${times} ORDER BY t.seq DESC LIMIT $5)
      UNION ALL
      (${CREDITS} WHERE t.credit_account_id = a.id AND t.seq <= $4 ${times} ORDER BY t.seq DESC LIMIT $5)) e
    WHERE a.account_id = $1 AND a.live = $2 ${accounts}
    ORDER BY e.seq DESC
    LIMIT $5`
}

/** Both sides of the transfers of one ledger transaction, which has only a few. */
function entriesOf(transaction: string, accounts: string): string {
  const scoped = `t.account_id = $1 AND t.live = $2 ${transaction}`
  return `
    SELECT ${ENTRY}
    FROM (
      ${DEBITS.replace('SELECT', 'SELECT t.debit_account_id AS ledger_account_id,')} WHERE ${scoped} AND t.seq <= $3
      UNION ALL
      ${CREDITS.replace('SELECT', 'SELECT t.credit_account_id,')} WHERE ${scoped} AND t.seq <= $4) e
    JOIN ledger_accounts a ON a.id = e.ledger_account_id
    WHERE true ${accounts}
    ORDER BY e.seq DESC
    LIMIT $5`
}

function ledgerAccount({ name, currency, value }: Row): LedgerAccount {
  return { account: name as string, currency: currency as string, balance: value as bigint }
}

function currencyTotals(rows: readonly Row[]): CurrencyTotals[] {
  const zero = Object.fromEntries(Object.keys(CHARGE_COUNTERS).map((name) => [name, 0]))
  const byCurrency = new Map<string, Record<string, number>>()
  for (const { name, currency, value } of rows) {
    const totals = byCurrency.get(currency as string) ?? { ...zero }
    totals[name as string] = Number(value)
    byCurrency.set(currency as string, totals)
  }
  return [...byCurrency]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, totals]) => ({ currency, ...(totals as Record<ChargeCounter, number>) }))
}
