import { setTimeout as delay } from 'node:timers/promises'
import type { AuditedWrite } from './audit.ts'
import type { Result, Statement } from './batch.ts'
import { ConnectionLost, meaningOf, storeError } from './errors.ts'
import type { Pool } from './pool.ts'

const MAX_TRIES = 5

export type Values = NonNullable<Statement['values']>

/** Runs one statement as its own transaction, or a read. Rejects with `StoreUnavailable` or a fault. */
export type Sql = (text: string, values?: Values) => Promise<Result>

/**
 * Retries deadlocks and statements that were definitely not sent. With `repeatable` it also retries those that may
 * have been sent: a read, or a write whose token prevents that it is done twice.
 */
export function statements(pool: Pool, repeatable: boolean): Sql {
  return async function sql(text, values = []) {
    for (let tries = 1; ; tries++) {
      try {
        const [result] = await pool.use((connection) => connection.run([{ text, values }]))
        return result as Result
      } catch (error) {
        const meaning = meaningOf(error)
        const unsent = error instanceof ConnectionLost && error.unsent
        const safe = meaning === 'again' || (error instanceof ConnectionLost && (repeatable || unsent))
        if (!safe || tries >= MAX_TRIES) throw storeError(error)
        if (meaning === 'again') await delay(Math.random() * 5 * 2 ** tries)
      }
    }
  }
}

/**
 * Kinds of work: statements that may be repeated, because a token keeps them from running twice; those that may not;
 * and those of people, which the audit log records.
 */
export type Work = { readonly fenced: Sql; readonly once: Sql; readonly audited: AuditedWrite }

/** PostgreSQL stores no NUL, and a query for one is an error. Such a query finds nothing. */
export function withoutNul(sql: Sql): Sql {
  return async (text, values = []) =>
    values.some((value) => typeof value === 'string' && value.includes('\0'))
      ? { rows: [], count: 0 }
      : sql(text, values)
}

/** Runs tasks one after another, in the order in which they began. */
export function createQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }
}
