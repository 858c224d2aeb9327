/** Records of deliveries: what the holders of cursors found out, for many endpoints in one transaction. */
import { randomUUID } from 'node:crypto'
import { KEPT_TRIES } from '../../domain/webhooks/delivery.ts'
import type { Scope } from '../../ports/store.ts'
import type { DeliveryBatch, DeliveryResult } from '../../ports/store-webhooks.ts'
import { auditText, eventText } from '../chain/link.ts'
import { mayEndWait } from '../webhooks.ts'
import { retrying } from './audit.ts'
import type { Result, Statement } from './batch.ts'
import { addLink } from './chain.ts'
import { insertAudit, insertEvents, takeNumbers } from './commit-sql-numbered.ts'
import { numberedAudit } from './commit-writes.ts'
import { begin, lastWords, rollingBack, settled } from './committer.ts'
import type { Pool } from './pool.ts'
import { recordset } from './recordset.ts'
import { byScope, nameIn } from './rows.ts'
import type { Signals } from './signals.ts'
import { byCursor, CURSOR, CURSORS, HELD, type Placed } from './webhook-batches.ts'
import { hourWrites } from './webhook-hours.ts'
import { changeEndpoint } from './webhooks.ts'

const COMMIT: Statement = { text: 'COMMIT' }

/**
 * Records in one transaction: one round trip, and a second one if an endpoint changes or an event is stored. When the
 * connection breaks, it finds out whether the transaction was made, as commits do.
 */
export function webhookRecords(
  pool: Pool,
  signals: Pick<Signals, 'tell'>,
  onRecorded: (deliveries: number) => void = () => {},
) {
  return {
    async recordDeliveries(batches: readonly DeliveryBatch[]): Promise<readonly boolean[]> {
      if (batches.length === 0) return []
      const ordered = batches.map((batch, place) => ({ batch, place })).sort(byCursor)
      const transaction = () => settled(() => record(pool, ordered), pool)
      const { held, told } = await retrying(transaction, true)
      signals.tell(told)
      onRecorded(batches.reduce((sum, { results }) => sum + results.length, 0))
      // Unknown after a broken connection: a token that holds its cursor now held it then.
      const holding =
        held ?? heldOf(await retrying(() => pool.use(({ run }) => run([holdings(ordered)])), true))
      return batches.map((_, i) => holding.has(i))
    },
  }
}

type Recorded = { readonly held: ReadonlyMap<number, Cursor> | null; readonly told: readonly Scope[] }
/** A cursor that is held, as it was before. */
type Cursor = { readonly warnedAt: number | null }

/** By the places of the batches. */
function heldOf([result]: readonly Result[]): ReadonlyMap<number, Cursor> {
  const rows = (result?.rows ?? []) as { place: number; warnedAt: number | null }[]
  return new Map(rows.map(({ place, warnedAt }) => [place, { warnedAt }]))
}

function record(pool: Pool, batches: readonly Placed[]): Promise<Recorded> {
  const group = randomUUID()
  const first = [
    ...begin(group),
    lockings(batches),
    ...resultWrites(batches),
    ...replayWrites(batches),
    ...hourWrites(batches),
  ]
  const changes = batches.flatMap(({ batch, place }) =>
    batch.change
      ? [{ place, statement: changeEndpoint(batch.change.before, batch.change.after, batch.token) }]
      : [],
  )
  const appends = batches.some(({ batch }) => batch.change || batch.event)
  const unknown: Recorded = { held: null, told: [] }

  return pool.use((connection) =>
    rollingBack(connection, async () => {
      if (!appends) {
        const results = await lastWords(group, unknown, () => connection.run([...first, COMMIT]))
        return { held: heldOf(results.slice(LOCKED)), told: [] }
      }
      const results = await connection.run([...first, ...changes.map(({ statement }) => statement)])
      const held = heldOf(results.slice(LOCKED))
      const changed = new Set(
        changes.flatMap(({ place }, i) => (results[first.length + i]?.count === 1 ? [place] : [])),
      )
      const stored = batches.filter(({ batch, place }) =>
        isStored(batch, held.get(place), changed.has(place)),
      )
      const told = stored.flatMap(({ batch }) => (batch.event ? [batch.scope] : []))
      const last = [...appended(stored.map(({ batch }) => batch)), COMMIT]
      await lastWords(group, { held, told }, () => connection.run(last))
      return { held, told }
    }),
  )
}

