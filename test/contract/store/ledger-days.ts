/** Books with slices, the totals of their days as sums of entries, and comparisons with those of a store. */
import assert from 'node:assert/strict'
import type { LedgerEntry, Scope, Store } from '../../../src/ports/store.ts'
import { type LedgerDay, type LedgerDayQuery, SLICE } from '../../../src/ports/store-ledger.ts'
import { chargeCommit } from '../../kit/commits.ts'

export const DAY_MS = 86_400_000
export const MINUTE = 60_000
/** Two full slices and a part of a third. */
export const CHARGES = 2 * SLICE + 76
/** The next day begins shortly before the end of the first slice. */
export const DAY = 20_780
export const START = (DAY + 1) * DAY_MS - 1_000 * 1_000

/**
 * Charges a second apart, but for some that waited up to a minute for their commit: one of the second slice is of the first
 * day. They are in three currencies, and their sums exceed 53 bits.
 */
export async function fillSlices(store: Store, scope: Scope): Promise<void> {
  const commits = Array.from({ length: CHARGES }, (_, i) => {
    const late = i % 100 === 30 ? MINUTE : 0
    const currency = ['usd', 'jpy', 'kwd'][i % 3] as string
    const amount = i % 300 === 0 ? Number.MAX_SAFE_INTEGER : 1 + i
    return chargeCommit({ scope, at: START + i * 1_000 - late, amount, currency })
  })
  for (let i = 0; i < commits.length; i += 250)
    await Promise.all(commits.slice(i, i + 250).map((commit) => store.commit(commit)))
}

export async function allEntries(
  store: Store,
  scope: Scope,
  times: object = {},
  limit = 100,
): Promise<LedgerEntry[]> {
  const all: LedgerEntry[] = []
  for (let from: number | undefined; ; from = all.at(-1)?.sequence) {
    const query = { limit, ...times, ...(from !== undefined && { before: from }) }
    const { data, hasMore } = await store.ledgerEntries(scope, query)
    all.push(...data)
    if (!hasMore) return all
  }
}

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

export const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
