/** The statements of a group of commits: each writes one table, whatever the number of rows. */
import type { Statement } from './batch.ts'
import { type Recordset, recordset, type Value } from './recordset.ts'

/** A statement for rows of these columns. */
export type Write<Column extends string> = (rows: readonly Readonly<Record<Column, Value>>[]) => Statement

function write<Column extends string>(set: Recordset<Column>, text: string): Write<Column> {
  return (rows) => ({ text, values: set.values(rows) })
}

const CHARGES = recordset({
  account_id: 'integer',
  live: 'smallint',
  id: 'text',
  version: 'integer',
  amount: 'bigint',
  amount_captured: 'bigint',
  amount_refunded: 'bigint',
  amount_refund_pending: 'bigint',
  amount_disputed: 'bigint',
  currency: 'text',
  customer: 'text',
  status: 'text',
  capture: 'smallint',
  payment_method: 'text',
  description: 'text',
  metadata: 'text',
  provider: 'text',
  provider_reference: 'text',
  decline_code: 'text',
  failure_message: 'text',
  redirect_url: 'text',
  expires_at: 'bigint',
  idempotency_key: 'text',
  created_at: 'bigint',
})

const REFUNDS = recordset({
  account_id: 'integer',
  live: 'smallint',
  id: 'text',
  transaction_id: 'text',
  amount: 'bigint',
  currency: 'text',
  customer: 'text',
  status: 'text',
  reason: 'text',
  description: 'text',
  metadata: 'text',
  provider_reference: 'text',
  decline_code: 'text',
  failure_message: 'text',
  idempotency_key: 'text',
  created_at: 'bigint',
})

const DISPUTES = recordset({
  account_id: 'integer',
  live: 'smallint',
  id: 'text',
  transaction_id: 'text',
  provider: 'text',
  provider_reference: 'text',
  amount: 'bigint',
  currency: 'text',
  customer: 'text',
  status: 'text',
  reason: 'text',
  created_at: 'bigint',
})

const ATTEMPTS = recordset({
  id: 'text',
  account_id: 'integer',
  live: 'smallint',
  transaction_id: 'text',
  refund_id: 'text',
  kind: 'text',
  provider: 'text',
  state: 'text',
  amount: 'bigint',
  currency: 'text',
  route: 'text',
  provider_reference: 'text',
  decline_code: 'text',
  reason: 'text',
  resolved_by: 'text',
  idempotency_key: 'text',
  started_at: 'bigint',
  ended_at: 'bigint',
  lookups: 'integer',
  unknown_since: 'bigint',
  due_at: 'bigint',
  token: 'text',
  owner: 'text',
})

export const insertCharges = write(
  CHARGES,
  `
  INSERT INTO charges (${CHARGES.columns})
  SELECT * FROM ${CHARGES.from}`,
)

export const updateCharges = write(
  CHARGES,
  `
  UPDATE charges c
  SET version = r.version,
    status = r.status,
    amount_captured = r.amount_captured,
    amount_refunded = r.amount_refunded,
    amount_refund_pending = r.amount_refund_pending,
    amount_disputed = r.amount_disputed,
    provider = r.provider,
    provider_reference = r.provider_reference,
    decline_code = r.decline_code,
    failure_message = r.failure_message,
    redirect_url = r.redirect_url,
    expires_at = r.expires_at
  FROM ${CHARGES.from}
  WHERE c.account_id = r.account_id AND c.live = r.live AND c.id = r.id`,
)

export const putRefunds = write(
  REFUNDS,
  `
  INSERT INTO refunds (${REFUNDS.columns})
  SELECT * FROM ${REFUNDS.from}
  ON CONFLICT (account_id, live, id) DO UPDATE
  SET status = excluded.status,
    provider_reference = excluded.provider_reference,
    decline_code = excluded.decline_code,
    failure_message = excluded.failure_message`,
)

export const putDisputes = write(
  DISPUTES,
  `
  INSERT INTO disputes (${DISPUTES.columns})
  SELECT * FROM ${DISPUTES.from}
  ON CONFLICT (account_id, live, id) DO UPDATE
  SET status = excluded.status,
    amount = excluded.amount,
    reason = excluded.reason`,
)

export const insertAttempts = write(
  ATTEMPTS,
  `
  INSERT INTO attempts (${ATTEMPTS.columns})
  SELECT * FROM ${ATTEMPTS.from}`,
)

export const updateAttempts = write(
  ATTEMPTS,
  `
  UPDATE attempts t
  SET state = r.state,
    provider_reference = r.provider_reference,
    decline_code = r.decline_code,
    reason = r.reason,
    resolved_by = r.resolved_by,
    ended_at = r.ended_at,
    lookups = r.lookups,
    unknown_since = r.unknown_since,
    due_at = r.due_at,
    token = r.token,
    owner = r.owner,
    route = r.route
  FROM ${ATTEMPTS.from}
  WHERE t.id = r.id`,
)

const NUMBERS = recordset({
  account_id: 'integer',
  live: 'smallint',
  event: 'bigint',
  entry: 'bigint',
})

