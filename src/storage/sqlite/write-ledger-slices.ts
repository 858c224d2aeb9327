import type { Scope } from '../../ports/store.ts'
import { SLICE } from '../../ports/store-ledger.ts'
import { amountOf, dayIn, dayOf, partsOf } from '../ledger-days.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import { live } from './rows.ts'

type Sums = { readonly transfers: bigint; readonly high: bigint | null; readonly low: bigint | null }
type Side = Sums & { readonly earliest: bigint | null; readonly latest: bigint | null }
type SideName = 'debit' | 'credit'

/** What the transfers of a slice change in a row of `ledger_days`. */
type DayChange = { readonly entries: bigint; readonly debits: Parts; readonly credits: Parts }
type Parts = readonly [high: bigint, low: bigint]

const partsIn = (sums?: Sums): Parts => [sums?.high ?? 0n, sums?.low ?? 0n]
const amountIn = (sums?: Sums): bigint => amountOf(...partsIn(sums))

export const ledgerSliceWrites = {
  /** Adds the balances at the end of the next slice. */
  addLedgerSlice(db) {
    const sideOf = (side: SideName) =>
      db
        .prepare<[bigint, number, number], Side>(
          `SELECT count(*) AS transfers, min(created_at) AS earliest, max(created_at) AS latest, ${partsOf('amount')}
           FROM ledger_transfers WHERE ${side}_account_id = ? AND seq > ? AND seq <= ?`,
        )
        .safeIntegers()
    const [debits, credits] = [sideOf('debit'), sideOf('credit')]
    const addToDays = dayWrites(db)
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
      'INSERT INTO ledger_slices (account_id, live, number, earliest, latest, days) VALUES (?, ?, ?, ?, ?, ?)',
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
      let days = 0
      for (const { id, debit, credit } of accounts)
        if (debit.transfers + credit.transfers > 0n) {
          const balance = (lastBalance.get(id) ?? 0n) + amountIn(debit) - amountIn(credit)
          insertCheckpoint.run(id, slice, balance)
          days += addToDays(id, { debit, credit }, after, to)
        }
      insertSlice.run(...own, slice, earliest, Math.max(...known), days)
      return true
    }
  },
} satisfies Record<string, Definition>

/** Adds the transfers of a slice to the days of an account. The function returns how many days these are. */
function dayWrites(db: Connection) {
  const sumsByDay = (side: SideName) =>
    db
      .prepare<[bigint, number, number], Sums & { readonly day: bigint }>(
        `SELECT ${dayIn('created_at')} AS day, count(*) AS transfers, ${partsOf('amount')}
         FROM ledger_transfers WHERE ${side}_account_id = ? AND seq > ? AND seq <= ? GROUP BY 1`,
      )
      .safeIntegers()
  const byDay = { debit: sumsByDay('debit'), credit: sumsByDay('credit') }
  const addToDay = dayChange(db)

  /** Nearly every slice is of one day, of which the sums are known already. */
  function sumsOf(id: bigint, name: SideName, side: Side, after: number, to: number): Map<number, Sums> {
    const { earliest, latest } = side
    if (earliest === null || latest === null) return new Map()
    const [first, last] = [dayOf(Number(earliest)), dayOf(Number(latest))]
    if (first === last) return new Map([[first, side]])
    return new Map(byDay[name].all(id, after, to).map((sums) => [Number(sums.day), sums]))
  }

  return (id: bigint, sides: Readonly<Record<SideName, Side>>, after: number, to: number): number => {
    const debits = sumsOf(id, 'debit', sides.debit, after, to)
    const credits = sumsOf(id, 'credit', sides.credit, after, to)
    const days = new Set([...debits.keys(), ...credits.keys()])
    for (const day of days) {
      const [debit, credit] = [debits.get(day), credits.get(day)]
      const entries = (debit?.transfers ?? 0n) + (credit?.transfers ?? 0n)
      addToDay(id, day, { entries, debits: partsIn(debit), credits: partsIn(credit) })
    }
    return days.size
  }
}

/** Adds to one day of an account, and to the balance of each later one: transfers are nearly in the order of their times. */
function dayChange(db: Connection) {
  const add = db.prepare(
    `UPDATE ledger_days SET entries = entries + ?, debits_high = debits_high + ?, debits_low = debits_low + ?,
       credits_high = credits_high + ?, credits_low = credits_low + ?
     WHERE ledger_account_id = ? AND day = ?`,
  )
  const insert = db.prepare(
    `INSERT INTO ledger_days
       (entries, debits_high, debits_low, credits_high, credits_low, ledger_account_id, day, balance)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const balanceBefore = db
    .prepare<[bigint, number], bigint>(
      'SELECT balance FROM ledger_days WHERE ledger_account_id = ? AND day < ? ORDER BY day DESC LIMIT 1',
    )
    .pluck()
    .safeIntegers()
  const addToBalances = db.prepare(
    'UPDATE ledger_days SET balance = balance + ? WHERE ledger_account_id = ? AND day >= ?',
  )
  return (id: bigint, day: number, { entries, debits, credits }: DayChange): void => {
    const values = [entries, ...debits, ...credits, id, day]
    if (add.run(...values).changes === 0) insert.run(...values, balanceBefore.get(id, day) ?? 0n)
    addToBalances.run(amountOf(...debits) - amountOf(...credits), id, day)
  }
}
