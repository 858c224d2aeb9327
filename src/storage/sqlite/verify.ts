import { CHECKS, type Verification } from '../verify-checks.ts'
import type { Connection } from './connection.ts'
import { assertCurrent } from './migrate.ts'

export type { Verification } from '../verify-checks.ts'

/**
 * Recomputes everything that is kept beside the rows it comes from, in one read transaction: it can run
 * beside a serving process and sees one state. Stops at the first thing wrong. Throws `SchemaMismatch` for a
 * database that is not ours, or of another schema than this program's.
 */
export function verify(db: Connection): Verification {
  assertCurrent(db)
  return db.transaction((): Verification => {
    const count = (table: 'charges' | 'refunds' | 'ledger_entries') =>
      db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
    const integrity = db.pragma('integrity_check(1)', { simple: true }) as string
    const counts = { charges: 0, refunds: 0, entries: 0 }
    if (integrity !== 'ok') return { ...counts, problem: `SQLite finds the file damaged: ${integrity}` }
    for (const { sql, problem } of CHECKS) {
      const row = db.prepare(sql).safeIntegers().get() as Record<string, unknown> | undefined
      if (row) return { ...counts, problem: problem(row) }
    }
    return { charges: count('charges'), refunds: count('refunds'), entries: count('ledger_entries') }
  })()
}
