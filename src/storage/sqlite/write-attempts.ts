import type { Connection } from './connection.ts'
import type { LedgerCache } from './ledger-cache.ts'
import type { ClaimAttemptsOp, PostponeOp } from './ops.ts'
import { ATTEMPT, ATTEMPT_COLUMNS, type AttemptColumns, type Row } from './rows.ts'

export type AttemptWrites = ReturnType<typeof attemptWrites>

/** Attempts, and the counters of their states: `attempts_<state>`, in no currency. */
export function attemptWrites(db: Connection, cache: LedgerCache) {
  return { ...attemptStatements(db, cache), ...attemptClaims(db, cache) }
}

/** An attempt that was in one state, or is new, is in another. */
function recount(cache: LedgerCache, account: number, live: number, from: string | undefined, to: string) {
  if (from === to) return
  if (from !== undefined) cache.count(account, live, `attempts_${from}`, '', -1)
  cache.count(account, live, `attempts_${to}`, '', 1)
}

function attemptStatements(db: Connection, cache: LedgerCache) {
  const findReference = db
    .prepare<unknown[], string>(
      `SELECT id FROM attempts
       WHERE provider = ? AND kind = ? AND kind IN ('authorize', 'refund') AND provider_reference = ?`,
    )
    .pluck()
  const findState = db
    .prepare<unknown[], string>(`SELECT state FROM attempts WHERE id = ? AND account_id = ? AND live = ?`)
    .pluck()
  const insertAttempt = db.prepare(
    `INSERT INTO attempts
       (account_id, live, id, state, provider_reference, decline_code, reason, resolved_by, ended_at, lookups,
        unknown_since, due_at, token, route, transaction_id, refund_id, kind, provider, amount, currency,
        idempotency_key, started_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const updateAttempt = db.prepare(
    `UPDATE attempts
     SET state = ?, provider_reference = ?, decline_code = ?, reason = ?, resolved_by = ?, ended_at = ?,
       lookups = ?, unknown_since = ?, due_at = ?, token = ?, route = ?
     WHERE id = ?`,
  )

  return {
    /** The attempt that has one of these attempts' references, when it is another one; it may be in another scope. */
    referenceTaken(attempts: readonly Row[]): string | undefined {
      for (const attempt of attempts) {
        const reference = attempt[ATTEMPT.providerReference]
        if (reference === null) continue
        const holder = findReference.get(attempt[ATTEMPT.provider], attempt[ATTEMPT.kind], reference)
        if (holder !== undefined && holder !== attempt[ATTEMPT.id]) return holder
      }
      return undefined
    },

    put(account: number, live: number, attempt: Row): void {
      const id = attempt[ATTEMPT.id]
      const before = findState.get(id, account, live)
      if (before === undefined) insertAttempt.run(account, live, ...attempt)
      else updateAttempt.run(...attempt.slice(ATTEMPT.state, ATTEMPT.transactionId), id)
      recount(cache, account, live, before, attempt[ATTEMPT.state] as string)
    },
  }
}

function attemptClaims(db: Connection, cache: LedgerCache) {
  const claimDue = db.prepare<unknown[], AttemptColumns>(
    `UPDATE attempts SET due_at = ?, token = ?
     WHERE id IN (
       SELECT id FROM attempts WHERE provider = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?)
     RETURNING ${ATTEMPT_COLUMNS}`,
  )
  const findHeld = db
    .prepare<unknown[], [account: number, live: number, state: string]>(
      `SELECT account_id, live, state FROM attempts WHERE id = ? AND token = ?`,
    )
    .raw()
  const postponeHeld = db.prepare(
    `UPDATE attempts SET state = ?, reason = ?, lookups = ?, unknown_since = ?, due_at = ?, token = NULL
     WHERE id = ?`,
  )

  return {
    claim([, provider, limit, now, leaseUntil, token]: ClaimAttemptsOp): AttemptColumns[] {
      return claimDue.all(leaseUntil, token, provider, now, limit)
    },

    postpone([, id, token, state, ...found]: PostponeOp): boolean {
      const held = findHeld.get(id, token)
      if (!held) return false
      postponeHeld.run(state, ...found, id)
      const [account, live, before] = held
      recount(cache, account, live, before, state)
      return true
    },
  }
}

/**
 * Makes what was being sent due at once. Only for a process that has just locked the database: whoever held
 * those leases is gone, and nobody else can be sending.
 */
export function voidSendersLeases(db: Connection): void {
  db.prepare(
    `UPDATE attempts SET token = NULL, due_at = started_at WHERE state = 'sending' AND state <> 'succeeded'`,
  ).run()
}
