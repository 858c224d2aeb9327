/**
 * A prepared statement's plan may be made while its tables are empty, and kept until the next statistics. So it must be
 * the right plan for a million rows.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countUse } from '../../../src/domain/velocity.ts'
import type { Commit, Store } from '../../../src/ports/store.ts'
import { QUEUES } from '../../../src/ports/store-clock.ts'
import { purgedOf } from '../../../src/storage/chain/purged.ts'
import { attemptWork } from '../../../src/storage/postgres/attempts.ts'
import { type AuditedWrite, appendAudit } from '../../../src/storage/postgres/audit.ts'
import type { Result, Statement } from '../../../src/storage/postgres/batch.ts'
import { clockWork } from '../../../src/storage/postgres/clock-work.ts'
import { commitReads } from '../../../src/storage/postgres/commit-reads.ts'
import type { Counters } from '../../../src/storage/postgres/commit-sql-limits.ts'
import { commitWrites, type StoredBefore } from '../../../src/storage/postgres/commit-writes.ts'
import { type Connection, connect, ONE_PLAN } from '../../../src/storage/postgres/connection.ts'
import { eventPurges, removal } from '../../../src/storage/postgres/event-purge.ts'
import { hostsOf } from '../../../src/storage/postgres/hosts.ts'
import { ledgerSliceWork } from '../../../src/storage/postgres/ledger-slices.ts'
import { freeAbsentAsOf, freeLeasesOf, purgesAsOf } from '../../../src/storage/postgres/nodes.ts'
import { notificationWork } from '../../../src/storage/postgres/notifications.ts'
import type { Pool } from '../../../src/storage/postgres/pool.ts'
import { purges } from '../../../src/storage/postgres/purges.ts'
import { eventLogReads } from '../../../src/storage/postgres/read-event-log.ts'
import { ledgerReads } from '../../../src/storage/postgres/read-ledger.ts'
import { ledgerDayReads } from '../../../src/storage/postgres/read-ledger-days.ts'
import { ledgerHistoryReads } from '../../../src/storage/postgres/read-ledger-history.ts'
import { limitReads } from '../../../src/storage/postgres/read-limits.ts'
import { webhookWorkReads } from '../../../src/storage/postgres/read-webhook-work.ts'
import { webhookReads } from '../../../src/storage/postgres/read-webhooks.ts'
import { nameIn } from '../../../src/storage/postgres/rows.ts'
import type { Sql } from '../../../src/storage/postgres/statements.ts'
import { webhookClaims } from '../../../src/storage/postgres/webhook-claims.ts'
import { webhookLastTries } from '../../../src/storage/postgres/webhook-last-tries.ts'
import { webhookRecords } from '../../../src/storage/postgres/webhook-records.ts'
import { webhookWork } from '../../../src/storage/postgres/webhooks.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import {
  beginCommit,
  beginRefundCommit,
  chargeCommit,
  endCommit,
  succeeded,
  tick,
} from '../../kit/commits.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { until } from '../../kit/until.ts'
import { batchOf, resultOf, webhookEndpointOf } from '../../kit/webhooks.ts'
import { alarmOf, alarmsCommit } from './alarms.ts'
import { databases, openStores } from './postgres-support.ts'
import { use } from './velocity.ts'

const scope = LIVE_SCOPE
const postgres = databases()

/**
 * A new charge that counts in limits, one in progress, its end with that of its key's request, a refund that begins, and
 * alarms: a new one and a changed one.
 */
function commits(): { all: Commit[]; stored: StoredBefore; counters: Counters } {
  const limits = [use('new', 1), use('stored', 1)]
  const made = { ...chargeCommit({ scope }), limits }
  const begun = beginCommit({ scope })
  const request = { key: 'a key', ending: { kind: 'created', objectId: 'txn', facts: 'facts' } } as const
  const ended = endCommit(begun, succeeded(begun.attempt, 'a reference'), { scope, ended: request })
  const refund = beginRefundCommit(made.charge, { scope }).commit
  const alarms = [alarmOf(made.charge), alarmOf(made.charge)] as const
  const alarmed = alarmsCommit(scope, made.charge, alarms)
  const states = new Map([
    [nameIn(scope, begun.attempt.id), 'sending'],
    [nameIn(scope, alarms[1].id), 'open'],
  ])
  const counters = {
    stored: new Set([nameIn(scope, 'stored')]),
    after: new Map(limits.map((one) => [nameIn(scope, one.counter), countUse(undefined, one, tick())])),
  }
  const stored = { states, facts: new Map([[nameIn(scope, begun.attempt.id), begun.attempt]]) }
  return { all: [made, begun.commit, ended, refund, alarmed], stored, counters }
}

