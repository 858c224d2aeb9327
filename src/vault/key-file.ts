/**
 * The key file of an embedded database, for servers without a configured key: MiniPay makes it at the first start,
 * beside the database. It has one key a line, the newest first.
 */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { VaultError } from '../ports/vault.ts'
import { keysOf, newKeyText } from './key-text.ts'

/** The key file of a database at that place. */
export const keyFileOf = (place: string) => `${place}-key`

/** Only its owner may read it. */
const PRIVATE = 0o600
/** No key file of ours has more bytes; another file was put in its place. */
const MOST_BYTES = 4_096

/**
 * The keys of a file, newest first; undefined if there is none. Throws a `VaultError` if other users can read it or if
 * it holds anything else.
 */
export function readKeyFile(file: string): Buffer[] | undefined {
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found) return undefined
  if (!found.isFile() || found.size > MOST_BYTES) throw new VaultError(damaged(file))
  if ((found.mode & 0o077) !== 0)
    throw new VaultError(
      `Other users of this machine can read ${file}, which has the key of the stored secrets. Run: chmod 600 ${file}`,
    )
  const keys = keysOf(readFileSync(file, 'latin1'))
  if (!keys || keys.length === 0) throw new VaultError(damaged(file))
  return keys
}

const damaged = (file: string) =>
  `${file} is not a key file: it must have one key a line, each 32 bytes in base64. Put the right file back.`

/**
 * Makes the file with a new key, unless it exists: two processes that do so at once get the same key. A crash leaves
 * the whole file or none. Throws if the folder cannot be written.
 */
export function makeKeyFile(file: string): Buffer[] {
  const written = writeBeside(file, [newKeyText()])
  try {
    linkSync(written, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(written, { force: true })
  }
  sync(dirname(file))
  return readKeyFile(file) ?? []
}

/** Replaces the keys of the file, newest first. A crash leaves the former file or the new one. */
export function writeKeyFile(file: string, keys: readonly Buffer[]): void {
  const texts = keys.map((key) => key.toString('base64'))
  renameSync(writeBeside(file, texts), file)
  sync(dirname(file))
}

/** A private file of this process beside another one, written and synced. */
function writeBeside(file: string, keys: readonly string[]): string {
  const beside = `${file}.${process.pid}`
  rmSync(beside, { force: true })
  const descriptor = openSync(beside, 'wx', PRIVATE)
  try {
    writeSync(descriptor, keys.map((key) => `${key}\n`).join(''))
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  return beside
}

function sync(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
