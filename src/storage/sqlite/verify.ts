import { CHAINED, checkChains } from '../chain/check.ts'
import type { Head } from '../chain/head.ts'
import type { Row, SourceText } from '../verify/aggregate.ts'
import { AUDITED, audit } from '../verify/audit.ts'
import { STATISTICS } from '../verify/statistics.ts'
import { deliveryProblem, SENT } from '../verify/webhooks.ts'
import { CHECKS, type Check, type Verification, withChains } from '../verify-checks.ts'
import type { Connection } from './connection.ts'
import { showWholeRows } from './long-texts.ts'
import { assertCurrent } from './migrate.ts'
import { customerIndexProblem } from './verify-customers.ts'
import { FIRSTS } from './verify-firsts.ts'
import { keyIndexProblem, keyOf, showKeyPlaces } from './verify-keys.ts'
import { referenceIndexProblem } from './verify-references.ts'
import { brokenText, strayText } from './verify-texts.ts'

export type { Verification } from '../verify-checks.ts'

/**
 * Recomputes every stored total and copy from its source rows, in one read transaction: it can run beside a serving
 * process and sees one state. Stops at the first problem. Throws `SchemaMismatch` for a database that is not MiniPay's,
 * or has another schema version than this program.
 */
export function verify(db: Connection, since?: readonly Head[]): Verification {
  assertCurrent(db)
  return db.transaction((): Verification => {
    const count = (table: 'charges' | 'refunds' | 'ledger_transfers') =>
      db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
    const integrity = db.pragma('integrity_check(1)', { simple: true }) as string
    const counts = { charges: 0, refunds: 0, entries: 0 }
    if (integrity !== 'ok') return { ...counts, problem: `SQLite finds the file damaged: ${integrity}` }
    const problem = bookProblem(db)
    const chains = whole(db, () => read(db, CHAINED, checkChains(since)))
    if (problem !== undefined) return { ...counts, ...withChains(problem, chains) }
    // Checked last: anything else that is wrong makes these numbers of the charge wrong, too.
    const last = chains.problem ?? firstProblem(db, FIRSTS)
    if (last !== undefined) return { ...counts, problem: last }
    return {
      charges: count('charges'),
      refunds: count('refunds'),
      entries: 2 * count('ledger_transfers'),
      ...chains,
    }
  })()
}

/** The number of rows of one read. */
const BATCH = 500

/** The first problem of the books, as a sentence. */
function bookProblem(db: Connection): string | undefined {
  // Texts and statistics last, because other problems also cause these: a deleted row leaves its text behind.
  return (
    firstProblem(db, CHECKS) ??
    brokenText(db) ??
    read(db, SENT, deliveryProblem()) ??
    keysProblem(db) ??
    strayText(db) ??
    firstProblem(db, STATISTICS)
  )
}

/** Of the charges with their keys, and of the indexes that are written behind. */
function keysProblem(db: Connection): string | undefined {
  const hideKeyPlaces = showKeyPlaces(db)
  try {
    return (
      whole(db, () => read(db, AUDITED, audit(Date.now()))) ??
      keyIndexProblem(db) ??
      customerIndexProblem(db) ??
      referenceIndexProblem(db)
    )
  } finally {
    hideKeyPlaces()
  }
}

function firstProblem(db: Connection, checks: readonly Check[]): string | undefined {
  for (const { sql, problem } of checks) {
    const row = db.prepare(sql).safeIntegers().get() as Record<string, unknown> | undefined
    if (row) return problem(row)
  }
  return undefined
}

/** Runs a check on complete rows. */
function whole<T>(db: Connection, check: () => T): T {
  const showAsStored = showWholeRows(db)
  try {
    return check()
  } finally {
    showAsStored()
  }
}

/** Gives a check the rows of the sources that it requests. */
function read<S extends string, T>(
  db: Connection,
  sources: Readonly<Record<S, SourceText>>,
  check: Generator<S, T, readonly Row[]>,
): T {
  const open = new Map<S, Iterator<Row>>()
  function next(source: S): Row[] {
    const rows = open.get(source) ?? db.prepare<[], Row>(sources[source]('', keyOf)).iterate()
    open.set(source, rows)
    const batch: Row[] = []
    while (batch.length < BATCH) {
      const { done, value } = rows.next()
      if (done) break
      batch.push(value)
    }
    return batch
  }
  try {
    let step = check.next()
    while (!step.done) step = check.next(next(step.value))
    return step.value
  } finally {
    for (const rows of open.values()) rows.return?.()
  }
}
