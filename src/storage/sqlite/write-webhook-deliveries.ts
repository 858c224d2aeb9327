import type { AuditEntry } from '../../domain/audit.ts'
import { idFloor } from '../../domain/id.ts'
import type { Delivery, DeliveryState } from '../../domain/webhooks/delivery.ts'
import type { Scope } from '../../ports/store.ts'
import type { DeliveryPurge, PurgedDeliveries } from '../../ports/store-retention.ts'
import { WEBHOOK_DELIVERIES } from '../columns.ts'
import { selectList } from '../table.ts'
import { afterResult, KEPT_HOURS, mayEndWait } from '../webhooks.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import type { LedgerCache } from './ledger-cache.ts'
import { insertRow, updateRow } from './row-statements.ts'
import { live, type Row } from './rows.ts'
import type { BatchMessage } from './webhook-message.ts'
import { appendAudit } from './write-audit.ts'
import { eventWrites } from './write-events.ts'
import { textWrites } from './write-texts.ts'
import { changeEndpoint } from './write-webhooks.ts'

const TABLE = WEBHOOK_DELIVERIES
const { at: AT } = TABLE

/** Deliveries, and the counters of their states: of each endpoint and of all. */
export const webhookDeliveryWrites = {
  recordDeliveries(db, cache) {
    const holds = db.prepare(
      `SELECT 1 FROM webhook_cursors WHERE account_id = ? AND live = ? AND endpoint = ? AND token = ?`,
    )
    const move = db.prepare(
      `UPDATE webhook_cursors
       SET position = max(position, ?), reach = max(reach, ?), pending = pending + ?, failed = failed + ?
       WHERE account_id = ? AND live = ? AND endpoint = ?`,
    )
    const fail = db.prepare(
      `UPDATE webhook_cursors SET failing_since = ?, warned_at = ?
       WHERE account_id = ? AND live = ? AND endpoint = ?`,
    )
    const record = resultWrites(db, cache)
    const around = aroundWrites(db, cache)
    const count = hourWrites(db)

    return (batches: readonly BatchMessage[]): boolean[] => {
      const written: boolean[] = []
      for (const batch of batches) {
        const cursor = [batch.accountId, batch.live, batch.endpoint] as const
        const held = holds.get(...cursor, batch.token) !== undefined
        written.push(held)
        if (!held) continue
        const done = record(batch)
        move.run(batch.position ?? 0, done.reach, done.pending, done.failed, ...cursor)
        count(batch)
        if (batch.failing) fail.run(batch.failing.since, batch.failing.warnedAt, ...cursor)
        around(batch)
      }
      return written
    }
  },

  recordLastTries(db, cache) {
    const isDeleted = db.prepare(
      `SELECT 1 FROM webhook_endpoints WHERE account_id = ? AND live = ? AND id = ? AND deleted_at IS NOT NULL`,
    )
    const record = resultWrites(db, cache)
    return (batches: readonly BatchMessage[]): boolean[] =>
      batches.map((batch) => {
        if (!isDeleted.get(batch.accountId, batch.live, batch.endpoint)) return false
        record(batch)
        return true
      })
  },

  retryWebhookDelivery(db, cache) {
    const retry = putBack(db, cache, '')
    return (scope: Scope, id: string, now: number, audit: AuditEntry): boolean =>
      retry(scope, [id], now, audit) === 1
  },

  retryWebhookDeliveries: (db, cache) => putBack(db, cache, `AND state = 'failed'`),

  purgeDeliveries(db, cache) {
    // An id begins with the time of its event, which is before that of its end.
    const last = db
      .prepare<unknown[], string>(
        `SELECT id FROM webhook_deliveries NOT INDEXED
         WHERE account_id = ? AND live = ? AND id > ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?`,
      )
      .pluck()
    const purge = db.prepare(
      `DELETE FROM webhook_deliveries NOT INDEXED
       WHERE account_id = ? AND live = ? AND id > ? AND id <= ? AND state = 'delivered' AND settled_at < ?`,
    )
    return (scope: Scope, { before, after, limit }: DeliveryPurge): PurgedDeliveries => {
      const own = [scope.accountId, live(scope)] as const
      const end = idFloor('dlv', before)
      const next = last.get(...own, after ?? '', end, limit - 1) ?? null
      const { changes } = purge.run(...own, after ?? '', next ?? end, before)
      if (changes > 0) cache.count(...own, 'deliveries_delivered', '', -changes)
      return { deleted: changes, next }
    }
  },
} satisfies Record<string, Definition>

