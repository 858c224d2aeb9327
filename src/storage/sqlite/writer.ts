import { KEPT_VERSIONS } from '../../domain/rule-set.ts'
import type { StoreUnavailable } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { ledgerCache } from './ledger-cache.ts'
import { schemaVersion } from './migrate.ts'
import { OP, type PurgeOp, type ReplaceRuleSetOp, type WriteOp } from './ops.ts'
import { attemptWrites } from './write-attempts.ts'
import { clockWrites } from './write-clock.ts'
import { commitWrites } from './write-commit.ts'
import { deliveryWrites } from './write-deliveries.ts'
import { notificationWrites } from './write-notifications.ts'

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

/**
 * The one writer of a database. It must be the only one: it keeps balances and sequences between groups. After a failed
 * write a ping, which writes next to nothing, proves only with `hasRoom` that a commit would be taken again.
 */
export function createWriter(db: Connection, hasRoom: () => boolean = () => true): Writer {
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const cache = ledgerCache(db)
  const attempts = attemptWrites(db, cache)
  const applyCommit = commitWrites(db, cache, attempts)
  const deliveries = deliveryWrites(db, cache)
  const notifications = notificationWrites(db)
  const clock = clockWrites(db)

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
      case OP.retryMany:
        return deliveries.retryMany(op)
      case OP.claimAttempts:
        return attempts.claim(op)
      case OP.claimAttempt:
        return attempts.claimOne(op)
      case OP.postpone:
        return attempts.postpone(op)
      case OP.replaceRuleSet:
        return replaceRuleSet(db, op)
      case OP.addNotification:
        return notifications.add(op)
      case OP.claimNotifications:
        return notifications.claim(op)
      case OP.settleNotification:
        return notifications.settle(op)
      case OP.purgeNotifications:
        return notifications.purge(op)
      case OP.purge:
        return purge(db, op)
      case OP.clock:
        return clock(op)
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

  function group(ops: readonly WriteOp[]): unknown[] {
    try {
      return transact(ops)
    } catch (error) {
      const failure = classify(error)
      if (failure.failed !== 'bug' || ops.length === 1) return ops.map(() => failure)
      // One operation broke a rule of the schema: run each alone, so that only that one fails.
      return ops.flatMap((op) => group([op]))
    }
  }

  let failing: WriteFailure | undefined
  /** Remembers whether writes are taken: of a group, whether its last one was. */
  function remember(ops: readonly WriteOp[], results: readonly unknown[]): unknown[] {
    const last = results.at(-1)
    if (isFailure(last)) failing = last.failed === 'bug' ? failing : last
    else if (ops.some(([kind]) => kind !== OP.ping)) failing = undefined
    return [...results]
  }

  return {
    run(ops) {
      const failed = failing
      if (!failed || !ops.some(([kind]) => kind === OP.ping)) return remember(ops, group(ops))
      if (hasRoom()) {
        failing = undefined
        return remember(ops, group(ops))
      }
      const others = ops.filter(([kind]) => kind !== OP.ping)
      const results = others.length > 0 ? remember(others, group(others)) : []
      let next = 0
      return ops.map(([kind]) => (kind === OP.ping ? failed : results[next++]))
    },
  }
}

export function isFailure(result: unknown): result is WriteFailure {
  return typeof result === 'object' && result !== null && 'failed' in result
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

/**
 * Looks only at the oldest records, which come first by `seq`, and passes over those whose request has not ended. The
 * newest stays: the next one would be given its number, and be taken for old.
 */
function purge(db: Connection, [, lastKey, limit]: PurgeOp): number {
  return db
    .prepare(
      `DELETE FROM idempotency_keys WHERE seq IN (
         SELECT seq FROM idempotency_keys
         WHERE seq <= ? AND seq < (SELECT max(seq) FROM idempotency_keys) AND answer_kind <> 'accepted'
         ORDER BY seq LIMIT ?)`,
    )
    .run(lastKey, limit).changes
}

/** Stores the next version, when `version` is still the newest, and forgets what is old. */
function replaceRuleSet(
  db: Connection,
  [, account, live, version, document, now]: ReplaceRuleSetOp,
): boolean {
  const next = version + 1
  const { changes } = db
    .prepare(
      `INSERT INTO rule_sets (account_id, live, version, document, created_at)
       SELECT ?, ?, ?, ?, ?
       WHERE ? = (SELECT coalesce(max(version), 0) FROM rule_sets WHERE account_id = ? AND live = ?)`,
    )
    .run(account, live, next, document, now, version, account, live)
  if (changes === 1)
    db.prepare('DELETE FROM rule_sets WHERE account_id = ? AND live = ? AND version <= ?').run(
      account,
      live,
      next - KEPT_VERSIONS,
    )
  return changes === 1
}
