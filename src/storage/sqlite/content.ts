/**
 * Detects that another process wrote over an open database's file. While MiniPay has it open, only a checkpoint writes
 * into it, and a checkpoint announces itself in the WAL's index
 * (https://www.sqlite.org/walformat.html#the_wal_index_file_format).
 */
import { identityOf } from './mark.ts'
import { type OpenFile, openFile } from './open-file.ts'

const MAGIC = Buffer.from('SQLite format 3\0')
const HEADER_BYTES = 100
const PAGES_AT = 28
const COOKIE_AT = 40

/** Where the index has the salts of the WAL, how many of its frames are in the database, and how many will be soon. */
const INDEX_BYTES = 136
const SALTS_AT = 32
const BACKFILL_AT = 96
const ATTEMPTED_AT = 128

/**
 * Each call compares the file's header with the one before. Returns true if the header changed although no checkpoint
 * ran, or if it does not belong to this database any more: a database never shrinks, and keeps its schema (`schema`,
 * its `PRAGMA schema_version`). Costs two reads, about 5 µs. Always false if the system does not list a process's open
 * files.
 */
export function watchContent(place: string, schema: number): () => boolean {
  const database = opener(place)
  const index = opener(`${place}-shm`)
  // This runs before each group, so it allocates nothing.
  let former = { header: Buffer.alloc(HEADER_BYTES), index: Buffer.alloc(INDEX_BYTES) }
  let current = { header: Buffer.alloc(HEADER_BYTES), index: Buffer.alloc(INDEX_BYTES) }
  let hasFormer = false
  function look(): boolean {
    const file = database()
    if (!file) return false
    if (!file.read(current.header)) return file.isOpen()
    // Read after the header, because a checkpoint announces itself before it writes.
    const hasIndex = index()?.read(current.index) ?? false
    if (current.header.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0) return true
    if (hasFormer && !former.header.equals(current.header)) {
      if (isForeign(former.header, current.header, schema)) return true
      if (!hasIndex || isCheckpointing(current.index)) return false
      if (isSameCheckpoint(former.index, current.index)) return true
    }
    if (!hasIndex) return false
    ;[former, current] = [current, former]
    hasFormer = true
    return false
  }
  // One read may meet another process's checkpoint in the middle of a page, so every read must show the change.
  return () => look() && look() && look()
}

function isCheckpointing(index: Buffer): boolean {
  return index.readUInt32LE(BACKFILL_AT) !== index.readUInt32LE(ATTEMPTED_AT)
}

function isSameCheckpoint(one: Buffer, other: Buffer): boolean {
  return [SALTS_AT, SALTS_AT + 4, BACKFILL_AT, ATTEMPTED_AT].every(
    (at) => one.readUInt32LE(at) === other.readUInt32LE(at),
  )
}

function isForeign(before: Buffer, now: Buffer, schema: number): boolean {
  const [cookie, pages] = [now.readUInt32BE(COOKIE_AT), now.readUInt32BE(PAGES_AT)]
  const isOwnSchema = cookie === schema || cookie === before.readUInt32BE(COOKIE_AT)
  return !isOwnSchema || pages < before.readUInt32BE(PAGES_AT)
}

/** Finds the file once it exists: the first transaction creates the index. */
function opener(path: string): () => OpenFile | undefined {
  let found: OpenFile | undefined
  return () => {
    if (found) return found
    const identity = identityOf(path)
    found = identity === undefined ? undefined : openFile(identity)
    return found
  }
}
