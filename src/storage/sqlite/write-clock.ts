import type { KeptClock } from '../../domain/clock.ts'
import type { ClockMark, DueTimeChange, DueTimesChanged, Queue } from '../../ports/store-clock.ts'
import type { Definition } from './definition.ts'

/** Each queue's table, and the condition of the index in whose order its rows are due; `?` is the queue's name. */
const QUEUE: Readonly<Record<Queue, readonly [table: string, where: string]>> = {
  deliveries: ['webhook_deliveries', `? = '' AND due_at IS NOT NULL`],
  notifications: ['notifications', `? = '' AND state = 'pending'`],
  unknown: ['attempts', `provider = ? AND state IN ('sending', 'unknown') AND due_at IS NOT NULL`],
  waiting: ['attempts', `provider = ? AND state IN ('pending', 'succeeded') AND due_at IS NOT NULL`],
}

const HELD = `(SELECT coalesce(c.expires_at, 0) FROM charges c
  WHERE c.account_id = t.account_id AND c.live = t.live AND c.id = t.transaction_id)`

type DueRow = readonly [
  ...[id: string, dueAt: number, leased: 0 | 1, held: 0 | 1, lapsesAt: number],
  ...scope: number[],
]

/** Writes for the clock: its stored state, and corrections of due times that are too late. */
export const clockWrites = {
  keepClock:
    (db) =>
    (clock: KeptClock, seenMs: number | null): boolean => {
      const storedMs = db.prepare('SELECT observed_ms FROM clock').pluck().get() as number | undefined
      if ((storedMs ?? null) !== seenMs) return false
      const { observedMs, wallMs, trustedMs, steadyFromMs, movedMs } = clock
      db.prepare(
        `INSERT INTO clock (id, observed_ms, wall_ms, trusted_ms, steady_from_ms, moved_ms)
         VALUES (1, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE
         SET observed_ms = excluded.observed_ms, wall_ms = excluded.wall_ms, trusted_ms = excluded.trusted_ms,
           steady_from_ms = excluded.steady_from_ms, moved_ms = excluded.moved_ms`,
      ).run(observedMs, wallMs, trustedMs, steadyFromMs, movedMs)
      return true
    },

  setBack:
    (db) =>
    (ms: number): void => {
      db.prepare('UPDATE clock SET set_back_ms = ? WHERE set_back_ms < ?').run(ms, ms)
    },

  addMark:
    (db) =>
    (observedMs: number, wallMs: number): void => {
      db.prepare(
        `INSERT INTO clock_marks (observed_ms, wall_ms, last_key)
         SELECT ?, ?, coalesce(max(seq), 0) FROM idempotency_keys WHERE true
         ON CONFLICT DO NOTHING`,
      ).run(observedMs, wallMs)
    },

  markAt:
    (db) =>
    (observedMs: number): ClockMark | undefined => {
      const mark = db
        .prepare(
          `SELECT observed_ms AS observedMs, last_key AS lastKey FROM clock_marks
           WHERE observed_ms <= ? ORDER BY observed_ms DESC LIMIT 1`,
        )
        .get(observedMs) as Omit<ClockMark, 'wallMs'> | undefined
      if (!mark) return undefined
      db.prepare('DELETE FROM clock_marks WHERE observed_ms < ?').run(mark.observedMs)
      const wallMs = db.prepare('SELECT min(wall_ms) FROM clock_marks').pluck().get() as number
      return { ...mark, wallMs }
    },

  bringForward:
    (db) =>
    (stretch: DueTimeChange): DueTimesChanged => {
      const { queue, name, after, limit, latest, now, leaseUntil, latestHeld } = stretch
      const [table, where] = QUEUE[queue]
      const held = queue === 'waiting' ? `t.state = 'succeeded', ${HELD}` : '0, 0'
      // A delivery has no lease of its own, and its id is one of its scope.
      const [leased, scope, own] =
        queue === 'deliveries'
          ? ['0', ', t.account_id, t.live', 'account_id = ? AND live = ? AND']
          : ['t.token IS NOT NULL', '', '']
      const rows = db
        .prepare<unknown[], DueRow>(
          `SELECT t.id, t.due_at, ${leased}, ${held}${scope} FROM ${table} t
           WHERE ${where} AND (t.due_at, t.id) > (?, ?) ORDER BY t.due_at, t.id LIMIT ?`,
        )
        .raw()
        .all(name, after.dueAt, after.id, limit)
      const move = db.prepare(`UPDATE ${table} SET due_at = ? WHERE ${own} id = ?`)
      let moved = 0
      for (const [id, dueAt, leased, isHeld, lapsesAt, ...scope] of rows) {
        const to = leased ? leaseUntil : now
        if (dueAt <= Math.max(isHeld ? Math.max(latestHeld, lapsesAt) : latest, to)) continue
        move.run(to, ...scope, id)
        moved++
      }
      const last = rows.length === limit ? rows.at(-1) : undefined
      return { moved, last: last ? { dueAt: last[1], id: last[0] } : null }
    },
} satisfies Record<string, Definition>
