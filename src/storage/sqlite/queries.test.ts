import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../../test/kit/folders.ts'
import { watch } from '../../../test/kit/prepared-texts.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import { SOURCES } from '../verify/aggregate.ts'
import type { Connection } from './connection.ts'
import { FREE } from './free-leases.ts'
import { showWholeRows } from './long-texts.ts'
import { migrate } from './migrate.ts'
import { openWriter } from './open.ts'
import { createQueries } from './queries.ts'
import { tailMemory } from './tails.ts'
import { keyOf, showKeyPlaces } from './verify-keys.ts'
import { markAbandonedUnknown } from './write-attempts.ts'
import { clockWrites } from './write-clock.ts'
import { createWriter } from './writer.ts'

/** How SQLite would run a text. */
function planOf(db: Connection, text: string): string {
  const one = /\?1/.test(text)
    ? [{ 1: 1, 2: 1, ...(text.includes('?3') && { 3: 1 }) }]
    : Array(text.split('?').length - 1).fill(1)
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...one)
  return rows.map((row) => (row as { detail: string }).detail).join('; ')
}

/** Runs `use` with queries, and answers the plans of what they prepared. */
function prepared(use: (queries: ReturnType<typeof createQueries>, db: Connection) => void): string[] {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'a.db'))
  migrate(db)
  const { watched, texts } = watch(db)
  use(createQueries(watched, tailMemory()), db)
  // These have one row.
  const plans = texts
    .filter((text) => !/FROM (clock|key_index_state)/.test(text))
    .map((text) => planOf(db, text))
  db.close()
  folder.remove()
  return plans
}

const id = `txn_${'0'.repeat(26)}`
const pages = [{}, { startingAfter: id }, { endingBefore: id }, { createdFrom: 1, createdUntil: 2 }]

const charges = [
  [{}, 'PRIMARY KEY'],
  [{ customer: 'c' }, 'customer_index'],
  [{ customer: 'c', status: 'failed', currency: 'usd' }, 'customer_index'],
  [{ status: 'failed' }, 'charges_by_status'],
  [{ status: 'refunded', currency: 'usd' }, 'charges_by_status'],
  [{ status: 'succeeded' }, 'PRIMARY KEY'],
  [{ status: 'succeeded', currency: 'usd' }, 'charges_by_currency'],
  [{ currency: 'usd' }, 'charges_by_currency'],
  [{ status: ['failed', 'refunded'] }, 'charges_by_status'],
  [{ status: ['failed', 'succeeded'] }, 'PRIMARY KEY'],
  [{ declineCode: 'do_not_honor' }, 'charges_by_status'],
  [{ provider: 'bank_a' }, 'PRIMARY KEY'],
  [{ amountFrom: 1, amountTo: 2 }, 'PRIMARY KEY'],
  [{ provider: 'bank_a', status: ['failed', 'refunded'], amountFrom: 1 }, 'charges_by_status'],
] as const
for (const [filters, index] of charges)
  test(`charges by ${Object.keys(filters).join(', ') || 'nothing'} are found by ${index}, and not sorted`, () => {
    for (const page of pages)
      for (const plan of prepared((q) => q.charges(LIVE_SCOPE, { limit: 20, ...page, ...filters }))) {
        // The index of customers gives a list of ids.
        assert.ok(plan.includes(index) || (index === 'customer_index' && plan.includes('json_each')), plan)
        assert.doesNotMatch(plan, /SCAN (?!json_each)|TEMP B-TREE/)
      }
  })

const refunds = [
  [{}, 'PRIMARY KEY'],
  [{ chargeId: id, customer: 'c' }, 'refunds_by_transaction'],
  [{ customer: 'c', status: 'refunded' }, 'refunds_by_customer'],
  [{ status: 'refunded' }, 'refunds_by_status'],
  [{ currency: 'usd' }, 'refunds_by_currency'],
  [{ status: ['failed', 'refunded'] }, 'refunds_by_status'],
  [{ declineCode: 'do_not_honor', amountTo: 9 }, 'refunds_by_status'],
] as const
for (const [filters, index] of refunds)
  test(`refunds by ${Object.keys(filters).join(', ') || 'nothing'} are found by ${index}, and not sorted`, () => {
    for (const page of pages)
      for (const plan of prepared((q) => q.refunds(LIVE_SCOPE, { limit: 20, ...page, ...filters }))) {
        assert.ok(plan.includes(index), plan)
        assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/)
      }
  })

