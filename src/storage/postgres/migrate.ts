import type { Client } from 'pg'
import { publicUrl } from '../../database-name.ts'
import { checksBefore, refusal } from '../migration-checks.ts'
import { type Migration, readMigrations, SchemaMismatch, type UpgradeWatch } from '../migrations.ts'
import { openWritable } from './connection.ts'
import { codeOf } from './errors.ts'
import { hostsOf } from './hosts.ts'
import { sealOnce } from './seal.ts'
import type { SessionOptions } from './session.ts'

/** The numbered migrations of this program, in order. */
export function migrations(): Migration[] {
  return readMigrations(new URL('./migrations/', import.meta.url))
}

/**
 * Upgrades the database to this program's schema, forward only, and returns the applied migrations. It locks the row
 * of `schema_version`: if several nodes start at once, one applies a migration, and the others find it applied. Then
 * gives rows from before the hash chains their links; if that is interrupted, the next call continues.
 * Throws `SchemaMismatch` for a database from a newer MiniPay or of another program, and for a row that a migration
 * refuses: then the database stays as it was before that migration.
 */
export async function migratePostgres(
  url: string,
  steps: readonly Migration[] = migrations(),
  wanted: SessionOptions = {},
  watch: UpgradeWatch = {},
): Promise<Migration[]> {
  const migrate = async (client: Client) => {
    const isNew = (await assertOurs(client, url, steps.length)) === 0
    await makeVersionTable(client)
    const applied: Migration[] = []
    for (;;) {
      const step = await applyNext(client, url, steps, isNew ? {} : watch)
      if (!step) break
      applied.push(step)
    }
    if (steps.length >= migrations().length) await sealOnce(client)
    return applied
  }
  return withClient(url, migrate, wanted)
}

/** Throws `SchemaMismatch` unless the database is ours, and at this program's schema. */
export async function assertCurrent(client: Client, url: string): Promise<void> {
  const known = migrations().length
  const version = await assertOurs(client, url, known)
  if (version < known)
    throw new SchemaMismatch(
      `${publicUrl(url)} is at schema ${version} of ${known}. Run \`minipay migrate\` first, or start minipay serve.`,
    )
}

/** Runs `use` on its own connection to the host that accepts writes. */
export async function withClient<T>(
  url: string,
  use: (client: Client) => Promise<T>,
  wanted: SessionOptions = {},
): Promise<T> {
  const client = await openWritable(hostsOf(url), wanted)
  try {
    return await use(client)
  } finally {
    await client.end().catch(() => {})
  }
}

/** The schema's number; 0 for an empty database. Throws for one of another program, or newer than `known`. */
async function assertOurs(client: Client, url: string, known: number): Promise<number> {
  const { tables, ours } = await tablesOf(client)
  if (tables > 0 && !ours)
    throw new SchemaMismatch(
      `${publicUrl(url)} has tables that are not MiniPay's. Use a separate database for MiniPay.`,
    )
  const { rows } = await client.query<{ encoding: string }>(
    `SELECT current_setting('server_encoding') AS encoding`,
  )
  if (rows[0]?.encoding !== 'UTF8')
    throw new SchemaMismatch(
      `${publicUrl(url)} is in ${rows[0]?.encoding}. Make it anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.`,
    )
  const version = ours ? await schemaVersion(client) : 0
  if (version > known) throw newer(url, version, known)
  return version
}

function newer(url: string, version: number, known: number): SchemaMismatch {
  return new SchemaMismatch(
    `${publicUrl(url)} was written by a newer MiniPay (schema ${version}; this one knows ${known}). ` +
      'Run the newer version, or restore a backup from before the upgrade.',
  )
}

async function schemaVersion(client: Client): Promise<number> {
  const { rows } = await client.query<{ number: number }>('SELECT number FROM schema_version')
  return rows[0]?.number ?? 0
}

/**
 * Includes tables that MiniPay may not read. One statement, because another node may be creating the tables now,
 * `schema_version` first.
 */
async function tablesOf(client: Client): Promise<{ tables: number; ours: boolean }> {
  const { rows } = await client.query<{ tables: string; ours: string }>(
    `SELECT count(*) AS tables, count(*) FILTER (WHERE c.relname = 'schema_version') AS ours
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
  )
  return { tables: Number(rows[0]?.tables), ours: Number(rows[0]?.ours) === 1 }
}

/** Concurrent `CREATE … IF NOT EXISTS` may still collide: the loser then finds the table. */
async function makeVersionTable(client: Client): Promise<void> {
  for (;;) {
    try {
      await client.query(
        `CREATE TABLE IF NOT EXISTS schema_version (one smallint PRIMARY KEY CHECK (one = 1), number integer NOT NULL)`,
      )
      await client.query(`INSERT INTO schema_version (one, number) VALUES (1, 0) ON CONFLICT DO NOTHING`)
      return
    } catch (error) {
      // Unique violation, duplicate table or type.
      if (!['23505', '42P07', '42710'].includes(codeOf(error) ?? '')) throw error
    }
  }
}

/** Throws `SchemaMismatch` for a row that the migration rejects. */
async function refuseRows(client: Client, url: string, step: Migration): Promise<void> {
  for (const { sql, problem } of checksBefore(step)) {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    if (rows[0]) throw new SchemaMismatch(refusal(publicUrl(url), step, problem(rows[0])))
  }
}

/** Applies the next migration in a transaction of its own; undefined if there is none. */
async function applyNext(
  client: Client,
  url: string,
  steps: readonly Migration[],
  { onMigration }: UpgradeWatch,
): Promise<Migration | undefined> {
  await client.query('BEGIN')
  try {
    const { rows } = await client.query<{ number: number }>('SELECT number FROM schema_version FOR UPDATE')
    const version = rows[0]?.number ?? 0
    if (version > steps.length) throw newer(url, version, steps.length)
    const step = steps[version]
    if (step) {
      onMigration?.(step.name)
      await refuseRows(client, url, step)
      await client.query(step.sql)
      await client.query('UPDATE schema_version SET number = $1', [step.number])
    }
    await client.query('COMMIT')
    return step
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
