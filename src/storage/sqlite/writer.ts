import type { StoreUnavailable } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { ledgerCache } from './ledger-cache.ts'
import { schemaVersion } from './migrate.ts'
import {
  CHARGE,
  type ClaimOp,
  COMMIT,
  type CommitOp,
  FIND_KEY,
  type FoundKey,
  OP,
  type PurgeOp,
  type ReleaseOp,
  type RetryOp,
  type SettleOp,
  type WriteOp,
} from './rows.ts'

/** Why an operation was not done: the database can't now, it must not be used any more, or a fault of ours. */
export type WriteFailure = {
  readonly failed: StoreUnavailable['reason'] | 'corrupt' | 'bug'
  readonly message: string
}

export type Writer = {
  /**
   * Runs operations as one transaction with one disk sync, and answers each in order once that sync is
   * done. An operation that can't be done for a reason of its own fails alone; a disk that can't take the
   * transaction fails them all, and none is done.
   */
  run(ops: readonly WriteOp[]): unknown[]
}

/** The one writer of a database. It must be the only one: it keeps balances and sequences between groups. */
export function createWriter(db: Connection): Writer {
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const cache = ledgerCache(db)
  const applyCommit = commitStatements(db, cache)
  const deliveries = deliveryStatements(db, cache)

  function apply(op: WriteOp): unknown {
    switch (op[0]) {
      case OP.commit:
        return applyCommit(op)
      case OP.claim:
        return deliveries.claim(op)
      case OP.settle:
        return deliveries.settle(op)
      case OP.release:
        return deliveries.release(op)
      case OP.retry:
        return deliveries.retry(op)
      case OP.purge:
        return purge(db, op)
      case OP.ping:
        // Sets what is set already: a real write, synced like any other, that changes nothing.
        db.pragma(`user_version = ${schemaVersion(db)}`)
        return true
    }
  }

  function transact(ops: readonly WriteOp[]): unknown[] {
    try {
      begin.run()
      const results = ops.map(apply)
      cache.flush()
      commit.run()
      return results
    } catch (error) {
      cache.reset()
      if (db.inTransaction) db.exec('ROLLBACK')
      throw error
    }
  }

  return {
    run(ops) {
      try {
        return transact(ops)
      } catch (error) {
        const failure = classify(error)
        if (failure.failed !== 'bug' || ops.length === 1) return ops.map(() => failure)
        // One operation broke a rule of the schema: run each alone, so that only that one fails.
        return ops.flatMap((op) => this.run([op]))
      }
    },
  }
}

/** SQLite's result codes by what they mean for the caller (https://www.sqlite.org/rescode.html). */
export function classify(error: unknown): WriteFailure {
  const code = String((error as { code?: unknown }).code ?? '')
  const message = error instanceof Error ? error.message : String(error)
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return { failed: 'corrupt', message }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return { failed: 'busy', message }
  if (/^SQLITE_(FULL|IOERR|CANTOPEN|READONLY|NOMEM|PROTOCOL)/.test(code)) return { failed: 'disk', message }
  return { failed: 'bug', message: (error instanceof Error && error.stack) || message }
}

