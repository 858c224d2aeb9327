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
 * Runs a write as a transaction with its audit entry, which may depend on the write's result. If the write changes and
 * returns no row, stores nothing. Rejects with `StoreUnavailable` or a fault; when the connection breaks, both or neither
 * may be stored. A `lock` is taken before the write, which then sees all that others stored under it.
 */
export type AuditedWrite = (
  write: Statement,
  entry: AuditEntry | ((result: Result) => AuditEntry),
  lock?: Statement,
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
  const once: AuditedWrite = (write, entry, lock) =>
    pool.use((connection) =>
      rollingBack(connection, async () => {
        const results = await connection.run([BEGIN, ...(lock ? [lock] : []), write])
        const result = results.at(-1) as Result
        const made = typeof entry === 'function' ? entry : () => entry
        await connection.run(result.count === 0 ? [ROLLBACK] : [...appendAudit(made(result)), COMMIT])
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

/** Retries a transaction that another one made fail, or of which a part was not sent. */
async function retrying<T>(transaction: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await transaction()
    } catch (error) {
      const unsent = error instanceof ConnectionLost && error.unsent
      if (!(unsent || meaningOf(error) === 'again') || tries >= MAX_TRIES) throw storeError(error)
      await delay(Math.random() * 5 * 2 ** tries)
    }
  }
}
