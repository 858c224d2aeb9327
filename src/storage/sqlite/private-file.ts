/** Files that only their owner can read, because MiniPay stores data about customers and money. */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs'

/** Only the owner can read and write it. */
export const PRIVATE = 0o600

/** Creates an empty file that only its owner can read, unless it exists. Throws if the folder cannot be written. */
export function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', PRIVATE))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * Removes the rights of other users from a file. Returns `tightened` if there were any, `refused` if they could not be
 * removed because another user owns the file, `private` if there was nothing to do.
 */
export function makeFilesPrivate(path: string): 'private' | 'tightened' | 'refused' {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? PRIVATE
  if ((mode & 0o077) === 0) return 'private'
  try {
    chmodSync(path, mode & 0o700)
    return 'tightened'
  } catch {
    return 'refused'
  }
}
