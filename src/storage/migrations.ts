import { readdirSync, readFileSync } from 'node:fs'
import type { Log } from '../ports/log.ts'

export type Migration = { readonly number: number; readonly name: string; readonly sql: string }

/** Follows an upgrade of a database that is not new: for a large one it takes minutes. */
export type UpgradeWatch = {
  /** Called before each migration. */
  readonly onMigration?: (name: string) => void
  /** Called after each part of an index of SQLite that is written behind: with the rows in it, and all rows. */
  readonly onFold?: (index: string, done: number, all: number) => void
}

/** Writes the progress of an upgrade into the log at once: on SQLite, the thread does nothing else until its end. */
export function logged(log: Log): UpgradeWatch {
  const tell = (fields: object, message: string) => {
    log.info(fields, message)
    log.drain?.()
  }
  return {
    onMigration: (migration) => tell({ migration }, 'Upgrading the database'),
    onFold: (index, done, all) => tell({ index, done, all }, 'Building an index'),
  }
}

/** A database that this program must not use: it is newer, or belongs to another program. */
export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch'
}

/** The numbered migrations in a folder, in order. */
export function readMigrations(folder: URL): Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file, index) => {
      const number = Number.parseInt(file, 10)
      if (number !== index + 1) throw new Error(`migration ${file} should be number ${index + 1}`)
      return { number, name: file, sql: readFileSync(new URL(file, folder), 'utf8') }
    })
}
