/** The id of the process that serves a database, in a file beside it: for `minipay stop`, and for people. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { PRIVATE } from './private-file.ts'

/** Writes this process's id. Only the holder of the lock may call it. Throws if the folder cannot be written. */
export function writePid(place: string): { remove(): void } {
  const path = `${place}-pid`
  // The rename makes the complete file visible at once, so no reader sees a part of it.
  writeFileSync(`${path}.new`, `${process.pid}\n`, { mode: PRIVATE })
  renameSync(`${path}.new`, path)
  return {
    remove() {
      // If another folder replaced ours, another server may have started in it.
      if (readPid(place) === process.pid) rmSync(path, { force: true })
    },
  }
}

/** Undefined if there is no readable id. */
export function readPid(place: string): number | undefined {
  try {
    const text = readFileSync(`${place}-pid`, 'utf8').trim()
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined
  } catch {
    return undefined
  }
}
