import { checksBefore, refusal } from '../migration-checks.ts'
import { type Migration, readMigrations, SchemaMismatch, type UpgradeWatch } from '../migrations.ts'
import type { Connection } from './connection.ts'
import { foldLongLog } from './fold-customers.ts'
import { foldLongTail } from './fold-keys.ts'
import { foldLongReferences } from './fold-references.ts'
import { APPLICATION_ID } from './place.ts'
import { sealOnce } from './seal.ts'

export { type Migration, SchemaMismatch } from '../migrations.ts'

let read: readonly Migration[] | undefined

/** The numbered migrations of this program, in order. The first call reads their files. */
export function migrations(): readonly Migration[] {
  read ??= readMigrations(new URL('./migrations/', import.meta.url))
  return read
}

/** The schema's number in this database; 0 if it is empty. */
export function schemaVersion(db: Connection): number {
  return db.pragma('user_version', { simple: true }) as number
}

/**
 * Upgrades the database to this program's schema, forward only, each migration in a transaction of its own, and
 * returns the applied ones. An empty database has no state between two migrations that is worth keeping: it gets all of
 * them in one transaction, with one disk sync in place of sixty. Then gives rows from before the hash chains their
 * links, and builds the indexes of keys and customers; if that is interrupted, the next call continues. Throws
 * `SchemaMismatch` for a database from a newer MiniPay or another program, and for a row that a migration refuses: then the
 * database stays as it was before that migration.
 */
export function migrate(
  db: Connection,
  steps: readonly Migration[] = migrations(),
  { onMigration, onFold }: UpgradeWatch = {},
): readonly Migration[] {
  assertOurs(db, steps.length)
  const version = schemaVersion(db)
  const missing = steps.slice(version)
  const inOneTransaction = db.transaction((some: readonly Migration[]) => {
    for (const step of some) apply(db, step)
  })
  if (version === 0) inOneTransaction.immediate(missing)
  else
    for (const step of missing) {
      onMigration?.(step.name)
      inOneTransaction.immediate([step])
    }
  if (steps.length >= migrations().length) {
    sealOnce(db)
    foldLongTail(db, onFold)
    foldLongLog(db, onFold)
    foldLongReferences(db, onFold)
  }
  return missing
}

function apply(db: Connection, step: Migration): void {
  for (const { sql, problem } of checksBefore(step)) {
    const row = db.prepare(sql).get() as Record<string, unknown> | undefined
    if (row) throw new SchemaMismatch(refusal(db.name, step, problem(row)))
  }
  execute(db, step.sql)
  db.pragma(`application_id = ${APPLICATION_ID}`)
  db.pragma(`user_version = ${step.number}`)
}

/** SQLite refuses changes of the schema's text unless the connection says that it knows what it does. */
function execute(db: Connection, sql: string): void {
  const changesText = sql.includes('writable_schema')
  if (changesText) db.unsafeMode(true)
  try {
    db.exec(sql)
  } finally {
    if (changesText) db.unsafeMode(false)
  }
}

/** Throws `SchemaMismatch` unless the database is empty or ours, and not newer than `known` migrations. */
export function assertOurs(db: Connection, known: number = migrations().length): void {
  const version = schemaVersion(db)
  const tables = db.prepare('SELECT count(*) FROM sqlite_master').pluck().get() as number
  const id = db.pragma('application_id', { simple: true })
  if (tables > 0 && id !== APPLICATION_ID)
    throw new SchemaMismatch(`${db.name} is a SQLite database, but not MiniPay's.`)
  if (version > known)
    throw new SchemaMismatch(
      `${db.name} was written by a newer MiniPay (schema ${version}; this one knows ${known}). ` +
        'Run the newer version, or restore a backup from before the upgrade.',
    )
}

/** Throws `SchemaMismatch` unless the database is ours, and at this program's schema. */
export function assertCurrent(db: Connection): void {
  const known = migrations().length
  assertOurs(db, known)
  const version = schemaVersion(db)
  if (version < known)
    throw new SchemaMismatch(
      `${db.name} is at schema ${version} of ${known}. Run \`minipay migrate\` first, or start minipay serve.`,
    )
}
