/** A database file of SQLite, as another program meets it. */
import { readdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import Database from 'better-sqlite3'

/** Takes the database's write lock, as another program might; whoever writes waits until `free` is called. */
export function holdWriteLock(file: string): { free(): void } {
  const db = new Database(file)
  db.exec('BEGIN IMMEDIATE')
  return { free: () => void db.close() }
}

/** The files that a database consists of now, without their common name. */
export function databaseFiles(file: string): string[] {
  const name = basename(file)
  return readdirSync(dirname(file))
    .filter((other) => other.startsWith(name))
    .map((other) => other.slice(name.length))
    .sort()
}