type Done = { reach: number; pending: number; failed: number }

/** The deliveries of a batch's results. Returns the greatest number of a new one, and what each state gained. */
function resultWrites(db: Connection, cache: LedgerCache) {
  const insert = db.prepare(`${insertRow(TABLE)} ON CONFLICT (account_id, live, id) DO NOTHING`)
  const find = db.prepare<unknown[], object>(
    `SELECT ${selectList(TABLE)} FROM webhook_deliveries WHERE account_id = ? AND live = ? AND id = ?`,
  )
  const update = db.prepare(updateRow(TABLE))
  const order = orderWrites(db)

  /** Returns the state before; null for a new delivery. */
  function write(own: readonly [number, number], row: Row, revision: number | null): Delivery | null {
    if (revision === null && insert.run(...own, ...row).changes === 1) return null
    const found = find.get(...own, row[AT.id])
    if (!found) {
      // It was deleted meanwhile.
      insert.run(...own, ...row)
      return null
    }
    const stored = TABLE.of(found)
    const made = TABLE.of(Object.fromEntries(TABLE.columns.map(({ property }, i) => [property, row[i]])))
    const after = { ...stored, ...afterResult(stored, made, revision) }
    update.run(...TABLE.changesOf(TABLE.row(after)), ...own, stored.id)
    return stored
  }

  return ({ accountId, live, endpoint, at, rows, revisions }: BatchMessage): Done => {
    const own = [accountId, live] as const
    const done: Done = { reach: 0, pending: 0, failed: 0 }
    const count = (state: DeliveryState, change: number) => {
      cache.count(accountId, live, `deliveries_${state}`, '', change)
      if (state !== 'delivered') done[state] += change
    }
    for (const [i, row] of rows.entries()) {
      const revision = revisions[i] ?? null
      const before = write(own, row, revision)
      const state = row[AT.state] as DeliveryState
      const tried = row[AT.attempts] === 1
      if (before && before.revision !== revision) continue
      if (before?.state !== state) {
        if (before) count(before.state, -1)
        count(state, 1)
      }
      if (!before) done.reach = Math.max(done.reach, row[AT.eventSequence] as number)
      if (tried && state === 'pending') cache.count(accountId, live, 'deliveries_retried', '', 1)
      const object = row[AT.object] as string | null
      const result = { revision, state, dueAt: row[AT.dueAt] as number | null }
      if (object !== null && mayEndWait(result)) order.first(own, endpoint, object, at)
    }
    return done
  }
}

/** Attempts by endpoint and hour. */
function hourWrites(db: Connection) {
  const own = 'account_id = ? AND live = ? AND endpoint = ?'
  const add = db.prepare(
    `UPDATE webhook_hours SET attempts = attempts + ?, succeeded = succeeded + ? WHERE ${own} AND hour = ?`,
  )
  const begin = db.prepare(
    `INSERT INTO webhook_hours (attempts, succeeded, account_id, live, endpoint, hour) VALUES (?, ?, ?, ?, ?, ?)`,
  )
  const forget = db.prepare(`DELETE FROM webhook_hours WHERE ${own} AND hour < ?`)
  return ({ accountId, live, endpoint, attempts: made }: BatchMessage): void => {
    if (!made) return
    const { hour, attempts, succeeded } = made
    const row = [attempts, succeeded, accountId, live, endpoint, hour] as const
    if (add.run(...row).changes > 0) return
    begin.run(...row)
    forget.run(accountId, live, endpoint, hour - KEPT_HOURS)
  }
}

