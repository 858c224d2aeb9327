/** The WAL's size: it grows while a reader keeps its snapshot, and must shrink again. */
import { statSync } from 'node:fs'
import type { Connection } from './connection.ts'
import { BUSY_TIMEOUT_MS, CHECKPOINT_PAGES } from './open.ts'
import { SHARED } from './shared.ts'

/** When the writer is idle, it cuts a WAL with more bytes than ordinary work leaves. */
const LARGE = 2 * CHECKPOINT_PAGES * 4_096

/** The WAL's size in bytes; 0 if there is none. */
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
  // It does not wait for a reader, because charges would wait, too.
  db.pragma('busy_timeout = 0')
  try {
    db.pragma('wal_checkpoint(TRUNCATE)')
  } catch {
    // If the disk fails, the next commit reports it.
  } finally {
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
    Atomics.add(shared, SHARED.cuts, 1)
  }
}
