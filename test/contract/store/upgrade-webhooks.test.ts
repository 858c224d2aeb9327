/** A database from before endpoints had cursors: its deliveries were rows of the commits, and none may be lost. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensureConfiguredEndpoint } from '../../../src/app/webhooks/configured-endpoint.ts'
import type { Store } from '../../../src/ports/store.ts'
import { migratePostgres, migrations as ofPostgres } from '../../../src/storage/postgres/migrate.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { verifyPostgres } from '../../../src/storage/postgres/verify.ts'
import { migrate } from '../../../src/storage/sqlite/migrate.ts'
import { openWriter } from '../../../src/storage/sqlite/open.ts'
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts'
import { verify } from '../../../src/storage/sqlite/verify.ts'
import { type TempDir, tempDir } from '../../kit/folders.ts'
import { makeFormer, withFormerIds } from '../../kit/former-rows.ts'
import { fillSandboxBooks, LIVE } from '../../kit/history.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { batchOf, claimCursors, resultOf, T } from '../../kit/webhooks.ts'
import { databases } from './postgres-support.ts'

const postgres = databases()

type Row = Record<string, string | number | null>
let dir: TempDir
let former: string
let rows: Record<string, Row[]>

/** Of the remaining events, two wait for a first attempt, one under the lease of a dead process; others failed. */
const WAITING = `
  INSERT INTO deliveries (id, account_id, live, endpoint, event_seq, state, attempts, due_at, token, last_status, last_error, created_at)
  SELECT 'dlv_former' || seq, account_id, live, 'default', seq,
    CASE WHEN seq < 6 THEN 'pending' ELSE 'failed' END, CASE WHEN seq < 6 THEN seq - 4 ELSE 6 END,
    CASE WHEN seq < 6 THEN ${T} END, CASE seq WHEN 5 THEN 'of the dead' END,
    CASE WHEN seq = 4 THEN NULL ELSE 503 END, CASE WHEN seq = 4 THEN NULL ELSE 'No.' END, created_at
  FROM events WHERE live = 1 AND seq > 3;
  DELETE FROM counters WHERE name IN ('deliveries_pending', 'deliveries_delivered', 'deliveries_failed');
  INSERT INTO counters (account_id, live, name, currency, value)
  SELECT account_id, live, 'deliveries_' || state, '', count(*) FROM deliveries GROUP BY account_id, live, state`

before(async () => {
  dir = tempDir()
  former = join(dir.path, 'former.db')
  const store = await openSqliteStore({ file: former, onFatal: assert.fail })
  await fillSandboxBooks(withFormerIds(store))
  await store.close()
  makeFormer(former, 'webhooks')
  const db = openWriter(former)
  db.pragma('foreign_keys = OFF')
  db.exec(WAITING)
  const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all() as string[]
  rows = Object.fromEntries(
    tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all() as Row[]]),
  )
  db.close()
})
after(() => dir?.remove())

async function onSqlite(): Promise<Store> {
  const file = join(dir.path, 'upgraded.db')
  copyFileSync(former, file)
  const db = openWriter(file)
  migrate(db)
  assert.equal(verify(db).problem, undefined)
  db.close()
  return openSqliteStore({ file, onFatal: assert.fail })
}

async function onPostgres(): Promise<Store> {
  const url = await postgres.server.createDatabase()
  const all = ofPostgres()
  await migratePostgres(
    url,
    all.slice(
      0,
      all.findIndex(({ name }) => name.endsWith('_webhooks.sql')),
    ),
  )
  await onDatabase(url, async (client) => {
    await client.query('DELETE FROM accounts; DELETE FROM epochs; DELETE FROM chain_seal')
    for (const [table, each] of Object.entries(rows)) {
      if (table === 'long_texts' || table === 'sqlite_sequence') continue
      const whole = each.map((row) => (table === 'counters' ? { ...row, part: 0 } : row))
      const sql = `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`
      await client.query(sql, [JSON.stringify(whole)])
    }
    await client.query(
      `INSERT INTO sequences (account_id, live, event, transfer, audit)
       SELECT 1, 1, (SELECT max(seq) FROM events), (SELECT max(seq) FROM ledger_transfers),
         (SELECT coalesce(max(seq), 0) FROM audit_log)`,
    )
  })
  await migratePostgres(url)
  assert.equal((await verifyPostgres(url)).problem, undefined)
  return openPostgresStore({ url, onFatal: assert.fail })
}

for (const [engine, upgraded] of Object.entries({ SQLite: onSqlite, PostgreSQL: onPostgres }))
  test(`every former delivery is delivered, waits on or is in the dead letter after the upgrade on ${engine}`, async () => {
    const store = await upgraded()
    try {
      const before = rows['deliveries'] ?? []
      const listed = (await store.webhookDeliveries(LIVE, { limit: 100 })).data
      const shown = (id: unknown) => listed.find((delivery) => delivery.id === id) ?? assert.fail(String(id))
      assert.equal(listed.length, before.length)
      const events = (await store.events(LIVE, { after: 0, limit: 100 })).data
      for (const row of before) {
        const { state, attempts, dueAt, eventSequence, eventId, object, tries, revision } = shown(row['id'])
        const event = events.find(({ sequence }) => sequence === row['event_seq'])
        assert.deepEqual([state, attempts, revision], [row['state'], row['attempts'], 0])
        assert.deepEqual([eventSequence, eventId], [event?.sequence, event?.id])
        assert.match(String(object), /^txn_\w{26}$/)
        // The lease of a process that ended is not waited for.
        assert.equal(dueAt, row['token'] === null ? row['due_at'] : row['created_at'])
        const last = tries.at(-1)
        assert.deepEqual([last?.status ?? null, last?.error ?? null], [row['last_status'], row['last_error']])
      }
      await deliverAll(store, before)
    } finally {
      await store.close()
    }
  })

/** The endpoint of the setting delivers what waits, under the former ids, and gets the new events alone. */
async function deliverAll(store: Store, former: readonly Row[]): Promise<void> {
  const waiting = former.filter(({ state }) => state === 'pending').map(({ id }) => id)
  const failed = former.filter(({ state }) => state === 'failed')
  assert.deepEqual([waiting.length > 2, failed.length > 2], [true, true])
  await ensureConfiguredEndpoint(store, LIVE, new URL('http://localhost:8081/webhook'))
  const cursor = await store.webhookCursor(LIVE, 'default')
  assert.deepEqual([cursor?.backlog, cursor?.pending, cursor?.failed], [0, waiting.length, failed.length])
  const [held] = await claimCursors(store, { token: 'mine' })
  const endpoint = held?.endpoint ?? assert.fail()
  const { data: due } = await store.dueDeliveries(LIVE, 'default', {
    now: Number.MAX_SAFE_INTEGER,
    limit: 100,
  })
  assert.deepEqual(due.map(({ delivery }) => delivery.id).sort(), waiting.sort())
  const results = due.map(({ delivery, event }) => ({
    ...resultOf(event, 'default', { revision: delivery.revision }),
    delivery,
  }))
  assert.deepEqual(await store.recordDeliveries([batchOf(endpoint, 'mine', { results })]), [true])
  const totals = await store.webhookDeliveryTotals()
  assert.deepEqual([totals.pending, totals.failed], [0, failed.length])
  assert.equal(totals.delivered, former.length - failed.length)
}
