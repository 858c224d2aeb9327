/** Saves what was acknowledged when the database's files were taken away. It runs in the writer's thread. */
import { closeSync, fsyncSync, openSync, rmSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Connection } from './connection.ts'
import { PRIVATE } from './private-file.ts'

/** What to do: copy the WAL into the database that this process has open, or all that it sees into a new file. */
export type Rescue = { readonly rescue: 'checkpoint' } | { readonly rescue: 'copy'; readonly into: string }

/** Undefined when it was done; otherwise why it could not be. */
export type Rescued = { readonly problem: string | undefined }

/** Does it; never throws. No transaction may be open. */
export function rescue(db: Connection, what: Rescue): Rescued {
  try {
    return { problem: what.rescue === 'copy' ? copyInto(db, what.into) : checkpoint(db) }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

function checkpoint(db: Connection): string | undefined {
  const [result] = db.pragma('wal_checkpoint(FULL)') as { busy: number; log: number; checkpointed: number }[]
  return result?.busy === 0 && result.log === result.checkpointed ? undefined : 'a reader was in the way'
}

function copyInto(db: Connection, into: string): string | undefined {
  const pages = db.pragma('page_count', { simple: true }) as number
  const needed = pages * (db.pragma('page_size', { simple: true }) as number)
  const { bavail, bsize } = statfsSync(dirname(into))
  if (bavail * bsize < needed) return `it needs ${needed} bytes, and the disk has ${bavail * bsize}`
  // Fails when there is one: nothing is ever written over.
  closeSync(openSync(into, 'wx', PRIVATE))
  try {
    db.prepare('VACUUM INTO ?').run(into)
    sync(into)
    sync(dirname(into))
    return undefined
  } catch (error) {
    rmSync(into, { force: true })
    throw error
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
