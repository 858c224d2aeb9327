import type { Scope } from '../../ports/store.ts'
import { SLICE } from '../../ports/store-ledger.ts'
import type { Definition } from './definition.ts'
import { live } from './rows.ts'

type Side = {
  readonly sum: bigint | null
  readonly transfers: bigint
  readonly earliest: bigint | null
  readonly latest: bigint | null
}

export const ledgerSliceWrites = {
  /** Adds the balances at the end of the next slice. */
  addLedgerSlice(db) {
    const sideOf = (side: 'debit' | 'credit') =>
      db
        .prepare<[bigint, number, number], Side>(
          `SELECT sum(amount) AS sum, count(*) AS transfers, min(created_at) AS earliest, max(created_at) AS latest
           FROM ledger_transfers WHERE ${side}_account_id = ? AND seq > ? AND seq <= ?`,
        )
        .safeIntegers()
    const [debits, credits] = [sideOf('debit'), sideOf('credit')]
    const accountsOf = db
      .prepare<[number, number], bigint>('SELECT id FROM ledger_accounts WHERE account_id = ? AND live = ?')
      .pluck()
      .safeIntegers()
    const lastSlice = db
      .prepare<[number, number], { number: bigint; latest: bigint }>(
        `SELECT number, latest FROM ledger_slices WHERE account_id = ? AND live = ? ORDER BY number DESC LIMIT 1`,
      )
      .safeIntegers()
    const lastBalance = db
      .prepare<[bigint], bigint>(
        'SELECT balance FROM ledger_checkpoints WHERE ledger_account_id = ? ORDER BY slice DESC LIMIT 1',
      )
      .pluck()
      .safeIntegers()
    const insertSlice = db.prepare(
      'INSERT INTO ledger_slices (account_id, live, number, earliest, latest) VALUES (?, ?, ?, ?, ?)',
    )
    const insertCheckpoint = db.prepare(
      'INSERT INTO ledger_checkpoints (ledger_account_id, slice, balance) VALUES (?, ?, ?)',
    )
    return (scope: Scope, slice: number): boolean => {
      const own = [scope.accountId, live(scope)] as const
      const last = lastSlice.get(...own)
      if (Number(last?.number ?? 0) !== slice - 1) return false
      const [after, to] = [(slice - 1) * SLICE, slice * SLICE]
      const accounts = accountsOf.all(...own).map((id) => {
        return { id, debit: debits.get(id, after, to) as Side, credit: credits.get(id, after, to) as Side }
      })
      const booked = accounts.reduce((sum, { debit }) => sum + Number(debit.transfers), 0)
      if (booked !== SLICE) return false
      const times = accounts.flatMap(({ debit: { earliest, latest } }) => [earliest, latest])
      const known = [...times, last?.latest].filter((time) => time !== null && time !== undefined).map(Number)
      const earliest = Math.min(...times.filter((time) => time !== null).map(Number))
      insertSlice.run(...own, slice, earliest, Math.max(...known))
      for (const { id, debit, credit } of accounts)
        if (debit.transfers + credit.transfers > 0n) {
          const balance = (lastBalance.get(id) ?? 0n) + (debit.sum ?? 0n) - (credit.sum ?? 0n)
          insertCheckpoint.run(id, slice, balance)
        }
      return true
    }
  },
} satisfies Record<string, Definition>