/** The statements of a worker. */
async function work(): Promise<Statement[]> {
  const statements: Statement[] = []
  const sql: Sql = async (text, values = []) => {
    statements.push({ text, values })
    return { rows: [], count: 0 }
  }
  const audited: AuditedWrite = async (write, entry) => {
    const made = typeof entry === 'function' ? entry({ rows: [{ id: 1 }], count: 1 }) : entry
    statements.push(...[write].flat(), ...(made ? appendAudit(made) : []))
    return { rows: [], count: 0 }
  }
  const both = { fenced: sql, once: sql, audited }
  const id = 'an id'
  const claim = { now: tick(), leaseUntil: tick(), limit: 64, token: 'a token' }
  const attempts = attemptWork(both, 'a node')
  await attempts.claimAttempts({ provider: 'bank_a', ...claim })
  await attempts.claimAttempt(id, claim)
  const postponed = {
    state: 'unknown',
    reason: null,
    lookups: 1,
    unknownSince: tick(),
    dueAt: tick(),
  } as const
  await attempts.postponeAttempt({ id, token: 'a token', ...postponed })
  const notifications = notificationWork(both, 'a node')
  await notifications.claimNotifications(claim)
  await notifications.settleNotification({ id, token: 'a token', state: 'done', dueAt: null, error: null })
  const purge = purges(sql)
  await purge.purgeIdempotency(tick(), 64)
  await purge.purgeNotifications(tick(), 64)
  await purge.purgeVelocityCounters(tick(), 64)
  await limitReads(sql).velocityCounters(scope, ['a counter'])
  await ledgerSliceWork(sql).addLedgerSlice(scope, 1)
  const ledger = ledgerHistoryReads(sql)
  await ledger.ledgerAccountsAt(scope, tick())
  await ledger.ledgerEnd(scope)
  await ledgerDayReads(sql).ledgerDays(scope, { limit: 64, account: 'merchant' })
  const times = { createdFrom: tick(), createdUntil: tick() }
  await ledgerReads(sql).ledgerEntries(scope, { limit: 64, account: 'merchant', ...times })
  const clock = clockWork(async (text, values) => {
    await sql(text, values)
    return { rows: [{ seen: 0, moved: 0 }], count: 1 }
  })
  const stretch = { after: { dueAt: 1, id }, limit: 1, latest: 1, now: 1, leaseUntil: 1, latestHeld: 1 }
  for (const queue of QUEUES) await clock.bringForward({ queue, name: 'bank_a', ...stretch })
  return [
    ...statements,
    ...(await webhooks()),
    ...freeAbsentAsOf(tick()),
    ...freeLeasesOf('a node'),
    ...purgesAsOf(tick()),
  ]
}

