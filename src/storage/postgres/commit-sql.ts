/** The statements of a group of commits: each writes the rows of one scope to one table, whatever their number. */
import type { Alarm } from '../../domain/alarm.ts'
import type { Attempt } from '../../domain/attempt.ts'
import type { Charge, Dispute, Refund } from '../../domain/charge.ts'
import type { Scope } from '../../ports/store.ts'
import type { Statement } from './batch.ts'
import { type Recordset, recordset } from './recordset.ts'
import { live, metadataText } from './rows.ts'

/** A statement for rows of one scope, which are its first two parameters. */
export type Write<Row> = (scope: Scope, rows: readonly Row[]) => Statement

export function write<Row>({ values }: Recordset<Row>, text: string): Write<Row> {
  return (scope, rows) => ({ text, values: [scope.accountId, live(scope), ...values(rows)] })
}

export const SCOPE = '$1::integer, $2::smallint'

const CHARGES = recordset<Charge>({
  id: ['text', ({ id }) => id],
  version: ['integer', ({ version }) => version],
  amount: ['bigint', ({ amount }) => amount],
  amount_captured: ['bigint', ({ amountCaptured }) => amountCaptured],
  amount_refunded: ['bigint', ({ amountRefunded }) => amountRefunded],
  amount_refund_pending: ['bigint', ({ amountRefundPending }) => amountRefundPending],
  amount_disputed: ['bigint', ({ amountDisputed }) => amountDisputed],
  currency: ['text', ({ currency }) => currency],
  customer: ['text', ({ customer }) => customer],
  status: ['text', ({ status }) => status],
  capture: ['smallint', ({ capture }) => (capture ? 1 : 0)],
  payment_method: ['text', ({ paymentMethod }) => paymentMethod],
  description: ['text', ({ description }) => description],
  metadata: ['text', ({ metadata }) => metadataText(metadata)],
  provider: ['text', ({ provider }) => provider],
  provider_reference: ['text', ({ providerReference }) => providerReference],
  decline_code: ['text', ({ declineCode }) => declineCode],
  failure_message: ['text', ({ failureMessage }) => failureMessage],
  redirect_url: ['text', ({ redirectUrl }) => redirectUrl],
  expires_at: ['bigint', ({ expiresAt }) => expiresAt],
  cancel_key: ['text', ({ cancelKey }) => cancelKey ?? null],
  idempotency_key: ['text', ({ idempotencyKey }) => idempotencyKey],
  created_at: ['bigint', ({ createdAt }) => createdAt],
})

