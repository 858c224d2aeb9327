/** The processes that have a file open, as the system reports them. */
import { readdirSync, readlinkSync, statSync } from 'node:fs'

export type Holder = {
  readonly pid: number
  /** How many of its descriptors are this file. */
  readonly descriptors: number
  /** The names of all files that it has open; those of deleted ones end in " (deleted)". */
  readonly files: readonly string[]
}

/**
 * The processes that have this file open, under any name; undefined if the system does not report them. Processes of
 * other users, containers and machines are not visible.
 */
export function processesWith(path: string): Holder[] | undefined {
  const file = statSync(path, { bigint: true })
  const processes = list('/proc').filter((name) => /^\d+$/.test(name))
  if (processes.length === 0) return undefined
  return processes.flatMap((name) => {
    const descriptors = list(`/proc/${name}/fd`).map((descriptor) => `/proc/${name}/fd/${descriptor}`)
    const those = descriptors.filter((descriptor) => isFile(descriptor, file))
    if (those.length === 0) return []
    return [{ pid: Number(name), descriptors: those.length, files: descriptors.map(nameOf) }]
  })
}

/** Empty for a process that has ended or is not visible. */
function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function isFile(descriptor: string, { dev, ino }: { readonly dev: bigint; readonly ino: bigint }): boolean {
  try {
    const stat = statSync(descriptor, { bigint: true })
    return stat.dev === dev && stat.ino === ino
  } catch {
    return false
  }
}

function nameOf(descriptor: string): string {
  try {
    return readlinkSync(descriptor)
  } catch {
    return ''
  }
}
