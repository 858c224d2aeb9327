/**
 * The part of the store port for the history of the ledger. A *slice* is 1,024 transfers of a scope in the order of their
 * numbers: slice n ends with transfer 1024n. A worker stores the balances at the end of each full slice, so a balance of
 * any time is the nearest one before it and the transfers of few slices. It adds the slice to the totals of its days, too.
 */
import type { LedgerAccount, Page, Scope } from './store.ts'

/** Transfers in a slice. The sum of as many of the largest amounts is a 64-bit integer. */
export const SLICE = 1024

/** What the ledger and the hash chain of a scope end with. */
export type LedgerEnd = {
  /** The number of transfers: their numbers have no gaps. */
  readonly transfers: number
  /** The last link of the hash chain; null before the first. `at` is in ms since 1970. */
  readonly link: { readonly number: number; readonly hash: string; readonly at: number } | null
}

/** An account in one currency on one day. */
export type LedgerDayPlace = {
  readonly account: string
  readonly currency: string
  /** Days since 1970, in UTC. */
  readonly day: number
}

/** What was booked on a day; all amounts are in minor units. */
export type LedgerDay = LedgerDayPlace & {
  readonly entries: number
  /** Both sums are positive. */
  readonly debits: bigint
  readonly credits: bigint
  /** The sum of the entries up to the end of the day: debits are positive. */
  readonly balance: bigint
}

export type LedgerDayQuery = {
  readonly limit: number
  readonly account?: string
  readonly currency?: string
  /** The first and the last day. */
  readonly from?: number
  readonly to?: number
  /** The days that follow this one in the list. */
  readonly after?: LedgerDayPlace
}

export type LedgerStore = {
  /** Newest day first, and within it by account and currency. A day without entries is absent. */
  ledgerDays(scope: Scope, query: LedgerDayQuery): Promise<Page<LedgerDay>>
  /** The balances of the entries from before a time in ms since 1970; accounts without such entries are left out. */
  ledgerAccountsAt(scope: Scope, before: number): Promise<LedgerAccount[]>
  ledgerEnd(scope: Scope): Promise<LedgerEnd>
  /** Scopes with a full slice that is not stored yet, and its number: the next one of each. */
  ledgerSlicesDue(limit: number): Promise<{ readonly scope: Scope; readonly slice: number }[]>
  /** Stores the balances at the end of a slice, and adds it to its days. False if it is not full, not the next one, or stored already. */
  addLedgerSlice(scope: Scope, slice: number): Promise<boolean>
}