test('events of a rare type and entries of a transaction are found by an index', () => {
  const plans = prepared((q, db) => {
    db.exec(`INSERT INTO ledger_accounts VALUES (1, 1, 1, 'merchant', 'usd', 0)`)
    q.events(LIVE_SCOPE, { after: 0, limit: 20 })
    q.events(LIVE_SCOPE, { after: 0, limit: 20, types: ['payment.failed'] })
    q.events(LIVE_SCOPE, { after: 0, limit: 20, types: ['payment.succeeded', 'payment.failed'] })
    q.events(LIVE_SCOPE, { after: 0, limit: 20, createdFrom: 1, createdUntil: 2 })
    q.events(LIVE_SCOPE, { after: 0, limit: 20, object: { id }, types: ['payment.failed'] })
    q.events(LIVE_SCOPE, { after: 0, limit: 20, object: { id, part: { part: 'refund', id: 're_1' } } })
    q.event(LIVE_SCOPE, id)
    q.ledgerEntries(LIVE_SCOPE, { limit: 20, transactionId: id })
    q.ledgerEntries(LIVE_SCOPE, { limit: 20, account: 'merchant', before: 9 })
    q.ledgerEntries(LIVE_SCOPE, { limit: 20, createdFrom: 1, createdUntil: 2 })
    q.ledgerAccountsAt(LIVE_SCOPE, 9)
    q.ledgerEnd(LIVE_SCOPE)
    q.ledgerDays(LIVE_SCOPE, { limit: 20 })
    q.idempotencyRecord(LIVE_SCOPE, 'key')
  })
  // The events of an object are merged: each part is found by an index, in order, and has at most a page of rows.
  const merged = /SCAN \(subquery-\d+\); USE TEMP B-TREE FOR ORDER BY/g
  for (const plan of plans) assert.doesNotMatch(plan.replace(merged, ''), /SCAN|TEMP B-TREE/, plan)
  assert.equal(plans.filter((plan) => plan.match(merged)?.length === 2).length, 2)
  const transfers = ['ledger_transfers_by_transaction', 'ledger_transfers_by_credit']
  for (const index of ['events_by_type', 'events_by_object', 'events_by_id', ...transfers])
    assert.ok(
      plans.some((plan) => plan.includes(index)),
      `${index} in ${plans.join('\n')}`,
    )
})

/** The first attempt of a charge, and the others. */
const CHARGE = /INDEX attempts_by_transaction|PRIMARY KEY \(id=\?\)/
const attempts = [
  [{}, 'attempts_by_scope'],
  [{ chargeId: id }, CHARGE],
  [{ chargeId: id, states: ['unknown'] }, CHARGE],
  [{ states: ['unknown'] }, 'attempts_by_state'],
  [{ states: ['unknown'], unknownBefore: 1, kind: 'refund' }, 'attempts_by_state'],
  [{ states: ['sending', 'pending', 'unknown'], oldestFirst: true }, 'attempts_by_state'],
  [{ states: ['pending'], provider: 'bank_a' }, 'attempts_by_state'],
  [{ states: ['declined', 'not_sent', 'unknown'], provider: 'bank_a' }, 'attempts_failed'],
  [{ states: ['succeeded'] }, 'attempts_by_scope'],
  [{ provider: 'bank_a', kind: 'refund' }, 'attempts_by_scope'],
] as const
for (const [filters, index] of attempts)
  test(`attempts by ${Object.keys(filters).join(', ') || 'nothing'} are found by an index, and not sorted: ${index}`, () => {
    for (const page of [{}, { startingAfter: id }, { createdFrom: 1, createdUntil: 2 }])
      for (const plan of prepared((q) => q.attempts(LIVE_SCOPE, { limit: 20, ...page, ...filters }))) {
        assert.match(plan, new RegExp(index))
        assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/)
      }
  })

