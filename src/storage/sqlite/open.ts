import Database from 'better-sqlite3'
import type { Connection } from './connection.ts'
import { assertOurs } from './migrate.ts'
import { defineUnpacked } from './packed-texts.ts'
import { makePrivate } from './private-file.ts'

export { lockDatabase } from './lock.ts'
export { refuseOtherFiles } from './place.ts'

/** How long a statement waits for another process that has the database's write lock, in ms. */
export const BUSY_TIMEOUT_MS = 5_000
/** Pages of WAL before a checkpoint: 1,000 to 4,000 measured alike; 16,000 doubled p99. */
export const CHECKPOINT_PAGES = 2_000
/** The most bytes of the WAL after it restarts: after a long read it can have any size. */
export const WAL_LIMIT = 64 * 1024 * 1024
const PAGE_CACHE_KIB = 32 * 1024

/**
 * Opens the database for writing, and creates it if it does not exist. Throws `SchemaMismatch` for a database of
 * another program or a newer MiniPay. WAL with synchronous=FULL: a commit returns after its disk sync. NORMAL would
 * lose acknowledged charges in a power cut.
 */
export function openWriter(file: string): Connection {
  // SQLite gives the WAL the same rights as the database.
  makePrivate(file)
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    // Checked first, so that another program's database does not change.
    assertOurs(db)
  } catch (error) {
    db.close()
    throw error
  }
  defineUnpacked(db)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  // `minipay verify` checks references: enforcing them took a quarter of the writer's time.
  db.pragma('foreign_keys = OFF')
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  db.pragma(`journal_size_limit = ${WAL_LIMIT}`)
  db.pragma(`cache_size = -${PAGE_CACHE_KIB}`)
  return db
}

/** Opens an existing database for reading; in WAL a reader never waits for the writer. */
export function openReader(file: string): Connection {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS, readonly: true, fileMustExist: true })
  db.pragma('query_only = ON')
  defineUnpacked(db)
  return db
}
