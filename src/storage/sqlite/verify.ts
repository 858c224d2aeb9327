import type { Row } from '../verify/aggregate.ts'
import { AUDITED, type Audited, audit } from '../verify/audit.ts'
import { CHECKS, type Verification } from '../verify-checks.ts'
import type { Connection } from './connection.ts'
import { showWholeRows } from './long-texts.ts'
import { assertCurrent } from './migrate.ts'
import { brokenText, strayText } from './verify-texts.ts'

export type { Verification } from '../verify-checks.ts'

/**
 * Recomputes every stored total and copy from its source rows, in one read transaction: it can run beside a serving
 * process and sees one state. Stops at the first problem. Throws `SchemaMismatch` for a database that is not MiniPay's,
 * or has another schema version than this program.
 */
export function verify(db: Connection): Verification {
  assertCurrent(db)
  return db.transaction((): Verification => {
    const count = (table: 'charges' | 'refunds' | 'ledger_transfers') =>
      db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
    const integrity = db.pragma('integrity_check(1)', { simple: true }) as string
    const counts = { charges: 0, refunds: 0, entries: 0 }
    if (integrity !== 'ok') return { ...counts, problem: `SQLite finds the file damaged: ${integrity}` }
    for (const { sql, problem } of CHECKS) {
      const row = db.prepare(sql).safeIntegers().get() as Record<string, unknown> | undefined
      if (row) return { ...counts, problem: problem(row) }
    }
    // Last, because other problems also cause these: a deleted row leaves its text behind.
    const problem = brokenText(db) ?? audited(db) ?? strayText(db)
    if (problem !== undefined) return { ...counts, problem }
    return { charges: count('charges'), refunds: count('refunds'), entries: 2 * count('ledger_transfers') }
  })()
}

/** The number of rows of one read. */
const BATCH = 500

function audited(db: Connection): string | undefined {
  const open = new Map<Audited, Iterator<Row>>()
  function next(source: Audited): Row[] {
    const rows = open.get(source) ?? db.prepare<[], Row>(AUDITED[source]('')).iterate()
    open.set(source, rows)
    const batch: Row[] = []
    while (batch.length < BATCH) {
      const { done, value } = rows.next()
      if (done) break
      batch.push(value)
    }
    return batch
  }
  const showAsStored = showWholeRows(db)
  const auditing = audit(Date.now())
  try {
    let step = auditing.next()
    while (!step.done) step = auditing.next(next(step.value))
    return step.value
  } finally {
    for (const rows of open.values()) rows.return?.()
    showAsStored()
  }
}
