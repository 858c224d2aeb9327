/** The totals of ledger accounts by day. */
import { DAY_HOURS, HOUR_MS } from '../domain/statistics.ts'
import type { Page } from '../ports/store.ts'
import type { LedgerDay, LedgerDayPlace, LedgerDayQuery } from '../ports/store-ledger.ts'
import { AMOUNT_PART } from './hourly.ts'

export const DAY_MS = DAY_HOURS * HOUR_MS

export const dayOf = (ms: number): number => Math.floor(ms / DAY_MS)

/** `dayOf` in SQL: it rounds a quotient towards 0, and a wrong clock may be before 1970. */
export const dayIn = (time: string): string =>
  `(${time} - (${time} % ${DAY_MS} + ${DAY_MS}) % ${DAY_MS}) / ${DAY_MS}`

/** The sum of amounts in its two parts, in SQL. */
export const partsOf = (amount: string): string =>
  `sum(${amount} / ${AMOUNT_PART}) AS high, sum(${amount} % ${AMOUNT_PART}) AS low`

export const amountOf = (high: bigint, low: bigint): bigint => high * BigInt(AMOUNT_PART) + low

/** A part of a day's totals: the stored row, or a sum of transfers that are in no slice yet. */
export type DayPart = Omit<LedgerDay, 'balance'> & {
  /** That of the stored row; null for transfers that it does not have. */
  readonly balance: bigint | null
}

const nameOf = ({ account, currency }: LedgerDayPlace) => `${account} ${currency}`

/** The order of the list. The codes of accounts and currencies are ASCII. */
function compare(a: LedgerDayPlace, b: LedgerDayPlace): number {
  if (a.day !== b.day) return b.day - a.day
  if (a.account !== b.account) return a.account < b.account ? -1 : 1
  return a.currency === b.currency ? 0 : a.currency < b.currency ? -1 : 1
}

/** The last day of the list for an account: after the cursor. */
export function lastDay({ to, after }: LedgerDayQuery, account: string, currency: string): number {
  const most = to ?? Number.MAX_SAFE_INTEGER
  if (!after) return most
  const isBefore = compare({ account, currency, day: after.day }, after) <= 0
  return Math.min(most, isBefore ? after.day - 1 : after.day)
}

/**
 * How many stored rows of each account a page needs, newest first from its last day on: those of a page, one that shows
 * that there are more, and one from before the first day, whose balance is that of the days without a row.
 */
export function storedRows({ limit, from, to }: LedgerDayQuery): number {
  const days = from === undefined || to === undefined ? Number.POSITIVE_INFINITY : Math.max(0, to - from + 1)
  return Math.min(limit + 1, days) + 1
}

/** A page of the list from the parts of the days of each account, up to its last day. */
export function daysPage(parts: readonly DayPart[], query: LedgerDayQuery): Page<LedgerDay> {
  const { limit, from = Number.MIN_SAFE_INTEGER } = query
  const rows = [...Map.groupBy(parts, nameOf).values()]
    .flatMap(daysOf)
    .filter(({ day }) => day >= from)
    .sort(compare)
  return { data: rows.slice(0, limit), hasMore: rows.length > limit }
}

/** The days of one account. */
function daysOf(parts: readonly DayPart[]): LedgerDay[] {
  const byDay = [...Map.groupBy(parts, ({ day }) => day)].sort(([a], [b]) => a - b)
  let [stored, added] = [0n, 0n]
  return byDay.map(([day, its]) => {
    const [{ account, currency }] = its as [DayPart]
    const sumOf = (side: 'debits' | 'credits', of = its) => of.reduce((sum, part) => sum + part[side], 0n)
    const isNew = its.filter(({ balance }) => balance === null)
    stored = its.find(({ balance }) => balance !== null)?.balance ?? stored
    added += sumOf('debits', isNew) - sumOf('credits', isNew)
    return {
      ...{ account, currency, day },
      entries: its.reduce((sum, { entries }) => sum + entries, 0),
      debits: sumOf('debits'),
      credits: sumOf('credits'),
      balance: stored + added,
    }
  })
}
