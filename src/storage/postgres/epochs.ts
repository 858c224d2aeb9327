/** Epochs of event numbers on PostgreSQL: when one begins, and how MiniPay recognizes a restored database. */
import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import type { AuditEntry } from '../../domain/audit.ts'
import { type Epoch, type EpochCause, firstOfEpoch } from '../../domain/epoch.ts'
import type { Log } from '../../ports/log.ts'
import { epochEntry } from '../epoch-audit.ts'
import { EPOCH } from '../lists.ts'
import { appendAudit } from './audit.ts'
import { NOW } from './clock.ts'
import { codeOf } from './errors.ts'
import { DEAD_AFTER_MS } from './nodes.ts'

type EpochRow = {
  readonly id: string
  readonly firstSequence: string
  readonly beganAt: string
  readonly cause: EpochCause
}

/** Every epoch, oldest first. */
export async function epochsIn(client: Client): Promise<Epoch[]> {
  const { rows } = await client.query<EpochRow>(`SELECT ${EPOCH} FROM epochs ORDER BY first_seq`)
  return rows.map((row) => ({
    ...row,
    firstSequence: Number(row.firstSequence),
    beganAt: Number(row.beganAt),
  }))
}

/** Begins an epoch, also while nodes are serving: their next events are in it. */
export function beginEpoch(client: Client, cause: EpochCause): Promise<Epoch> {
  return inTransaction(client, async () => {
    await lockEpochs(client)
    return begin(queryOn(client), cause, await lineageOf(client))
  })
}

/**
 * Compares the database with its state when a node last started, and begins an epoch if it was restored since: a dump
 * has another table or database, a point-in-time recovery another timeline, a copy another cluster. If other nodes than
 * `node` have been running through a new timeline, a failover began it, and not a recovery.
 */
export function recognize(client: Client, node: string, log: Log): Promise<void> {
  return inTransaction(client, async () => {
    // If several nodes start at once, one begins the epoch, and the others find it.
    const former = await lockEpochs(client)
    const lineage = await lineageOf(client)
    if (former === lineage) return
    // After a copy from an embedded database, the lineage comes from its mark.
    const formerLineage = former?.startsWith(OURS) ? former : null
    const promoted = formerLineage !== null && withoutTimeline(formerLineage) === withoutTimeline(lineage)
    if (formerLineage === null || (promoted && (await othersServe(client, node))))
      return void (await client.query(RECORD, [lineage]))
    const { id } = await begin(queryOn(client), 'replaced', lineage)
    log.warn(
      { epoch: id, reason: `it was ${formerLineage}, and is ${lineage}` },
      'The database was restored or failed over: a new epoch of event numbers begins.',
    )
  })
}

const OURS = 'cluster '

function withoutTimeline(lineage: string): string {
  return lineage.replace(/timeline \S+/, '')
}

async function othersServe(client: Client, node: string): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT 1 FROM nodes WHERE id <> $1 AND seen_at >= ${NOW} - ${DEAD_AFTER_MS} LIMIT 1`,
    [node],
  )
  return rows.length > 0
}

const RECORD = `UPDATE epochs SET lineage = $1 WHERE first_seq = (SELECT max(first_seq) FROM epochs)`

/** Locks the epochs until the transaction ends; returns the lineage of the newest. */
async function lockEpochs(client: Client): Promise<string | null> {
  const { rows } = await client.query<{ lineage: string | null }>(
    `SELECT lineage FROM epochs ORDER BY first_seq DESC LIMIT 1 FOR UPDATE`,
  )
  return rows[0]?.lineage ?? null
}

/** Runs one statement on one connection. */
export type Query = <R extends object>(
  text: string,
  values?: (string | number | null)[],
) => Promise<{ readonly rows: R[] }>

/**
 * Runs in a transaction that has locked the epochs, and appends the audit entry. Afterwards every scope has a row of numbers, so its first event is
 * in the epoch, too.
 */
export async function begin(query: Query, cause: EpochCause, lineage: string | null): Promise<Epoch> {
  await query(
    `INSERT INTO sequences (account_id, live, event, transfer, audit, counted)
     SELECT a.id, m.live, 0, 0, 0, 1 FROM accounts a CROSS JOIN (VALUES (0), (1)) AS m (live)
     ORDER BY a.id, m.live
     ON CONFLICT DO NOTHING`,
  )
  const { rows } = await query<{ last: string; now: string }>(
    `SELECT max(event) AS last, ${NOW} AS now
     FROM (SELECT event FROM sequences ORDER BY account_id, live FOR UPDATE) AS s`,
  )
  const now = Number(rows[0]?.now)
  const firstSequence = firstOfEpoch(now, Number(rows[0]?.last))
  const id = `ep_${randomBytes(8).toString('hex')}`
  await query(`INSERT INTO epochs (first_seq, id, began_at, cause, lineage) VALUES ($1, $2, $3, $4, $5)`, [
    firstSequence,
    id,
    now,
    cause,
    lineage,
  ])
  await query(
    `INSERT INTO epoch_ends (first_seq, account_id, live, last_seq)
     SELECT $1, s.account_id, s.live, e.last
     FROM sequences s
     CROSS JOIN LATERAL (
       SELECT max(seq) AS last FROM events WHERE account_id = s.account_id AND live = s.live) AS e
     WHERE e.last IS NOT NULL`,
    [firstSequence],
  )
  await query(`UPDATE sequences SET event = $1::bigint - 1`, [firstSequence])
  const epoch = { id, firstSequence, beganAt: now, cause }
  await append(query, epochEntry(epoch))
  return epoch
}

/** Appends an audit entry in the transaction of a command. */
export async function append(query: Query, entry: AuditEntry): Promise<void> {
  for (const { text, values } of appendAudit(entry)) await query(text, values && [...values])
}

/**
 * The identity of the cluster, its timeline (each recovery and each promotion begins one), the database, and the table.
 * Leaves out the parts that a managed server does not show.
 */
async function lineageOf(client: Client): Promise<string> {
  const cluster = await readIfAllowed(
    client,
    `SELECT system_identifier::text AS value FROM pg_control_system()`,
  )
  const timeline = await readIfAllowed(
    client,
    `SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS value`,
  )
  const { rows } = await client.query<{ database: string; table: string }>(
    `SELECT d.oid::text AS database, 'epochs'::regclass::oid::text AS table
     FROM pg_catalog.pg_database d WHERE d.datname = current_database()`,
  )
  return `${OURS}${cluster} timeline ${timeline} database ${rows[0]?.database} table ${rows[0]?.table}`
}

/** `-` if the server does not allow the query. */
async function readIfAllowed(client: Client, text: string): Promise<string> {
  await client.query('SAVEPOINT asked')
  try {
    const { rows } = await client.query<{ value: string }>(text)
    return rows[0]?.value ?? '-'
  } catch (error) {
    // Insufficient privilege, a missing function, or a function that the server does not support.
    if (!['42501', '42883', '0A000', '55000'].includes(codeOf(error) ?? '')) throw error
    await client.query('ROLLBACK TO SAVEPOINT asked')
    return '-'
  }
}

const queryOn =
  (client: Client): Query =>
  (text, values) =>
    client.query(text, values)

async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
