/** Sessions of the dashboard from before they had a proof end with the upgrade: a stolen cookie of them is of no use. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import * as postgres from '../../../src/storage/postgres/migrate.ts'
import * as sqlite from '../../../src/storage/sqlite/migrate.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { databases } from './postgres-support.ts'

const onPostgres = databases()

const FORMER = `
  INSERT INTO dashboard_sessions (hash, key_id, host, created_at, used_at) VALUES ('a', 'key_1', 'x', 1, 1)`

/** The migrations that made the table, and that gave it proofs. */
function steps(
  migrations: readonly { readonly name: string; readonly sql: string }[],
): readonly [string, string] {
  const sqlOf = (part: string) => migrations.find(({ name }) => name.includes(part))?.sql ?? assert.fail(part)
  return [sqlOf('dashboard_sessions'), sqlOf('session_proofs')]
}

test('an upgrade of SQLite ends sessions without a proof', () => {
  const [before, upgrade] = steps(sqlite.migrations())
  const db = new Database(':memory:')
  db.exec(`${before}; ${FORMER}; ${upgrade}`)
  assert.deepEqual(db.prepare('SELECT count(*) AS rows FROM dashboard_sessions').get(), { rows: 0 })
  assert.throws(() => db.exec(FORMER), /proof_hash/)
})

test('an upgrade of PostgreSQL ends sessions without a proof', async (t) => {
  const [before, upgrade] = steps(postgres.migrations())
  await onDatabase(await onPostgres.database(t), async (client) => {
    await client.query(`CREATE SCHEMA former; SET search_path TO former; ${before}; ${FORMER}; ${upgrade}`)
    const { rows } = await client.query('SELECT count(*)::int AS rows FROM dashboard_sessions')
    assert.deepEqual(rows, [{ rows: 0 }])
    // A node of the former version can begin no session.
    await assert.rejects(client.query(FORMER), /proof_hash/)
  })
})
