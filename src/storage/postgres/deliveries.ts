import type { AuditEntry } from '../../domain/audit.ts'
import type { Claim, ClaimedDelivery, DeliverySettlement, Scope } from '../../ports/store.ts'
import { EPOCH_OF_EVENT } from '../lists.ts'
import { createClaims } from './claims.ts'
import { createGrouping, type Grouping } from './grouping.ts'
import { recordset } from './recordset.ts'
import { live } from './rows.ts'
import type { Sql, Work } from './statements.ts'

const LARGEST_GROUP = 256

/**
 * Claims and settlements of deliveries, and the counters of their states: in part 1 of each counter, so that commits do
 * not wait for them.
 */
export function deliveryWork({ fenced, once, audited }: Work, node: string) {
  const claims = createClaims(once, node, GIVE_BACK)
  const settlements = settling(fenced)
  async function retryDeliveries(
    scope: Scope,
    ids: readonly string[],
    now: number,
    audit: AuditEntry,
  ): Promise<number> {
    // A text with a NUL would match nothing, because PostgreSQL cannot store one.
    const askable = ids.filter((id) => !id.includes('\0'))
    const values = [scope.accountId, live(scope), now, ...IDS.values(askable)]
    return (await audited({ text: RETRY, values }, audit)).rows.length
  }

  const methods = {
    async claimDeliveries({ endpoint, now, limit, leaseUntil, token }: Claim): Promise<ClaimedDelivery[]> {
      const rows = await claims(CLAIM, [endpoint, now, limit, leaseUntil, token, node], token)
      return rows.map((row) => ({ ...(row as unknown as ClaimedDelivery), token }))
    },

    settleDelivery: (settlement: DeliverySettlement): Promise<boolean> => settlements.add(settlement),

    async releaseDelivery(id: string, token: string): Promise<boolean> {
      return (await fenced(RELEASE, [id, token])).count === 1
    },

    async retryDelivery(scope: Scope, id: string, now: number, audit: AuditEntry): Promise<boolean> {
      return (await retryDeliveries(scope, [id], now, audit)) === 1
    },

    retryDeliveries,
  }
  return { methods, settlements }
}

/** A delivery without its event, which `verify` reports, keeps its lease: it must not stop the others. */
const CLAIM = `
  WITH due AS (
    SELECT id FROM deliveries
    WHERE endpoint = $1 AND state = 'pending' AND due_at <= $2
    ORDER BY due_at, id
    LIMIT $3
    FOR UPDATE SKIP LOCKED),
  claimed AS (
    UPDATE deliveries d SET due_at = $4, token = $5, owner = $6
    FROM due WHERE d.id = due.id
    RETURNING d.id, d.account_id, d.live, d.event_seq, d.attempts)
  SELECT c.id, c.attempts, e.seq AS sequence, ${EPOCH_OF_EVENT} AS epoch, e.id AS "eventId", e.type AS "eventType", e.created_at AS "eventAt", e.data
  FROM claimed c
  JOIN events e ON e.account_id = c.account_id AND e.live = c.live AND e.seq = c.event_seq`

const GIVE_BACK = `
  UPDATE deliveries SET due_at = created_at, token = NULL, owner = NULL WHERE owner = $1 AND token = $2`

const RELEASE = `
  UPDATE deliveries SET due_at = created_at, token = NULL, owner = NULL
  WHERE id = $1 AND token = $2 AND state = 'pending'`

const IDS = recordset<string>({ id: ['text', (id) => id] }, 4)

/** Locks each row by id, in order: of two concurrent calls the second waits, and then finds the rows retried. */
const RETRY = `
  WITH failed AS (
    SELECT d.id
    FROM (SELECT id FROM ${IDS.from} ORDER BY id COLLATE "C") AS r
    CROSS JOIN LATERAL (
      SELECT id FROM deliveries
      WHERE id = r.id AND account_id = $1 AND live = $2 AND state = 'failed'
      FOR UPDATE) AS d),
  retried AS (
    UPDATE deliveries d SET state = 'pending', attempts = 0, due_at = $3, token = NULL, owner = NULL
    FROM failed f
    WHERE d.id = f.id
    RETURNING d.id, d.account_id, d.live),
  counted AS (
    INSERT INTO counters AS k (account_id, live, name, currency, part, value)
    SELECT r.account_id, r.live, n.name, '', 1, sum(n.change)
    FROM retried r, (VALUES ('deliveries_failed', -1), ('deliveries_pending', 1)) AS n (name, change)
    GROUP BY r.account_id, r.live, n.name
    ORDER BY n.name
    ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value)
  SELECT id FROM retried`

/** Settlements that arrive together become one statement. */
function settling(sql: Sql): Grouping<DeliverySettlement, boolean> {
  return createGrouping<DeliverySettlement, boolean>({
    largest: LARGEST_GROUP,
    concurrency: 1,
    async run(settlements) {
      const first = new Map<string, DeliverySettlement>()
      for (const settlement of settlements)
        if (!first.has(settlement.id)) first.set(settlement.id, settlement)
      const { rows } = await sql(SETTLE, [JSON.stringify([...first.values()].map(settledRow))])
      const settled = new Set(rows.map((row) => row['id']))
      return settlements.map((settlement) =>
        first.get(settlement.id) === settlement ? { value: settled.has(settlement.id) } : 'next',
      )
    },
  })
}

function settledRow({ id, token, verdict, status, error }: DeliverySettlement): object {
  const due_at = verdict.state === 'pending' ? verdict.retryAt : null
  return { id, token, state: verdict.state, due_at, status, error }
}

/**
 * Only a pending delivery has a token. Locks each row by id, in order: with a join and a condition on the state, the
 * planner might scan all due rows first.
 */
const SETTLE = `
  WITH leased AS (
    SELECT d.id, r.state, r.due_at, r.status, r.error
    FROM (
      SELECT * FROM json_to_recordset($1::json) AS asked (
        id text, token text, state text, due_at bigint, status integer, error text)
      ORDER BY id COLLATE "C") AS r
    CROSS JOIN LATERAL (SELECT id FROM deliveries WHERE id = r.id AND token = r.token FOR UPDATE) AS d),
  settled AS (
    UPDATE deliveries d
    SET state = h.state,
      attempts = d.attempts + 1,
      due_at = h.due_at,
      token = NULL,
      owner = NULL,
      last_status = h.status,
      last_error = h.error
    FROM leased h
    WHERE d.id = h.id
    RETURNING d.id, d.account_id, d.live, d.state),
  counted AS (
    INSERT INTO counters AS k (account_id, live, name, currency, part, value)
    SELECT s.account_id, s.live, n.name, '', 1, sum(n.change)
    FROM settled s
    JOIN (VALUES
      ('delivered', 'deliveries_pending', -1),
      ('delivered', 'deliveries_delivered', 1),
      ('failed', 'deliveries_pending', -1),
      ('failed', 'deliveries_failed', 1),
      ('pending', 'deliveries_retried', 1)) AS n (state, name, change) ON n.state = s.state
    GROUP BY s.account_id, s.live, n.name
    ORDER BY s.account_id, s.live, n.name
    ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value)
  SELECT id FROM settled`
