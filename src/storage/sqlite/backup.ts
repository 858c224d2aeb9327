/** `minipay backup` and `minipay restore`: the embedded database as one file, and back. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import type { Connection } from '../storage/sqlite/connection.ts'
import { beginEpoch } from '../storage/sqlite/epochs.ts'
import { assertCurrent } from '../storage/sqlite/migrate.ts'
import { lockDatabase, refuseOtherFiles } from '../storage/sqlite/open.ts'
import { makePrivate } from '../storage/sqlite/private-file.ts'
import { type Verification, verify } from '../storage/sqlite/verify.ts'

/**
 * Writes a backup of `database`, beside a serving process too: one snapshot, which later commits neither disturb
 * nor restart. The books of the copy are checked, and it gets its name last, so that no half of one is ever
 * taken for a backup. Throws a sentence when there is nothing to back up or something in its place.
 */
export function backup(database: string, file: string): void {
  if (!existsSync(database)) throw new Error(`There is no database ${database}.`)
  refuseOtherFiles(database)
  copyVerified(database, file)
}

/**
 * Puts a backup in the place of `database`, which must not be there: the file that it stands for is someone's to
 * move away. The events to come are in a new epoch: readers may have seen some that the backup lacks. Throws a sentence when it is, when a server uses it, or when the backup's books don't balance.
 */
export function restore(database: string, file: string): void {
  if (!existsSync(file)) throw new Error(`There is no backup ${file}.`)
  refuseOtherFiles(file)
  for (const old of [database, `${database}-wal`, `${database}-shm`])
    if (existsSync(old))
      throw new Error(`${old} exists. Stop the server, move the file to another folder, and retry.`)
  const lock = lockDatabase(database, true)
  try {
    copyVerified(file, database, (copy) => {
      assertCurrent(copy)
      beginEpoch(copy, 'restored', Date.now(), null)
    })
  } finally {
    lock.release()
  }
}

function copyVerified(source: string, file: string, change?: (copy: Connection) => void): void {
  if (existsSync(file)) throw new Error(`${file} exists. Give another name.`)
  const partial = join(dirname(file), `.${basename(file)}.partial`)
  rmSync(partial, { force: true })
  try {
    makePrivate(partial)
    snapshot(source, partial)
    if (change) changed(partial, change)
    const { problem, charges, refunds, entries } = verified(partial)
    if (problem !== undefined) throw new Error(`The books of the copy are wrong: ${problem}`)
    sync(partial)
    renameSync(partial, file)
    sync(dirname(file) || '.')
    console.log(`${file}: ${charges} charges, ${refunds} refunds, ${entries} entries; the books balance.`)
  } finally {
    for (const rest of ['', '-wal', '-shm', '-journal']) rmSync(`${partial}${rest}`, { force: true })
  }
}

function snapshot(source: string, target: string): void {
  // Not `query_only`, which would forbid the copy too.
  const db = new Database(source, { readonly: true, timeout: 5_000 })
  try {
    db.prepare('VACUUM INTO ?').run(target)
  } finally {
    db.close()
  }
}

function changed(file: string, change: (copy: Connection) => void): void {
  const db = new Database(file)
  try {
    change(db)
  } finally {
    db.close()
  }
}

function verified(file: string): Verification {
  const db = new Database(file, { readonly: true })
  try {
    return verify(db)
  } finally {
    db.close()
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