export /** Whether the audit entry and the event of a batch are stored. A warning is stored once. */
function isStored(batch: DeliveryBatch, cursor: Cursor | undefined, changed: boolean): boolean {
  if (!cursor) return false
  if (batch.change) return changed
  return (
    batch.failing === null || batch.failing.warnedAt === null || batch.failing.warnedAt !== cursor.warnedAt
  )
}

/** The statements of the audit entries and events of batches: they lock the numbers of their scopes. */
function appended(batches: readonly DeliveryBatch[]): Statement[] {
  return byScope(batches).flatMap(([scope, of]) => {
    const entries = of.flatMap(({ change }) => change?.audit ?? [])
    const events = of.flatMap(({ event, at }) => (event ? [{ ...event, at }] : []))
    if (entries.length + events.length === 0) return []
    const rows =
      events.map(({ id, type, at, data }) => eventText(id, type, at, data)).join('') +
      entries.map(auditText).join('')
    const numbered = events.map((event, i) => ({ ...event, behind: events.length - 1 - i }))
    return [
      takeNumbers(scope, { events: events.length, transfers: 0, audit: entries.length }),
      addLink(scope, rows, Math.max(...of.map(({ at }) => at))),
      ...(events.length > 0 ? [insertEvents(scope, numbered)] : []),
      ...(entries.length > 0 ? [insertAudit(scope, numberedAudit(entries))] : []),
    ]
  })
}

const holding = (lock: string) => `
  SELECT r.place, c.warned_at AS "warnedAt"
  FROM ${CURSORS.from}
  CROSS JOIN LATERAL (
    SELECT token, warned_at FROM webhook_cursors
    WHERE account_id = r.account_id AND live = r.live AND endpoint = r.endpoint
    ${lock}) AS c
  WHERE c.token = r.token`
const HOLDING = holding('LIMIT 1')
/**
 * One after another, in their order; also those of other holders, so that none changes hands before the transaction
 * ends.
 */
const LOCK = holding('FOR UPDATE')

const holdings = (batches: readonly Placed[]) => ({ text: HOLDING, values: CURSORS.values(batches) })
const lockings = (batches: readonly Placed[]) => ({ text: LOCK, values: CURSORS.values(batches) })
/** The place of the latter's result, after those that begin the transaction. */
const LOCKED = 2

type PlacedResult = Placed & { readonly result: DeliveryResult }

export const RESULTS = recordset<PlacedResult>(
  {
    ...CURSOR,
    id: ['text', ({ result }) => result.delivery.id],
    event_seq: ['bigint', ({ result }) => result.delivery.eventSequence],
    event_id: ['text', ({ result }) => result.delivery.eventId],
    event_type: ['text', ({ result }) => result.delivery.eventType],
    object: ['text', ({ result }) => result.delivery.object],
    created_at: ['bigint', ({ result }) => result.delivery.createdAt],
    revision: ['integer', ({ result }) => result.revision],
    state: ['text', ({ result }) => result.state],
    due_at: ['bigint', ({ result }) => result.dueAt],
    tried: ['text', ({ result }) => result.try && JSON.stringify(result.try)],
    anew: ['smallint', ({ result }) => (result.try?.why === 'replay' ? 1 : 0)],
    at: ['bigint', ({ batch }) => batch.at],
  },
  1,
)

export const BATCHES = recordset<Placed>(
  {
    ...CURSOR,
    position: ['bigint', ({ batch }) => batch.position],
    fails: ['smallint', ({ batch }) => (batch.failing ? 1 : 0)],
    failing_since: ['bigint', ({ batch }) => batch.failing?.since ?? null],
    warned_at: ['bigint', ({ batch }) => batch.failing?.warnedAt ?? null],
  },
  1 + RESULTS.columns.split(', ').length,
)

/** A statement changes each row once: the second result of a delivery is in a second statement. */
export function layersOf(batches: readonly Placed[]): PlacedResult[][] {
  const layers: PlacedResult[][] = [[]]
  const seen = new Map<string, number>()
  for (const placed of batches)
    for (const result of placed.batch.results) {
      const name = nameIn(placed.batch.scope, result.delivery.id)
      const layer = seen.get(name) ?? 0
      seen.set(name, layer + 1)
      const results = layers[layer] ?? []
      layers[layer] = results
      results.push({ ...placed, result })
    }
  return layers
}

function resultWrites(batches: readonly Placed[]): Statement[] {
  const cursors = BATCHES.values(merged(batches))
  return layersOf(batches).flatMap((results) => [
    { text: RECORD, values: [...RESULTS.values(results), ...cursors] },
    ...nextWrites(results),
  ])
}

