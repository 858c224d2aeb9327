/** Fills a PostgreSQL database with history of every kind and consistent books: `minipay verify` passes. */
import type { Client } from 'pg'
import { encodeTime } from '../src/domain/id.ts'
import { COUNT_CALLS } from '../src/storage/hourly.ts'
import { migratePostgres } from '../src/storage/postgres/migrate.ts'
import { sealRows } from '../src/storage/postgres/seal.ts'
import { onDatabase } from '../test/kit/postgres.ts'

const AMOUNT = 2500
const CHARGES_PER_CUSTOMER = 50
/** Charges with the same millisecond in their ids; a counter makes the ids unique. */
const BATCH = 1000
const BATCH_MS = 10_000

/** The endpoint with a delivery of every charge. */
export const ENDPOINT = 'default'

/**
 * Of every 20 charges one is declined, and one is refunded in full; of every 10, one is in euros, and one went to a
 * bank.
 */
const HISTORY = `
  CREATE TEMP TABLE history AS
  SELECT i, tail, 'txn_' || tail AS id, at, 'fill-' || lpad(i::text, 12, '0') AS key,
    'cus_' || lpad((abs(hashint8(i)::bigint) % ($1::bigint / ${CHARGES_PER_CUSTOMER}))::text, 6, '0') AS customer,
    CASE i % 20 WHEN 0 THEN 'failed' WHEN 1 THEN 'refunded' ELSE 'succeeded' END AS status,
    CASE i % 10 WHEN 2 THEN 'eur' ELSE 'usd' END AS currency,
    CASE WHEN i % 20 = 0 OR i % 10 = 3 THEN 'bank' ELSE 'sandbox' END AS provider
  FROM (
    SELECT i, time || lpad(i::text, 16, '0') AS tail, at
    FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS batch (time, at, number)
    CROSS JOIN LATERAL generate_series((number - 1) * ${BATCH} + 1, number * ${BATCH}) AS i) AS made`

/** The totals of the rows. $1 is the number of charges. */
const TOTALS = [
  `INSERT INTO ledger_accounts (account_id, live, code, currency, balance)
   SELECT 1, 0, code, currency, sum(CASE code WHEN 'merchant' THEN -${AMOUNT} ELSE ${AMOUNT} END)
     FILTER (WHERE status = 'succeeded')
   FROM (SELECT *, unnest(ARRAY['merchant', 'provider:' || provider]) AS code FROM history) AS posted
   WHERE status <> 'failed'
   GROUP BY code, currency`,
  `INSERT INTO counters (account_id, live, name, currency, part, value)
   SELECT 1, 0, name, currency, 0, count(*)
   FROM (SELECT currency, unnest(CASE status
       WHEN 'failed' THEN ARRAY['charges_failed']
       WHEN 'refunded' THEN ARRAY['charges_succeeded', 'charges_refunded', 'refunds']
       ELSE ARRAY['charges_succeeded'] END) AS name FROM history) AS counted
   GROUP BY name, currency
   UNION ALL
   SELECT 1, 0, CASE status WHEN 'failed' THEN 'attempts_declined' ELSE 'attempts_succeeded' END, '', 0, count(*)
   FROM history WHERE provider = 'bank' GROUP BY status
   UNION ALL VALUES
     (1, 0, 'deliveries_pending', '', 0, $1::bigint),
     (1, 0, 'deliveries_failed', '', 0, $1::bigint / 20)`,
  `INSERT INTO sequences (account_id, live, event, transfer, audit, counted) VALUES (1, 0, $1::bigint * 23 / 20, 0, 0, 1)`,
]

/** The snapshot of a charge, over `history`, with a refund or a dispute as `part`. */
const told = (status: string, captured: string, refunded: number, part = `''`) => `
  '{"charge":{"id":"' || id || '","amount":${AMOUNT}' || ${captured}${refunded === 0 ? '' : ` || ',"amountRefunded":${refunded}'`}
    || ',"currency":"' || currency || '","customer":"' || customer || '","status":"' || ${status}
    || '","provider":"' || provider || '","providerReference":"' || provider || '_' || id || '"'
    || CASE status WHEN 'failed' THEN ',"declineCode":"do_not_honor","failureMessage":"No."' ELSE '' END
    || ',"idempotencyKey":"' || key || '","createdAt":' || at || '}' || ${part} || '}'`
const CAPTURED = `',"amountCaptured":${AMOUNT}'`
const REFUND = `
  '{"id":"re_' || tail || '","chargeId":"' || id || '","amount":${AMOUNT},"currency":"' || currency
    || '","customer":"' || customer || '","status":"refunded","idempotencyKey":"refund-' || key
    || '","createdAt":' || at || '}'`