/** Makes the first pending delivery of an object due, if it waits. */
function orderWrites(db: Connection) {
  const release = db.prepare(
    `UPDATE webhook_deliveries SET due_at = ?
     WHERE due_at IS NULL AND account_id = ? AND live = ? AND id = (
       SELECT id FROM webhook_deliveries INDEXED BY webhook_deliveries_pending
       WHERE account_id = ? AND live = ? AND endpoint = ? AND object = ? AND state = 'pending'
       ORDER BY event_seq LIMIT 1)`,
  )
  return {
    first(own: readonly [number, number], endpoint: string, object: string, at: number): void {
      release.run(at, ...own, ...own, endpoint, object)
    },
  }
}

/** A batch's replay, change of the endpoint, and event. */
function aroundWrites(db: Connection, cache: LedgerCache) {
  const progress = db.prepare(
    `UPDATE webhook_replays
     SET position = max(position, ?), sent = ?, delivered = ?,
       ended_at = CASE WHEN state = 'running' AND ? = 'done' THEN ? ELSE ended_at END,
       state = CASE WHEN state = 'running' THEN ? ELSE state END
     WHERE account_id = ? AND live = ? AND id = ? AND endpoint = ?`,
  )
  const change = changeEndpoint(db, cache)
  const append = appendAudit(db, cache)
  const tell = eventWrites(db, cache, textWrites(db))

  return ({ accountId, live, endpoint, at, replay, change: changed, event }: BatchMessage): void => {
    if (replay) {
      const { id, position, sent, delivered, state } = replay
      progress.run(position, sent, delivered, state, at, state, accountId, live, id, endpoint)
    }
    if (changed) {
      if (!change(changed.before, changed.after)) return
      if (changed.audit) append(changed.audit)
    }
    if (event) tell(accountId, live, event, at, undefined)
  }
}

/**
 * Puts deliveries back, those that fit the condition, unless their endpoint was deleted. At an ordered endpoint those
 * behind a pending one of their object wait. Returns their number; without any it stores nothing.
 */
function putBack(db: Connection, cache: LedgerCache, condition: string) {
  const append = appendAudit(db, cache)
  const find = db.prepare<unknown[], Pick<Delivery, 'endpoint' | 'state'>>(
    `SELECT endpoint, state FROM webhook_deliveries WHERE account_id = ? AND live = ? AND id = ? ${condition}`,
  )
  const block = db.prepare(
    `UPDATE webhook_deliveries AS d SET due_at = NULL
     WHERE account_id = ? AND live = ? AND id = ? AND state = 'pending'
       AND EXISTS (
         SELECT 1 FROM webhook_endpoints w
         WHERE w.account_id = d.account_id AND w.live = d.live AND w.id = d.endpoint AND w.ordered = 1)
       AND EXISTS (
         SELECT 1 FROM webhook_deliveries e INDEXED BY webhook_deliveries_pending
         WHERE e.account_id = d.account_id AND e.live = d.live AND e.endpoint = d.endpoint AND e.object = d.object
           AND e.state = 'pending' AND e.event_seq < d.event_seq)`,
  )
  const count = db.prepare(
    `UPDATE webhook_cursors SET pending = pending + ?, failed = failed - ?
     WHERE account_id = ? AND live = ? AND endpoint = ?`,
  )
  const update = db.prepare(
    `UPDATE webhook_deliveries
     SET state = 'pending', attempts = 0, due_at = ?, settled_at = NULL, revision = revision + 1
     WHERE account_id = ? AND live = ? AND id = ?`,
  )
  return (scope: Scope, ids: readonly string[], now: number, audit: AuditEntry): number => {
    const own = [scope.accountId, live(scope)] as const
    const put: string[] = []
    for (const id of ids) {
      const found = find.get(...own, id)
      if (!found) continue
      const { endpoint, state } = found
      const moved = state === 'pending' ? 0 : 1
      if (count.run(moved, state === 'failed' ? 1 : 0, ...own, endpoint).changes === 0) continue
      update.run(now, ...own, id)
      cache.count(...own, `deliveries_${state}`, '', -1)
      cache.count(...own, 'deliveries_pending', '', 1)
      put.push(id)
    }
    // Once all are back: the ids come in any order.
    for (const id of put) block.run(...own, id)
    if (put.length > 0) append(audit)
    return put.length
  }
}
