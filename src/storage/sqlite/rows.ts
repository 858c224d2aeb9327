/** Rows of our nouns, apart from `storage/columns`: long texts, and the scope of an attempt. */
import type { Charge, Refund } from '../../domain/charge.ts'
import type { Mode } from '../../domain/scope.ts'
import type { Scope, ScopedAttempt } from '../../ports/store.ts'
import { ATTEMPTS, CHARGES, KEYS, REFUNDS } from '../columns.ts'
import { recordText, selectList, type Table, type Value } from '../table.ts'
import { DESCRIPTION, EVENT_DATA, FACTS, FINGERPRINT, longDetails, METADATA } from './long-texts.ts'

export type { Row, Value } from '../table.ts'

export function live({ mode }: Pick<Scope, 'mode'>): number {
  return mode === 'live' ? 1 : 0
}

export function modeOf(live: number): Mode {
  return live === 1 ? 'live' : 'test'
}

/**
 * Removes the details from the row of a charge or refund if they are too long for it, and returns them; otherwise null.
 */
export function takeDetails<T extends Charge | Refund>({ at }: Table<T>, row: Value[]): string | null {
  const details = longDetails(row[at.description] as string | null, row[at.metadata] as string | null)
  if (details !== null) row[at.description] = row[at.metadata] = null
  return details
}

/** The details of a charge if they are too long for its row; otherwise null. */
export function detailsOf({ description, metadata }: Charge): string | null {
  return longDetails(description, recordText(metadata))
}

const WHOLE = { description: DESCRIPTION, metadata: METADATA }
export const CHARGE_COLUMNS = selectList(CHARGES, WHOLE)
export const REFUND_COLUMNS = selectList(REFUNDS, WHOLE)
export const ATTEMPT_COLUMNS = `account_id AS accountId, live, ${selectList(ATTEMPTS)}`

export type OwnedRow = { readonly accountId: number; readonly live: number }

export function ownedAttempt({ accountId, live, ...row }: OwnedRow): ScopedAttempt {
  return { scope: { accountId, mode: modeOf(live) }, attempt: ATTEMPTS.of(row) }
}

/**
 * The record of a key, by the number of its row and the key. The writer uses it when a key exists already, and so does the reader. Not a join: if a join has
 * a table with a partial index, SQLite prepares it again each time its parameters are bound, which took 10 µs of each
 * request.
 */
export const FIND_KEY = `SELECT ${selectList(KEYS, { facts: FACTS, fingerprint: FINGERPRINT })}, (
    SELECT ${EVENT_DATA} FROM events e
    WHERE e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq) AS event
  FROM idempotency_keys k
  WHERE k.seq = ? AND k.account_id = ? AND k.live = ? AND k.key = ?`
