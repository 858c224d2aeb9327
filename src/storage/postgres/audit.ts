/** The audit log: entries are appended in the transaction of the change that they record, and never changed. */
import { setTimeout as delay } from 'node:timers/promises'
import type { AuditEntry } from '../../domain/audit.ts'
import { auditText } from '../chain/link.ts'
import type { Result, Statement } from './batch.ts'
import { addLink } from './chain.ts'
import { insertAudit, takeNumbers } from './commit-sql-numbered.ts'
import { numberedAudit } from './commit-writes.ts'
import { rollingBack } from './committer.ts'
import { ConnectionLost, meaningOf, storeError } from './errors.ts'
import type { Pool } from './pool.ts'

const MAX_TRIES = 5
const BEGIN: Statement = { text: 'BEGIN' }
const COMMIT: Statement = { text: 'COMMIT' }
const ROLLBACK: Statement = { text: 'ROLLBACK' }

/**
 * Runs a write as a transaction with its audit entry, if there is one; the entry may depend on the write's result. Of
 * several statements the last is the write; those before it take locks, so that it sees all that others stored under
 * them. If the write changes and returns no row, stores nothing. Rejects with `StoreUnavailable` or a fault; when the
 * connection breaks, all or nothing may be stored.
 */
export type AuditedWrite = (
  write: Statement | readonly Statement[],
  entry: AuditEntry | null | ((result: Result) => AuditEntry),
) => Promise<Result>

/**
 * The statements that append an entry, for the end of a transaction: they lock the scope's numbers until it ends, and
 * commits take other locks before that one.
 */
export function appendAudit(entry: AuditEntry): Statement[] {
  const { scope } = entry
  return [
    takeNumbers(scope, { events: 0, transfers: 0, audit: 1 }),
    addLink(scope, auditText(entry), entry.at),
    insertAudit(scope, numberedAudit([entry])),
  ]
}

export function auditedWrites(pool: Pool): AuditedWrite {
  const once: AuditedWrite = (write, entry) =>
    pool.use((connection) =>
      rollingBack(connection, async () => {
        const result = (await connection.run([BEGIN, ...[write].flat()])).at(-1) as Result
        const made = typeof entry === 'function' ? entry(result) : entry
        await connection.run(result.count === 0 ? [ROLLBACK] : [...(made ? appendAudit(made) : []), COMMIT])
        return result
      }),
    )
  return (...args) => retrying(() => once(...args))
}

export function auditWork(pool: Pool) {
  return {
    async addAuditEntry(entry: AuditEntry): Promise<void> {
      await retrying(() =>
        pool.use((connection) =>
          rollingBack(connection, () => connection.run([BEGIN, ...appendAudit(entry), COMMIT])),
        ),
      )
    },
  }
}

/**
 * Retries a transaction that another one made fail, or of which a part was not sent; with `repeatable` also one that may
 * have been done.
 */
export async function retrying<T>(transaction: () => Promise<T>, repeatable = false): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await transaction()
    } catch (error) {
      const unsent = error instanceof ConnectionLost && (repeatable || error.unsent)
      if (!(unsent || meaningOf(error) === 'again') || tries >= MAX_TRIES) throw storeError(error)
      await delay(Math.random() * 5 * 2 ** tries)
    }
  }
}
