/** Has PostgreSQL collect statistics of a table as soon as it has rows: autovacuum takes a minute, or is off. */
import type { Log } from '../../ports/log.ts'
import { StoreUnavailable } from '../../ports/store.ts'
import { NOUNS } from '../columns.ts'
import type { Pool } from './pool.ts'
import { type Sql, statements } from './statements.ts'

/** A node looks at the tables when it starts, after so many commits, and each time after so many times as many. */
const FIRST_COMMITS = 256
const FACTOR = 8

/** The tables with several indexes that begin with a scope. */
const TABLES = NOUNS.map(({ name }) => name)

/** An empty table is left alone: statistics of no rows are worse than the planner's assumptions. */
const WITHOUT_STATISTICS = `
  SELECT t.name
  FROM (VALUES ${TABLES.map((name) => `('${name}')`).join(', ')}) AS t (name)
  WHERE pg_relation_size(to_regclass(t.name)) > 0
    AND NOT EXISTS (
      SELECT FROM pg_stats s
      WHERE s.schemaname = current_schema() AND s.tablename = t.name AND s.attname = 'account_id')`

/**
 * Looks at the tables, and returns a function to call with the number of commits of each group, or of recorded
 * deliveries. Without statistics the planner assumes that a scope has a row or two, so that every index that begins with a scope looks as good as the primary key, and a plan
 * for one row may read all rows of a scope. New statistics replace such plans in every session.
 */
export function createStatistics(pool: Pool, log: Log): (commits: number) => void {
  const sql = statements(pool, true)
  let commits = 0
  let nextLook = FIRST_COMMITS
  const look = () =>
    void collect(sql).catch((err: Error) => {
      // The next look or autovacuum does it.
      if (!(err instanceof StoreUnavailable)) log.warn({ err }, 'Statistics not collected.')
    })
  look()
  return (more) => {
    commits += more
    if (commits < nextLook) return
    nextLook *= FACTOR
    look()
  }
}

async function collect(sql: Sql): Promise<void> {
  const { rows } = await sql(WITHOUT_STATISTICS)
  for (const { name } of rows) await sql(`ANALYZE ${name}`)
}
