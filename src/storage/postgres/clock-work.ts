import type { KeptClock } from '../../domain/clock.ts'
import type { ClockMark, DueTimeChange, DueTimesChanged, Queue } from '../../ports/store-clock.ts'
import type { Sql } from './statements.ts'

/** Writes for the clock: its stored state, and corrections of due times that are too late. All are repeatable. */
export function clockWork(sql: Sql) {
  return {
    async keepClock(clock: KeptClock, seenMs: number | null): Promise<boolean> {
      const { observedMs, wallMs, trustedMs, steadyFromMs, movedMs } = clock
      const values = [observedMs, wallMs, trustedMs, steadyFromMs, movedMs]
      const result =
        seenMs === null ? await sql(FIRST_CLOCK, values) : await sql(KEEP_CLOCK, [...values, seenMs])
      return result.count === 1
    },

    async setBack(ms: number): Promise<void> {
      await sql('UPDATE clock SET set_back_ms = $1 WHERE set_back_ms < $1', [ms])
    },

    async addMark(observedMs: number, wallMs: number): Promise<void> {
      await sql(ADD_MARK, [observedMs, wallMs])
    },

    async markAt(observedMs: number): Promise<ClockMark | undefined> {
      const { rows } = await sql(MARK_AT, [observedMs])
      const mark = rows[0] as unknown as ClockMark | undefined
      if (mark) await sql('DELETE FROM clock_marks WHERE observed_ms < $1', [mark.observedMs])
      return mark
    },

    async bringForward(stretch: DueTimeChange): Promise<DueTimesChanged> {
      const { queue, name, after, limit, latest, now, leaseUntil, latestHeld } = stretch
      const times = [latest, now, leaseUntil, ...(queue === 'waiting' ? [latestHeld] : [])]
      const { rows } = await sql(BRING_FORWARD[queue], [name, after.dueAt, after.id, limit, ...times])
      const { seen, moved, dueAt, id } = rows[0] as { seen: number; moved: number; dueAt: number; id: string }
      return { moved, last: seen === limit ? { dueAt, id } : null }
    },
  }
}

const FIRST_CLOCK = `
  INSERT INTO clock (id, observed_ms, wall_ms, trusted_ms, steady_from_ms, moved_ms)
  VALUES (1, $1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING`

/** Several nodes observe the same time: only one of those that saw the same state adds to it. */
const KEEP_CLOCK = `
  UPDATE clock SET observed_ms = $1, wall_ms = $2, trusted_ms = $3, steady_from_ms = $4, moved_ms = $5
  WHERE observed_ms = $6`

const ADD_MARK = `
  INSERT INTO clock_marks (observed_ms, wall_ms, last_key)
  SELECT $1::bigint, $2::bigint, coalesce(max(seq), 0) FROM idempotency_keys
  ON CONFLICT DO NOTHING`

const MARK_AT = `
  SELECT m.observed_ms AS "observedMs", m.last_key AS "lastKey",
    (SELECT min(wall_ms) FROM clock_marks l WHERE l.observed_ms >= m.observed_ms) AS "wallMs"
  FROM clock_marks m WHERE m.observed_ms <= $1 ORDER BY m.observed_ms DESC LIMIT 1`

/** Each queue's table, and the conditions of the indexes in whose order its rows are due; $1 is the queue's name. */
const QUEUE: Readonly<Record<Queue, readonly [table: string, ...where: string[]]>> = {
  deliveries: ['webhook_deliveries', `$1 = '' AND due_at IS NOT NULL`],
  notifications: ['notifications', `$1 = '' AND state = 'pending'`],
  // Of each of its two indexes.
  unknown: ['attempts', `provider = $1 AND state = 'sending'`, `provider = $1 AND state = 'unknown'`],
  waiting: ['attempts', `provider = $1 AND state IN ('pending', 'succeeded') AND due_at IS NOT NULL`],
}

/** The latest due time of an authorization that is still held. */
const HELD = `greatest($8::bigint, (
  SELECT coalesce(c.expires_at, 0) FROM charges c
  WHERE c.account_id = t.account_id AND c.live = t.live AND c.id = t.transaction_id))`

/** Skips rows that another node has locked: that node is working on them. */
function bringForward(queue: Queue): string {
  const [table, ...where] = QUEUE[queue]
  const latest =
    queue === 'waiting' ? `CASE t.state WHEN 'succeeded' THEN ${HELD} ELSE $5::bigint END` : '$5::bigint'
  // A delivery has no lease of its own, and its id is one of its scope.
  const isDelivery = queue === 'deliveries'
  const hasNoLease = isDelivery ? 'true' : 't.token IS NULL'
  const target = `CASE WHEN ${hasNoLease} THEN $6::bigint ELSE $7::bigint END`
  const key = isDelivery ? ['account_id', 'live', 'id'] : ['id']
  const keyOf = (table: string) => key.map((column) => `${table}.${column}`).join(', ')
  const next = (where: string) =>
    `(SELECT * FROM ${table} WHERE ${where} AND (due_at, id) > ($2::bigint, $3) ORDER BY due_at, id LIMIT $4)`
  return `
    WITH stretch AS MATERIALIZED (
      SELECT ${keyOf('t')}, t.due_at, ${target} AS target, ${latest} AS latest
      FROM (${where.map(next).join(' UNION ALL ')}) t
      ORDER BY t.due_at, t.id
      LIMIT $4),
    late AS MATERIALIZED (
      SELECT ${keyOf('t')}, s.target
      FROM stretch s
      CROSS JOIN LATERAL (
        SELECT ${key.join(', ')} FROM ${table} o
        WHERE (${keyOf('o')}) = (${keyOf('s')}) AND o.due_at = s.due_at FOR UPDATE SKIP LOCKED) AS t
      WHERE s.due_at > greatest(s.latest, s.target)),
    moved AS (
      UPDATE ${table} t SET due_at = l.target FROM late l WHERE (${keyOf('t')}) = (${keyOf('l')})
      RETURNING t.id)
    SELECT (SELECT count(*) FROM stretch) AS seen, (SELECT count(*) FROM moved) AS moved,
      (SELECT due_at FROM stretch ORDER BY due_at DESC, id DESC LIMIT 1) AS "dueAt",
      (SELECT id FROM stretch ORDER BY due_at DESC, id DESC LIMIT 1) AS id`
}

const BRING_FORWARD: Readonly<Record<Queue, string>> = {
  deliveries: bringForward('deliveries'),
  notifications: bringForward('notifications'),
  unknown: bringForward('unknown'),
  waiting: bringForward('waiting'),
}
