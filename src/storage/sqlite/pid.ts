/** The process that serves a database, as a number in a file beside it: for `minipay stop`, and for people. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { PRIVATE } from './private-file.ts'

/** Writes this process's id; only for who holds the lock. Throws when the folder does not take it. */
export function writePid(place: string): { remove(): void } {
  const path = `${place}-pid`
  // Under its name it is whole, for who reads it meanwhile.
  writeFileSync(`${path}.new`, `${process.pid}\n`, { mode: PRIVATE })
  renameSync(`${path}.new`, path)
  return {
    remove() {
      // Another server may have begun in a folder that was put in place of ours.
      if (readPid(place) === process.pid) rmSync(path, { force: true })
    },
  }
}

/** Undefined when there is none, or none that can be read. */
export function readPid(place: string): number | undefined {
  try {
    const text = readFileSync(`${place}-pid`, 'utf8').trim()
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined
  } catch {
    return undefined
  }
}
