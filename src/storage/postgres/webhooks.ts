/** Changes of webhook endpoints, their replays and their deliveries that people make. */
import type { AuditEntry } from '../../domain/audit.ts'
import { DEFAULT_ENDPOINT, MAX_ENDPOINTS, type WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { MAX_REPLAYS, type Replay } from '../../domain/webhooks/replay.ts'
import type { KeyRecord, Scope } from '../../ports/store.ts'
import { KEYS, keyFactsOf, WEBHOOK_ENDPOINTS, WEBHOOK_REPLAYS } from '../columns.ts'
import { namesOf, type Rows } from '../table.ts'
import type { Statement } from './batch.ts'
import { changesIn } from './commit-sql.ts'
import { insertRecord } from './key-records.ts'
import { recordset } from './recordset.ts'
import { live } from './rows.ts'
import type { Work } from './statements.ts'

export type WebhookWork = ReturnType<typeof webhookWork>

/** Each locks the cursor first, as the records of deliveries do: see `webhook-records`. */
export function webhookWork({ audited }: Pick<Work, 'audited'>) {
  async function retryWebhookDeliveries(
    scope: Scope,
    ids: readonly string[],
    now: number,
    audit: AuditEntry,
    states: 'failed' | 'all' = 'failed',
  ): Promise<number> {
    const own = [scope.accountId, live(scope)]
    // A text with a NUL would match nothing, because PostgreSQL cannot store one.
    const askable = IDS.values(ids.filter((id) => !id.includes('\0')))
    const lock = { text: LOCK_CURSORS_OF, values: [...own, ...askable] }
    const retry = { text: RETRY, values: [...own, ...askable, now, states] }
    return (await audited([lock, retry], audit)).count
  }

  return {
    async addWebhookEndpoint(endpoint: WebhookEndpoint, audit: AuditEntry | null): Promise<boolean> {
      const values = [...scopeOf(endpoint), ...WEBHOOK_ENDPOINTS.row(endpoint)]
      const lock = { text: LOCK_ACCOUNT, values: [endpoint.scope.accountId] }
      return (await audited([lock, { text: ADD_ENDPOINT, values }], audit)).count === 1
    },

    async changeWebhookEndpoint(
      before: WebhookEndpoint,
      after: WebhookEndpoint,
      audit: AuditEntry | null,
    ): Promise<boolean> {
      return (await audited([lockCursor(before), changeEndpoint(before, after, null)], audit)).count === 1
    },

    async setDefaultWebhookEndpoint(endpoint: WebhookEndpoint | null): Promise<void> {
      const [accountId, mode] = endpoint ? scopeOf(endpoint) : [null, null]
      const disable = { text: DISABLE_DEFAULTS, values: [accountId as number | null, mode as number | null] }
      const store = endpoint && {
        text: STORE_DEFAULT,
        values: [...scopeOf(endpoint), ...WEBHOOK_ENDPOINTS.row(endpoint)],
      }
      await audited([{ text: LOCK_DEFAULTS }, disable, ...(store ? [store] : []), { text: DONE }], null)
    },

    retryWebhookDeliveries: (scope: Scope, ids: readonly string[], now: number, audit: AuditEntry) =>
      retryWebhookDeliveries(scope, ids, now, audit),

    async retryWebhookDelivery(scope: Scope, id: string, now: number, audit: AuditEntry): Promise<boolean> {
      return (await retryWebhookDeliveries(scope, [id], now, audit, 'all')) === 1
    },

    async addReplay(
      replay: Replay,
      audit: AuditEntry | null,
      key: KeyRecord | null = null,
    ): Promise<boolean> {
      if (replay.endpoint.includes('\0')) return false
      const values = [...scopeOf(replay), ...WEBHOOK_REPLAYS.row(replay)]
      const lock = { text: LOCK_CURSOR, values: [...scopeOf(replay), replay.endpoint] }
      const add = key
        ? { text: ADD_KEYED_REPLAY, values: [...values, ...KEYS.row(keyFactsOf(key))] }
        : { text: ADD_REPLAY, values }
      return (await audited([lock, add], audit)).count === 1
    },

    async cancelReplay(scope: Scope, id: string, now: number, audit: AuditEntry | null): Promise<boolean> {
      if (id.includes('\0')) return false
      const values = [scope.accountId, live(scope), id, now]
      return (await audited({ text: CANCEL_REPLAY, values }, audit)).count === 1
    },
  }
}

const scopeOf = ({ scope }: { readonly scope: Scope }) => [scope.accountId, live(scope)] as const

/** The parameters of a noun's row, after `offset` others. */
function parameters<T>({ columns }: Rows<T>, offset = 2): string {
  return columns.map(({ type }, i) => `$${i + 1 + offset}::${type}`).join(', ')
}

const ENDPOINT = namesOf(WEBHOOK_ENDPOINTS.columns).join(', ')
const REPLAY = namesOf(WEBHOOK_REPLAYS.columns).join(', ')

/** The scope's last number: its next event is the first that a new cursor delivers. */
const LAST_EVENT = `coalesce(
  (SELECT event FROM sequences WHERE account_id = $1 AND live = $2),
  (SELECT max(first_seq) - 1 FROM epochs))`

/** Two nodes that add an endpoint at once count one after the other. */
const LOCK_ACCOUNT = 'SELECT 1 FROM accounts WHERE id = $1 FOR NO KEY UPDATE'

const ADD_ENDPOINT = `
  WITH added AS (
    INSERT INTO webhook_endpoints (account_id, live, ${ENDPOINT})
    SELECT $1::integer, $2::smallint, ${parameters(WEBHOOK_ENDPOINTS)}
    WHERE EXISTS (SELECT 1 FROM accounts WHERE id = $1 AND closed_at IS NULL) AND ${MAX_ENDPOINTS} > (
      SELECT count(*) FROM webhook_endpoints
      WHERE account_id = $1 AND live = $2 AND deleted_at IS NULL AND id <> '${DEFAULT_ENDPOINT}')
    ON CONFLICT DO NOTHING
    RETURNING account_id, live, id),
  begun AS (
    INSERT INTO webhook_cursors (account_id, live, endpoint, position, reach, pending, failed)
    SELECT account_id, live, id, ${LAST_EVENT}, 0, 0, 0 FROM added)
  SELECT id FROM added`

const LOCK_CURSOR = `
  SELECT 1 FROM webhook_cursors WHERE account_id = $1 AND live = $2 AND endpoint = $3 FOR UPDATE`

function lockCursor(endpoint: WebhookEndpoint): Statement {
  return { text: LOCK_CURSOR, values: [...scopeOf(endpoint), endpoint.id] }
}

/** The statement changes nothing unless `before` is stored, and, with a token, unless that holds the cursor. */
export function changeEndpoint(
  before: WebhookEndpoint,
  after: WebhookEndpoint,
  token: string | null,
): Statement {
  const values = [...scopeOf(before), ...WEBHOOK_ENDPOINTS.changedRow(after), before.version, token]
  return { text: CHANGE_ENDPOINT, values }
}

const CHANGING = changesIn(WEBHOOK_ENDPOINTS).slice(1)
const BEFORE = `$${4 + CHANGING.length}::integer`
const TOKEN = `$${5 + CHANGING.length}::text`

const COUNT_FAILED = `
    INSERT INTO counters AS k (account_id, live, name, currency, part, value)
    SELECT f.account_id, f.live, n.name, '', 1, sum(n.change)
    FROM failed f CROSS JOIN (VALUES ('deliveries_failed', 1), ('deliveries_pending', -1)) AS n (name, change)
    GROUP BY f.account_id, f.live, n.name
    ORDER BY n.name
    ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value`

const OF_CHANGED = 'account_id = $1 AND live = $2 AND endpoint = $3'
const DELETED = '(SELECT deleted_at FROM changed)'

/** Enabled again, it has not failed yet. */
const CHANGE_ENDPOINT = `
  WITH former AS (
    SELECT account_id, live, id, status, ordered FROM webhook_endpoints
    WHERE account_id = $1 AND live = $2 AND id = $3 AND version = ${BEFORE} AND deleted_at IS NULL
      AND (${TOKEN} IS NULL OR EXISTS (
        SELECT 1 FROM webhook_cursors WHERE account_id = $1 AND live = $2 AND endpoint = $3 AND token = ${TOKEN}))
    FOR UPDATE),
  changed AS (
    UPDATE webhook_endpoints w
    SET ${CHANGING.map(({ name, type }, i) => `${name} = $${4 + i}::${type}`).join(', ')}
    FROM former f
    WHERE w.account_id = f.account_id AND w.live = f.live AND w.id = f.id
    RETURNING w.account_id, w.live, w.id, w.deleted_at, w.status, w.ordered, f.status AS was, f.ordered AS was_ordered),
  enabled AS (
    UPDATE webhook_cursors SET failing_since = NULL, warned_at = NULL
    WHERE ${OF_CHANGED} AND EXISTS (
      SELECT 1 FROM changed WHERE status = 'enabled' AND was = 'disabled' AND deleted_at IS NULL)),
  ended AS (
    DELETE FROM webhook_cursors WHERE ${OF_CHANGED} AND ${DELETED} IS NOT NULL),
  uncounted AS (
    DELETE FROM webhook_hours WHERE ${OF_CHANGED} AND ${DELETED} IS NOT NULL),
  unblocked AS (
    UPDATE webhook_deliveries SET due_at = created_at
    WHERE ${OF_CHANGED} AND state = 'pending' AND due_at IS NULL AND EXISTS (
      SELECT 1 FROM changed WHERE deleted_at IS NULL AND ordered = 0 AND was_ordered = 1)),
  failed AS (
    UPDATE webhook_deliveries SET state = 'failed', due_at = NULL, settled_at = ${DELETED}
    WHERE ${OF_CHANGED} AND state = 'pending' AND ${DELETED} IS NOT NULL
    RETURNING account_id, live),
  counted AS (${COUNT_FAILED}),
  canceled AS (
    UPDATE webhook_replays SET state = 'canceled', ended_at = ${DELETED}
    WHERE ${OF_CHANGED} AND state = 'running' AND ${DELETED} IS NOT NULL)
  SELECT id FROM changed`

const LOCK_DEFAULTS = `
  SELECT 1 FROM webhook_endpoints WHERE id = '${DEFAULT_ENDPOINT}' ORDER BY account_id, live FOR UPDATE`

const DISABLE_DEFAULTS = `
  UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = 'request', version = version + 1
  WHERE id = '${DEFAULT_ENDPOINT}' AND status = 'enabled'
    AND (account_id, live) IS DISTINCT FROM ($1::integer, $2::smallint)`

/** Everything that may change, but its version. */
const COMPARED = CHANGING.map(({ name }) => name).filter((name) => name !== 'version')

const STORE_DEFAULT = `
  WITH former AS (
    SELECT 1 FROM webhook_endpoints WHERE account_id = $1 AND live = $2 AND id = $3 AND status = 'enabled'),
  stored AS (
    INSERT INTO webhook_endpoints AS w (account_id, live, ${ENDPOINT})
    VALUES ($1::integer, $2::smallint, ${parameters(WEBHOOK_ENDPOINTS)})
    ON CONFLICT (account_id, live, id) DO UPDATE
    SET ${COMPARED.map((name) => `${name} = excluded.${name}`).join(', ')}, version = w.version + 1
    WHERE (${COMPARED.map((name) => `w.${name}`).join(', ')})
      IS DISTINCT FROM (${COMPARED.map((name) => `excluded.${name}`).join(', ')})
    RETURNING account_id, live, id)
  INSERT INTO webhook_cursors AS c (account_id, live, endpoint, position, reach, pending, failed)
  SELECT account_id, live, id, ${LAST_EVENT}, 0, 0, 0 FROM stored
  ON CONFLICT (account_id, live, endpoint) DO UPDATE
  SET position = greatest(c.position, excluded.position), failing_since = NULL, warned_at = NULL
  WHERE NOT EXISTS (SELECT 1 FROM former)`

const DONE = 'SELECT 1'

const IDS = recordset<string>({ id: ['text', (id) => id] })

/** Their cursors are locked in the order in which records lock them. */
const LOCK_CURSORS_OF = `
  SELECT 1
  FROM (
    SELECT DISTINCT d.endpoint
    FROM ${IDS.from}
    CROSS JOIN LATERAL (
      SELECT endpoint FROM webhook_deliveries WHERE account_id = $1 AND live = $2 AND id = r.id LIMIT 1) AS d
    ORDER BY d.endpoint) AS e
  CROSS JOIN LATERAL (
    SELECT 1 FROM webhook_cursors
    WHERE account_id = $1 AND live = $2 AND endpoint = e.endpoint
    FOR UPDATE) AS c`

/**
 * Locks each row by id, in order: of two concurrent calls the second waits, and then finds the rows retried. At an ordered
 * endpoint those behind a pending one of their object, or behind another of this call, wait.
 */
const RETRY = `
  WITH found AS (
    SELECT d.account_id, d.live, d.id, d.endpoint, d.object, d.event_seq, d.state AS was
    FROM (SELECT DISTINCT id FROM ${IDS.from} ORDER BY id) AS r
    CROSS JOIN LATERAL (
      SELECT account_id, live, id, endpoint, object, event_seq, state FROM webhook_deliveries
      WHERE account_id = $1 AND live = $2 AND id = r.id AND ($5::text = 'all' OR state = 'failed')
      FOR UPDATE) AS d
    CROSS JOIN LATERAL (
      SELECT 1 FROM webhook_cursors
      WHERE account_id = $1 AND live = $2 AND endpoint = d.endpoint LIMIT 1) AS c),
  placed AS (
    SELECT f.account_id, f.live, f.id,
      w.ordered = 1 AND f.object IS NOT NULL AND (
        e.waits OR f.event_seq > min(f.event_seq) OVER (PARTITION BY f.endpoint, f.object)) AS waits
    FROM found f
    CROSS JOIN LATERAL (
      SELECT ordered FROM webhook_endpoints
      WHERE account_id = $1 AND live = $2 AND id = f.endpoint LIMIT 1) AS w
    CROSS JOIN LATERAL (
      SELECT coalesce((
        SELECT event_seq FROM webhook_deliveries
        WHERE account_id = $1 AND live = $2 AND endpoint = f.endpoint AND object = f.object AND state = 'pending'
        ORDER BY event_seq LIMIT 1) < f.event_seq, false) AS waits) AS e),
  retried AS (
    UPDATE webhook_deliveries d
    SET state = 'pending', attempts = 0, due_at = CASE WHEN f.waits THEN NULL ELSE $4::bigint END,
      settled_at = NULL, revision = d.revision + 1
    FROM placed f
    WHERE d.account_id = f.account_id AND d.live = f.live AND d.id = f.id
    RETURNING d.id),
  moved AS (
    UPDATE webhook_cursors c SET pending = c.pending + m.pending, failed = c.failed - m.failed
    FROM (
      SELECT account_id, live, endpoint, count(*) FILTER (WHERE was <> 'pending') AS pending,
        count(*) FILTER (WHERE was = 'failed') AS failed
      FROM found GROUP BY account_id, live, endpoint) AS m
    WHERE c.account_id = m.account_id AND c.live = m.live AND c.endpoint = m.endpoint),
  counted AS (
    INSERT INTO counters AS k (account_id, live, name, currency, part, value)
    SELECT $1::integer, $2::smallint, n.name, '', 1, sum(n.change)
    FROM found f
    CROSS JOIN LATERAL (VALUES ('deliveries_' || f.was, -1), ('deliveries_pending', 1)) AS n (name, change)
    GROUP BY n.name
    ORDER BY n.name
    ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value)
  SELECT id FROM retried`

const ENDPOINT_OF_REPLAY = `$${3 + WEBHOOK_REPLAYS.at.endpoint}`
const STATE_OF_REPLAY = `$${3 + WEBHOOK_REPLAYS.at.state}`

/** The lock of the cursor comes first: the endpoint is not deleted meanwhile, and two replays count one after the other. */
const HAS_ROOM = `account_id = $1 AND live = $2 AND endpoint = ${ENDPOINT_OF_REPLAY}
    AND (${STATE_OF_REPLAY}::text <> 'running' OR ${MAX_REPLAYS} > (
      SELECT count(*) FROM webhook_replays
      WHERE account_id = $1 AND live = $2 AND endpoint = ${ENDPOINT_OF_REPLAY} AND state = 'running'))`

const ADD_REPLAY = `
  INSERT INTO webhook_replays (account_id, live, ${REPLAY})
  SELECT $1::integer, $2::smallint, ${parameters(WEBHOOK_REPLAYS)} FROM webhook_cursors WHERE ${HAS_ROOM}`

const OF_KEY = KEYS.columns.map(({ type }, i) => `$${3 + WEBHOOK_REPLAYS.columns.length + i}::${type}`)

/** With the record of its request's key, whose parameters follow. */
const ADD_KEYED_REPLAY = `
  WITH keyed AS (
    ${insertRecord(OF_KEY, `$${3 + WEBHOOK_REPLAYS.at.createdAt}::bigint`, `FROM webhook_cursors WHERE ${HAS_ROOM}`)}
    RETURNING 1)
  INSERT INTO webhook_replays (account_id, live, ${REPLAY})
  SELECT $1::integer, $2::smallint, ${parameters(WEBHOOK_REPLAYS)} FROM keyed`

const CANCEL_REPLAY = `
  UPDATE webhook_replays SET state = 'canceled', ended_at = $4
  WHERE account_id = $1 AND live = $2 AND id = $3 AND state = 'running'`
