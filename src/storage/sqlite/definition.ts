import type { Connection } from './connection.ts'
import type { KeyIndex } from './key-index.ts'
import type { LedgerCache } from './ledger-cache.ts'

/** Prepares a write in the writer thread. Its arguments and its result are cloned between the threads. */
export type Definition = (db: Connection, cache: LedgerCache, keys: KeyIndex) => (...args: never[]) => unknown