/** The statements of couriers, and of people who change what they do. */
async function webhooks(): Promise<Statement[]> {
  const statements: Statement[] = []
  const run = async (some: readonly Statement[]): Promise<Result[]> => {
    statements.push(...some.filter(({ text }) => !['BEGIN', 'COMMIT', 'ROLLBACK'].includes(text)))
    return some.map(() => ({ rows: [], count: 0 }))
  }
  const connection = { run, broken: () => false, close: async () => {} }
  const pool: Pool = { use: (work) => work(connection), pending: () => 0, close: async () => {} }
  const sql: Sql = async (text, values = []) => (await run([{ text, values }]))[0] as Result
  const audited: AuditedWrite = async (write) => (await run([write].flat())).at(-1) as Result

  const claims = webhookClaims(pool, 'a node')
  await claims.claimWebhookCursors({ now: tick(), leaseUntil: tick(), token: 'a token', limit: 16 })
  await claims.releaseWebhookCursors('a token')
  const endpoint = webhookEndpointOf(scope)
  await claims.releaseWebhookCursors('a token', [endpoint])
  const event = { ...chargeCommit({ scope }).event, sequence: 1, createdAt: tick(), epoch: 'an epoch' }
  const result = resultOf(event, endpoint.id, { object: 'txn' })
  const replay = { id: 'a replay', position: 1, sent: 1, delivered: 1, state: 'running' } as const
  const change = { before: endpoint, after: endpoint, audit: auditEntry(scope) }
  const batch = batchOf(endpoint, 'a token', { results: [result], replay })
  await webhookRecords(pool, { tell() {} }).recordDeliveries([batch, { ...batch, change, event }])
  await webhookLastTries(pool).recordLastTries([batch])
  const reads = webhookWorkReads(sql)
  await reads.eventsToDeliver(scope, { after: 1, limit: 256 })
  await reads.storedDeliveries(scope, ['an id'])
  await reads.dueDeliveries(scope, endpoint.id, { now: tick(), limit: 16 })
  await reads.dueDeliveries(scope, endpoint.id, { now: tick(), limit: 16, putBack: true })
  await reads.nextDue(scope, endpoint.id)
  await reads.blockedObjects(scope, endpoint.id, ['txn'])
  await reads.failedDeliveriesOf(scope, endpoint.id, {
    after: 1,
    to: 9,
    types: ['payment.failed'],
    error: 'connection refused',
    limit: 16,
  })
  await reads.failedEvents(scope, endpoint.id, { after: 1, to: 9, limit: 500 })
  await reads.eventTypes(scope, { after: 1, to: 9, limit: 500 })
  await webhookReads(sql).webhookCursor(scope, endpoint.id)
  const work = webhookWork({ audited })
  await work.retryWebhookDelivery(scope, 'an id', tick(), auditEntry(scope))
  await work.changeWebhookEndpoint(endpoint, endpoint, auditEntry(scope))
  await purges(sql).purgeDeliveries(scope, { before: tick(), after: null, limit: 64 })
  await eventPurges(pool).purgeEvents(scope, {
    before: tick(),
    limit: 50,
    entry: { id: 'an id', at: tick() },
  })
  await eventLogReads(sql).disabledHolders(scope, tick())
  const none = purgedOf(undefined)
  statements.push(...removal([1, 1], none, none))
  return statements
}

type Plan = {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Join Filter'?: string
  readonly Plans?: readonly Plan[]
}

/** A connection as those that commit and work. */
const connectWriter = (url: string) => connect(hostsOf(url), { settings: ONE_PLAN })

/** The plan for unknown parameters, on the current tables. */
async function genericPlan(connection: Connection, name: string, statement: Statement): Promise<Plan> {
  await connection.run([{ text: `PREPARE ${name} AS ${statement.text}` }])
  return keptPlan(connection, name, statement)
}

/** The plan that the server keeps for a statement that was prepared before. */
async function keptPlan(
  { run }: Connection,
  name: string,
  { values = [] }: Pick<Statement, 'values'>,
): Promise<Plan> {
  const nulls = values.length === 0 ? '' : `(${values.map(() => 'NULL').join(', ')})`
  const [result] = await run([{ text: `EXPLAIN (FORMAT JSON) EXECUTE ${name}${nulls}` }])
  const [{ Plan: plan }] = JSON.parse(String(result?.rows[0]?.['QUERY PLAN'])) as [{ Plan: Plan }]
  return plan
}

const READS_A_TABLE = ['Seq Scan', 'Index Scan', 'Index Only Scan', 'Bitmap Index Scan']

function readsATable(plan: Plan): boolean {
  return READS_A_TABLE.includes(plan['Node Type']) || (plan.Plans ?? []).some(readsATable)
}

/** Tables that stay small with any number of charges: the nodes, their current work, the epochs, the accounts and the one clock. */
const SMALL = [
  ...['nodes', 'nodes_pkey', 'notifications_leased', 'attempts_leased', 'attempts_sending'],
  ...['webhook_cursors_free', 'webhook_cursors_leased', 'epochs_pkey', 'accounts_pkey', 'clock'],
]

/** The parts of a plan that read more rows of a table than necessary. */
function wasteful(plan: Plan, above?: Plan): string[] {
  const source = plan['Index Name'] ?? plan['Relation Name'] ?? ''
  // In the order of an index, up to a limit.
  const limited = above?.['Node Type'] === 'Limit' && plan['Node Type'] === 'Index Scan'
  const own = []
  if (plan['Join Filter'] && plan.Plans?.some(readsATable))
    own.push(`joins by trying every row: ${plan['Join Filter']}`)
  if (READS_A_TABLE.includes(plan['Node Type']) && !plan['Index Cond'] && !limited && !SMALL.includes(source))
    own.push(`reads all of ${source}`)
  return [...own, ...(plan.Plans ?? []).flatMap((below) => wasteful(below, plan))]
}

