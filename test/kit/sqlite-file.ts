/** A SQLite database file, as another program uses it. */
import { readdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import Database from 'better-sqlite3'

/** Takes the database's write lock, as another program might; writers wait until `free` is called. */
export function holdWriteLock(file: string): { free(): void } {
  const db = new Database(file)
  db.exec('BEGIN IMMEDIATE')
  return { free: () => void db.close() }
}

/** The files that the database consists of now, without their common name. */
export function databaseFiles(file: string): string[] {
  const name = basename(file)
  return readdirSync(dirname(file))
    .filter((other) => other.startsWith(name))
    .map((other) => other.slice(name.length))
    .sort()
}
