/** Files that only their owner can read: what MiniPay stores is about customers and money. */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs'

/** Readable and writable by the owner alone. */
export const PRIVATE = 0o600

/** Makes an empty file that only its owner can read, unless there is one. Throws when the folder does not take it. */
export function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', PRIVATE))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * Takes the rights of others from a file. Answers `tightened` when it had any, `refused` when they could not be taken
 * since the file is another user's, `private` when there is nothing to do.
 */
export function tighten(path: string): 'private' | 'tightened' | 'refused' {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? PRIVATE
  if ((mode & 0o077) === 0) return 'private'
  try {
    chmodSync(path, mode & 0o700)
    return 'tightened'
  } catch {
    return 'refused'
  }
}
