/**
 * A file that SQLite has open in this process, read through SQLite's own descriptor if the system lists descriptors.
 */
import { fstatSync, readdirSync, readlinkSync, readSync } from 'node:fs'

const DESCRIPTORS = '/proc/self/fd'

export type OpenFile = {
  /** Whether it still has a name. */
  hasName(): boolean
  /** One of its names; undefined if it has none. */
  name(): string | undefined
  isOpen(): boolean
  /** Reads from this position, the file's start unless given; false if there are not enough bytes. */
  read(bytes: Buffer, position?: number): boolean
}

/**
 * The file with this device and inode; undefined if the system does not list it, or this process has not opened it.
 * It opens and closes no descriptor, and compares each before use, because its number may belong to another file by
 * then.
 */
export function openFile(identity: string): OpenFile | undefined {
  let descriptor = find(identity)
  if (descriptor === undefined) return undefined
  function current(): number | undefined {
    if (descriptor === undefined || statOf(descriptor)?.identity !== identity) descriptor = find(identity)
    return descriptor
  }
  return {
    hasName() {
      const now = current()
      return now !== undefined && (statOf(now)?.links ?? 0) > 0
    },
    name() {
      const now = current()
      if (now === undefined || statOf(now)?.links === 0) return undefined
      return readlinkSync(`${DESCRIPTORS}/${now}`)
    },
    isOpen: () => current() !== undefined,
    read(bytes, position = 0) {
      const now = current()
      return now !== undefined && readSync(now, bytes, 0, bytes.length, position) === bytes.length
    },
  }
}

function statOf(descriptor: number): { readonly identity: string; readonly links: number } | undefined {
  try {
    const { dev, ino, nlink } = fstatSync(descriptor, { bigint: true })
    return { identity: `${dev}:${ino}`, links: Number(nlink) }
  } catch {
    return undefined
  }
}

function find(identity: string): number | undefined {
  let names: string[]
  try {
    names = readdirSync(DESCRIPTORS)
  } catch {
    return undefined
  }
  return names.map(Number).find((descriptor) => statOf(descriptor)?.identity === identity)
}
