/** Rows of our nouns, beyond what `storage/columns` says of them: long texts, and the scope of an attempt. */
import type { Charge, Refund } from '../../domain/charge.ts'
import type { IdempotencyRecord, StoredAnswer } from '../../domain/idempotency.ts'
import type { OwnedAttempt, Scope } from '../../ports/store.ts'
import { ATTEMPTS, CHARGES, REFUNDS } from '../columns.ts'
import { type Row, selected, type Table } from '../table.ts'
import { ANSWER_BODY, DESCRIPTION, EVENT_DATA, longDetails, METADATA } from './long-texts.ts'

export type { Row, Value } from '../table.ts'

export function live(scope: Scope): number {
  return scope.mode === 'live' ? 1 : 0
}

/** The row of a charge or a refund. Behind its columns it has its details if they are too long for it, and null otherwise. */
export function rowWithDetails<T extends Charge | Refund>({ row: rowOf, at }: Table<T>, item: T): Row {
  const row = rowOf(item)
  const details = longDetails(row[at.description] as string | null, row[at.metadata] as string | null)
  if (details !== null) row[at.description] = row[at.metadata] = null
  row.push(details)
  return row
}

/** The place of the details in the rows of `rowWithDetails`. */
export const DETAILS_OF_CHARGE = CHARGES.columns.length
export const DETAILS_OF_REFUND = REFUNDS.columns.length

const WHOLE = { description: DESCRIPTION, metadata: METADATA }
export const CHARGE_COLUMNS = selected(CHARGES, WHOLE)
export const REFUND_COLUMNS = selected(REFUNDS, WHOLE)
export const ATTEMPT_COLUMNS = `account_id AS accountId, live, ${selected(ATTEMPTS)}`

export type OwnedRow = { readonly accountId: number; readonly live: number }

export function ownedAttempt({ accountId, live, ...row }: OwnedRow): OwnedAttempt {
  return { scope: { accountId, mode: live === 1 ? 'live' : 'test' }, attempt: ATTEMPTS.of(row) }
}

/**
 * The stored answer of a key; shared by the writer, which finds a key taken, and the reader. Not a join: SQLite prepares a
 * join with a table that has a partial index anew each time its parameters are bound, which took 10 µs of each request.
 */
export const FIND_KEY = `SELECT k.fingerprint, k.answer_kind, coalesce(${ANSWER_BODY}, (
    SELECT ${EVENT_DATA} FROM events e
    WHERE e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq))
  FROM idempotency_keys k
  WHERE k.account_id = ? AND k.live = ? AND k.key = ?`
export type FoundKey = [fingerprint: string, kind: StoredAnswer['kind'], body: string]

export function recordOf([fingerprint, kind, body]: FoundKey): IdempotencyRecord {
  return { fingerprint, answer: { kind, body } }
}
