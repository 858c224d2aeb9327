import type { AuditEntry } from '../../domain/audit.ts'
import { DEFAULT_ENDPOINT, MAX_ENDPOINTS, type WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { MAX_REPLAYS, type Replay } from '../../domain/webhooks/replay.ts'
import type { KeyRecord, Scope } from '../../ports/store.ts'
import { KEYS, keyFactsOf, WEBHOOK_ENDPOINTS, WEBHOOK_REPLAYS } from '../columns.ts'
import type { Value } from '../table.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import type { LedgerCache } from './ledger-cache.ts'
import { insertRow, updateRow } from './row-statements.ts'
import { live } from './rows.ts'
import { appendAudit } from './write-audit.ts'
import { keyRecords } from './write-commit.ts'

type Own = readonly [accountId: number, live: number]
const ownOf = (scope: Scope): Own => [scope.accountId, live(scope)]

/** Appends the entry of a change that was made, if there is one; always true. */
function audited(append: (entry: AuditEntry) => void, audit: AuditEntry | null): true {
  if (audit) append(audit)
  return true
}

/** Endpoints, their cursors' beginnings and ends, and replays. */
export const webhookWrites = {
  addWebhookEndpoint(db, cache) {
    const append = appendAudit(db, cache)
    const add = addEndpoint(db, cache)
    const count = db.prepare<unknown[], { n: number }>(
      `SELECT count(*) AS n FROM webhook_endpoints INDEXED BY webhook_endpoints_listed
       WHERE account_id = ? AND live = ? AND deleted_at IS NULL AND id <> '${DEFAULT_ENDPOINT}'`,
    )
    return (endpoint: WebhookEndpoint, audit: AuditEntry | null): boolean =>
      (count.get(...ownOf(endpoint.scope))?.n ?? 0) < MAX_ENDPOINTS && add(endpoint) && audited(append, audit)
  },

  changeWebhookEndpoint(db, cache) {
    const append = appendAudit(db, cache)
    const change = changeEndpoint(db, cache)
    return (before: WebhookEndpoint, after: WebhookEndpoint, audit: AuditEntry | null): boolean =>
      change(before, after) && audited(append, audit)
  },

  setDefaultWebhookEndpoint(db, cache) {
    const add = addEndpoint(db, cache)
    const find = db.prepare<unknown[], object>(
      `SELECT * FROM webhook_endpoints WHERE account_id = ? AND live = ? AND id = '${DEFAULT_ENDPOINT}'`,
    )
    const update = db.prepare(updateRow(WEBHOOK_ENDPOINTS))
    const restart = db.prepare(
      `UPDATE webhook_cursors SET position = max(position, ?)
       WHERE account_id = ? AND live = ? AND endpoint = '${DEFAULT_ENDPOINT}'`,
    )
    const disable = db.prepare(
      `UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = 'request', version = version + 1
       WHERE id = '${DEFAULT_ENDPOINT}' AND status = 'enabled' AND (account_id, live) <> (?, ?)`,
    )
    const { changing } = WEBHOOK_ENDPOINTS
    const compared = changing.filter((name) => name !== 'version')
    return (endpoint: WebhookEndpoint | null): void => {
      const own = endpoint ? ownOf(endpoint.scope) : ([0, 0] as const)
      disable.run(...own)
      if (!endpoint || add(endpoint)) return
      const stored = find.get(...own) as Readonly<Record<string, Value>> | undefined
      // An account that does not exist.
      if (!stored) return
      const values = WEBHOOK_ENDPOINTS.changesOf(WEBHOOK_ENDPOINTS.row(endpoint))
      const wanted = Object.fromEntries(changing.map((name, i) => [name, values[i] as Value]))
      if (compared.every((name) => stored[name] === wanted[name])) return
      wanted['version'] = Number(stored['version']) + 1
      update.run(...changing.map((name) => wanted[name]), ...own, endpoint.id)
      if (stored['status'] === 'disabled') restart.run(cache.numbers(...own).event, ...own)
    }
  },

  addReplay(db, cache, behind) {
    const append = appendAudit(db, cache)
    const records = keyRecords(db, behind)
    const exists = db.prepare(
      `SELECT 1 FROM webhook_endpoints WHERE account_id = ? AND live = ? AND id = ? AND deleted_at IS NULL`,
    )
    const running = db.prepare<unknown[], { n: number }>(
      `SELECT count(*) AS n FROM webhook_replays INDEXED BY webhook_replays_running
       WHERE account_id = ? AND live = ? AND endpoint = ? AND state = 'running'`,
    )
    const insert = db.prepare(insertRow(WEBHOOK_REPLAYS))
    return (replay: Replay, audit: AuditEntry | null, key: KeyRecord | null = null): boolean => {
      const own = ownOf(replay.scope)
      if (!exists.get(...own, replay.endpoint)) return false
      const isFull = (running.get(...own, replay.endpoint)?.n ?? 0) >= MAX_REPLAYS
      if (replay.state === 'running' && isFull) return false
      const record = key && KEYS.row(keyFactsOf(key))
      if (record && !records.insert(...own, record, 0, replay.createdAt, undefined)) return false
      insert.run(...own, ...WEBHOOK_REPLAYS.row(replay))
      return audited(append, audit)
    }
  },

  cancelReplay(db, cache) {
    const append = appendAudit(db, cache)
    const cancel = db.prepare(
      `UPDATE webhook_replays SET state = 'canceled', ended_at = ?
       WHERE account_id = ? AND live = ? AND id = ? AND state = 'running'`,
    )
    return (scope: Scope, id: string, now: number, audit: AuditEntry | null): boolean =>
      cancel.run(now, ...ownOf(scope), id).changes === 1 && audited(append, audit)
  },
} satisfies Record<string, Definition>

/** Stores an endpoint and its cursor. False if its id exists, or its account does not or is closed. */
function addEndpoint(db: Connection, cache: LedgerCache): (endpoint: WebhookEndpoint) => boolean {
  const account = db.prepare('SELECT 1 FROM accounts WHERE id = ? AND closed_at IS NULL')
  const insert = db.prepare(`${insertRow(WEBHOOK_ENDPOINTS)} ON CONFLICT (account_id, live, id) DO NOTHING`)
  const begin = db.prepare(
    `INSERT INTO webhook_cursors (account_id, live, endpoint, position, reach, pending, failed)
     VALUES (?, ?, ?, ?, 0, 0, 0)`,
  )
  return (endpoint) => {
    const own = ownOf(endpoint.scope)
    if (!account.get(own[0]) || insert.run(...own, ...WEBHOOK_ENDPOINTS.row(endpoint)).changes === 0)
      return false
    begin.run(...own, endpoint.id, cache.numbers(...own).event)
    return true
  }
}

/** Stores a change of an endpoint, and its effect on its cursor, deliveries and replays. False unless it is as `before`. */
export function changeEndpoint(db: Connection, cache: LedgerCache) {
  const update = db.prepare(`${updateRow(WEBHOOK_ENDPOINTS)} AND version = ? AND deleted_at IS NULL`)
  const unblock = db.prepare(
    `UPDATE webhook_deliveries INDEXED BY webhook_deliveries_pending SET due_at = created_at
     WHERE account_id = ? AND live = ? AND endpoint = ? AND state = 'pending' AND due_at IS NULL`,
  )
  const fail = db.prepare(
    `UPDATE webhook_deliveries INDEXED BY webhook_deliveries_pending
     SET state = 'failed', due_at = NULL, settled_at = ?
     WHERE account_id = ? AND live = ? AND endpoint = ? AND state = 'pending'`,
  )
  const cancel = db.prepare(
    `UPDATE webhook_replays INDEXED BY webhook_replays_running SET state = 'canceled', ended_at = ?
     WHERE account_id = ? AND live = ? AND endpoint = ? AND state = 'running'`,
  )
  const recover = db.prepare(
    `UPDATE webhook_cursors SET failing_since = NULL, warned_at = NULL
     WHERE account_id = ? AND live = ? AND endpoint = ?`,
  )
  const ends = ['webhook_cursors', 'webhook_hours'].map((of) =>
    db.prepare(`DELETE FROM ${of} WHERE account_id = ? AND live = ? AND endpoint = ?`),
  )

  return (before: WebhookEndpoint, after: WebhookEndpoint): boolean => {
    const own = ownOf(before.scope)
    const cursor = [...own, before.id] as const
    const values = WEBHOOK_ENDPOINTS.changesOf(WEBHOOK_ENDPOINTS.row(after))
    if (update.run(...values, ...cursor, before.version).changes === 0) return false
    if (before.status === 'disabled' && after.status === 'enabled') recover.run(...cursor)
    if (after.deletedAt !== null) {
      const { changes } = fail.run(after.deletedAt, ...cursor)
      cache.count(...own, 'deliveries_pending', '', -changes)
      cache.count(...own, 'deliveries_failed', '', changes)
      cancel.run(after.deletedAt, ...cursor)
      for (const end of ends) end.run(...cursor)
    } else if (before.ordered && !after.ordered) unblock.run(...cursor)
    return true
  }
}
