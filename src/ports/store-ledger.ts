/**
 * The part of the store port for the history of the ledger. A *slice* is 1,024 transfers of a scope in the order of their
 * numbers: slice n ends with transfer 1024n. A worker stores the balances at the end of each full slice, so a balance of
 * any time is the nearest one before it and the transfers of few slices.
 */
import type { LedgerAccount, Scope } from './store.ts'

/** Transfers in a slice. The sum of as many of the largest amounts is a 64-bit integer. */
export const SLICE = 1024

/** What the ledger and the hash chain of a scope end with. */
export type LedgerEnd = {
  /** The number of transfers: their numbers have no gaps. */
  readonly transfers: number
  /** The last link of the hash chain; null before the first. `at` is in ms since 1970. */
  readonly link: { readonly number: number; readonly hash: string; readonly at: number } | null
}

export type LedgerStore = {
  /** The balances of the entries from before a time in ms since 1970; accounts without such entries are left out. */
  ledgerAccountsAt(scope: Scope, before: number): Promise<LedgerAccount[]>
  ledgerEnd(scope: Scope): Promise<LedgerEnd>
  /** Scopes with a full slice that is not stored yet, and its number: the next one of each. */
  ledgerSlicesDue(limit: number): Promise<{ readonly scope: Scope; readonly slice: number }[]>
  /** Stores the balances at the end of a slice. False if it is not full, not the next one, or stored already. */
  addLedgerSlice(scope: Scope, slice: number): Promise<boolean>
}
