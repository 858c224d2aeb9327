import type { Client } from 'pg'
import { CHAINED, checkChains } from '../chain/check.ts'
import type { Head } from '../chain/head.ts'
import { keyOf, type Row, type SourceText } from '../verify/aggregate.ts'
import { AUDITED, audit } from '../verify/audit.ts'
import { STATISTICS } from '../verify/statistics.ts'
import { deliveryProblem, SENT } from '../verify/webhooks.ts'
import { CHECKS, type Check, type Verification, withChains } from '../verify-checks.ts'
import { assertCurrent, withClient } from './migrate.ts'

/**
 * Recomputes every stored total and copy from its source rows, in one read-only transaction: it can run beside serving
 * nodes and sees one state. Stops at the first problem. Throws `SchemaMismatch` for a database that is not MiniPay's,
 * or has another schema version than this program.
 */
export function verifyPostgres(url: string, since?: readonly Head[]): Promise<Verification> {
  return withClient(url, async (client) => {
    await assertCurrent(client, url)
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    return verifyIn(client, since)
  })
}

/** The same, in an open transaction: it also sees that transaction's changes. */
export async function verifyIn(client: Client, since?: readonly Head[]): Promise<Verification> {
  // It reads everything: a plan optimized for the first row or for few rows took minutes where this takes a second.
  await client.query(
    'SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off; SET LOCAL cursor_tuple_fraction = 1',
  )
  const counts = { charges: 0, refunds: 0, entries: 0 }
  // The checks compare whole tables. Without statistics, for example after a copy, PostgreSQL assumes small tables and
  // compares each row with each: hours for a hundred thousand charges.
  await client.query('SET LOCAL enable_nestloop = off')
  const problem = await bookProblem(client)
  const chains = await read(client, CHAINED, checkChains(since))
  if (problem !== undefined) return { ...counts, ...withChains(problem, chains) }
  if (chains.problem !== undefined) return { ...counts, problem: chains.problem }
  const count = async (table: 'charges' | 'refunds' | 'ledger_transfers') =>
    Number((await found(client, `SELECT count(*) AS count FROM ${table}`, Number))[0]?.['count'])
  return {
    charges: await count('charges'),
    refunds: await count('refunds'),
    entries: 2 * (await count('ledger_transfers')),
    ...chains,
  }
}

/** The first problem of the books, as a sentence. */
async function bookProblem(client: Client): Promise<string | undefined> {
  // The statistics last, because other problems also cause wrong ones.
  return (
    (await firstProblem(client, [...CHECKS, SEQUENCES])) ??
    (await read(client, SENT, deliveryProblem())) ??
    (await read(client, AUDITED, audit(Date.now()))) ??
    firstProblem(client, STATISTICS)
  )
}

async function firstProblem(client: Client, checks: readonly Check[]): Promise<string | undefined> {
  for (const { sql, problem } of checks) {
    const [row] = await firstOf(client, sql)
    if (row) return problem(row)
  }
  return undefined
}

/** The first row, by a plan for all of them: sound books have none, so the query always reads everything. */
async function firstOf(client: Client, sql: string): Promise<Record<string, unknown>[]> {
  await client.query(`DECLARE "check" NO SCROLL CURSOR FOR ${sql.replace(/\s*LIMIT 1\s*$/, '')}`)
  const rows = await found(client, 'FETCH 1 FROM "check"', BigInt)
  await client.query('CLOSE "check"')
  return rows
}

/** The number of rows of one read. */
const BATCH = 1_000

/** Gives a check the rows of the sources that it requests. While it looks at some, the server reads the next ones. */
async function read<S extends string, T>(
  client: Client,
  sources: Readonly<Record<S, SourceText>>,
  check: Generator<S, T, readonly Row[]>,
): Promise<T> {
  const ahead = new Map<S, Promise<Row[]>>()
  let last: Promise<unknown> = Promise.resolve()
  /** After the statements before: the driver takes one at a time. */
  function next<R>(run: () => Promise<R>): Promise<R> {
    const result = last.then(run)
    last = result
    // Whoever waits for the result gets the error, and nobody may wait for rows that were read ahead.
    result.catch(() => {})
    return result
  }
  const fetch = (source: S) =>
    next(() => found(client, `FETCH ${BATCH} FROM "${source}"`, Number) as Promise<Row[]>)
  async function rowsOf(source: S): Promise<Row[]> {
    if (!ahead.has(source))
      await next(() =>
        client.query(`DECLARE "${source}" NO SCROLL CURSOR FOR ${sources[source](' COLLATE "C"', keyOf)}`),
      )
    const rows = await (ahead.get(source) ?? fetch(source))
    ahead.set(source, rows.length < BATCH ? Promise.resolve([]) : fetch(source))
    return rows
  }
  let step = check.next()
  while (!step.done) step = check.next(await rowsOf(step.value))
  for (const source of ahead.keys()) await next(() => client.query(`CLOSE "${source}"`))
  return step.value
}

/**
 * The next numbers of every scope follow the last assigned ones. In an epoch without events they begin with its first
 * number.
 */
const SEQUENCES = {
  sql: `WITH given AS (
      SELECT account_id, live, 'event' AS kind, max(seq) AS last
      FROM (
        SELECT account_id, live, seq FROM events
        UNION ALL
        SELECT account_id, live, (SELECT max(first_seq) - 1 FROM epochs) FROM sequences
      ) AS numbered GROUP BY account_id, live
      UNION ALL SELECT account_id, live, 'transfer', max(seq) FROM ledger_transfers GROUP BY account_id, live
      UNION ALL SELECT account_id, live, 'audit entry', max(seq) FROM audit_log GROUP BY account_id, live),
    kept AS (
      SELECT account_id, live, 'event' AS kind, event AS stored FROM sequences
      UNION ALL SELECT account_id, live, 'transfer', transfer FROM sequences
      UNION ALL SELECT account_id, live, 'audit entry', audit FROM sequences)
    SELECT kind, coalesce(stored, 0) AS stored, coalesce(last, 0) AS last
    FROM given FULL JOIN kept USING (account_id, live, kind)
    WHERE coalesce(stored, 0) <> coalesce(last, 0) LIMIT 1`,
  problem: ({ kind, stored, last }: Record<string, unknown>) =>
    `The sequence says that the last ${kind} is ${stored}, but it is ${last}.`,
}

const NUMBERS = new Set([20, 21, 23, 1700])

/** Rows with the numbers that `numberOf` makes: the checks get bigints. */
async function found(
  client: Client,
  text: string,
  numberOf: (text: string) => bigint | number,
): Promise<Record<string, unknown>[]> {
  const getTypeParser = (type: number) => (NUMBERS.has(type) ? numberOf : asText)
  const { rows } = await client.query<Record<string, unknown>>({ text, types: { getTypeParser } })
  return rows
}

const asText = (value: string) => value