/** One batch for each cursor: a holder reports the progress of each replay in a batch of its own. */
function merged(batches: readonly Placed[]): Placed[] {
  const byCursor = new Map<string, Placed>()
  for (const { batch, place } of batches) {
    const name = nameIn(batch.scope, batch.endpoint, batch.token)
    const other = byCursor.get(name)?.batch
    const position = Math.max(batch.position ?? 0, other?.position ?? 0)
    const failing = batch.failing ?? other?.failing ?? null
    byCursor.set(name, { batch: { ...batch, position, failing }, place })
  }
  return [...byCursor.values()]
}

/** The last tries, as JSON texts: PostgreSQL reads them without decoding them. */
const LAST_TRIES = `(
        SELECT '[' || string_agg(e.value::text, ',' ORDER BY e.place) || ',' || f.tried || ']'
        FROM json_array_elements(f.tries::json) WITH ORDINALITY AS e (value, place)
        WHERE e.place > json_array_length(f.tries::json) - ${KEPT_TRIES - 1})`

/**
 * Records results, each if the sub-query `held` finds a row for it. Two indexes of deliveries begin with a scope. With the
 * endpoint either finds a row at once.
 */
export const recording = (held: string) => `
  WITH found AS MATERIALIZED (
    SELECT r.*, d.id AS stored, d.state AS was, d.revision AS stored_revision, d.tries,
      coalesce(d.revision = r.revision, false) AS same
    FROM ${RESULTS.from}
    CROSS JOIN LATERAL (${held}) AS c
    LEFT JOIN LATERAL (
      SELECT id, state, revision, tries FROM webhook_deliveries
      WHERE account_id = r.account_id AND live = r.live AND endpoint = r.endpoint AND id = r.id
      FOR UPDATE) AS d ON true),
  changed AS (
    UPDATE webhook_deliveries d
    SET tries = CASE
        WHEN f.tried IS NULL THEN d.tries
        WHEN d.tries = '[]' THEN '[' || f.tried || ']'
        WHEN json_array_length(f.tries::json) >= ${KEPT_TRIES} THEN ${LAST_TRIES}
        ELSE left(d.tries, -1) || ',' || f.tried || ']' END,
      state = CASE WHEN f.same THEN f.state ELSE d.state END,
      attempts = CASE WHEN f.same AND f.anew = 1 THEN 0 ELSE d.attempts END
        + CASE WHEN f.same AND f.tried IS NOT NULL THEN 1 ELSE 0 END,
      due_at = CASE WHEN f.same THEN f.due_at ELSE d.due_at END,
      settled_at = CASE WHEN NOT f.same THEN d.settled_at WHEN f.state <> 'pending' THEN f.at END
    FROM found f
    WHERE f.stored IS NOT NULL
      AND d.account_id = f.account_id AND d.live = f.live AND d.endpoint = f.endpoint AND d.id = f.id
    RETURNING d.account_id, d.live, d.endpoint, f.was, d.state, 0::bigint AS seq,
      CASE WHEN f.same AND f.tried IS NOT NULL THEN 1 ELSE 0 END AS tries),
  added AS (
    INSERT INTO webhook_deliveries (account_id, live, id, endpoint, event_seq, event_id, event_type, object, state,
      attempts, due_at, revision, tries, created_at, settled_at)
    SELECT f.account_id, f.live, f.id, f.endpoint, f.event_seq, f.event_id, f.event_type, f.object, f.state,
      CASE WHEN f.tried IS NULL THEN 0 ELSE 1 END, f.due_at, 0, coalesce('[' || f.tried || ']', '[]'), f.created_at,
      CASE WHEN f.state <> 'pending' THEN f.at END
    FROM found f
    WHERE f.stored IS NULL
    RETURNING account_id, live, endpoint, NULL::text AS was, state, event_seq AS seq, attempts AS tries),
  moves AS MATERIALIZED (SELECT * FROM changed UNION ALL SELECT * FROM added),
  moved AS (
    UPDATE webhook_cursors c
    SET position = greatest(c.position, r.position),
      reach = greatest(c.reach, m.seq),
      pending = c.pending + coalesce(m.pending, 0),
      failed = c.failed + coalesce(m.failed, 0),
      failing_since = CASE r.fails WHEN 1 THEN r.failing_since ELSE c.failing_since END,
      warned_at = CASE r.fails WHEN 1 THEN r.warned_at ELSE c.warned_at END
    FROM ${BATCHES.from}
    LEFT JOIN LATERAL (
      SELECT max(seq) AS seq,
        count(*) FILTER (WHERE state = 'pending') - count(*) FILTER (WHERE was = 'pending') AS pending,
        count(*) FILTER (WHERE state = 'failed') - count(*) FILTER (WHERE was = 'failed') AS failed
      FROM moves
      WHERE account_id = r.account_id AND live = r.live AND endpoint = r.endpoint) AS m ON true
    WHERE c.account_id = r.account_id AND c.live = r.live AND c.endpoint = r.endpoint AND c.token = r.token),
  counted AS (
    INSERT INTO counters AS k (account_id, live, name, currency, part, value)
    SELECT m.account_id, m.live, n.name, '', 1, sum(n.change)
    FROM moves m
    CROSS JOIN LATERAL (VALUES
      ('deliveries_' || m.was, -1),
      ('deliveries_' || m.state, 1),
      ('deliveries_retried', CASE WHEN m.state = 'pending' THEN m.tries ELSE 0 END)) AS n (name, change)
    WHERE n.name IS NOT NULL
    GROUP BY m.account_id, m.live, n.name
    HAVING sum(n.change) <> 0
    ORDER BY m.account_id, m.live, n.name
    ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value)
  SELECT 1`
