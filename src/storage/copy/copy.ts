/** Moves an embedded database to PostgreSQL, and continues after any interruption. */

import { publicUrl } from '../../database-name.ts'
import { SchemaMismatch } from '../migrations.ts'
import { openWritable } from '../postgres/connection.ts'
import { meaningOf, unreachableError } from '../postgres/errors.ts'
import { hostsOf } from '../postgres/hosts.ts'
import { migratePostgres } from '../postgres/migrate.ts'
import { verifyPostgres } from '../postgres/verify.ts'
import type { Verification } from '../verify-checks.ts'
import { digestOf } from './digest.ts'
import { openSource, type Source } from './source.ts'
import { type CopiedRow, keyOf, type LastKey, TABLES, type Table } from './tables.ts'
import { type RunStatement, type Target, takeTarget } from './target.ts'

export type Progress = {
  /**
   * The copy first checks the source (`reading`), then copies one table after another, then compares both ends
   * (`checking`).
   */
  readonly step: string
  /** Rows copied so far, including those of an earlier run, and all rows of the table. */
  readonly done: number
  readonly total: number
}

export type Copied = Verification & {
  /** When an earlier run finished the copy, in ms since 1970; undefined if this run did. */
  readonly doneAt?: number
  readonly rows: number
  readonly seconds: number
}

/**
 * Copies the embedded database `from` into the PostgreSQL database `to`, then checks that both ends have the same
 * books. The target must be empty, or contain an unfinished copy of the same, unchanged source. The source does not
 * change. Throws a sentence if the copy is not possible: then the target is unchanged, or the next run continues from
 * its position.
 */
export async function copyDatabase(
  from: string,
  to: string,
  onProgress: (progress: Progress) => void,
): Promise<Copied> {
  const startedAt = performance.now()
  const source = openSource(from)
  try {
    onProgress({ step: 'reading', done: 0, total: 0 })
    const books = source.verify()
    if (books.problem !== undefined) throw new Error(`The books of ${from} are wrong: ${books.problem}`)
    source.assertPortable()
    const done = await moveInto(to, source, books, onProgress)
    return { ...books, ...done, seconds: (performance.now() - startedAt) / 1000 }
  } finally {
    source.close()
  }
}

async function moveInto(
  to: string,
  source: Source,
  books: Verification,
  onProgress: (progress: Progress) => void,
): Promise<{ readonly rows: number; readonly doneAt?: number }> {
  const name = publicUrl(to)
  const hosts = hostsOf(to)
  const total = TABLES.reduce((sum, table) => sum + source.count(table), 0)
  await inWords(name, migratePostgres(to))
  const client = await inWords(name, openWritable(hosts))
  try {
    const ask: RunStatement = (text, values) => inWords(name, client.query(text, values && [...values]))
    const target = await takeTarget(ask, hosts, name, source.fingerprint)
    if ('doneAt' in target) {
      source.leave()
      return { rows: total, doneAt: target.doneAt }
    }
    try {
      await copyTables(source, target, total, onProgress)
      onProgress({ step: 'checking', done: total, total })
      await target.settle()
      assertAgreed(name, books, await inWords(name, verifyPostgres(to)))
      await assertSame(source, target)
      await target.finish(source.knowsItsNumbers)
      source.leave()
      return { rows: total - target.place.copied }
    } finally {
      await target.release()
    }
  } finally {
    await client.end().catch(() => {})
  }
}

/** Turns a lost connection into a sentence that says how to continue. */
async function inWords<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (isFinal(error)) throw error
    const reason = unreachableError(error).message.replace(/\.$/, '')
    throw new Error(
      `${name} is not reachable: ${reason}. Run the same command again when it is: the copy continues where it stopped.`,
      { cause: error },
    )
  }
}

/** An error that a retry would not fix. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof SchemaMismatch || meaningOf(error) === 'fault' || (error as Error).name === 'UnfitServer'
  )
}

/** Copies every row after the target's position. */
export async function copyTables(
  source: Source,
  target: Target,
  total: number,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  const { place } = target
  const first = Math.max(
    0,
    TABLES.findIndex(({ name }) => name === place.table),
  )
  let done = place.copied
  for (const table of TABLES.slice(first)) {
    const columns = await target.columns(table)
    source.assertCovered(table, columns)
    onProgress({ step: table.name, done, total })
    const after = table.name === place.table ? place.lastKey : null
    await whileReading(source.batches(table, columns, after), (rows) => {
      onProgress({ step: table.name, done, total })
      done += rows.length
      return target.put(table, columns, rows)
    })
  }
}

function assertAgreed(name: string, books: Verification, copied: Verification): void {
  if (copied.problem !== undefined)
    throw new Error(`The books of the copy in ${name} are wrong: ${copied.problem}`)
  for (const figure of ['charges', 'refunds', 'entries'] as const)
    if (books[figure] !== copied[figure])
      throw new Error(`The copy in ${name} has ${copied[figure]} ${figure}, the source ${books[figure]}.`)
}

/** Reads the next rows while the target stores the last ones. After a failure, no read or write is left in progress. */
async function whileReading(
  batches: Iterable<readonly CopiedRow[]>,
  work: (rows: readonly CopiedRow[]) => Promise<void>,
): Promise<void> {
  let working = Promise.resolve()
  try {
    for (const rows of batches) {
      await working
      working = work(rows)
    }
    await working
  } catch (error) {
    await working.catch(() => {})
    throw error
  }
}

/** Checks that both ends have the same rows, in every column, and no others. */
async function assertSame(source: Source, target: Target): Promise<void> {
  for (const table of TABLES) {
    const columns = await target.columns(table)
    let after: LastKey | null = null
    const compare = async (digest: string, from: LastKey | null, to: LastKey | null) => {
      if (digest !== (await target.digest(table, columns, from, to))) throw differs(table)
    }
    await whileReading(source.batches(table, columns, null), (rows) => {
      const [from, to] = [after, keyOf(table, rows.at(-1) as CopiedRow)]
      after = to
      return compare(digestOf(columns, rows), from, to)
    })
    await compare(digestOf(columns, []), after, null)
  }
}

function differs({ name }: Table): Error {
  return new Error(`The ${name.replace('_', ' ')} of the copy differ from the source.`)
}