function commitStatements(db: Connection, cache: ReturnType<typeof ledgerCache>) {
  const insertKey = db.prepare(
    `INSERT INTO idempotency_keys
       (account_id, live, key, fingerprint, answer_kind, answer_body, event_seq, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (account_id, live, key) DO NOTHING`,
  )
  const findKey = db.prepare<[number, number, string], FoundKey>(FIND_KEY).raw()
  const findVersion = db
    .prepare<[number, number, string], number>(
      `SELECT version FROM charges WHERE account_id = ? AND live = ? AND id = ?`,
    )
    .pluck()
  const insertCharge = db.prepare(
    `INSERT INTO charges
       (account_id, live, id, version, amount, amount_refunded, currency, customer, status, payment_method,
        description, metadata, provider, provider_reference, decline_code, failure_message,
        idempotency_key, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const updateCharge = db.prepare(
    `UPDATE charges SET version = ?, amount_refunded = ?, status = ?
     WHERE account_id = ? AND live = ? AND id = ?`,
  )
  const insertRefund = db.prepare(
    `INSERT INTO refunds
       (account_id, live, id, transaction_id, amount, currency, customer, status, reason, description,
        metadata, idempotency_key, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertTwoEntries = db.prepare(
    `INSERT INTO ledger_entries
       (account_id, live, seq, ledger_account_id, transaction_id, amount, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertEvent = db.prepare(
    `INSERT INTO events (account_id, live, seq, id, type, data, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertDelivery = db.prepare(
    `INSERT INTO deliveries
       (id, account_id, live, endpoint, event_seq, state, attempts, due_at, created_at)
     VALUES (?, ?, ?, ?, ?, 'pending', 0, ?, ?)`,
  )

  /**
   * Guards first, in this order: the charge is at the version that was decided on; every balance has room;
   * the key is new. Nothing is written before the last of them has passed.
   */
  return function applyCommit(op: CommitOp): unknown {
    const [, account, live, at, charge, refund, key, postings, event, deliveries, counts] = op
    const chargeId = charge[CHARGE.id] as string
    const version = charge[CHARGE.version] as number
    const currency = charge[CHARGE.currency] as string

    if (version > 1 && findVersion.get(account, live, chargeId) !== version - 1) return COMMIT.versionConflict
    if (!cache.hasRoom(account, live, currency, postings)) return COMMIT.balanceLimit
    const numbers = cache.numbers(account, live)
    const eventSeq = numbers.event + 1
    if (insertKey.run(account, live, ...key, eventSeq, at).changes === 0)
      return findKey.get(account, live, key[0])
    numbers.event = eventSeq

    if (version === 1) insertCharge.run(account, live, ...charge)
    else
      updateCharge.run(version, charge[CHARGE.amountRefunded], charge[CHARGE.status], account, live, chargeId)
    if (refund) insertRefund.run(account, live, ...refund)

    const transaction = refund ? refund[0] : chargeId
    // Postings come in pairs, a debit and its credit; whoever decided them has checked it, and so does this.
    for (let i = 0; i < postings.length; i += 4) {
      const [from, amount, to, opposite] = postings.slice(i, i + 4) as [string, number, string, number]
      if (amount + opposite !== 0) throw new Error(`the postings of ${transaction} do not balance`)
      const debit = cache.account(account, live, from, currency)
      const credit = cache.account(account, live, to, currency)
      insertTwoEntries.run(
        ...[account, live, ++numbers.entry, debit.id, transaction, amount, at],
        ...[account, live, ++numbers.entry, credit.id, transaction, opposite, at],
      )
      cache.post(debit, amount)
      cache.post(credit, opposite)
    }

    insertEvent.run(account, live, eventSeq, event[0], event[1], event[2], at)
    for (let i = 0; i < deliveries.length; i += 2) {
      insertDelivery.run(deliveries[i], account, live, deliveries[i + 1], eventSeq, at, at)
      cache.count(account, live, 'deliveries_pending', '', 1)
    }
    for (const name of counts) cache.count(account, live, name, currency, 1)
    return COMMIT.committed
  }
}

type ClaimedRow = readonly [id: string, accountId: number, live: number, eventSeq: number, attempts: number]

function deliveryStatements(db: Connection, cache: ReturnType<typeof ledgerCache>) {
  const claimDue = db
    .prepare<[number, string, string, number, number], ClaimedRow>(
      `UPDATE deliveries SET due_at = ?, token = ?
       WHERE id IN (
         SELECT id FROM deliveries
         WHERE endpoint = ? AND state = 'pending' AND due_at <= ?
         ORDER BY due_at, id LIMIT ?)
       RETURNING id, account_id, live, event_seq, attempts`,
    )
    .raw()
  const findEvent = db
    .prepare<[number, number, number], [id: string, type: string, createdAt: number, data: string]>(
      `SELECT id, type, created_at, data FROM events WHERE account_id = ? AND live = ? AND seq = ?`,
    )
    .raw()
  const settleClaimed = db
    .prepare<unknown[], [accountId: number, live: number]>(
      `UPDATE deliveries
       SET state = ?, attempts = attempts + 1, due_at = ?, token = NULL, last_status = ?, last_error = ?
       WHERE id = ? AND token = ? AND state = 'pending'
       RETURNING account_id, live`,
    )
    .raw()
  const releaseClaimed = db.prepare(
    `UPDATE deliveries SET due_at = created_at, token = NULL WHERE id = ? AND token = ? AND state = 'pending'`,
  )
  const retryFailed = db.prepare(
    `UPDATE deliveries SET state = 'pending', attempts = 0, due_at = ?, token = NULL
     WHERE id = ? AND account_id = ? AND live = ? AND state = 'failed'`,
  )

  return {
    /** A delivery whose event is gone, which `verify` reports, is left to its lease: it must not stop the others. */
    claim([, endpoint, limit, now, leaseUntil, token]: ClaimOp): unknown {
      return claimDue
        .all(leaseUntil, token, endpoint, now, limit)
        .flatMap(([id, account, live, seq, attempts]) => {
          const event = findEvent.get(account, live, seq)
          return event ? [[id, attempts, ...event]] : []
        })
    },

    settle([, id, token, state, dueAt, status, error]: SettleOp): boolean {
      const scope = settleClaimed.get(state, dueAt, status, error, id, token)
      if (!scope) return false
      if (state === 'pending') cache.count(...scope, 'deliveries_retried', '', 1)
      else {
        cache.count(...scope, 'deliveries_pending', '', -1)
        cache.count(...scope, `deliveries_${state}`, '', 1)
      }
      return true
    },

    release([, id, token]: ReleaseOp): boolean {
      return releaseClaimed.run(id, token).changes === 1
    },

    retry([, account, live, id, now]: RetryOp): boolean {
      if (retryFailed.run(now, id, account, live).changes === 0) return false
      cache.count(account, live, 'deliveries_failed', '', -1)
      cache.count(account, live, 'deliveries_pending', '', 1)
      return true
    },
  }
}

/** Looks only at the oldest records, which come first by `seq`: a purge with nothing to do reads `limit` rows. */
function purge(db: Connection, [, before, limit]: PurgeOp): number {
  return db
    .prepare(
      `DELETE FROM idempotency_keys WHERE seq IN (
         SELECT seq FROM (SELECT seq, created_at FROM idempotency_keys ORDER BY seq LIMIT ?)
         WHERE created_at < ?)`,
    )
    .run(limit, before).changes
}