test('an attempt, a dispute and a rule set are found by an index', () => {
  const plans = prepared((q) => {
    q.attempt(id)
    q.attemptByReference('bank_a', 'refund', 'ref')
    q.dispute(LIVE_SCOPE, id)
    q.disputes(LIVE_SCOPE, { limit: 20 })
    q.disputes(LIVE_SCOPE, { limit: 20, chargeId: id })
    q.disputes(LIVE_SCOPE, { limit: 20, status: 'lost' })
    q.dueDisputes(LIVE_SCOPE, { limit: 20, dueBefore: 1 })
    q.dueDisputes(LIVE_SCOPE, { limit: 20, dueBefore: 1, startingAfter: id })
    q.disputeByReference(LIVE_SCOPE, 'bank_a', 'ref')
    q.ruleSet(LIVE_SCOPE)
    q.ruleSetVersion(LIVE_SCOPE, 1)
    q.ruleSetVersions(LIVE_SCOPE, { limit: 20 })
  })
  for (const plan of plans) assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/, plan)
  for (const index of [
    ...['reference_index', 'disputes_by_transaction', 'disputes_by_reference'],
    ...['disputes_by_status', 'disputes_due'],
  ])
    assert.ok(
      plans.some((plan) => plan.includes(index)),
      `${index} in ${plans.join('\n')}`,
    )
})

const alarms = [
  [{}, 'PRIMARY KEY'],
  [{ chargeId: id }, 'alarms_by_transaction'],
  [{ chargeId: id, state: 'open' }, 'alarms_by_transaction'],
  [{ state: 'open' }, 'alarms_by_state'],
  [{ state: 'closed' }, 'alarms_by_state'],
] as const
for (const [filters, index] of alarms)
  test(`alarms by ${Object.keys(filters).join(', ') || 'nothing'} are found by ${index}, and not sorted`, () => {
    for (const page of [{}, { startingAfter: id }])
      for (const plan of prepared((q) => q.alarms(LIVE_SCOPE, { limit: 20, ...page, ...filters }))) {
        assert.ok(plan.includes(index), plan)
        assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/)
      }
  })

test('webhooks are found by their indexes, and not sorted', () => {
  const range = { now: 1, after: 0, to: 9, types: null, limit: 20 }
  const plans = prepared((q) => {
    for (const page of pages) {
      q.webhookEndpoints(LIVE_SCOPE, { limit: 20, ...page })
      q.webhookDeliveries(LIVE_SCOPE, { limit: 20, ...page })
      q.webhookDeliveries(LIVE_SCOPE, { limit: 20, state: 'failed', ...page })
      q.webhookDeliveries(LIVE_SCOPE, { limit: 20, state: 'delivered', endpoint: 'we_1', ...page })
      q.replays(LIVE_SCOPE, 'we_1', { limit: 20, ...page })
    }
    q.webhookEndpoint(LIVE_SCOPE, 'we_1')
    q.sealedWebhookEndpoints({ after: null, limit: 20 })
    q.webhookDelivery(LIVE_SCOPE, 'dlv_1')
    q.replay(LIVE_SCOPE, 'rpl_1')
    q.failedWebhookDeliveries(LIVE_SCOPE, { after: 'dlv_', before: 'dlv`', limit: 20 })
    for (const read of [q.eventsToDeliver, q.eventTypes]) read(LIVE_SCOPE, range)
    q.storedDeliveries(LIVE_SCOPE, ['dlv_1'])
    q.dueDeliveries(LIVE_SCOPE, 'we_1', range)
    q.nextDue(LIVE_SCOPE, 'we_1')
    q.blockedObjects(LIVE_SCOPE, 'we_1', ['txn_1'])
    for (const read of [q.failedDeliveriesOf, q.failedEvents]) read(LIVE_SCOPE, 'we_1', range)
  })
  for (const plan of plans) assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/, plan)
})

