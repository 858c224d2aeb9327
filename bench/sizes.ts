/** The size of a database, and its number of charges: bytes stored per charge are their quotient. */
import Database from 'better-sqlite3'
import pg from 'pg'

/** `bytes`: of tables and indexes in use. */
export type Size = { readonly bytes: number; readonly charges: number }

/** The size of a file that no server uses, so that its write-ahead log is empty. */
export function sqliteSize(file: string): Size {
  const db = new Database(file, { readonly: true })
  try {
    const pages =
      (db.pragma('page_count', { simple: true }) as number) -
      Number(db.pragma('freelist_count', { simple: true }))
    const bytes = pages * (db.pragma('page_size', { simple: true }) as number)
    return { bytes, charges: db.prepare('SELECT count(*) FROM charges').pluck().get() as number }
  } finally {
    db.close()
  }
}

/** Without the system's own tables, which every empty database has. */
export async function postgresSize(url: string): Promise<Size> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query(
      `SELECT (SELECT sum(pg_total_relation_size(oid)) FROM pg_class
               WHERE relkind = 'r' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace))::float8 AS bytes,
              (SELECT count(*) FROM charges)::float8 AS charges`,
    )
    return rows[0]
  } finally {
    await client.end()
  }
}
