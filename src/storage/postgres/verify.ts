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

/** The next numbers follow the last that were given out. */
const SEQUENCES = {
  sql: `SELECT s.event, e.last FROM sequences s JOIN (
      SELECT account_id, live, max(seq) AS last FROM events GROUP BY account_id, live
    ) AS e ON e.account_id = s.account_id AND e.live = s.live
    WHERE s.event <> e.last LIMIT 1`,
  problem: ({ event, last }: Record<string, unknown>) =>
    `The sequence says that the last event is ${event}, but it is ${last}.`,
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
