/** The retention of events: see chain/purged. */
import { idFloor } from '../../domain/id.ts'
import type { Scope } from '../../domain/scope.ts'
import type { EventPurge, PurgedEvents } from '../../ports/store-retention.ts'
import { purgeEntry, purgeStep } from '../chain/purge.ts'
import { type Purged, purgedOf } from '../chain/purged.ts'
import { ID_MARGIN_MS, POSTGRES_TEXT, purgeBounds } from '../purge.ts'
import type { Row as VerifiedRow } from '../verify/aggregate.ts'
import { appendAudit, retrying } from './audit.ts'
import type { Result, Statement } from './batch.ts'
import { rollingBack } from './committer.ts'
import type { Pool } from './pool.ts'
import { live } from './rows.ts'

const BEGIN: Statement = { text: 'BEGIN' }
const COMMIT: Statement = { text: 'COMMIT' }
const ROLLBACK: Statement = { text: 'ROLLBACK' }

/** One node at a time purges a scope. The row of a scope without deleted events says that there are none. */
const LOCK = `
  INSERT INTO event_purges AS g (account_id, live, events_to, links_to, digest, until, logged)
  VALUES ($1::integer, $2::smallint, 0, 0, '', 0, 1)
  ON CONFLICT (account_id, live) DO UPDATE SET logged = g.logged
  RETURNING *`
const LINKS = `
  SELECT * FROM chain_links
  WHERE account_id = $1::integer AND live = $2::smallint
    AND number >= (SELECT links_to FROM event_purges WHERE account_id = $1::integer AND live = $2::smallint)
  ORDER BY number LIMIT $3::integer`
const BOUNDS = purgeBounds(POSTGRES_TEXT)
const RANGE = 'account_id = $1::integer AND live = $2::smallint AND seq > $3::bigint AND seq <= $4::bigint'
const EVENTS = `SELECT seq, id, type, created_at, data FROM events WHERE ${RANGE} ORDER BY seq`
const TRANSFERS = `
  SELECT t.seq, t.transaction_id, t.amount, t.created_at, d.code AS debit, c.code AS credit, d.currency
  FROM ledger_accounts d
  CROSS JOIN LATERAL (
    SELECT * FROM ledger_transfers
    WHERE debit_account_id = d.id AND seq > $3::bigint AND seq <= $4::bigint OFFSET 0) AS t
  JOIN ledger_accounts c ON c.id = t.credit_account_id
  WHERE d.account_id = $1::integer AND d.live = $2::smallint ORDER BY t.seq`
const AUDIT = `SELECT * FROM audit_log WHERE ${RANGE} ORDER BY seq`
const DELETE_EVENTS = `DELETE FROM events WHERE ${RANGE}`
/** A delivery of a deleted endpoint cannot be put back. */
const OF_DELETED = `endpoint IN (
  SELECT id FROM webhook_endpoints
  WHERE account_id = $1::integer AND live = $2::smallint AND deleted_at IS NOT NULL)`
const DELETE_DELIVERIES = `
  WITH gone AS (
    DELETE FROM webhook_deliveries
    WHERE account_id = $1::integer AND live = $2::smallint AND id < $3 AND event_seq <= $4::bigint
      AND (state = 'delivered' OR state = 'failed' AND ${OF_DELETED})
    RETURNING state)
  INSERT INTO counters AS k (account_id, live, name, currency, part, value)
  SELECT $1::integer, $2::smallint, 'deliveries_' || state, '', 1, -count(*) FROM gone GROUP BY state ORDER BY state
  ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value`
/** A delivery that a person put back meanwhile. Only an endpoint that is not deleted has a cursor. */
const STILL_NEEDED = `
  SELECT 1 FROM webhook_cursors c
  WHERE c.account_id = $1::integer AND c.live = $2::smallint AND (
    ${['pending', 'failed']
      .map(
        (state) => `(
      SELECT min(d.event_seq) FROM webhook_deliveries d
      WHERE d.account_id = c.account_id AND d.live = c.live AND d.endpoint = c.endpoint
        AND d.state = '${state}') <= $3::bigint`,
      )
      .join(' OR ')})
  LIMIT 1`