test('a backlog costs a look-up of the last number for each epoch', () => {
  const [plan = ''] = prepared((q) => q.webhookCursor(LIVE_SCOPE, 'we_1'))
  assert.match(plan, /SEARCH e USING COVERING INDEX \w+ \(account_id=\? AND live=\? AND seq>\? AND seq<\?\)/)
  assert.match(plan, /SEARCH n USING INTEGER PRIMARY KEY \(rowid>\?\)/)
  assert.doesNotMatch(plan, /SCAN (?!p\b)/, plan)
})

test('an alarm is found by its key, and their totals read the counters, not the history', () => {
  assert.doesNotMatch(prepared((q) => q.alarm(LIVE_SCOPE, id)).join('\n'), /SCAN/)
  assert.deepEqual(
    prepared((q) => q.alarmTotals())
      .join('\n')
      .match(/SCAN \w+/g),
    ['SCAN counters'],
  )
})

test('totals of attempts read the counters and the unknown ones, not the history', () => {
  const plans = prepared((q) => q.attemptTotals(1)).join('\n')
  assert.deepEqual(plans.match(/SCAN \w+/g), ['SCAN counters', 'SCAN CONSTANT'], plans)
  assert.equal(plans.match(/SEARCH attempts USING COVERING INDEX attempts_unknown/g)?.length, 2, plans)
})

test('the pending attempts that are old are counted in the index of states', () => {
  const [plan] = prepared((q) => q.pendingSince(1))
  assert.match(plan ?? '', /^SEARCH attempts USING (COVERING )?INDEX attempts_by_state/)
})

test('which providers are used is read from their names and a bounded number of attempts of an index', () => {
  const plans = prepared((q) => q.providerUse(LIVE_SCOPE)).join('\n')
  const reads = plans.match(/(?:SEARCH|SCAN) attempts[^;(]*/g) ?? []
  assert.equal(reads.length, 5, plans)
  for (const read of reads) assert.match(read, /INDEX attempts_by_state/)
  assert.doesNotMatch(plans, /TEMP B-TREE FOR ORDER BY/)
})

test('long texts are found by their number, and rows with them are read in the order of their keys', () => {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'a.db'))
  migrate(db)
  showWholeRows(db)
  showKeyPlaces(db)
  const texts = (['charges', 'refunds', 'events', 'closings'] as const).map((name) =>
    SOURCES[name]('', keyOf),
  )
  for (const plan of [...texts, 'SELECT * FROM idempotency_keys ORDER BY seq'].map((text) =>
    planOf(db, text),
  )) {
    assert.match(plan, /SEARCH long_texts USING INTEGER PRIMARY KEY/)
    assert.doesNotMatch(plan, /SCAN long_texts|MATERIALIZE|AUTOMATIC/, plan)
  }
  for (const table of ['charges', 'refunds', 'events']) {
    const key = table === 'events' ? 'seq' : 'id'
    const plan = planOf(
      db,
      `SELECT * FROM ${table} WHERE (account_id, live, ${key}) > (?, ?, ?) ORDER BY account_id, live, ${key}`,
    )
    assert.match(plan, /^SEARCH .* USING (PRIMARY KEY|INDEX sqlite_autoindex_events_1)/)
    assert.doesNotMatch(plan, /TEMP B-TREE/, plan)
  }
  db.close()
  folder.remove()
})

