/** A database of either engine. Its name decides: a `postgres://` URL is PostgreSQL, a file is SQLite. */
import { isPostgres } from '../database-name.ts'
import type { Epoch } from '../domain/epoch.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { Head } from './chain/head.ts'
import type { UpgradeWatch } from './migrations.ts'
import type { WithoutFsync } from './postgres/session.ts'
import type { Verification } from './verify-checks.ts'

export type OpenOptions = {
  /** Called with the number of operations of each committed group. */
  readonly onGroup: (size: number) => void
  /** Called when MiniPay must not use the database any more. */
  readonly onFatal: (error: Error) => void
  readonly log: Log
  /** ms since 1970, for SQLite; the machine's clock unless given. PostgreSQL uses the time of its server. */
  readonly now?: () => number
  /** The policy for a PostgreSQL server that runs without fsync. */
  readonly withoutFsync?: WithoutFsync
  /** Ends the wait for an unreachable PostgreSQL server: the opening rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** The operations of a database. Each method throws a sentence if the database cannot be used. */
export type Engine = {
  /** Opens the store, and upgrades the database to this program's schema. */
  open(options: OpenOptions): Promise<Store>
  /**
   * Upgrades the database to this program's schema. Returns the names of the applied migrations, the schema's number, and
   * whether a server still has to sum old transfers in the background.
   */
  migrate(watch?: UpgradeWatch): Promise<{
    readonly applied: readonly string[]
    readonly version: number
    readonly slicesDue: boolean
  }>
  /** Checks the books and the hash chains; with a head that was kept, also that the chains still contain it. */
  verify(since?: readonly Head[]): Promise<Verification>
  /** Every epoch of the event numbers, oldest first. */
  epochs(): Promise<readonly Epoch[]>
  /** Begins a new epoch. No server may be using a SQLite file; nodes may be serving a PostgreSQL database. */
  beginEpoch(): Promise<Epoch>
  /** Copies the database into a new file, and checks the copy. PostgreSQL has no such method: use `pg_dump`. */
  readonly backup?: (file: string) => Promise<Verification>
  /** Copies a backup to the database's place. PostgreSQL has no such method: use `pg_restore`. */
  readonly restore?: (file: string) => Promise<Verification>
}

/** The engine of a database. Loads only the code of that engine. */
export async function engineOf(database: string): Promise<Engine> {
  if (isPostgres(database)) return (await import('./postgres/engine.ts')).postgresEngine(database)
  return (await import('./sqlite/engine.ts')).sqliteEngine(database)
}