/** Locks the scope's row until the commit is done. */
export const takeNumbers = write(
  NUMBERS,
  `
  INSERT INTO sequences AS s (account_id, live, event, entry)
  SELECT account_id, live, event, entry
  FROM ${NUMBERS.from}
  ORDER BY account_id, live
  ON CONFLICT (account_id, live) DO UPDATE
  SET event = s.event + excluded.event,
    entry = s.entry + excluded.entry`,
)

const EVENTS = recordset({
  account_id: 'integer',
  live: 'smallint',
  behind: 'bigint',
  id: 'text',
  type: 'text',
  data: 'text',
  created_at: 'bigint',
})

export const insertEvents = write(
  EVENTS,
  `
  INSERT INTO events (account_id, live, seq, id, type, data, created_at)
  SELECT r.account_id, r.live, s.event - r.behind, r.id, r.type, r.data, r.created_at
  FROM ${EVENTS.from}
  JOIN sequences s ON s.account_id = r.account_id AND s.live = r.live`,
)

const DELIVERIES = recordset({
  account_id: 'integer',
  live: 'smallint',
  behind: 'bigint',
  id: 'text',
  endpoint: 'text',
  created_at: 'bigint',
})

export const insertDeliveries = write(
  DELIVERIES,
  `
  INSERT INTO deliveries (id, account_id, live, endpoint, event_seq, state, attempts, due_at, created_at)
  SELECT r.id, r.account_id, r.live, r.endpoint, s.event - r.behind, 'pending', 0, r.created_at, r.created_at
  FROM ${DELIVERIES.from}
  JOIN sequences s ON s.account_id = r.account_id AND s.live = r.live`,
)

const KEYS = recordset({
  account_id: 'integer',
  live: 'smallint',
  behind: 'bigint',
  key: 'text',
  fingerprint: 'text',
  answer_kind: 'text',
  answer_body: 'text',
  created_at: 'bigint',
})

/** A key without an event names event 0, and then has an answer of its own. */
export const insertKeys = write(
  KEYS,
  `
  INSERT INTO idempotency_keys
    (account_id, live, key, fingerprint, answer_kind, answer_body, event_seq, created_at)
  SELECT r.account_id, r.live, r.key, r.fingerprint, r.answer_kind, r.answer_body,
    coalesce(s.event - r.behind, 0), r.created_at
  FROM ${KEYS.from}
  LEFT JOIN sequences s ON s.account_id = r.account_id AND s.live = r.live
  ORDER BY r.account_id, r.live, r.key COLLATE "C"`,
)

const ANSWERS = recordset({
  account_id: 'integer',
  live: 'smallint',
  behind: 'bigint',
  key: 'text',
  answer_kind: 'text',
  answer_body: 'text',
})

/** Nothing when the key was purged since. */
export const updateKeys = write(
  ANSWERS,
  `
  UPDATE idempotency_keys k
  SET answer_kind = r.answer_kind,
    answer_body = r.answer_body,
    event_seq = coalesce(s.event - r.behind, 0)
  FROM ${ANSWERS.from}
  LEFT JOIN sequences s ON s.account_id = r.account_id AND s.live = r.live
  WHERE k.account_id = r.account_id AND k.live = r.live AND k.key = r.key`,
)

const SUMS = recordset({
  account_id: 'integer',
  live: 'smallint',
  name: 'text',
  currency: 'text',
  value: 'bigint',
})

/** An account is made with its first posting. */
export const addToBalances = write(
  SUMS,
  `
  INSERT INTO ledger_accounts AS a (account_id, live, code, currency, balance)
  SELECT account_id, live, name, currency, value
  FROM ${SUMS.from}
  ORDER BY account_id, live, name COLLATE "C", currency COLLATE "C"
  ON CONFLICT (account_id, live, code, currency) DO UPDATE
  SET balance = a.balance + excluded.balance`,
)

const ENTRIES = recordset({
  account_id: 'integer',
  live: 'smallint',
  behind: 'bigint',
  code: 'text',
  currency: 'text',
  transaction_id: 'text',
  amount: 'bigint',
  created_at: 'bigint',
})

export const insertEntries = write(
  ENTRIES,
  `
  INSERT INTO ledger_entries (account_id, live, seq, ledger_account_id, transaction_id, amount, created_at)
  SELECT r.account_id, r.live, s.entry - r.behind, a.id, r.transaction_id, r.amount, r.created_at
  FROM ${ENTRIES.from}
  JOIN sequences s ON s.account_id = r.account_id AND s.live = r.live
  JOIN ledger_accounts a
    ON a.account_id = r.account_id AND a.live = r.live AND a.code = r.code AND a.currency = r.currency`,
)

export const addToCounters = write(
  SUMS,
  `
  INSERT INTO counters AS k (account_id, live, name, currency, part, value)
  SELECT account_id, live, name, currency, 0, value
  FROM ${SUMS.from}
  ORDER BY account_id, live, name COLLATE "C", currency COLLATE "C"
  ON CONFLICT (account_id, live, name, currency, part) DO UPDATE
  SET value = k.value + excluded.value`,
)
