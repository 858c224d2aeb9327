import { type LedgerAccount, MOST_DISORDER_MS, type Scope } from '../../ports/store.ts'
import { type LedgerEnd, SLICE } from '../../ports/store-ledger.ts'
import { setBackMs } from './read-clock.ts'
import type { Sql } from './read-page.ts'
import { live, modeOf } from './rows.ts'

/** Transfers after the first number and up to the second: among them are all whose time is unclear. */
export type Stretch = { readonly after: number; readonly to: number }

/** Where a time is in the ledger. */
export function ledgerTimes(sql: Sql) {
  /** The last slice before a time with all slices before it; 0 without one. */
  function sliceBefore(scope: Scope, ms: number): number {
    const found = sql(
      `SELECT number FROM ledger_slices WHERE account_id = ? AND live = ? AND latest < ?
       ORDER BY latest DESC, number DESC LIMIT 1`,
    )
      .pluck()
      .get(scope.accountId, live(scope), ms) as number | undefined
    return found ?? 0
  }

  function lastTransfer(scope: Scope): number {
    return sql(
      `SELECT coalesce(max((SELECT max(seq) FROM ledger_transfers t WHERE t.debit_account_id = a.id)), 0)
       FROM ledger_accounts a WHERE a.account_id = ? AND a.live = ?`,
    )
      .pluck()
      .get(scope.accountId, live(scope)) as number
  }

  /** All transfers up to the first number are from before the time, and all after the second are not. */
  function around(scope: Scope, ms: number): Stretch {
    const slice = sliceBefore(scope, ms)
    // Transfers are in the order of their times, but for this much.
    const settled = sliceBefore(scope, ms + MOST_DISORDER_MS + setBackMs(sql)) + 1
    const last = sql(
      `SELECT max(number) AS stored, max(CASE WHEN earliest < ? THEN number END) AS mixed
       FROM ledger_slices WHERE account_id = ? AND live = ? AND number > ? AND number <= ?`,
    ).get(ms, scope.accountId, live(scope), slice, settled) as { stored: number | null; mixed: number | null }
    const isSettled = last.stored === settled
    return { after: slice * SLICE, to: isSettled ? (last.mixed ?? slice) * SLICE : lastTransfer(scope) }
  }

  return { sliceBefore, lastTransfer, around }
}

/** Balances at a time, and the work that makes them cheap. */
export function ledgerHistoryReads(sql: Sql) {
  const { around, lastTransfer } = ledgerTimes(sql)

  return {
    async ledgerAccountsAt(scope: Scope, before: number): Promise<LedgerAccount[]> {
      const accounts = sql(
        `SELECT id, code AS account, currency FROM ledger_accounts
         WHERE account_id = ? AND live = ? ORDER BY code, currency`,
      ).all(scope.accountId, live(scope)) as { id: number; account: string; currency: string }[]
      const { after, to } = around(scope, before)
      const balances = new Map<number, bigint>()
      for (const { id } of accounts) {
        const stored = sql(
          `SELECT balance FROM ledger_checkpoints WHERE ledger_account_id = ? AND slice <= ?
           ORDER BY slice DESC LIMIT 1`,
        )
          .pluck()
          .safeIntegers()
          .get(id, after / SLICE) as bigint | undefined
        if (stored !== undefined) balances.set(id, stored)
      }
      // A sum of one slice is a 64-bit integer; between two of them other requests get their turn.
      for (let from = after; from < to; from += SLICE) {
        if (from > after) await new Promise<void>((resolve) => setImmediate(resolve))
        for (const { id } of accounts)
          for (const [side, sign] of [
            ['debit', 1n],
            ['credit', -1n],
          ] as const) {
            const sum = sql(
              `SELECT sum(amount) FROM ledger_transfers
               WHERE ${side}_account_id = ? AND seq > ? AND seq <= ? AND created_at < ?`,
            )
              .pluck()
              .safeIntegers()
              .get(id, from, Math.min(from + SLICE, to), before) as bigint | null
            if (sum !== null) balances.set(id, (balances.get(id) ?? 0n) + sign * sum)
          }
      }
      return accounts.flatMap(({ id, account, currency }) => {
        const balance = balances.get(id)
        return balance === undefined ? [] : { account, currency, balance }
      })
    },

    ledgerEnd(scope: Scope): LedgerEnd {
      const link = sql(
        `SELECT number, hash, at FROM chain_links WHERE account_id = ? AND live = ? ORDER BY number DESC LIMIT 1`,
      ).get(scope.accountId, live(scope)) as LedgerEnd['link'] | undefined
      return { transfers: lastTransfer(scope), link: link ?? null }
    },

    ledgerSlicesDue(limit: number): { scope: Scope; slice: number }[] {
      const rows = sql(LEDGER_SLICES_DUE).all(limit) as { accountId: number; live: number; done: number }[]
      return rows.map(({ accountId, live: of, done }) => ({
        scope: { accountId, mode: modeOf(of) },
        slice: done + 1,
      }))
    },
  }
}

/** Reads a row of each account of every ledger: a worker runs it now and then. */
export const LEDGER_SLICES_DUE = `
  SELECT accountId, live, done FROM (
    SELECT a.account_id AS accountId, a.live,
      coalesce((SELECT max(number) FROM ledger_slices s
        WHERE s.account_id = a.account_id AND s.live = a.live), 0) AS done,
      max((SELECT max(seq) FROM ledger_transfers t WHERE t.debit_account_id = a.id)) AS last
    FROM ledger_accounts a GROUP BY a.account_id, a.live)
  WHERE last >= (done + 1) * ${SLICE}
  LIMIT ?`
