/** Moves an embedded database to PostgreSQL, whatever interrupts it. */
import { isDeepStrictEqual } from 'node:util'
import { SchemaMismatch } from '../migrations.ts'
import { openWritable } from '../postgres/connection.ts'
import { meaningOf, unreachable } from '../postgres/errors.ts'
import { hostsOf, publicUrl } from '../postgres/hosts.ts'
import { migratePostgres } from '../postgres/migrate.ts'
import { verifyPostgres } from '../postgres/verify.ts'
import type { Verification } from '../verify-checks.ts'
import { openSource, type Source } from './source.ts'
import { COMPARED, type CopiedRow, TABLES } from './tables.ts'
import { type Ask, type Target, takeTarget } from './target.ts'

export type Progress = {
  /** `reading` while the source is checked, then the table that is copied, at last `checking`. */
  readonly step: string
  /** Rows that are copied, with those of an earlier start, and rows there are. */
  readonly done: number
  readonly total: number
}

export type Copied = Verification & {
  /** When an earlier start finished it, as ms since 1970; undefined when this one did. */
  readonly doneAt?: number
  readonly rows: number
  readonly seconds: number
}

/**
 * Copies the embedded database `from` into the PostgreSQL database `to`, which must be empty or hold an unfinished copy
 * of the same, unchanged source; then checks that both ends have the same books. The source is not changed. Throws a
 * sentence for whatever stands in the way: nothing is done then, or what was done is gone on with.
 */
export async function copyDatabase(
  from: string,
  to: string,
  onProgress: (progress: Progress) => void,
): Promise<Copied> {
  const began = performance.now()
  const source = openSource(from)
  try {
    onProgress({ step: 'reading', done: 0, total: 0 })
    const books = source.verify()
    if (books.problem !== undefined) throw new Error(`${from} is not sound: ${books.problem}`)
    source.assertPortable()
    const done = await moveInto(to, source, books, onProgress)
    return { ...books, ...done, seconds: (performance.now() - began) / 1000 }
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
    const ask: Ask = (text, values) => inWords(name, client.query(text, values && [...values]))
    const target = await takeTarget(ask, name, source.fingerprint)
    if ('doneAt' in target) return { rows: total, doneAt: target.doneAt }
    try {
      await copyTables(source, target, total, onProgress)
      onProgress({ step: 'checking', done: total, total })
      await target.settle()
      assertAgreed(name, books, await inWords(name, verifyPostgres(to)))
      await assertSame(source, target)
      await target.finish()
      return { rows: total - target.place.copied }
    } finally {
      await target.release()
    }
  } finally {
    await client.end().catch(() => {})
  }
}

/** Of a database that can't be reached, or not any more, it says what to do. */
async function inWords<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof SchemaMismatch || meaningOf(error) === 'fault') throw error
    const reason = unreachable(error).message.replace(/\.$/, '')
    throw new Error(
      `${name} cannot be reached, or not any more: ${reason}. Copy again when it can: it goes on where it stopped.`,
      { cause: error },
    )
  }
}

async function copyTables(
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
    // The next rows are read while the last ones are stored.
    let storing = Promise.resolve()
    for (const rows of source.batches(table, columns, after)) {
      await storing
      onProgress({ step: table.name, done, total })
      storing = target.put(table, columns, rows)
      done += rows.length
    }
    await storing
  }
}

function assertAgreed(name: string, books: Verification, copied: Verification): void {
  if (copied.problem !== undefined) throw new Error(`The copy in ${name} is not sound: ${copied.problem}`)
  for (const figure of ['charges', 'refunds', 'entries'] as const)
    if (books[figure] !== copied[figure])
      throw new Error(`The copy in ${name} has ${copied[figure]} ${figure}, the source ${books[figure]}.`)
}

/** As many rows in each table, and the same balances, counters and last numbers. */
async function assertSame(source: Source, target: Target): Promise<void> {
  for (const table of TABLES) {
    const [there, here] = [await target.count(table), source.count(table)]
    if (there !== here) throw new Error(`The copy has ${there} rows in ${table.name}, the source ${here}.`)
    if (!COMPARED.has(table.name)) continue
    const columns = await target.columns(table)
    const rows: CopiedRow[] = [...source.batches(table, columns, null)].flat()
    if (!isDeepStrictEqual(rows, await target.rows(table, columns)))
      throw new Error(`The copy's ${table.name.replace('_', ' ')} are not those of the source.`)
  }
}
