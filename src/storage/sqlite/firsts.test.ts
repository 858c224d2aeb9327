/** The first attempts, events and transfers of charges, which SQLite finds without an index by charge. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import Database from 'better-sqlite3'
import {
  type Begun,
  beginCommit,
  chargeCommit,
  committed,
  endCommit,
  newId,
  refundCommit,
  succeeded,
} from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE as scope } from '../../../test/kit/scopes.ts'
import { isTwin } from '../../domain/id.ts'
import type { Commit, Store } from '../../ports/store.ts'
import { SOURCES } from '../verify/aggregate.ts'
import { STATISTICS } from '../verify/statistics.ts'
import { CHECKS } from '../verify-checks.ts'
import { migrate } from './migrate.ts'
import { openReader } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'
import { FIRSTS } from './verify-firsts.ts'

const folder = tempDir()
after(() => folder.remove())
const open = (file: string) => openSqliteStore({ file, onFatal: assert.fail })

type PlanRow = { readonly id: number; readonly parent: number; readonly detail: string }

/** What is found of a charge, in numbers. */
async function foundOf(store: Store, { charge }: Pick<Begun, 'charge'>) {
  const events = (await store.events(scope, { after: 0, limit: 9, object: { id: charge.id } })).data
  const [newest] = (await store.events(scope, { after: 0, before: 1e9, limit: 1, object: { id: charge.id } }))
    .data
  for (const event of events) assert.deepEqual(await store.event(scope, event.id), event)
  assert.deepEqual(newest, events.at(-1))
  const { data: attempts } = await store.attempts(scope, { limit: 9, chargeId: charge.id })
  const { data: entries } = await store.ledgerEntries(scope, { limit: 9, transactionId: charge.id })
  return {
    events: events.map(({ id }) => isTwin(id, charge.id)),
    entries: entries.length,
    attempts: attempts.length,
  }
}

/** As the version before stored it: with digits of its own. */
function former<C extends Commit>(commit: C): C {
  const attempts = commit.attempts.map((attempt) => ({ ...attempt, id: newId('att') }))
  return { ...commit, attempts, event: commit.event && { ...commit.event, id: newId('evt') } }
}

const DOWNGRADE = `
  DROP INDEX events_by_id;
  CREATE INDEX events_by_id ON events (id);
  DROP INDEX events_by_object;
  CREATE INDEX events_by_object ON events (
    CASE substr(data, 1, 12) WHEN '{"endpoint":' THEN substr(data, 20, 29) ELSE substr(data, 18, 30) END);
  DROP INDEX ledger_transfers_by_transaction;
  CREATE INDEX ledger_transfers_by_transaction ON ledger_transfers (account_id, live, transaction_id, seq);
  ALTER TABLE ledger_transfers DROP COLUMN is_first;
  ALTER TABLE charges DROP COLUMN first_transfer;
  ALTER TABLE charges DROP COLUMN first_event;
  DROP TABLE ledger_days;
  ALTER TABLE webhook_replays DROP COLUMN total;
  DROP TABLE reference_index;
  DROP TABLE reference_index_state;
  DROP TABLE referenced_providers;
  CREATE UNIQUE INDEX attempts_by_reference ON attempts (provider, kind, provider_reference)
    WHERE kind IN ('authorize', 'refund') AND provider_reference IS NOT NULL;
  PRAGMA user_version = 30;`

test('after an upgrade, rows of the former version are found, and so are the next ones of their charges', async () => {
  const file = join(folder.path, 'former.db')
  let store = await open(file)
  const charge = former(chargeCommit({ scope }))
  const begun = beginCommit({ scope })
  const commit = former(begun.commit)
  for (const one of [charge, commit]) await committed(store, one)
  await store.close()
  const db = new Database(file)
  db.exec(DOWNGRADE)
  db.close()

  store = await open(file)
  const open_ = { charge: begun.charge, attempt: commit.attempts[0] as Begun['attempt'] }
  assert.deepEqual(await foundOf(store, charge), { events: [false], entries: 2, attempts: 0 })
  assert.deepEqual(await foundOf(store, open_), { events: [], entries: 0, attempts: 1 })
  await committed(store, refundCommit(charge.charge, { scope }))
  await committed(store, endCommit(open_, succeeded(open_.attempt, 'pay_1'), { scope }))
  assert.deepEqual(await foundOf(store, charge), { events: [false, false], entries: 2, attempts: 1 })
  assert.deepEqual(await foundOf(store, open_), { events: [true], entries: 2, attempts: 1 })
  await store.close()
  const reader = openReader(file)
  assert.equal(verify(reader).problem, undefined)
  reader.close()
})

const sound = join(folder.path, 'sound.db')

before(async () => {
  const store = await open(sound)
  const charge = chargeCommit({ scope })
  await committed(store, charge)
  await committed(store, chargeCommit({ scope, declined: true }))
  assert.deepEqual(await foundOf(store, charge), { events: [true], entries: 2, attempts: 0 })
  await committed(store, refundCommit(charge.charge, { scope }))
  assert.deepEqual(await foundOf(store, charge), { events: [true, false], entries: 2, attempts: 1 })
  await store.close()
})

for (const [sql, problem] of [
  ['', undefined],
  ['UPDATE charges SET first_event = NULL WHERE first_event = 1', /^The event 1 \(evt_\w+\) is the first of/],
  ['UPDATE charges SET first_event = 3 WHERE first_event = 1', /^The event 1 \(evt_\w+\) is the first of/],
  ['UPDATE charges SET first_transfer = 2', /^The transfer 1 is the first of txn_\w+, which names another/],
  ['UPDATE ledger_transfers SET is_first = 1 WHERE seq = 2', /^The transfer 2 is the first of re_\w+, which/],
  ['UPDATE ledger_transfers SET is_first = NULL', /^1 charges name their first transfer, but there are 0/],
] as const)
  test(`verify finds numbers that are not those of first events and transfers: ${sql || 'none'}`, () => {
    const copy = join(folder.path, 'tampered.db')
    copyFileSync(sound, copy)
    const db = new Database(copy)
    db.exec(sql)
    db.close()
    const reader = openReader(copy)
    const found = verify(reader).problem
    reader.close()
    if (problem) assert.match(found ?? '', problem)
    else assert.equal(found, undefined)
  })

test('no check of verify reads a table once for each row of another', () => {
  const db = new Database(':memory:')
  migrate(db)
  const checks = [...CHECKS, ...STATISTICS, ...FIRSTS].map(({ sql }) => sql)
  for (const sql of [...checks, SOURCES.transfersOfRefunds(), SOURCES.transfersOfDisputes()]) {
    const rows = db.prepare<[], PlanRow>(`EXPLAIN QUERY PLAN ${sql}`).all()
    const parents = new Map(rows.map((row) => [row.id, row]))
    const isRepeated = (row: PlanRow | undefined): boolean =>
      row !== undefined && (row.detail.startsWith('CORRELATED') || isRepeated(parents.get(row.parent)))
    const plan = `${sql}\n${rows.map(({ detail }) => detail).join('; ')}`
    for (const row of rows) {
      if (/^SCAN (t|e|c|r)\b/.test(row.detail)) assert.ok(!isRepeated(row), plan)
      assert.doesNotMatch(row.detail, /^SEARCH t .*\(account_id=\? AND live=\?\)/, plan)
    }
  }
  db.close()
})
