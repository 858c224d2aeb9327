/** The upgrade of a PostgreSQL database after which the outcome of a call changes no index of charges. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHARGES } from '../../../src/storage/columns.ts'
import { migratePostgres, migrations } from '../../../src/storage/postgres/migrate.ts'
import { beginCommit, committed, endCommit, succeeded } from '../../kit/commits.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { LIVE_SCOPE as scope } from '../../kit/scopes.ts'
import { databases, openStores } from './postgres-support.ts'

const postgres = databases()
const all = migrations()
const before = all.slice(
  0,
  all.findIndex(({ name }) => name.endsWith('_room_for_outcomes.sql')),
)

const charge = (id: string, status: string, version: number) => `
  INSERT INTO charges (account_id, live, id, version, amount, amount_captured, amount_refunded, amount_refund_pending,
    amount_disputed, currency, customer, status, capture, provider, idempotency_key, created_at)
  VALUES (1, 1, 'txn_${id}', ${version}, 10, 0, 0, 0, 0, 'usd', 'c', '${status}', 1, 'bank', 'key of ${id}', 1);`

const attempt = (id: string, of: string, state: string) => `
  INSERT INTO attempts (id, account_id, live, transaction_id, kind, provider, state, amount, currency, idempotency_key,
    started_at, lookups, unknown_since, due_at)
  VALUES ('att_${id}', 1, 1, 'txn_${of}', 'authorize', 'bank', '${state}', 10, 'usd', 'key of ${of}', 1, 0, 1, 1);`

test('after an upgrade, the charges that the former version left processing are listed, whatever ids their attempts have', async (t) => {
  const url = await postgres.server.createDatabase()
  t.after(() => postgres.server.dropDatabase(url))
  await migratePostgres(url, before)
  const rows = [
    ...[charge('1', 'processing', 1), attempt('1', '1', 'sending')],
    ...[charge('2', 'processing', 1), attempt('2', '2', 'unknown')],
    ...[charge('3', 'processing', 1), attempt('x', '3', 'sending')],
    ...[charge('4', 'processing', 2), attempt('4', '4', 'pending')],
    ...[charge('5', 'succeeded', 2), charge('6', 'failed', 2), charge('7', 'requires_action', 2)],
  ]
  await onDatabase(url, (client) => client.query(rows.join('')))
  await migratePostgres(url)
  const [store] = await openStores(t, url, 1)
  for (const [status, expected] of [
    ['processing', ['txn_4', 'txn_3', 'txn_2', 'txn_1']],
    ['succeeded', ['txn_5']],
    ['failed', ['txn_6']],
    [['requires_action', 'failed'] as const, ['txn_7', 'txn_6']],
  ] as const) {
    const found = await store?.charges(scope, { status, limit: 9 })
    assert.deepEqual(
      found?.data.map(({ id }) => id),
      expected,
    )
  }
})

test('no index of charges has a column that the outcome of the first call changes', async (t) => {
  const url = await postgres.database(t)
  const [store] = await openStores(t, url, 1)
  const begun = beginCommit({ scope })
  if (store) await committed(store, begun.commit)
  const row = 'SELECT * FROM charges'
  const { rows: first } = await onDatabase(url, (client) => client.query(row))
  if (store) await committed(store, endCommit(begun, succeeded(begun.attempt, 'pay_1'), { scope }))
  const { rows: after } = await onDatabase(url, (client) => client.query(row))
  const changed = Object.keys(after[0]).filter((name) => after[0][name] !== first[0][name])
  assert.deepEqual(
    changed.filter((name) => !CHARGES.changing.includes(name)),
    [],
  )
  // With the columns of conditions.
  const { rows: indexed } = await onDatabase(url, (client) =>
    client.query(
      `SELECT DISTINCT a.attname AS name FROM pg_index i
       JOIN pg_depend d ON d.objid = i.indexrelid AND d.refobjid = i.indrelid
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid
       WHERE i.indrelid = 'charges'::regclass`,
    ),
  )
  const names = indexed.map(({ name }) => name)
  assert.ok(names.includes('listed_status') && names.includes('customer'), String(names))
  assert.deepEqual(
    names.filter((name) => changed.includes(name)),
    [],
  )
})
