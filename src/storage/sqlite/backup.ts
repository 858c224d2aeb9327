/** A backup of a database file is a file as well: a checked copy. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import type { Connection } from './connection.ts'
import { beginEpoch } from './epochs.ts'
import { assertCurrent } from './migrate.ts'
import { lockDatabase, refuseOtherFiles } from './open.ts'
import { makePrivate } from './private-file.ts'
import { type Verification, verify } from './verify.ts'

/**
 * Copies `database` to `file`, also while a process serves it: one snapshot, which later commits do not change. Checks
 * the books of the copy, and returns their totals. The copy gets its name last, so that an incomplete one never looks
 * like a backup. Throws a sentence when there is no database, when `file` exists or its folder is missing, or when the
 * books don't balance.
 */
export function backup(database: string, file: string): Verification {
  if (!existsSync(database)) throw new Error(`There is no database ${database}.`)
  refuseOtherFiles(database)
  return copyVerified(database, file)
}

/**
 * Copies a backup to `database`, where no database may exist: the operator moves the former one away. Later events are
 * in a new epoch, because readers may have seen events that the backup lacks. Returns the totals of the books. Throws a
 * sentence when a database exists, when a server uses it, or when the backup's books don't balance.
 */
export function restore(database: string, file: string): Verification {
  if (!existsSync(file)) throw new Error(`There is no backup ${file}.`)
  refuseOtherFiles(file)
  for (const old of [database, `${database}-wal`, `${database}-shm`])
    if (existsSync(old))
      throw new Error(`${old} exists. Stop the server, move the file to another folder, and retry.`)
  const lock = lockDatabase(database, { restored: true })
  try {
    return copyVerified(file, database, (copy) => {
      assertCurrent(copy)
      beginEpoch(copy, 'restored', Date.now(), null)
    })
  } finally {
    lock.release()
  }
}

function copyVerified(source: string, file: string, change?: (copy: Connection) => void): Verification {
  if (existsSync(file)) throw new Error(`${file} exists. Give another name.`)
  const folder = dirname(file)
  if (!existsSync(folder)) throw new Error(`There is no folder ${folder}. Create it, or give another name.`)
  const partial = join(folder, `.${basename(file)}.partial`)
  rmSync(partial, { force: true })
  try {
    makePrivate(partial)
    snapshot(source, partial)
    if (change) changed(partial, change)
    const books = verified(partial)
    if (books.problem !== undefined) throw new Error(`The books of the copy are wrong: ${books.problem}`)
    sync(partial)
    renameSync(partial, file)
    sync(folder)
    return books
  } finally {
    for (const rest of ['', '-wal', '-shm', '-journal']) rmSync(`${partial}${rest}`, { force: true })
  }
}

function snapshot(source: string, target: string): void {
  // Not `query_only`, because it would forbid the copy, too.
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
