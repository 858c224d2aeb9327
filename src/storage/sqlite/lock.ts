/**
 * One server per database: by the lock file beside it, and by the database's own inode if the lock file proves nothing.
 */
import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import type { Connection } from './connection.ts'
import { processesWith } from './holders.ts'
import { identityOf, readMark } from './mark.ts'
import { openFile } from './open-file.ts'
import { readPid } from './pid.ts'
import { APPLICATION_ID, COMPANIONS, placeOf, refuseMissing, refuseUnsafePlace } from './place.ts'
import { makeFilesPrivate, makePrivate } from './private-file.ts'
import { walFits } from './stale-wal.ts'

export type Lock = {
  /** The database's file, without symbolic links. */
  readonly place: string
  /** The files that others could read until now: those whose rights MiniPay removed, and those of another user. */
  readonly tightened: readonly string[]
  readonly loose: readonly string[]
  release(): void
}

export type LockOptions = {
  /** The file need not exist: it is made now from a backup. */
  readonly restored?: boolean
  /** SQLite's application id of the file; null for a program that looks at it after it has the lock. */
  readonly application?: number | null
}

/**
 * Holds `<file>-lock` while this process lives, so that MiniPay refuses a second server on the same file. The lock is
 * the operating system's (SQLite's own exclusive lock on an empty database), so it ends with the process in every
 * case. A lock file that was deleted and created again would let a second server in. So, unless the mark shows that
 * exactly this lock file guarded exactly this database, no other process may have the database itself open. Throws a
 * sentence if another process has it, if the place or the WAL would damage the database, and, unless it is to be
 * `restored`, if the file is missing while its rescued data is beside it.
 */
export function lockDatabase(
  file: string,
  { restored = false, application = APPLICATION_ID }: LockOptions = {},
): Lock {
  const place = placeOf(file)
  refuseOwn(place, file)
  refuseUnsafePlace(place, application)
  if (!restored) refuseMissing(place)
  const isProven = isKnown(place)
  const release = holdLockFile(place, file)
  try {
    refuseStaleWal(place)
    if (!isProven) refuseOthers(place, file)
    return { place, ...tightenAll(place), release }
  } catch (error) {
    release()
    throw error
  }
}

/** True while a server or a command holds the lock of this database. Throws when the lock file cannot be opened. */
export function isLocked(place: string): boolean {
  if (!statSync(`${place}-lock`, { throwIfNoEntry: false })) return false
  try {
    exclusive(`${place}-lock`).close()
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  }
}

/**
 * Throws if this process has the database open already. Reading the file once more would drop SQLite's locks on it
 * (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 */
function refuseOwn(place: string, file: string): void {
  const identity = identityOf(place)
  if (identity !== undefined && openFile(identity))
    throw new Error(`This process is using ${file} already. Use the MiniPay that has it open.`)
}

function holdLockFile(place: string, file: string): () => void {
  try {
    makePrivate(`${place}-lock`)
    const lock = exclusive(`${place}-lock`)
    return () => void lock.close()
  } catch (cause) {
    if (isBusy(cause)) throw inUse(place, file)
    const folder = dirname(place)
    if (!existsSync(folder))
      throw new Error(`The folder ${folder} does not exist. Create it, or check --database.`, { cause })
    throw new Error(`Cannot open the database ${file}: ${(cause as Error).message}. Check --database.`, {
      cause,
    })
  }
}

function exclusive(path: string): Connection {
  const lock = new Database(path, { timeout: 0 })
  try {
    lock.pragma('locking_mode = EXCLUSIVE')
    lock.pragma('journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}

function isBusy(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')
}

function inUse(place: string, file: string): Error {
  const pid = serverOf(place)
  return new Error(
    pid === undefined
      ? `Another MiniPay process is using ${file}. Stop it, or use another file.`
      : `Another MiniPay process is using ${file}: process ${pid}. Stop it with "minipay stop --database ${file}", or use another file.`,
  )
}

/** The process that serves a database, if it holds the lock and this process can see it. */
function serverOf(place: string): number | undefined {
  const pid = readPid(place)
  const holders = existsSync(`${place}-lock`) ? processesWith(`${place}-lock`) : []
  return holders?.some((holder) => holder.pid === pid) ? pid : undefined
}

/** Whether the mark shows that the lock file and the database belong together. */
function isKnown(place: string): boolean {
  const mark = readMark(place)
  return (
    mark?.database !== undefined &&
    mark.database === identityOf(place) &&
    mark.lock === identityOf(`${place}-lock`)
  )
}

/**
 * Throws if another server has the database open: in WAL mode each process holds a shared lock on the file itself,
 * which excludes an exclusive one. A process that only reads, such as a backup, is not a server. The probe closes
 * before MiniPay opens the database.
 */
function refuseOthers(place: string, file: string): void {
  if (!statSync(place, { throwIfNoEntry: false })?.size) return
  const probe = new Database(place, { timeout: 0 })
  try {
    probe.pragma('locking_mode = EXCLUSIVE')
    probe.prepare('SELECT count(*) FROM sqlite_master').get()
  } catch (error) {
    // The next open reports other problems with a better message.
    if (isBusy(error) && !isHarmless(place)) throw inUse(place, file)
  } finally {
    probe.close()
  }
}

/**
 * Whether every process that has the database open is known, and none of them has another lock file, even a deleted or
 * moved one.
 */
function isHarmless(place: string): boolean {
  const holders = processesWith(place)
  if (holders === undefined) return true
  const others = holders.filter(({ pid }) => pid !== process.pid)
  // One descriptor of this process is the probe's. The locks on the lock file keep this process from serving the
  // database twice.
  const isOpenHere = holders.some(({ pid, descriptors }) => pid === process.pid && descriptors > 1)
  return (
    (isOpenHere || others.length > 0) &&
    others.every(({ files }) => !files.some((name) => LOCK_FILE.test(name)))
  )
}

const LOCK_FILE = /-lock( \(deleted\))?$/

function refuseStaleWal(place: string): void {
  const wal = `${place}-wal`
  if (!statSync(wal, { throwIfNoEntry: false })?.size) return
  const mark = readMark(place)
  // By its inode, this WAL was another database's, which was moved or replaced.
  const left = mark?.wal !== undefined && mark.wal === identityOf(wal) && mark.database !== identityOf(place)
  if (!left && walFits(place)) return
  throw new Error(
    `${wal} does not belong to ${place}: it was left by another file, and would damage this one. ` +
      `If ${place} is a backup that you put there, move ${COMPANIONS.map((end) => place + end).join(' and ')} ` +
      `to another folder; otherwise put the former file back, which needs them.`,
  )
}

/** Files of an earlier version, or copies, may be readable to others. */
function tightenAll(place: string): Pick<Lock, 'tightened' | 'loose'> {
  const found = ['', ...COMPANIONS, '-lock', '-mark', '-pid'].map((end) => {
    const path = place + end
    return { path, now: makeFilesPrivate(path) }
  })
  const those = (wanted: 'tightened' | 'refused') =>
    found.filter(({ now }) => now === wanted).map(({ path }) => path)
  return { tightened: those('tightened'), loose: those('refused') }
}
