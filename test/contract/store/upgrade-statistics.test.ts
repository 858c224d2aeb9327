/** The upgrade of a PostgreSQL database to statistics while a node of the former version runs: each call is counted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migratePostgres, migrations } from '../../../src/storage/postgres/migrate.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { until } from '../../kit/until.ts'
import { databases } from './postgres-support.ts'

const postgres = databases()
const all = migrations()
const before = all.slice(
  0,
  all.findIndex(({ name }) => name.endsWith('_statistics.sql')),
)

const charge = (id: string) => `
  INSERT INTO charges (account_id, live, id, version, amount, amount_captured, amount_refunded, amount_refund_pending,
    amount_disputed, currency, customer, status, capture, provider, idempotency_key, created_at)
  VALUES (1, 1, '${id}', 1, 10, 10, 0, 0, 0, 'usd', 'c', 'succeeded', 1, 'bank', '${id}', 1)`

/** As the former version takes the numbers of a commit. */
const TAKING = `
  INSERT INTO sequences AS s (account_id, live, event, transfer, audit) VALUES (1, 1, 1, 1, 0)
  ON CONFLICT (account_id, live) DO UPDATE SET event = s.event + 1`

test('a charge that a node of the former version commits during the upgrade is counted, and later commits fail', async (t) => {
  const url = await postgres.server.createDatabase()
  t.after(() => postgres.server.dropDatabase(url))
  await migratePostgres(url, before)
  await onDatabase(url, async (node) => {
    await node.query(`${charge('txn_1')}; ${TAKING}`)
    await node.query('BEGIN')
    await node.query(charge('txn_2'))
    const upgrading = migratePostgres(url)
    await until('the upgrade waits for it', async () => {
      const { rows } = await onDatabase(url, (client) =>
        client.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        ),
      )
      return rows.length > 0
    })
    await node.query(TAKING)
    await node.query('COMMIT')
    await upgrading
    const { rows } = await node.query('SELECT kind, state, calls FROM hourly_statistics')
    assert.deepEqual(rows, [{ kind: 'sale', state: 'succeeded', calls: 2 }])
    await assert.rejects(node.query(TAKING), /null value in column "counted"/)
  })
})
