/** The WAL's size: it grows while a reader keeps its snapshot, and must shrink again. */
import { statSync } from 'node:fs'
import type { Connection } from './connection.ts'
import { BUSY_TIMEOUT_MS, CHECKPOINT_PAGES } from './open.ts'
import { SHARED } from './shared.ts'

/** A WAL of more bytes than ordinary work leaves is cut when there is nothing else to do. */
const LARGE = 2 * CHECKPOINT_PAGES * 4_096

/** The WAL's size in bytes, 0 when there is none. */
export function walBytes(file: string): number {
  return statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
}

/**
 * Cuts a large WAL to nothing, unless a reader still needs it: then the next call does. Announces the cut to the guard.
 * No transaction may be open.
 */
export function cutWal(db: Connection, file: string, shared: Int32Array): void {
  if (walBytes(file) <= LARGE) return
  Atomics.add(shared, SHARED.cuts, 1)
  // It does not wait for a reader: charges would wait with it.
  db.pragma('busy_timeout = 0')
  try {
    db.pragma('wal_checkpoint(TRUNCATE)')
  } catch {
    // The next commit reports a disk that fails.
  } finally {
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
    Atomics.add(shared, SHARED.cuts, 1)
  }
}
