import type { Connection } from './connection.ts'
import type { LedgerCache } from './ledger-cache.ts'

/** Prepares a write in the writer's thread. Its arguments and its result are cloned from thread to thread. */
export type Definition = (db: Connection, cache: LedgerCache) => (...args: never[]) => unknown
