import type { Connection } from './connection.ts'
import type { LedgerCache } from './ledger-cache.ts'
import type { Behind } from './tails.ts'

/** Prepares a write in the writer thread. Its arguments and its result are cloned between the threads. */
export type Definition = (db: Connection, cache: LedgerCache, behind: Behind) => (...args: never[]) => unknown
