/**
 * The mark beside a database: its identity, and how many event numbers it had issued when the mark was last written. If
 * a file replaces the database, it has its own rows but not this mark.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { placeOf } from './place.ts'
import { PRIVATE } from './private-file.ts'

export type Mark = {
  readonly lineage: string
  /** The sum of the last numbers of every scope. */
  readonly numbers: bigint
  /** The files that were used together, each by its device and inode; undefined if unknown. */
  readonly database?: string | undefined
  readonly lock?: string | undefined
  readonly wal?: string | undefined
}

/** One sector, written in one call: after a power cut the disk has the former mark or the new one. */
const SIZE = 256

/** A file's device and inode as `device:inode`, the same under each of its names; undefined if there is no file. */
export function identityOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat && `${stat.dev}:${stat.ino}`
}

/** The identities of the files at a place now. */
export function filesAt(place: string): Pick<Mark, 'database' | 'lock' | 'wal'> {
  return {
    database: identityOf(place),
    lock: identityOf(`${place}-lock`),
    wal: identityOf(`${place}-wal`),
  }
}

function markOf(database: string): string {
  return `${placeOf(database)}-mark`
}

/** Undefined if there is no readable mark. */
export function readMark(database: string): Mark | undefined {
  try {
    const mark = JSON.parse(readFileSync(markOf(database), 'utf8')) as Record<string, unknown>
    const { lineage, numbers } = mark
    if (typeof lineage !== 'string' || typeof numbers !== 'string' || !/^\d+$/.test(numbers)) return undefined
    const identity = (name: string) => (typeof mark[name] === 'string' ? mark[name] : undefined)
    return {
      lineage,
      numbers: BigInt(numbers),
      database: identity('database'),
      lock: identity('lock'),
      wal: identity('wal'),
    }
  } catch {
    return undefined
  }
}

/** Writes the mark; with `durably` it waits for the disk. Throws if the disk fails. */
export function writeMark(database: string, mark: Mark, durably: boolean): void {
  const path = markOf(database)
  const isNew = !existsSync(path)
  const file = openSync(path, isNew ? 'w' : 'r+', PRIVATE)
  try {
    const text = JSON.stringify({ ...mark, numbers: String(mark.numbers) })
    writeSync(file, `${text.padEnd(SIZE - 1)}\n`, 0)
    if (durably) fsyncSync(file)
  } finally {
    closeSync(file)
  }
  if (isNew && durably) syncFolder(dirname(path))
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
