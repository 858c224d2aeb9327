/**
 * The mark beside a database: which database it is, and how many event numbers it had given out when the mark was last
 * written. A file that is put in the database's place brings its own rows but not this.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, realpathSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

export type Mark = {
  readonly lineage: string
  /** The sum of the last numbers of every scope. */
  readonly numbers: bigint
}

/** One sector, written in one call: a power cut leaves the former mark or the new one. */
const SIZE = 256

function markOf(database: string): string {
  return `${existsSync(database) ? realpathSync(database) : resolve(database)}-mark`
}

/** Undefined when there is none, or none that can be read. */
export function readMark(database: string): Mark | undefined {
  try {
    const { lineage, numbers } = JSON.parse(readFileSync(markOf(database), 'utf8')) as Record<string, unknown>
    if (typeof lineage !== 'string' || typeof numbers !== 'string' || !/^\d+$/.test(numbers)) return undefined
    return { lineage, numbers: BigInt(numbers) }
  } catch {
    return undefined
  }
}

/** Writes the mark; `durably` waits for the disk. Throws when the disk fails. */
export function writeMark(database: string, { lineage, numbers }: Mark, durably: boolean): void {
  const path = markOf(database)
  const isNew = !existsSync(path)
  const file = openSync(path, isNew ? 'w' : 'r+')
  try {
    writeSync(file, `${JSON.stringify({ lineage, numbers: String(numbers) }).padEnd(SIZE - 1)}\n`, 0)
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
