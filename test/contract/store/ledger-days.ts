/** The totals of days as sums of entries, and comparisons with those of a store. */
import assert from 'node:assert/strict'
import type { LedgerEntry, Scope, Store } from '../../../src/ports/store.ts'
import type { LedgerDay, LedgerDayQuery } from '../../../src/ports/store-ledger.ts'

export const DAY_MS = 86_400_000

async function allDays(
  store: Store,
  scope: Scope,
  query: Partial<LedgerDayQuery>,
  limit: number,
): Promise<LedgerDay[]> {
  const all: LedgerDay[] = []
  for (;;) {
    const last = all.at(-1)
    const page = await store.ledgerDays(scope, { limit, ...query, ...(last && { after: last }) })
    all.push(...page.data)
    if (!page.hasMore) return all
  }
}

const compareTexts = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const sumOf = (entries: readonly LedgerEntry[]) =>
  entries.reduce((total, { amount }) => total + BigInt(amount), 0n)

/** The days of such entries, in the order of the list. */
export function daysOf(entries: readonly LedgerEntry[]): LedgerDay[] {
  const ofAccount = Map.groupBy(entries, ({ account, currency }) => `${account} ${currency}`)
  const rows = [...ofAccount.values()].flatMap((its) =>
    [...Map.groupBy(its, ({ createdAt }) => Math.floor(createdAt / DAY_MS))].map(([day, ofDay]) => {
      const { account, currency } = ofDay[0] as LedgerEntry
      return {
        ...{ account, currency, day, entries: ofDay.length },
        debits: sumOf(ofDay.filter(({ amount }) => amount > 0)),
        credits: -sumOf(ofDay.filter(({ amount }) => amount < 0)),
        balance: sumOf(its.filter(({ createdAt }) => createdAt < (day + 1) * DAY_MS)),
      }
    }),
  )
  return rows.sort(
    (a, b) => b.day - a.day || compareTexts(a.account, b.account) || compareTexts(a.currency, b.currency),
  )
}

const queriesAround = (day: number): readonly Partial<LedgerDayQuery>[] => [
  {},
  { account: 'merchant' },
  { account: 'merchant', currency: 'kwd' },
  { account: 'merchant', currency: 'kwd', from: day, to: day },
  { from: day },
  { from: day + 1 },
  { to: day },
  { from: day, to: day - 1 },
  { from: day + 2, to: day + 9 },
  { currency: 'eur' },
]

/** By every filter, and in pages of several sizes. `day` is the first of two. */
export async function assertDays(
  store: Store,
  scope: Scope,
  expected: readonly LedgerDay[],
  day: number,
): Promise<void> {
  for (const query of queriesAround(day)) {
    const { account, currency, from = 0, to = Number.MAX_SAFE_INTEGER } = query
    const wanted = expected.filter(
      (row) =>
        (account ?? row.account) === row.account &&
        (currency ?? row.currency) === row.currency &&
        row.day >= from &&
        row.day <= to,
    )
    for (const limit of [1, 5, 100])
      assert.deepEqual(await allDays(store, scope, query, limit), wanted, JSON.stringify(query))
  }
}