export const insertCharges = write(
  CHARGES,
  `
  INSERT INTO charges (account_id, live, ${CHARGES.columns})
  SELECT ${SCOPE}, r.* FROM ${CHARGES.from}`,
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
    expires_at = r.expires_at,
    cancel_key = r.cancel_key
  FROM ${CHARGES.scoped}
  WHERE c.account_id = r.account_id AND c.live = r.live AND c.id = r.id`,
)

const REFUNDS = recordset<Refund>({
  id: ['text', ({ id }) => id],
  transaction_id: ['text', ({ transactionId }) => transactionId],
  amount: ['bigint', ({ amount }) => amount],
  currency: ['text', ({ currency }) => currency],
  customer: ['text', ({ customer }) => customer],
  status: ['text', ({ status }) => status],
  reason: ['text', ({ reason }) => reason],
  description: ['text', ({ description }) => description],
  metadata: ['text', ({ metadata }) => metadataText(metadata)],
  provider_reference: ['text', ({ providerReference }) => providerReference],
  decline_code: ['text', ({ declineCode }) => declineCode],
  failure_message: ['text', ({ failureMessage }) => failureMessage],
  idempotency_key: ['text', ({ idempotencyKey }) => idempotencyKey],
  created_at: ['bigint', ({ createdAt }) => createdAt],
})

export const putRefunds = write(
  REFUNDS,
  `
  INSERT INTO refunds (account_id, live, ${REFUNDS.columns})
  SELECT ${SCOPE}, r.* FROM ${REFUNDS.from}
  ON CONFLICT (account_id, live, id) DO UPDATE
  SET status = excluded.status,
    amount = excluded.amount,
    provider_reference = excluded.provider_reference,
    decline_code = excluded.decline_code,
    failure_message = excluded.failure_message`,
)

const DISPUTES = recordset<Dispute>({
  id: ['text', ({ id }) => id],
  transaction_id: ['text', ({ transactionId }) => transactionId],
  provider: ['text', ({ provider }) => provider],
  provider_reference: ['text', ({ providerReference }) => providerReference],
  amount: ['bigint', ({ amount }) => amount],
  currency: ['text', ({ currency }) => currency],
  amount_booked: ['bigint', ({ amountBooked }) => amountBooked],
  customer: ['text', ({ customer }) => customer],
  status: ['text', ({ status }) => status],
  reason: ['text', ({ reason }) => reason],
  created_at: ['bigint', ({ createdAt }) => createdAt],
})

export const putDisputes = write(
  DISPUTES,
  `
  INSERT INTO disputes (account_id, live, ${DISPUTES.columns})
  SELECT ${SCOPE}, r.* FROM ${DISPUTES.from}
  ON CONFLICT (account_id, live, id) DO UPDATE
  SET status = excluded.status,
    amount = excluded.amount,
    amount_booked = excluded.amount_booked,
    currency = excluded.currency,
    reason = excluded.reason`,
)

const ALARMS = recordset<Alarm>({
  id: ['text', ({ id }) => id],
  transaction_id: ['text', ({ transactionId }) => transactionId],
  attempt_id: ['text', ({ attemptId }) => attemptId],
  dispute_id: ['text', ({ disputeId }) => disputeId],
  kind: ['text', ({ kind }) => kind],
  provider: ['text', ({ provider }) => provider],
  said: ['text', ({ said }) => said],
  reference: ['text', ({ reference }) => reference],
  amount: ['bigint', ({ amount }) => amount],
  currency: ['text', ({ currency }) => currency],
  message: ['text', ({ message }) => message],
  state: ['text', ({ state }) => state],
  in_doubt: ['smallint', ({ inDoubt }) => (inDoubt ? 1 : 0)],
  opened_at: ['bigint', ({ openedAt }) => openedAt],
  closed_at: ['bigint', ({ closedAt }) => closedAt],
  reason: ['text', ({ reason }) => reason],
})

export const insertAlarms = write(
  ALARMS,
  `
  INSERT INTO alarms (account_id, live, ${ALARMS.columns})
  SELECT ${SCOPE}, r.* FROM ${ALARMS.from}`,
)

export const updateAlarms = write(
  ALARMS,
  `
  UPDATE alarms m
  SET state = r.state,
    in_doubt = r.in_doubt,
    message = r.message,
    closed_at = r.closed_at,
    reason = r.reason
  FROM ${ALARMS.scoped}
  WHERE m.account_id = r.account_id AND m.live = r.live AND m.id = r.id`,
)

/** `owner` is the node that sends it or works on it, for as long as there is a lease. */
export type AttemptRow = { readonly attempt: Attempt; readonly owner: string | null }

const ATTEMPTS = recordset<AttemptRow>({
  id: ['text', ({ attempt }) => attempt.id],
  transaction_id: ['text', ({ attempt }) => attempt.transactionId],
  refund_id: ['text', ({ attempt }) => attempt.refundId],
  kind: ['text', ({ attempt }) => attempt.kind],
  provider: ['text', ({ attempt }) => attempt.provider],
  state: ['text', ({ attempt }) => attempt.state],
  amount: ['bigint', ({ attempt }) => attempt.amount],
  currency: ['text', ({ attempt }) => attempt.currency],
  route: ['text', ({ attempt }) => attempt.route && JSON.stringify(attempt.route)],
  provider_reference: ['text', ({ attempt }) => attempt.providerReference],
  decline_code: ['text', ({ attempt }) => attempt.declineCode],
  reason: ['text', ({ attempt }) => attempt.reason],
  resolved_by: ['text', ({ attempt }) => attempt.resolvedBy],
  idempotency_key: ['text', ({ attempt }) => attempt.idempotencyKey],
  started_at: ['bigint', ({ attempt }) => attempt.startedAt],
  ended_at: ['bigint', ({ attempt }) => attempt.endedAt],
  lookups: ['integer', ({ attempt }) => attempt.lookups],
  unknown_since: ['bigint', ({ attempt }) => attempt.unknownSince],
  due_at: ['bigint', ({ attempt }) => attempt.dueAt],
  token: ['text', ({ attempt }) => attempt.token],
  owner: ['text', ({ owner }) => owner],
})

export const insertAttempts = write(
  ATTEMPTS,
  `
  INSERT INTO attempts (account_id, live, ${ATTEMPTS.columns})
  SELECT ${SCOPE}, r.* FROM ${ATTEMPTS.from}`,
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
    route = r.route,
    amount = r.amount
  FROM ${ATTEMPTS.scoped}
  WHERE t.account_id = r.account_id AND t.live = r.live AND t.id = r.id`,
)