const RECORD = recording(HELD)

type Blocked = Pick<PlacedResult, 'batch' | 'place'> & { readonly object: string }

const OBJECTS = recordset<Blocked>(
  { ...CURSOR, object: ['text', ({ object }) => object], at: ['bigint', ({ batch }) => batch.at] },
  1,
)

/** The first pending delivery of an object is due, if it waits: for one that has just ended, or for none if it is new. */
const NEXT = `
  UPDATE webhook_deliveries d SET due_at = n.at
  FROM (
    SELECT r.account_id, r.live, p.id, r.at
    FROM ${OBJECTS.from}
    CROSS JOIN LATERAL (${HELD}) AS c
    CROSS JOIN LATERAL (
      SELECT id, due_at FROM webhook_deliveries
      WHERE account_id = r.account_id AND live = r.live AND endpoint = r.endpoint AND object = r.object
        AND state = 'pending'
      ORDER BY event_seq LIMIT 1) AS p
    WHERE p.due_at IS NULL
    OFFSET 0) AS n
  WHERE d.account_id = n.account_id AND d.live = n.live AND d.id = n.id`

function nextWrites(results: readonly PlacedResult[]): Statement[] {
  const objects = new Map<string, Blocked>()
  for (const { batch, place, result } of results) {
    const { object } = result.delivery
    if (object === null || !mayEndWait(result)) continue
    objects.set(nameIn(batch.scope, batch.endpoint, object), { batch, place, object })
  }
  return objects.size > 0 ? [{ text: NEXT, values: OBJECTS.values([...objects.values()]) }] : []
}

type Progress = Placed & { readonly replay: NonNullable<DeliveryBatch['replay']> }

const REPLAYS = recordset<Progress>(
  {
    ...CURSOR,
    id: ['text', ({ replay }) => replay.id],
    position: ['bigint', ({ replay }) => replay.position],
    sent: ['bigint', ({ replay }) => replay.sent],
    delivered: ['bigint', ({ replay }) => replay.delivered],
    state: ['text', ({ replay }) => replay.state],
    at: ['bigint', ({ batch }) => batch.at],
  },
  1,
)

/** A canceled replay stays so. */
const PROGRESS = `
  UPDATE webhook_replays p
  SET position = greatest(p.position, n.position),
    sent = n.sent,
    delivered = n.delivered,
    ended_at = CASE WHEN p.state = 'running' AND n.state = 'done' THEN n.at ELSE p.ended_at END,
    state = CASE WHEN p.state = 'running' THEN n.state ELSE p.state END
  FROM (SELECT r.* FROM ${REPLAYS.from} CROSS JOIN LATERAL (${HELD}) AS c) AS n
  WHERE p.account_id = n.account_id AND p.live = n.live AND p.id = n.id AND p.endpoint = n.endpoint`

function replayWrites(batches: readonly Placed[]): Statement[] {
  const replays = new Map<string, Progress>()
  for (const placed of batches) {
    const { replay } = placed.batch
    if (replay) replays.set(nameIn(placed.batch.scope, replay.id), { ...placed, replay })
  }
  return replays.size > 0 ? [{ text: PROGRESS, values: REPLAYS.values([...replays.values()]) }] : []
}