const dispute = (status: string) => `
  ',"dispute":{"id":"dp_' || tail || '","chargeId":"' || id || '","provider":"bank"'
    || ',"providerReference":"dispute_' || id || '","amount":${AMOUNT},"currency":"' || currency
    || '","customer":"' || customer || '","status":"${status}","createdAt":' || at || '}'`
const ROUTE = '{"ruleSetVersion":null,"rule":"default","next":[],"skipped":[],"failoverOn":[]}'
/** The numbers of the events after those of the charges. */
const REFUNDED = '$1::bigint + i / 20 + 1'
const disputed = (place: number) => `$1::bigint * 21 / 20 + 2 * (i / 20) + ${place}`

const COPIES = [
  `INSERT INTO charges (account_id, live, id, version, amount, amount_captured, amount_refunded, amount_refund_pending,
     amount_disputed, currency, customer, status, capture, provider, provider_reference, decline_code, failure_message,
     idempotency_key, created_at)
   SELECT 1, 0, id, CASE status WHEN 'refunded' THEN 2 ELSE 1 END, ${AMOUNT},
     CASE status WHEN 'failed' THEN 0 ELSE ${AMOUNT} END, CASE status WHEN 'refunded' THEN ${AMOUNT} ELSE 0 END, 0, 0,
     currency, customer, status, 1, provider, provider || '_' || id,
     CASE status WHEN 'failed' THEN 'do_not_honor' END, CASE status WHEN 'failed' THEN 'No.' END, key, at
   FROM history ORDER BY i`,
  `INSERT INTO idempotency_keys (account_id, live, key, fingerprint, ending, object_id, event_seq, created_at)
   SELECT 1, 0, key, 'POST /api/v1/charges {"amount":${AMOUNT},"currency":"' || currency || '","customer":"' || customer || '"}',
     CASE status WHEN 'failed' THEN 'declined' ELSE 'created' END, id, i, at
   FROM history ORDER BY i`,
  `INSERT INTO idempotency_keys (account_id, live, key, fingerprint, ending, object_id, event_seq, created_at)
   SELECT 1, 0, 'refund-' || key, 'POST /api/v1/refunds {"amount":${AMOUNT},"transaction_id":"' || id || '"}', 'done',
     're_' || tail, ${REFUNDED}, at
   FROM history WHERE status = 'refunded' ORDER BY i`,
  `INSERT INTO events (account_id, live, seq, id, type, data, created_at)
   SELECT 1, 0, i, 'evt_' || tail, CASE status WHEN 'failed' THEN 'payment.failed' ELSE 'payment.succeeded' END,
     ${told(`CASE status WHEN 'failed' THEN 'failed' ELSE 'succeeded' END`, `CASE status WHEN 'failed' THEN '' ELSE ${CAPTURED} END`, 0)}, at
   FROM history ORDER BY i`,
  `INSERT INTO events (account_id, live, seq, id, type, data, created_at)
   SELECT 1, 0, ${REFUNDED}, 'evt_2' || substr(tail, 2), 'payment.refunded',
     ${told(`'refunded'`, CAPTURED, AMOUNT, `',"refund":' || ${REFUND}`)}, at
   FROM history WHERE status = 'refunded' ORDER BY i`,
  ...(['open', 'won'] as const).map(
    (status, place) => `INSERT INTO events (account_id, live, seq, id, type, data, created_at)
   SELECT 1, 0, ${disputed(place + 1)}, 'evt_${place + 3}' || substr(tail, 2), 'dispute.${status === 'open' ? 'opened' : 'won'}',
     ${told(`'succeeded'`, CAPTURED, 0, dispute(status))}, at
   FROM history WHERE i % 20 = 3 ORDER BY i`,
  ),
  `INSERT INTO refunds (account_id, live, id, transaction_id, amount, currency, customer, status, idempotency_key,
     created_at)
   SELECT 1, 0, 're_' || tail, id, ${AMOUNT}, currency, customer, 'refunded', 'refund-' || key, at
   FROM history WHERE status = 'refunded' ORDER BY i`,
  `INSERT INTO ledger_transfers
     (account_id, live, seq, debit_account_id, credit_account_id, transaction_id, amount, created_at)
   SELECT 1, 0, row_number() OVER (ORDER BY booked.seq), d.id, c.id, booked.transaction_id, ${AMOUNT}, booked.at
   FROM (
     SELECT i AS seq, 'provider:' || provider AS debit, 'merchant' AS credit, currency, id AS transaction_id, at
     FROM history WHERE status <> 'failed'
     UNION ALL
     SELECT $1::bigint + i / 20 + 1, 'merchant', 'provider:' || provider, currency, 're_' || tail, at
     FROM history WHERE status = 'refunded') AS booked
   JOIN ledger_accounts d ON d.code = booked.debit AND d.currency = booked.currency
   JOIN ledger_accounts c ON c.code = booked.credit AND c.currency = booked.currency
   ORDER BY booked.seq`,
  `UPDATE sequences SET transfer = (SELECT count(*) FROM ledger_transfers)`,
  `INSERT INTO attempts (id, account_id, live, transaction_id, kind, provider, state, amount, currency, route,
     provider_reference, decline_code, reason, resolved_by, idempotency_key, started_at, ended_at, lookups)
   SELECT 'att_' || tail, 1, 0, id, 'authorize', 'bank', CASE status WHEN 'failed' THEN 'declined' ELSE 'succeeded' END,
     ${AMOUNT}, currency, '${ROUTE}', 'bank_' || id, CASE status WHEN 'failed' THEN 'do_not_honor' END,
     CASE status WHEN 'failed' THEN 'No.' END, 'answer', key, at, at, 0
   FROM history WHERE provider = 'bank' ORDER BY i`,
  `INSERT INTO disputes (account_id, live, id, transaction_id, provider, provider_reference, amount, currency,
     amount_booked, customer, status, created_at)
   SELECT 1, 0, 'dp_' || tail, id, 'bank', 'dispute_' || id, ${AMOUNT}, currency, 0, customer, 'won', at
   FROM history WHERE i % 20 = 3 ORDER BY i`,
  // Each charge's event is pending, and a refund's delivery failed.
  `INSERT INTO webhook_endpoints
     (account_id, live, id, version, url, events, format, ordered, secrets, status, created_at)
   VALUES (1, 0, '${ENDPOINT}', 1, 'http://localhost/', '["*"]', 'original', 0, '[]', 'enabled', 1)`,
  `INSERT INTO webhook_cursors (account_id, live, endpoint, position, reach, pending, failed)
   VALUES (1, 0, '${ENDPOINT}', $1::bigint * 23 / 20, $1::bigint * 23 / 20, $1::bigint, $1::bigint / 20)`,
  `INSERT INTO webhook_deliveries (account_id, live, id, endpoint, event_seq, event_id, event_type, state, attempts,
     due_at, revision, tries, created_at)
   SELECT 1, 0, 'dlv_' || substr(e.id, 5), '${ENDPOINT}', e.seq, e.id, e.type, 'pending', 0, e.created_at, 0, '[]',
     e.created_at
   FROM events e WHERE e.seq <= $1::bigint ORDER BY e.seq`,
  `INSERT INTO webhook_deliveries (account_id, live, id, endpoint, event_seq, event_id, event_type, state, attempts,
     revision, tries, created_at, settled_at)
   SELECT 1, 0, 'dlv_' || substr(e.id, 5), '${ENDPOINT}', e.seq, e.id, e.type, 'failed', 6, 0,
     '[{"at":1,"ms":1,"status":500,"error":"HTTP 500","answer":null,"why":"event"}]', e.created_at, e.created_at
   FROM events e JOIN history h ON e.seq = $1::bigint + h.i / 20 + 1 AND h.status = 'refunded' ORDER BY e.seq`,
]

