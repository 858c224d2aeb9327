import type { Client } from 'pg'
import { CHECKS, type Verification } from '../verify-checks.ts'
import { assertCurrent, withClient } from './migrate.ts'

/**
 * Recomputes everything that is kept beside the rows it comes from, in one read-only transaction: it can run beside
 * serving nodes and sees one state. Stops at the first thing wrong. Throws `SchemaMismatch` for a database that is not
 * ours, or of another schema than this program's.
 */
export function verifyPostgres(url: string): Promise<Verification> {
  return withClient(url, async (client) => {
    await assertCurrent(client, url)
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const counts = { charges: 0, refunds: 0, entries: 0 }
    for (const { sql, problem } of [...CHECKS, SEQUENCES]) {
      const [row] = await found(client, sql)
      if (row) return { ...counts, problem: problem(row) }
    }
    const count = async (table: 'charges' | 'refunds' | 'ledger_entries') =>
      Number((await found(client, `SELECT count(*) AS count FROM ${table}`))[0]?.['count'])
    return {
      charges: await count('charges'),
      refunds: await count('refunds'),
      entries: await count('ledger_entries'),
    }
  })
}

/**
 * The next numbers follow the last that were given out, of every scope that has a row in either place. In an epoch without
 * events they begin with its first.
 */
const SEQUENCES = {
  sql: `WITH given AS (
      SELECT account_id, live, 'event' AS kind, max(seq) AS last
      FROM (
        SELECT account_id, live, seq FROM events
        UNION ALL
        SELECT account_id, live, (SELECT max(first_seq) - 1 FROM epochs) FROM sequences
      ) AS numbered GROUP BY account_id, live
      UNION ALL SELECT account_id, live, 'entry', max(seq) FROM ledger_entries GROUP BY account_id, live),
    kept AS (
      SELECT account_id, live, 'event' AS kind, event AS said FROM sequences
      UNION ALL SELECT account_id, live, 'entry', entry FROM sequences)
    SELECT kind, coalesce(said, 0) AS said, coalesce(last, 0) AS last
    FROM given FULL JOIN kept USING (account_id, live, kind)
    WHERE coalesce(said, 0) <> coalesce(last, 0) LIMIT 1`,
  problem: ({ kind, said, last }: Record<string, unknown>) =>
    `The sequence says that the last ${kind} is ${said}, but it is ${last}.`,
}

const NUMBERS = new Set([20, 21, 23, 1700])

/** Rows with their numbers as bigints, as the checks take them. */
async function found(client: Client, sql: string): Promise<Record<string, unknown>[]> {
  const { rows, fields } = await client.query<Record<string, unknown>>(sql)
  const numbers = fields.filter(({ dataTypeID }) => NUMBERS.has(dataTypeID)).map(({ name }) => name)
  return rows.map((row) => ({
    ...row,
    ...Object.fromEntries(
      numbers.map((name) => [name, row[name] === null ? null : BigInt(String(row[name]))]),
    ),
  }))
}