test('an index serves every lookup of the writer', () => {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'a.db'))
  migrate(db)
  const { watched, texts } = watch(db)
  createWriter(watched)
  markAbandonedUnknown(watched)
  const plans = texts
    .filter((text) => /^\s*(SELECT|UPDATE|DELETE)/.test(text))
    // The transfers of one link of the chain, or of one slice, are few, and of several accounts or days: they are sorted.
    .filter((text) => !/ledger_transfers (t ON t.debit_account_id = d.id|WHERE .* GROUP BY 1)/.test(text))
    .map((text) => planOf(db, text))
  // Accounts, providers, webhook endpoints and their cursors are few, so are the keys of a claim; of the keys `k`, the first that fits is read.
  const few =
    /SCAN (?!ledger_accounts|CONSTANT|a\b|m\b|webhook_endpoints|webhook_cursors|referenced_providers|c\b|k\b|json_each)|TEMP B-TREE/
  for (const plan of plans) assert.doesNotMatch(plan, few, plan)
  for (const index of [
    ...['attempts_due_unknown', 'attempts_due_waiting', 'attempts_by_state'],
    ...['notifications_due', 'notifications_settled', 'webhook_cursors_held'],
    ...['webhook_deliveries_pending', 'webhook_replays_running'],
  ])
    assert.ok(
      plans.some((plan) => plan.includes(`INDEX ${index}`)),
      `${index} in ${plans.join('\n')}`,
    )
  db.close()
  folder.remove()
})

test('a step of the retention of deliveries reads one range of their primary key', () => {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'a.db'))
  migrate(db)
  const { watched, texts } = watch(db)
  createWriter(watched)
  const ranges = texts.filter((text) => text.includes('webhook_deliveries NOT INDEXED'))
  assert.equal(ranges.length, 2)
  for (const text of ranges)
    assert.equal(
      planOf(db, text),
      'SEARCH webhook_deliveries USING PRIMARY KEY (account_id=? AND live=? AND id>? AND id<?)',
    )
  db.close()
  folder.remove()
})

test('disabled endpoints that keep old events are found by covering indexes of deliveries', () => {
  const [plan = ''] = prepared((q) => q.disabledHolders(LIVE_SCOPE, 1))
  assert.deepEqual(plan.match(/(SEARCH|SCAN) [de]\b[^;(]*/g), [
    'SEARCH d USING COVERING INDEX webhook_deliveries_failed ',
    'SEARCH d USING COVERING INDEX webhook_deliveries_pending_by_event ',
    'SEARCH e USING INDEX sqlite_autoindex_events_1 ',
  ])
})

test('what endpoints still need is found by covering indexes: no step of the retention reads the deliveries', () => {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'a.db'))
  migrate(db)
  const { watched, texts } = watch(db)
  createWriter(watched)
  const bounds = texts.filter((text) => text.includes('AS bounds'))
  assert.equal(bounds.length, 1)
  const plan = planOf(db, bounds[0] as string)
  assert.deepEqual(plan.match(/(SEARCH|SCAN) [dr]\b[^;(]*/g), [
    'SEARCH r USING INDEX webhook_replays_running ',
    'SEARCH d USING COVERING INDEX webhook_deliveries_failed ',
    'SEARCH d USING COVERING INDEX webhook_deliveries_pending_by_event ',
  ])
  db.close()
  folder.remove()
})

test('the index by due time serves the search for work that is due too late', () => {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'a.db'))
  migrate(db)
  const { watched, texts } = watch(db)
  const write = clockWrites.bringForward(watched)
  const times = { latest: 1, now: 1, leaseUntil: 1, latestHeld: 1 }
  const after = { dueAt: 1, id: '' }
  for (const [queue, index] of [
    ['deliveries', 'webhook_deliveries_waiting'],
    ['notifications', 'notifications_due'],
    ['unknown', 'attempts_due_unknown'],
    ['waiting', 'attempts_due_waiting'],
  ] as const) {
    texts.length = 0
    write({ queue, name: '', after, limit: 1, ...times })
    const plan = planOf(db, texts[0] as string)
    assert.match(plan, new RegExp(`USING (COVERING )?INDEX ${index}`))
    assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/)
  }
  db.close()
  folder.remove()
})

test('an index finds the work that a dead process had claimed', () => {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'a.db'))
  migrate(db)
  for (const text of FREE) {
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all({ now: 1, hour: 2 })
    const plan = rows.map((row) => (row as { detail: string }).detail).join('; ')
    assert.doesNotMatch(plan, /SCAN (?!each)|TEMP B-TREE/)
  }
  db.close()
  folder.remove()
})
