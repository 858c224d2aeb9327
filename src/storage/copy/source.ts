/** The embedded database that is copied: locked as a server locks it, read as one snapshot, never written. */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import type { Connection } from '../sqlite/connection.ts'
import { markMoved, reasonForEpoch } from '../sqlite/epochs.ts'
import { showWholeRows } from '../sqlite/long-texts.ts'
import { assertCurrent } from '../sqlite/migrate.ts'
import { lockDatabase, openReader } from '../sqlite/open.ts'
import { verify } from '../sqlite/verify.ts'
import type { Verification } from '../verify-checks.ts'
import { type Columns, type CopiedRow, type LastKey, TABLES, type Table } from './tables.ts'

/** A batch ends when it has many rows or much text, whichever comes first. */
const BATCH_ROWS = 2_000
const BATCH_CHARACTERS = 1_000_000
const CHUNK_BYTES = 1 << 20

export type Source = {
  /** Identifies the contents: no other database has this fingerprint, and every write changes it. */
  readonly fingerprint: string
  /** The number of rows of a table. */
  count(table: Table): number
  /** Throws a sentence if the source has a column that MiniPay does not know: the copy would lose its contents. */
  assertCovered(table: Table, columns: Columns): void
  /** Checks the books. */
  verify(): Verification
  /** Throws a sentence that names a row which PostgreSQL would reject. */
  assertPortable(): void
  /** The rows after a key, in the order of their keys. A batch is never empty. */
  batches(table: Table, columns: Columns, after: LastKey | null): Generator<CopiedRow[]>
  /**
   * True if this database knows every event number that MiniPay issued: false for a backup, and for a file that was put
   * back.
   */
  readonly knowsItsNumbers: boolean
  /** Makes a later server on the source begin a new epoch. The source itself does not change. */
  leave(): void
  close(): void
}

/**
 * Opens an embedded database to copy it. Throws a sentence if the file does not exist, is in use, is not MiniPay's, or
 * has another schema version than this program.
 */
export function openSource(file: string): Source {
  if (!existsSync(file)) throw new Error(`There is no database ${file}.`)
  const lock = lockDatabase(file)
  try {
    // Computed before the database is opened: closing a descriptor of the file would drop SQLite's locks on it.
    const fingerprint = fingerprintOf(file)
    const db = openReader(file)
    try {
      assertCurrent(db)
      // One snapshot for all reads, even if another process writes.
      db.exec('BEGIN')
      return sourceOf(db, file, fingerprint, lock.release)
    } catch (error) {
      db.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

function sourceOf(db: Connection, file: string, fingerprint: string, release: () => void): Source {
  let showAsStored = showWholeRows(db)
  return {
    fingerprint,
    count: ({ name, from = name }) => db.prepare(`SELECT count(*) FROM ${from}`).pluck().get() as number,
    assertCovered({ name, from, own = [] }, columns) {
      if (from !== undefined) return
      const missing = columnsOf(db, name).find(
        (column) => !Object.hasOwn(columns, column.name) && !own.includes(column.name),
      )
      if (missing) throw new Error(`PostgreSQL has no column for ${name}.${missing.name}.`)
    },
    verify() {
      showAsStored()
      try {
        return verify(db)
      } finally {
        showAsStored = showWholeRows(db)
      }
    },
    assertPortable() {
      for (const table of TABLES) if (table.from === undefined) refuseNulCharacters(db, table)
    },
    batches: (table, columns, after) => batches(db, table, columns, after),
    knowsItsNumbers: reasonForEpoch(db, file) === undefined,
    leave: () => markMoved(db, file),
    close() {
      db.close()
      release()
    },
  }
}

/**
 * SHA-256 of the file and its write-ahead log. Sizes, times and counts would miss some writes. A copy of the file in
 * another place is the same source. For a million charges this takes a few seconds.
 */
function fingerprintOf(file: string): string {
  const hash = createHash('sha256')
  const chunk = Buffer.alloc(CHUNK_BYTES)
  for (const part of [file, `${file}-wal`]) {
    if (!existsSync(part)) continue
    const descriptor = openSync(part, 'r')
    try {
      for (let size = readSync(descriptor, chunk); size > 0; size = readSync(descriptor, chunk))
        hash.update(chunk.subarray(0, size))
    } finally {
      closeSync(descriptor)
    }
  }
  return hash.digest('hex')
}

function columnsOf(db: Connection, table: string): { name: string; type: string }[] {
  return db.pragma(`table_info(${table})`) as { name: string; type: string }[]
}

/**
 * SQLite stores a NUL in a text, and PostgreSQL rejects it. MiniPay refuses requests with a NUL and removes it from
 * providers' responses, so only another program can have written one. A lone surrogate is impossible: the driver stores
 * U+FFFD for it.
 */
function refuseNulCharacters(db: Connection, { name, key }: Table): void {
  // A computed column has no declared type.
  const texts = columnsOf(db, name).filter(({ type }) => type !== 'INTEGER')
  if (texts.length === 0) return
  const all = texts.map((column) => column.name).join(', ')
  const found = db
    .prepare(`SELECT ${key.join(', ')} FROM ${name} WHERE instr(CAST(concat(${all}) AS BLOB), x'00') LIMIT 1`)
    .raw()
    .get() as (string | number)[] | undefined
  if (found)
    throw new Error(
      `A text of the row ${JSON.stringify(found)} of ${name} contains a NUL character, which PostgreSQL cannot store. ` +
        'Nothing was copied. Remove it from the row first.',
    )
}

function* batches(
  db: Connection,
  table: Table,
  columns: Columns,
  after: LastKey | null,
): Generator<CopiedRow[]> {
  const bound = (after ?? []).map((value, i) =>
    columns[table.key[i] as string] === 'bigint' ? BigInt(value) : value,
  )
  const rows = db.prepare<unknown[], CopiedRow>(selection(table, columns, after !== null)).iterate(...bound)
  let batch: CopiedRow[] = []
  let characters = 0
  for (const row of rows) {
    batch.push(row)
    for (const column in row) {
      const value = row[column]
      if (typeof value === 'string') characters += value.length
    }
    if (batch.length < BATCH_ROWS && characters < BATCH_CHARACTERS) continue
    yield batch
    batch = []
    characters = 0
  }
  if (batch.length > 0) yield batch
}

/** The table's name is part of each column: a bare `seq` would mean the text of the same name in this SELECT. */
function selection({ name, key, from = name, made = {} }: Table, columns: Columns, goesOn: boolean): string {
  const selected = Object.entries(columns).map(([column, type]) => {
    const value = made[column] ?? `t.${column}`
    return `${type === 'bigint' ? `CAST(${value} AS TEXT)` : value} AS ${column}`
  })
  const order = key.map((column) => `t.${column}`).join(', ')
  const where = goesOn ? `WHERE (${order}) > (${key.map(() => '?').join(', ')})` : ''
  return `SELECT ${selected.join(', ')} FROM ${from} t ${where} ORDER BY ${order}`
}
