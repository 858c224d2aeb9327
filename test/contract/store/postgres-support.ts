import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import type { Scope, Store, StoredEvent } from '../../../src/ports/store.ts'
import { migratePostgres } from '../../../src/storage/postgres/migrate.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { verifyPostgres } from '../../../src/storage/postgres/verify.ts'
import { onDatabase, type PostgresServer, postgresServer } from '../../kit/postgres.ts'

export type Databases = {
  readonly server: PostgresServer
  /** A new database with the schema, dropped after the test. */
  database(t: TestContext): Promise<string>
}

/** One server for the tests of a file. */
export function databases(): Databases {
  let server: PostgresServer
  let template: string
  before(async () => {
    server = await postgresServer()
    template = await server.createDatabase()
    await migratePostgres(template)
  })
  after(() => server.remove())
  return {
    get server() {
      return server
    },
    async database(t) {
      const url = await server.createDatabase(template)
      t.after(() => server.dropDatabase(url))
      return url
    },
  }
}

/** Stores on one database, as so many nodes have them; closed after the test. */
export async function openStores(t: TestContext, url: string, count: number): Promise<Store[]> {
  const stores = await Promise.all(
    Array.from({ length: count }, () => openPostgresStore({ url, onFatal: assert.fail })),
  )
  opened.set(t, [...(opened.get(t) ?? []), ...stores])
  // For a failed test: in others the stores are closed before.
  t.after(() => Promise.all(stores.map((store) => store.close())))
  return stores
}

const opened = new WeakMap<TestContext, Store[]>()

/** Closes the stores of a test, and checks the books. */
export async function closeAndVerify(t: TestContext, url: string) {
  await Promise.all((opened.get(t) ?? []).map((store) => store.close()))
  const { head, ...books } = await verifyPostgres(url)
  return books
}

/** Every event of a scope, in pages. */
export async function allEvents(store: Store, scope: Scope): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (;;) {
    const { data, hasMore } = await store.events(scope, { after: events.at(-1)?.sequence ?? 0, limit: 500 })
    events.push(...data)
    if (!hasMore) return events
  }
}

/** Gives the database an adjustable clock: the offset from the real one. */
export async function settableClock(url: string): Promise<(ahead: string) => Promise<void>> {
  await onDatabase(url, (client) =>
    client.query(`
      CREATE SCHEMA wall;
      CREATE TABLE wall.clock (ahead interval);
      INSERT INTO wall.clock VALUES ('0');
      -- No search_path would do: sessions set their own, in which what PostgreSQL has comes first.
      SET allow_system_table_mods = on;
      ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO real_clock_timestamp;
      CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT pg_catalog.real_clock_timestamp() + (SELECT ahead FROM wall.clock)'`),
  )
  return (ahead) =>
    onDatabase(url, async (client) => void (await client.query('UPDATE wall.clock SET ahead = $1', [ahead])))
}

export async function count(url: string, table: string): Promise<number> {
  const { rows } = await onDatabase(url, (client) =>
    client.query(`SELECT count(*)::integer AS count FROM ${table}`),
  )
  return rows[0].count
}
