import type { StoreUnavailable } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { ledgerCache } from './ledger-cache.ts'
import { type Tails, tailMemory, writtenBehind } from './tails.ts'
import { prepareWrites, type Write } from './writes.ts'

/** Why an operation failed: the database is unavailable now, MiniPay must not use it any more, or a bug. */
export type WriteFailure = {
  readonly failed: StoreUnavailable['reason'] | 'corrupt' | 'bug'
  readonly message: string
}

export type Writer = {
  /**
   * Runs operations as one transaction with one disk sync, and returns their results in order after that sync. An
   * operation that breaks a rule fails alone. If the disk cannot store the transaction, all fail and none is stored.
   */
  run(ops: readonly Write[]): unknown[]
}

/**
 * The one writer of a database. It must be the only one, because it keeps balances and sequences between groups.
 * After a failed write, only `ready` with `hasRoom` proves that the database accepts commits again, because `ready`
 * alone writes almost nothing. `tails` show the newest rows to the reader.
 */
export function createWriter(
  db: Connection,
  hasRoom: () => boolean = () => true,
  tails: Tails = tailMemory(),
): Writer {
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const cache = ledgerCache(db)
  const behind = writtenBehind(db, tails)
  const apply = prepareWrites(db, cache, behind)

  function transact(ops: readonly Write[]): unknown[] {
    try {
      begin.run()
      // Pushed: V8 treats an array that `map` made as one with holes, and clones it slowly.
      const results: unknown[] = []
      for (const op of ops) results.push(apply(op))
      cache.flush()
      behind.flush()
      commit.run()
      behind.committed()
      return results
    } catch (error) {
      cache.reset()
      behind.reset()
      if (db.inTransaction) db.exec('ROLLBACK')
      throw error
    }
  }

  function group(ops: readonly Write[]): unknown[] {
    try {
      return transact(ops)
    } catch (error) {
      const failure = classify(error)
      if (failure.failed !== 'bug' || ops.length === 1) return ops.map(() => failure)
      // One operation violated a rule of the schema: run each alone, so that only that one fails.
      return ops.flatMap((op) => group([op]))
    }
  }

  let failing: WriteFailure | undefined
  /** Remembers whether the database accepts writes: for a group, whether its last write succeeded. */
  function remember(ops: readonly Write[], results: unknown[]): unknown[] {
    const last = results.at(-1)
    if (isFailure(last)) failing = last.failed === 'bug' ? failing : last
    else if (ops.some(([name]) => name !== 'ready')) failing = undefined
    return results
  }

  return {
    run(ops) {
      const failed = failing
      if (!failed || !ops.some(([name]) => name === 'ready')) return remember(ops, group(ops))
      if (hasRoom()) {
        failing = undefined
        return remember(ops, group(ops))
      }
      const others = ops.filter(([name]) => name !== 'ready')
      const results = others.length > 0 ? remember(others, group(others)) : []
      let next = 0
      return ops.map(([name]) => (name === 'ready' ? failed : results[next++]))
    },
  }
}

export function isFailure(result: unknown): result is WriteFailure {
  return typeof result === 'object' && result !== null && 'failed' in result
}

/** SQLite's result codes by their meaning for the caller (https://www.sqlite.org/rescode.html). */
export function classify(error: unknown): WriteFailure {
  const code = String((error as { code?: unknown }).code ?? '')
  const message = error instanceof Error ? error.message : String(error)
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return { failed: 'corrupt', message }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return { failed: 'busy', message }
  if (/^SQLITE_(FULL|IOERR|CANTOPEN|READONLY|NOMEM|PROTOCOL)/.test(code)) return { failed: 'disk', message }
  return { failed: 'bug', message: (error instanceof Error && error.stack) || message }
}
