import type { CountedCall } from '../../domain/statistics.ts'
import { HourlySums } from '../hourly.ts'
import type { Connection } from './connection.ts'
import { chainWrites } from './write-chain.ts'
import { statisticWrites } from './write-statistics.ts'

export type LedgerCache = ReturnType<typeof ledgerCache>

type Numbers = { event: number; transfer: number; audit: number }
type Account = { readonly id: number; balance: bigint; delta: bigint }

/**
 * What a group sums. Each group has maps of its own: the table of a cleared map refers to the next one, so that once it is
 * among V8's old objects, it keeps what all later groups put in alive (see `PassingMap`).
 */
const newGroup = () => ({
  changed: new Set<Account>(),
  counters: new Map<string, { key: [number, number, string, string]; delta: number }>(),
  /** By scope. */
  statistics: new Map<number, HourlySums>(),
})

/**
 * The writer's view of the rows that a group changes again and again: balances, counters, statistics and last numbers. It reads
 * each row once, sums in memory while the group runs, and writes the row once at the group's end, so a group of a
 * hundred charges updates a balance row once. The rows are the truth: after a failed group `reset` clears this view,
 * and the next group reads them again.
 */
export function ledgerCache(db: Connection) {
  const findAccount = db
    .prepare<[number, number, string, string], { id: bigint; balance: bigint }>(
      `SELECT id, balance FROM ledger_accounts
       WHERE account_id = ? AND live = ? AND code = ? AND currency = ?`,
    )
    .safeIntegers()
  const insertAccount = db.prepare(
    `INSERT INTO ledger_accounts (account_id, live, code, currency, balance) VALUES (?, ?, ?, ?, 0)`,
  )
  const addToBalance = db.prepare(`UPDATE ledger_accounts SET balance = balance + ? WHERE id = ?`)
  const addToCounter = db.prepare(
    `INSERT INTO counters (account_id, live, name, currency, value) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET value = value + excluded.value`,
  )
  const lastNumbers = db.prepare<[number, number, number, number, number, number], Numbers>(
    `SELECT
       max(
         (SELECT coalesce(max(seq), 0) FROM events WHERE account_id = ? AND live = ?),
         (SELECT max(first_seq) - 1 FROM epochs)) AS event,
       (SELECT coalesce(max((SELECT max(seq) FROM ledger_transfers t WHERE t.debit_account_id = a.id)), 0)
          FROM ledger_accounts a WHERE a.account_id = ? AND a.live = ?) AS transfer,
       (SELECT coalesce(max(seq), 0) FROM audit_log WHERE account_id = ? AND live = ?) AS audit`,
  )

  const addToStatistics = statisticWrites(db)

  const accounts = new Map<string, Account>()
  const numbers = new Map<number, Numbers>()
  let group = newGroup()

  function find(accountId: number, live: number, code: string, currency: string): Account | undefined {
    const name = `${accountId}/${live}/${code}/${currency}`
    const cached = accounts.get(name)
    if (cached) return cached
    const row = findAccount.get(accountId, live, code, currency)
    if (!row) return undefined
    const account = { id: Number(row.id), balance: row.balance, delta: 0n }
    accounts.set(name, account)
    return account
  }

  /** The last numbers of a scope's events, transfers and audit entries; the caller increases them. */
  function numbersOf(accountId: number, live: number): Numbers {
    const scope = accountId * 2 + live
    let last = numbers.get(scope)
    if (!last) {
      const own = [accountId, live] as const
      last = lastNumbers.get(...own, ...own, ...own) as Numbers
      numbers.set(scope, last)
    }
    return last
  }

  const chain = chainWrites(db, numbersOf)

  return {
    numbers: numbersOf,
    chain,

    /** The account; its first transfer creates it. */
    account(accountId: number, live: number, code: string, currency: string): Account {
      const found = find(accountId, live, code, currency)
      if (found) return found
      insertAccount.run(accountId, live, code, currency)
      return find(accountId, live, code, currency) as Account
    },

    /** 0 for an account that does not exist. */
    balance: (accountId: number, live: number, code: string, currency: string): bigint =>
      find(accountId, live, code, currency)?.balance ?? 0n,

    post(to: Account, amount: number): void {
      const delta = BigInt(amount)
      to.balance += delta
      to.delta += delta
      group.changed.add(to)
    },

    count(accountId: number, live: number, name: string, currency: string, delta: number): void {
      const key = `${accountId}/${live}/${name}/${currency}`
      const counter = group.counters.get(key)
      if (counter) counter.delta += delta
      else group.counters.set(key, { key: [accountId, live, name, currency], delta })
    },

    /** A call was counted as `before`, and is now counted as `after`. */
    move(accountId: number, live: number, before: CountedCall | null, after: CountedCall | null): void {
      const scope = accountId * 2 + live
      let sums = group.statistics.get(scope)
      if (!sums) {
        sums = new HourlySums()
        group.statistics.set(scope, sums)
      }
      sums.move(before, after)
    },

    /** Writes the sums of the group, as part of its transaction. */
    flush(): void {
      const { changed, counters, statistics } = group
      for (const account of changed) {
        addToBalance.run(account.delta, account.id)
        account.delta = 0n
      }
      for (const { key, delta } of counters.values()) if (delta !== 0) addToCounter.run(...key, delta)
      for (const [scope, sums] of statistics)
        for (const sum of sums.rows()) addToStatistics(Math.floor(scope / 2), scope % 2, sum)
      group = newGroup()
      chain.flush()
    },

    /** Clears everything after a rollback. */
    reset(): void {
      accounts.clear()
      numbers.clear()
      group = newGroup()
      chain.reset()
    },
  }
}
