import { type LedgerAccount, MOST_DISORDER_MS, type Scope } from '../../ports/store.ts'
import { type LedgerEnd, SLICE } from '../../ports/store-ledger.ts'
import { setBackMs } from './read-clock.ts'
import { live, modeOf } from './rows.ts'
import type { Sql } from './statements.ts'

/** Transfers after the first number and up to the second: among them are all whose time is unclear. */
export type Stretch = { readonly after: number; readonly to: number }

/** Where a time is in the ledger. */
export function ledgerTimes(sql: Sql) {
  /** The last slice before a time with all slices before it; 0 without one. */
  async function sliceBefore(scope: Scope, ms: number): Promise<number> {
    const { rows } = await sql(
      `SELECT number FROM ledger_slices WHERE account_id = $1 AND live = $2 AND latest < $3
       ORDER BY latest DESC, number DESC LIMIT 1`,
      [scope.accountId, live(scope), ms],
    )
    return Number(rows[0]?.['number'] ?? 0)
  }

  async function lastTransfer(scope: Scope): Promise<number> {
    const { rows } = await sql('SELECT transfer FROM sequences WHERE account_id = $1 AND live = $2', [
      scope.accountId,
      live(scope),
    ])
    return Number(rows[0]?.['transfer'] ?? 0)
  }

  /** All transfers up to the first number are from before the time, and all after the second are not. */
  async function around(scope: Scope, ms: number): Promise<Stretch> {
    const slice = await sliceBefore(scope, ms)
    // Transfers are in the order of their times, but for this much.
    const settled = (await sliceBefore(scope, ms + MOST_DISORDER_MS + (await setBackMs(sql)))) + 1
    const { rows } = await sql(
      `SELECT max(number) AS stored, max(number) FILTER (WHERE earliest < $3) AS mixed
       FROM ledger_slices WHERE account_id = $1 AND live = $2 AND number > $4 AND number <= $5`,
      [scope.accountId, live(scope), ms, slice, settled],
    )
    const [last] = rows
    const isSettled = last?.['stored'] === settled
    const to = isSettled ? Number(last?.['mixed'] ?? slice) * SLICE : await lastTransfer(scope)
    return { after: slice * SLICE, to }
  }

  return { sliceBefore, lastTransfer, around }
}

/** Balances at a time, and the work that makes them cheap. */
export function ledgerHistoryReads(sql: Sql) {
  const { around, lastTransfer } = ledgerTimes(sql)
  return {
    async ledgerAccountsAt(scope: Scope, before: number): Promise<LedgerAccount[]> {
      const { after, to } = await around(scope, before)
      const own = [scope.accountId, live(scope)]
      const { rows } = await sql(BALANCES_AT, [...own, before, after / SLICE, after, to])
      return rows.flatMap(({ account, currency, balance }) =>
        balance === null
          ? []
          : { account: account as string, currency: currency as string, balance: balance as bigint },
      )
    },

    async ledgerEnd(scope: Scope): Promise<LedgerEnd> {
      const { rows } = await sql(
        `SELECT number, hash, at FROM chain_links
         WHERE account_id = $1 AND live = $2 ORDER BY number DESC LIMIT 1`,
        [scope.accountId, live(scope)],
      )
      const link = rows[0] as LedgerEnd['link'] | undefined
      return { transfers: await lastTransfer(scope), link: link ?? null }
    },

    async ledgerSlicesDue(limit: number): Promise<{ scope: Scope; slice: number }[]> {
      const { rows } = await sql(LEDGER_SLICES_DUE, [limit])
      return rows.map((row) => ({
        scope: { accountId: row['accountId'] as number, mode: modeOf(row['live']) },
        slice: (row['done'] as number) + 1,
      }))
    },
  }
}

const sumOf = (side: 'debit' | 'credit') => `
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) AS sum, count(*) AS transfers FROM ledger_transfers
    WHERE ${side}_account_id = a.id AND seq > $5 AND seq <= $6 AND created_at < $3)`

/** The stored balance of each account, and the transfers of the few slices after it; null without any of both. */
const BALANCES_AT = `
  SELECT a.code AS account, a.currency,
    CASE WHEN c.balance IS NOT NULL OR d.transfers + k.transfers > 0
      THEN (coalesce(c.balance, 0) + d.sum - k.sum)::numeric END AS balance
  FROM ledger_accounts a
  LEFT JOIN LATERAL (
    SELECT balance FROM ledger_checkpoints
    WHERE ledger_account_id = a.id AND slice <= $4 ORDER BY slice DESC LIMIT 1) c ON TRUE
  ${sumOf('debit')} d
  ${sumOf('credit')} k
  WHERE a.account_id = $1 AND a.live = $2
  ORDER BY a.code, a.currency`

/** The ledgers with transfers enough for a next slice; $1 is the most of them. */
export const LEDGER_SLICES_DUE = `
  SELECT account_id AS "accountId", live, done FROM (
    SELECT s.account_id, s.live, s.transfer, coalesce((
      SELECT max(number) FROM ledger_slices l WHERE l.account_id = s.account_id AND l.live = s.live), 0) AS done
    FROM sequences s) AS each
  WHERE transfer >= (done + 1) * ${SLICE}
  LIMIT $1`
