import { closeSync, existsSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import Database from 'better-sqlite3'
import type { Connection } from './connection.ts'
import { assertOurs } from './migrate.ts'

/** How long a statement waits for another process that holds the database's write lock. */
const BUSY_TIMEOUT_MS = 5_000
/** Pages of WAL before a checkpoint: 1,000 to 4,000 measured alike; 16,000 doubled p99. */
const CHECKPOINT_PAGES = 2_000
const PAGE_CACHE_KIB = 32 * 1024

/**
 * Opens the database for writing, and makes it when it is not there. Throws `SchemaMismatch` for one that is
 * not ours, or newer than this program. WAL with synchronous=FULL: a commit
 * returns after the disk sync that holds it. NORMAL would lose acknowledged charges in a power cut.
 */
export function openWriter(file: string): Connection {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    // Before anything is set: another program's database stays as it is.
    assertOurs(db)
  } catch (error) {
    db.close()
    throw error
  }
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  // References are checked by `minipay verify`: enforcing them took a quarter of the writer's time.
  db.pragma('foreign_keys = OFF')
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  db.pragma(`cache_size = -${PAGE_CACHE_KIB}`)
  return db
}

/** Opens an existing database for reading; in WAL a reader never waits for the writer. */
export function openReader(file: string): Connection {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS, readonly: true, fileMustExist: true })
  db.pragma('query_only = ON')
  return db
}

/**
 * Holds `<file>-lock` for as long as this process lives, so that a second server on the same file is
 * refused. The lock is the operating system's (SQLite's own exclusive lock on an empty database): it ends
 * with the process, however that ends. Throws a sentence when another process has it.
 */
export function lockDatabase(file: string): { release(): void } {
  const target = existsSync(file) ? realpathSync(file) : resolve(file)
  refuseOtherFiles(target)
  let lock: Connection | undefined
  try {
    lock = new Database(`${target}-lock`, { timeout: 0 })
    lock.pragma('locking_mode = EXCLUSIVE')
    lock.pragma('journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock?.close()
    const { code, message } = cause as Error & { code?: string }
    if (code?.startsWith('SQLITE_BUSY'))
      throw new Error(`Another MiniPay process is using ${file}. Stop it, or use another file.`)
    throw new Error(`Cannot open the database ${file}: ${message}. Check --database.`, { cause })
  }
  const held = lock
  return { release: () => held.close() }
}

/**
 * Throws a sentence for a file that is not a database, which was surely named by mistake, before anything is put
 * beside it. Only for before this process opens the database: closing any descriptor of a file drops the locks
 * that SQLite holds on it (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 */
export function refuseOtherFiles(path: string): void {
  if (!existsSync(path)) return
  if (!statSync(path).isFile()) throw new Error(`${path} is not a file. Check --database.`)
  const header = firstBytes(path, 15)
  if (header !== '' && header !== 'SQLite format 3')
    throw new Error(`${path} is not a SQLite database. Check --database.`)
}

function firstBytes(path: string, count: number): string {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(count)
    return bytes.toString('latin1', 0, readSync(descriptor, bytes))
  } finally {
    closeSync(descriptor)
  }
}
