import { readdirSync, readFileSync } from 'node:fs'

export type Migration = { readonly number: number; readonly name: string; readonly sql: string }

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