/** Creates the schema in an empty database, with this many charges up to `now`: a multiple of 1,000. */
export async function fillPostgres(url: string, charges: number, now: number): Promise<void> {
  await migratePostgres(url)
  await onDatabase(url, async (client) => {
    await client.query(`SELECT set_config('maintenance_work_mem', '256MB', false)`)
    await client.query('BEGIN')
    const indexes = await dropIndexes(client)
    await client.query(HISTORY, [charges, ...batches(charges, now)])
    for (const text of [...TOTALS, ...COPIES]) await client.query(text, text.includes('$1') ? [charges] : [])
    await client.query(COUNT_CALLS)
    for (const text of indexes) await client.query(text)
    await client.query('COMMIT')
    await sealRows(client)
    // Vacuums now, because autovacuum would otherwise run during the measurement.
    await client.query('VACUUM (ANALYZE)')
    await client.query('CHECKPOINT')
  })
}

/**
 * Drops the indexes that are not constraints, and returns their definitions: building them at once takes a third of the
 * time.
 */
async function dropIndexes(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition
     FROM pg_class c
     WHERE c.relkind = 'i' AND c.relnamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = c.oid)`,
  )
  for (const { name } of rows) await client.query(`DROP INDEX ${name}`)
  return rows.map(({ definition }) => definition)
}

/** For each batch: the time digits of its ids, and the same in ms. */
function batches(charges: number, now: number): [string[], number[]] {
  const count = charges / BATCH
  const times = Array.from({ length: count }, (_, i) => now - (count - i) * BATCH_MS)
  return [times.map(encodeTime), times]
}
