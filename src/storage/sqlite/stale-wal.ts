/**
 * Whether the WAL beside a database belongs to it. SQLite applies any WAL that it finds: a WAL that a killed server
 * left would destroy a backup that was copied to the database's place.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const WAL_HEADER = 32
const FRAME_HEADER = 24
/**
 * Where page 1 has its change counter and the schema's (https://www.sqlite.org/fileformat2.html#the_database_header).
 */
const CHANGE_COUNTER = 24
const SCHEMA_COOKIE = 40

type Header = { readonly pageSize: number; readonly counter: number; readonly cookie: number }

/**
 * True unless the WAL definitely belongs to another database, or to another state of this one. Most commits contain
 * page 1, which counts its changes: the database's count is one of those in the WAL, or the one before. Call it only
 * before this process opens the database, because it closes a descriptor of it.
 */
export function walFits(database: string): boolean {
  return withFile(`${database}-wal`, true, (wal) => {
    const frames = framesOf(wal)
    if (!frames) return true
    return withFile(database, false, (file) => {
      const header = headerAt(file, 0, frames.pageSize)
      // An empty file beside changes: the database was truncated or replaced, and SQLite would drop the changes.
      if (!header || header.pageSize !== frames.pageSize) return false
      const { first, last } = frames
      if (!first || !last) return true
      return (
        header.counter >= first.counter - 1 && header.counter <= last.counter && header.cookie <= last.cookie
      )
    })
  })
}

type Frames = { readonly pageSize: number; readonly first?: Header; readonly last?: Header }

/** The first and the last page 1 in the WAL's valid frames; undefined if it has no frame. */
function framesOf(wal: number): Frames | undefined {
  const head = Buffer.alloc(WAL_HEADER)
  if (readSync(wal, head, 0, WAL_HEADER, 0) < WAL_HEADER || head.readUInt32BE(0) >>> 1 !== 0x377f0682 >>> 1)
    return undefined
  const pageSize = head.readUInt32BE(8)
  const salts = head.subarray(16, 24)
  const frame = Buffer.alloc(FRAME_HEADER)
  const { size } = fstatSync(wal)
  let [first, last, pending]: (Header | undefined)[] = []
  let committed = false
  const step = FRAME_HEADER + pageSize
  for (let at = WAL_HEADER; pageSize > 0 && at + step <= size; at += step) {
    if (readSync(wal, frame, 0, FRAME_HEADER, at) < FRAME_HEADER || !frame.subarray(8, 16).equals(salts))
      break
    if (frame.readUInt32BE(0) === 1) pending = headerAt(wal, at + FRAME_HEADER, pageSize)
    // The last frame of a commit contains the size of the database.
    if (frame.readUInt32BE(4) === 0) continue
    committed = true
    first ??= pending
    last = pending ?? last
    pending = undefined
  }
  return committed ? { pageSize, ...(first && { first }), ...(last && { last }) } : undefined
}

/** The counters of page 1 at this position of a file; undefined if the file is shorter. */
function headerAt(file: number, at: number, pageSize: number): Header | undefined {
  const bytes = Buffer.alloc(100)
  if (readSync(file, bytes, 0, 100, at) < 100) return undefined
  const size = bytes.readUInt16BE(16)
  return {
    // 65,536 does not fit into the field.
    pageSize: size === 1 ? 65_536 : size || pageSize,
    counter: bytes.readUInt32BE(CHANGE_COUNTER),
    cookie: bytes.readUInt32BE(SCHEMA_COOKIE),
  }
}

function withFile(path: string, missing: boolean, use: (file: number) => boolean): boolean {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return missing
    throw error
  }
  try {
    return use(file)
  } finally {
    closeSync(file)
  }
}
