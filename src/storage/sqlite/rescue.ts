/** Saves the acknowledged data after the database's files were removed or replaced. Runs in the writer's thread. */
import { closeSync, fsyncSync, openSync, rmSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Connection } from './connection.ts'
import { PRIVATE } from './private-file.ts'

/** The task: copy the WAL into the database that this process has open, or copy all readable data into a new file. */
export type Rescue = { readonly rescue: 'checkpoint' } | { readonly rescue: 'copy'; readonly into: string }

/** Undefined if it succeeded; otherwise the reason for the failure. */
export type Rescued = { readonly problem: string | undefined }

/** Carries out the task; never throws. No transaction may be open. */
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
  // Fails if the file exists: MiniPay never overwrites a file.
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
