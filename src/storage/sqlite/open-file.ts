/** A file that SQLite has open in this process, seen through SQLite's own descriptor where the system lists those. */
import { fstatSync, readdirSync, readlinkSync, readSync } from 'node:fs'

const DESCRIPTORS = '/proc/self/fd'

export type OpenFile = {
  /** Whether it has any name still. */
  hasName(): boolean
  /** One of its names; undefined when it has none. */
  name(): string | undefined
  isOpen(): boolean
  /** Reads what is at this position, the file's start unless given; false when there are not as many bytes. */
  read(bytes: Buffer, position?: number): boolean
}

/**
 * The file of this device and inode; undefined where the system does not tell, or this process has not opened it. No
 * descriptor is opened or closed, and each is compared before it is used: its number may be another file's by then.
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
