/** Checks of single rows, and of rows against the row that they refer to, in SQL that both engines run. */
import { MAX_WINDOW_MS, STEPS, SUB_WINDOWS } from '../../domain/velocity.ts'
import { OBJECT_OF_EVENT } from '../event-log.ts'
import type { Check } from '../verify-checks.ts'
import { ACCESS } from './access.ts'
import { IS_OF_ENDPOINT } from './aggregate.ts'
import { WEBHOOKS } from './webhooks.ts'

/** An event of a webhook endpoint shows one, and every other event shows a charge, which `events.ts` checks. */
const ENDPOINT_EVENTS: readonly Check[] = [
  {
    sql: `SELECT seq, type FROM events WHERE ${IS_OF_ENDPOINT} AND type NOT LIKE 'webhook\\_endpoint.%' ESCAPE '\\'
      LIMIT 1`,
    problem: ({ seq, type }) => `The event ${seq} (${type}) shows a webhook endpoint.`,
  },
  {
    sql: `SELECT e.seq, e.object FROM (
        SELECT account_id, live, seq, ${OBJECT_OF_EVENT} AS object FROM events WHERE ${IS_OF_ENDPOINT}) AS e
      LEFT JOIN webhook_endpoints w ON w.account_id = e.account_id AND w.live = e.live AND w.id = e.object
      WHERE w.id IS NULL LIMIT 1`,
    problem: ({ seq, object }) =>
      `The event ${seq} is of the webhook endpoint ${object}, which is not there.`,
  },
]

/** A notification is due until it is settled, and refers to an existing object. */
const NOTIFICATIONS: readonly Check[] = [
  {
    sql: `SELECT id, state FROM notifications
      WHERE CASE state
        WHEN 'pending' THEN due_at IS NULL
        WHEN 'done' THEN due_at IS NOT NULL OR token IS NOT NULL
        ELSE due_at IS NOT NULL OR token IS NOT NULL OR last_error IS NULL OR tries < 1 END OR tries < 0 LIMIT 1`,
    problem: ({ id, state }) => `The notification ${id} is ${state}, and is not settled as one that is.`,
  },
  {
    sql: `SELECT n.id, n.provider, n.reference FROM notifications n LEFT JOIN attempts t ON t.id = n.reference
      WHERE n.state = 'done' AND n.about = 'attempt' AND (t.id IS NULL OR t.provider <> n.provider) LIMIT 1`,
    problem: ({ id, provider, reference }) =>
      `The notification ${id} was done, and is about the attempt ${reference}, which is not one at ${provider}.`,
  },
]

/** The record of a request that retried many deliveries: it is about none alone, and has what the request did. */
const IS_RETRY = `k.object_id = '' AND k.event_seq = 0 AND k.ending = 'done' AND k.facts LIKE '{"queued":%'`

/** Each record's key belongs to a request; the record of a closed alarm has its event, and that of a replay its replay. */
const RECORDS: readonly Check[] = [
  {
    sql: `WITH asked AS (
        SELECT account_id, live, idempotency_key AS key FROM charges
        UNION ALL SELECT account_id, live, idempotency_key FROM refunds
        UNION ALL SELECT account_id, live, idempotency_key FROM attempts WHERE kind IN ('capture', 'cancel')
        UNION ALL SELECT account_id, live, cancel_key FROM charges WHERE cancel_key IS NOT NULL)
      SELECT k.key FROM idempotency_keys k
      LEFT JOIN asked a ON a.account_id = k.account_id AND a.live = k.live AND a.key = k.key
      LEFT JOIN events e ON e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq
      LEFT JOIN webhook_replays r ON r.account_id = k.account_id AND r.live = k.live AND r.id = k.object_id
        AND r.created_at = k.created_at AND k.ending = 'created' AND k.facts IS NULL
      WHERE a.key IS NULL AND (e.type IS NULL OR e.type <> 'alarm.closed') AND r.id IS NULL
        AND k.fingerprint NOT LIKE 'POST /api/v1/charges/%/cancel {}' AND NOT (${IS_RETRY}) LIMIT 1`,
    problem: ({ key }) => `The idempotency record ${key} is of nothing that was asked.`,
  },
]

/** The first transfer of an account creates it. */
const ACCOUNTS: readonly Check[] = [
  {
    sql: `SELECT a.code, a.currency FROM ledger_accounts a
      WHERE NOT EXISTS (SELECT 1 FROM ledger_transfers t WHERE t.debit_account_id = a.id)
        AND NOT EXISTS (SELECT 1 FROM ledger_transfers t WHERE t.credit_account_id = a.id) LIMIT 1`,
    problem: ({ code, currency }) => `The account ${code} (${currency}) has no entry.`,
  },
]

/** A counter of a velocity limit has eleven sums, the last of them positive, and ends when none of them counts any more. */
const VELOCITY: readonly Check[] = [
  {
    sql: `SELECT counter FROM velocity_counters
      WHERE length(counter) <> 64 OR window_ms NOT BETWEEN 1000 AND ${MAX_WINDOW_MS} OR window_ms % 1000 <> 0
        OR ends_at <> (newest + ${SUB_WINDOWS}) * (window_ms / ${STEPS})
        OR trim(sums, '0123456789,[]') <> '' OR substr(sums, 1, 1) <> '[' OR sums LIKE '%,0]'
        OR length(sums) - length(replace(sums, ',', '')) <> ${SUB_WINDOWS - 1} LIMIT 1`,
    problem: ({ counter }) => `The velocity counter ${counter} is not one that MiniPay writes.`,
  },
]

export const ROWS: readonly Check[] = [
  ...ENDPOINT_EVENTS,
  ...WEBHOOKS,
  ...NOTIFICATIONS,
  ...RECORDS,
  ...ACCOUNTS,
  ...VELOCITY,
  ...ACCESS,
]
