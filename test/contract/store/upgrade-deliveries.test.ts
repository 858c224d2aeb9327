/** The upgrade of a PostgreSQL database from before webhook endpoints: no delivery that waits, or that failed, is lost. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Client } from 'pg'
import { configuredEndpoint } from '../../../src/app/webhooks/configured-endpoint.ts'
import type { Store } from '../../../src/ports/store.ts'
import { migratePostgres, migrations } from '../../../src/storage/postgres/migrate.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { until } from '../../kit/until.ts'
import { claimCursors, T } from '../../kit/webhooks.ts'
import { databases, openStores } from './postgres-support.ts'

const scope = LIVE_SCOPE
const postgres = databases()
const all = migrations()
const before = all.slice(
  0,
  all.findIndex(({ name }) => name.endsWith('_webhooks.sql')),
)
const id = (prefix: string, n: number) => `${prefix}_${String(n).padStart(26, '0')}`

/** A database of the former schema with so many events, each with a delivery of `default`. */
async function former(t: TestContext, count: number, change = ''): Promise<string> {
  const url = await postgres.server.createDatabase()
  t.after(() => postgres.server.dropDatabase(url))
  await migratePostgres(url, before)
  await onDatabase(url, (client) =>
    client.query(`
      INSERT INTO sequences (account_id, live, event, transfer, audit) VALUES (1, 1, ${count}, 0, 0);
      INSERT INTO events (account_id, live, seq, id, type, data, created_at)
      SELECT 1, 1, n, 'evt_' || lpad(n::text, 26, '0'), 'payment.succeeded',
        '{"charge":{"id":"txn_' || lpad(n::text, 26, '0') || '","amount":100}}', n
      FROM generate_series(1, ${count}) AS n;
      INSERT INTO deliveries (id, account_id, live, endpoint, event_seq, state, attempts, due_at, created_at)
      SELECT 'dlv_' || lpad(n::text, 26, '0'), 1, 1, 'default', n, 'pending', 0, n, n
      FROM generate_series(1, ${count}) AS n;
      ${change}`),
  )
  return url
}

test('deliveries of a former database wait, failed or were delivered as before, and new events begin after them', async (t) => {
  const url = await former(
    t,
    4,
    `UPDATE deliveries SET attempts = 2, due_at = 500, last_status = 503, last_error = E'it''s "busy"\\n' WHERE event_seq = 2;
     UPDATE deliveries SET token = 'a token', owner = 'a node', due_at = 99999 WHERE event_seq = 1;
     UPDATE deliveries SET state = 'failed', attempts = 6, due_at = NULL, last_error = 'ECONNREFUSED' WHERE event_seq = 3;
     UPDATE deliveries SET state = 'delivered', attempts = 1, due_at = NULL, last_status = 200 WHERE event_seq = 4;
     INSERT INTO counters VALUES (1, 1, 'deliveries_pending', '', 0, 4), (1, 1, 'deliveries_pending', '', 1, -2),
       (1, 1, 'deliveries_failed', '', 1, 1), (1, 1, 'deliveries_delivered', '', 1, 1)`,
  )
  const [store] = (await openStores(t, url, 1)) as [Store]
  await store.setDefaultWebhookEndpoint(configuredEndpoint(scope, new URL('https://hooks.example'), T))
  const [held] = await claimCursors(store, { token: 'mine' })
  assert.deepEqual([held?.endpoint.id, held?.position, held?.reach], ['default', 4, 4])
  const { data: due } = await store.dueDeliveries(scope, 'default', { now: T, limit: 10 })
  assert.deepEqual(
    due.map(({ delivery, event }) => [delivery.id, delivery.dueAt, delivery.attempts, event.id]),
    [
      // Its lease was of a node that has ended.
      [id('dlv', 1), 1, 0, id('evt', 1)],
      [id('dlv', 2), 500, 2, id('evt', 2)],
    ],
  )
  const [busy] = due[1]?.delivery.tries ?? []
  assert.deepEqual([busy?.status, busy?.error, busy?.why], [503, `it's "busy"\n`, 'event'])
  assert.equal(due[0]?.delivery.object, id('txn', 1))
  const failed = await store.failedWebhookDeliveries(scope, { after: 'dlv_', before: 'dlv`', limit: 10 })
  assert.deepEqual(
    failed.data.map(({ id, endpoint }) => [id, endpoint]),
    [[id('dlv', 3), 'default']],
  )
  assert.equal((await store.webhookDelivery(scope, id('dlv', 3)))?.attempts, 6)
  assert.equal((await store.webhookDelivery(scope, id('dlv', 4)))?.state, 'delivered')
  const cursor = await store.webhookCursor(scope, 'default')
  assert.deepEqual([cursor?.backlog, cursor?.pending, cursor?.failed], [0, 2, 1])
  const totals = { pending: 2, delivered: 1, failed: 1, retries: 0 }
  assert.deepEqual(await store.webhookDeliveryTotals(), totals)
})

test('a node of the former version that still commits loses no event: its commit fails', async (t) => {
  const url = await former(t, 2)
  await onDatabase(url, async (node: Client) => {
    await node.query('BEGIN')
    await node.query('UPDATE sequences SET event = event + 1')
    await node.query(
      `INSERT INTO deliveries (id, account_id, live, endpoint, event_seq, state, attempts, created_at)
       VALUES ('dlv_late', 1, 1, 'default', 2, 'pending', 0, 1)`,
    )
    const upgrading = migratePostgres(url)
    await until('the upgrade waits for it', async () => {
      const { rows } = await onDatabase(url, (client) =>
        client.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        ),
      )
      return rows.length > 0
    })
    await node.query('COMMIT')
    await upgrading
    await assert.rejects(node.query('INSERT INTO deliveries (id) VALUES (1)'), /does not exist/)
    const { rows } = await node.query(`SELECT state FROM webhook_deliveries WHERE id = 'dlv_late'`)
    assert.deepEqual(rows, [{ state: 'pending' }])
  })
})
