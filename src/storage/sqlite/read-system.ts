/** Facts about the database's file. */
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { SystemFacts } from '../../ports/store-system.ts'
import type { Connection } from './connection.ts'

export function systemReads(db: Connection) {
  return {
    async systemFacts(): Promise<SystemFacts> {
      const number = (name: string) => db.pragma(name, { simple: true }) as number
      const { version } = db.prepare('SELECT sqlite_version() AS version').get() as { version: string }
      const databaseBytes = number('page_count') * number('page_size')
      return { engine: 'sqlite', version, databaseBytes, freeBytes: await freeBytes(db.name), nodes: null }
    },
  }
}

/** Null where the system cannot tell, or while the folder is gone. */
async function freeBytes(file: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(dirname(file))
    return bavail * bsize
  } catch {
    return null
  }
}