test('every statement of a commit and of a worker finds its rows by an index, planned on empty tables too', async (t) => {
  const connection = await connectWriter(await postgres.database(t))
  try {
    const { all, stored, counters } = commits()
    const statements = [
      ...commitReads(all).statements,
      ...commitWrites(all, stored, counters, 'a node'),
      ...commitWrites(all, { ...stored, assumed: true }, counters, 'a node'),
      ...(await work()),
    ]
    assert.ok(statements.length > 25, `${statements.length} statements`)
    for (const [i, statement] of statements.entries())
      assert.deepEqual(wasteful(await genericPlan(connection, `planned_${i}`, statement)), [], statement.text)
  } finally {
    await connection.close()
  }
})

test('the events of an object are found by indexes, and not in the order of the log', async (t) => {
  const connection = await connectWriter(await postgres.database(t))
  const statements: Statement[] = []
  const sql: Sql = async (text, values = []) => {
    statements.push({ text, values })
    return { rows: [], count: 0 }
  }
  try {
    await eventLogReads(sql).events(scope, { after: 0, limit: 10, object: { id: 'txn_1' } })
    const [statement] = statements
    assert.ok(statement)
    const names = (plan: Plan): string[] => [
      ...(plan['Index Name'] ?? '').split(' '),
      ...(plan.Plans ?? []).flatMap(names),
    ]
    const plan = await genericPlan(connection, 'of_an_object', statement)
    const used = names(plan)
    assert.deepEqual(wasteful(plan), [])
    assert.deepEqual(used.filter((name) => name.startsWith('events_')).sort(), [
      'events_by_id',
      'events_by_object',
    ])
  } finally {
    await connection.close()
  }
})

/** The indexes that charges and attempts are read by. */
function indexes(plan: Plan): string[] {
  const own = plan['Index Name'] ?? ''
  const below = (plan.Plans ?? []).flatMap(indexes)
  return /^(charges|attempts)_/.test(own) ? [own, ...below] : below
}

/** Those that find a row by the columns of a commit's statement; the last columns of others are the id, too. */
const WHOLE_KEYS = ['charges_pkey', 'attempts_pkey', 'attempts_by_scope', 'attempts_by_reference']

function untilStatistics(url: string): Promise<void> {
  return onDatabase(url, (client) =>
    until('statistics of charges and attempts', async () => {
      const { rowCount } = await client.query(
        `SELECT FROM pg_stats WHERE tablename IN ('charges', 'attempts') AND attname = 'account_id'`,
      )
      return rowCount === 2
    }),
  )
}

test('plans that were made on empty tables are replaced once there are rows: whole keys find them', async (t) => {
  const url = await postgres.database(t)
  const connection = await connectWriter(url)
  try {
    const { all, stored, counters } = commits()
    const statements = [
      ...commitReads(all).statements,
      ...commitWrites(all, stored, counters, 'a node'),
      ...commitWrites(all, { ...stored, assumed: true }, counters, 'a node'),
    ]
    for (const [i, statement] of statements.entries()) await genericPlan(connection, `kept_${i}`, statement)

    const [store] = (await openStores(t, url, 1)) as [Store]
    await Promise.all(Array.from({ length: 256 }, () => store.commit(beginCommit({ scope }).commit)))
    await untilStatistics(url)
    const used = new Set<string>()
    for (const [i, statement] of statements.entries())
      for (const index of indexes(await keptPlan(connection, `kept_${i}`, statement))) {
        used.add(index)
        assert.ok(WHOLE_KEYS.includes(index), `${index}:\n${statement.text}`)
      }
    assert.ok(used.has('charges_pkey'), [...used].join(', '))
  } finally {
    await connection.close()
  }
})

test('a node that starts on rows without statistics, as after a restore, collects them', async (t) => {
  const url = await postgres.database(t)
  const [before] = (await openStores(t, url, 1)) as [Store]
  await before.commit(beginCommit({ scope }).commit)
  await before.close()
  await openStores(t, url, 1)
  await untilStatistics(url)
})

test('a connection that commits plans a statement once, for groups of any size', async (t) => {
  const connection = await connectWriter(await postgres.database(t))
  try {
    const { statements } = commitReads(commits().all)
    for (let time = 0; time < 8; time++) await connection.run(statements)
    const [planned] = await connection.run([
      {
        text: `SELECT count(*) AS statements, sum(custom_plans) AS custom FROM pg_prepared_statements
          WHERE generic_plans = 8`,
      },
    ])
    assert.deepEqual(planned?.rows, [{ statements: statements.length, custom: 0n }])
  } finally {
    await connection.close()
  }
})
