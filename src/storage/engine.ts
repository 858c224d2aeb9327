/** A database of either engine. Its name says which: a `postgres://` URL is for PostgreSQL, a file for SQLite. */
import { isPostgres } from '../database-name.ts'
import type { Epoch } from '../domain/epoch.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { WithoutFsync } from './postgres/session.ts'
import type { Verification } from './verify-checks.ts'

export type OpenOptions = {
  /** Called with the number of operations of each group that was committed. */
  readonly onGroup: (size: number) => void
  /** Called when the database must not be used any more. */
  readonly onFatal: (error: Error) => void
  readonly log: Log
  /** ms since 1970, for SQLite; the machine's clock unless given. PostgreSQL has the time of its server. */
  readonly now?: () => number
  /** What to do with a PostgreSQL server that runs without fsync. */
  readonly withoutFsync?: WithoutFsync
  /** Ends the wait for a PostgreSQL server that can't be reached: the opening rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** What can be done with a database. Each method throws a sentence when the database can't be used. */
export type Engine = {
  /** Opens the store, and brings the database to this program's schema. */
  open(options: OpenOptions): Promise<Store>
  /** Brings the database to this program's schema. Returns the names of the applied migrations and the schema's number. */
  migrate(): Promise<{ readonly applied: readonly string[]; readonly version: number }>
  /** Checks the books. */
  verify(): Promise<Verification>
  /** Every epoch of the event numbers, oldest first. */
  epochs(): Promise<readonly Epoch[]>
  /** Begins a new epoch. No server may use a SQLite file meanwhile; nodes may serve a PostgreSQL database. */
  beginEpoch(): Promise<Epoch>
  /** Copies the database into a new file, and checks the copy. Absent for PostgreSQL, which has `pg_dump`. */
  readonly backup?: (file: string) => Promise<Verification>
  /** Copies a backup to where the database will be. Absent for PostgreSQL, which has `pg_restore`. */
  readonly restore?: (file: string) => Promise<Verification>
}

/** The engine of a database. The code of an engine is loaded when it is chosen. */
export async function engineOf(database: string): Promise<Engine> {
  if (isPostgres(database)) return (await import('./postgres/engine.ts')).postgresEngine(database)
  return (await import('./sqlite/engine.ts')).sqliteEngine(database)
}
