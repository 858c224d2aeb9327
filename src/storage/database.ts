/** Which engine a database is for, by how it is named: a file is SQLite's, a `postgres://` URL PostgreSQL's. */
import { existsSync } from 'node:fs'
import { isPostgres, publicName } from '../database-name.ts'
import type { Epoch } from '../domain/epoch.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { SchemaMismatch } from './migrations.ts'
import type { WithoutFsync } from './postgres/session.ts'
import type { Verification } from './verify-checks.ts'

/** What the server or the network says names no database: the sentence does. */
async function named<T>(database: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (signal?.aborted) throw error
    const { message } = error as Error
    const name = publicName(database)
    if (error instanceof SchemaMismatch || message.includes(name) || message.startsWith('The database URL'))
      throw error
    throw new Error(
      `${name} cannot be used: ${message.replace(/\.$/, '')}. Check the setting that names it.`,
      { cause: error },
    )
  }
}

export type OpenOptions = {
  readonly database: string
  /** Called with the number of operations of each group that was committed. */
  readonly onGroup: (size: number) => void
  /** Called when the database must not be used any more. */
  readonly onFatal: (error: Error) => void
  readonly log: Log
  /** What to do with a PostgreSQL server that runs without fsync. */
  readonly withoutFsync?: WithoutFsync
  /** Ends the wait for a PostgreSQL server that can't be reached: the opening rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens the store of either engine, and brings it to this program's schema. Each engine's code is loaded when it is
 * chosen. Throws a sentence when the database can't be used.
 */
export async function openStore({ database, ...options }: OpenOptions): Promise<Store> {
  if (isPostgres(database)) {
    const { openPostgresStore } = await import('./postgres/store.ts')
    return named(database, () => openPostgresStore({ url: database, ...options }), options.signal)
  }
  const { openSqliteStore } = await import('./sqlite/store.ts')
  return openSqliteStore({ file: database, ...options })
}

/** Brings a database to this program's schema; answers the names of what was applied, and where it stands. */
export async function migrateDatabase(
  database: string,
): Promise<{ readonly applied: readonly string[]; readonly version: number }> {
  if (isPostgres(database)) {
    const { migratePostgres, migrations } = await import('./postgres/migrate.ts')
    const applied = await named(database, () => migratePostgres(database))
    return { applied: applied.map(({ name }) => name), version: migrations().length }
  }
  const { migrate, schemaVersion } = await import('./sqlite/migrate.ts')
  const { lockDatabase, openWriter } = await import('./sqlite/open.ts')
  const lock = lockDatabase(database)
  const db = openWriter(database)
  try {
    return { applied: migrate(db).map(({ name }) => name), version: schemaVersion(db) }
  } finally {
    db.close()
    lock.release()
  }
}

/** Checks a database's books; see each engine's own. Throws a sentence when there is none. */
export async function verifyDatabase(database: string): Promise<Verification> {
  if (isPostgres(database)) {
    const { verifyPostgres } = await import('./postgres/verify.ts')
    const { assertCopied } = await import('./postgres/copying.ts')
    const { withClient } = await import('./postgres/migrate.ts')
    return named(database, async () => {
      const result = await verifyPostgres(database)
      await withClient(database, (client) => assertCopied(client, database))
      return result
    })
  }
  const { openReader, refuseOtherFiles } = await import('./sqlite/open.ts')
  const { verify } = await import('./sqlite/verify.ts')
  if (!existsSync(database)) throw new Error(`There is no database ${database}.`)
  refuseOtherFiles(database)
  const db = openReader(database)
  try {
    return verify(db)
  } finally {
    db.close()
  }
}

/** Every epoch of a database's event numbers, oldest first. Throws a sentence when the database can't be used. */
export async function epochsOf(database: string): Promise<readonly Epoch[]> {
  if (isPostgres(database)) {
    const { epochsIn } = await import('./postgres/epochs.ts')
    const { assertCurrent, withClient } = await import('./postgres/migrate.ts')
    return named(database, () =>
      withClient(database, async (client) => {
        await assertCurrent(client, database)
        return epochsIn(client)
      }),
    )
  }
  const { openReader, refuseOtherFiles } = await import('./sqlite/open.ts')
  const { assertCurrent } = await import('./sqlite/migrate.ts')
  const { epochsIn } = await import('./sqlite/epochs.ts')
  if (!existsSync(database)) throw new Error(`There is no database ${database}.`)
  refuseOtherFiles(database)
  const db = openReader(database)
  try {
    assertCurrent(db)
    return epochsIn(db)
  } finally {
    db.close()
  }
}

/**
 * Begins a new epoch of a database's event numbers. An embedded database must not be served meanwhile; on PostgreSQL
 * nodes may serve. Throws a sentence when the database can't be used.
 */
export async function beginEpochIn(database: string): Promise<Epoch> {
  if (isPostgres(database)) {
    const { beginEpoch } = await import('./postgres/epochs.ts')
    const { assertCopied } = await import('./postgres/copying.ts')
    const { assertCurrent, withClient } = await import('./postgres/migrate.ts')
    return named(database, () =>
      withClient(database, async (client) => {
        await assertCurrent(client, database)
        await assertCopied(client, database)
        return beginEpoch(client, 'requested')
      }),
    )
  }
  const { lockDatabase, openWriter } = await import('./sqlite/open.ts')
  const { assertCurrent } = await import('./sqlite/migrate.ts')
  const { beginEpoch } = await import('./sqlite/epochs.ts')
  if (!existsSync(database)) throw new Error(`There is no database ${database}.`)
  const lock = lockDatabase(database)
  const db = openWriter(database)
  try {
    assertCurrent(db)
    return beginEpoch(db, 'requested', Date.now(), null)
  } finally {
    db.close()
    lock.release()
  }
}