const SAVE = `
  UPDATE event_purges SET events_to = $3::bigint, links_to = $4::bigint, digest = $5, until = $6::bigint,
    logged = $7::smallint
  WHERE account_id = $1::integer AND live = $2::smallint`

type Own = readonly [account: number, live: number]
const NOTHING_LEFT: PurgedEvents = { deleted: 0, done: true }

export function eventPurges(pool: Pool) {
  return {
    purgeEvents(scope: Scope, purge: EventPurge): Promise<PurgedEvents> {
      return retrying(() =>
        pool.use((connection) => rollingBack(connection, () => purgeIn(connection, scope, purge))),
      )
    },
  }
}

type Connection = { run(statements: readonly Statement[]): Promise<Result[]> }

async function purgeIn(
  connection: Connection,
  scope: Scope,
  { before, limit, entry }: EventPurge,
): Promise<PurgedEvents> {
  const own: Own = [scope.accountId, live(scope)]
  const [, locked, links, bounds] = (await connection.run([
    BEGIN,
    { text: LOCK, values: own },
    { text: LINKS, values: [...own, limit + 1] },
    { text: BOUNDS, values: own },
  ])) as [Result, Result, Result, Result]
  const state = purgedOf(locked.rows[0] as VerifiedRow)
  const rows = links.rows as VerifiedRow[]
  const keys = bounds.rows[0]?.['before']
  const step = purgeStep(
    state,
    { links: rows, ...(await rowsOf(connection, own, state, rows)) },
    {
      before: Math.min(before, keys == null ? before : Number(keys)),
      last: Number(bounds.rows[0]?.['last'] ?? 0),
    },
  )
  const { next, events, problem } = step
  const done = next.linksTo === state.linksTo || next.linksTo < Number(rows.at(-1)?.['number'])
  if (problem !== undefined || (done && events.length === 0 && state.logged)) {
    await connection.run([ROLLBACK])
    return problem === undefined ? NOTHING_LEFT : { ...NOTHING_LEFT, problem }
  }
  if (events.length > 0 && !(await remove(connection, own, state, next))) return NOTHING_LEFT
  const { eventsTo, linksTo, digest, until } = next
  await connection.run([
    { text: SAVE, values: [...own, eventsTo, linksTo, digest, until, done ? 1 : 0] },
    ...(done ? appendAudit(purgeEntry(scope, entry, next)) : []),
    COMMIT,
  ])
  return { deleted: events.length, done }
}

/** The rows of the links after the purged ones. */
async function rowsOf(connection: Connection, own: Own, state: Purged, links: readonly VerifiedRow[]) {
  const first = state.linksTo === 0 ? undefined : links[0]
  const range = (column: string) => [
    ...own,
    Number(first?.[column] ?? 0),
    Number(links.at(-1)?.[column] ?? 0),
  ]
  const results = await connection.run([
    { text: EVENTS, values: range('events_to') },
    { text: TRANSFERS, values: range('transfers_to') },
    { text: AUDIT, values: range('audit_to') },
  ])
  const [events = [], transfers = [], audit = []] = results.map((result) => result.rows as VerifiedRow[])
  return { events, transfers, audit }
}

/** Deletes the events of a step and their deliveries. The last one has a row if an event is still needed. */
export const removal = (own: Own, state: Purged, next: Purged): Statement[] => [
  { text: DELETE_DELIVERIES, values: [...own, idFloor('dlv', next.until + ID_MARGIN_MS), next.eventsTo] },
  { text: DELETE_EVENTS, values: [...own, state.eventsTo, next.eventsTo] },
  { text: STILL_NEEDED, values: [...own, next.eventsTo] },
]

/** False, and the transaction is undone, if a delivery of such an event was put back since the bounds were read. */
async function remove(connection: Connection, own: Own, state: Purged, next: Purged): Promise<boolean> {
  const results = await connection.run(removal(own, state, next))
  if (results.at(-1)?.rows.length === 0) return true
  await connection.run([ROLLBACK])
  return false
}
