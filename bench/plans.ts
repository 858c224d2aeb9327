/** Examines how PostgreSQL runs the store's statements: none may scan a table that grows. */
import { escapeLiteral } from 'pg'
import type { Connection } from '../src/storage/postgres/connection.ts'
import type { Sql } from '../src/storage/postgres/statements.ts'

/**
 * The most pages that one statement may touch. A list's page of 20 touches up to a hundred, and a claim, which changes
 * every index of its rows, hundreds; a table or an index of a million rows has thousands.
 */
const MOST_PAGES = 1000

export type Watch = {
  /** Runs statements as the store does, after examining the plan of each. */
  readonly sql: Sql
  /** The most pages that a statement touched, and the read that it belonged to. */
  worst(): { readonly pages: number; readonly what: string }
  /** The name of the reads that follow, for the report. */
  about(what: string): void
}

type Plan = {
  readonly 'Shared Hit Blocks': number
  readonly 'Shared Read Blocks': number
  readonly Plans?: readonly Plan[]
}

/**
 * From the sixth run on, the server may use one plan for all values: so a rare value may get the plan of a common one.
 */
const TIMES = 7

/** `connection` must be one of the store's own, with its settings. Prints a plan that reads too much. */
export function watch(connection: Connection): Watch {
  const names = new Map<string, string>()
  let worst = { pages: 0, what: '' }
  let what = ''

  async function look(text: string, values: readonly (string | number | null)[]): Promise<void> {
    const name = names.get(text) ?? `watched_${names.size}`
    if (!names.has(text)) await connection.run([{ text: `PREPARE ${name} AS ${text}` }])
    names.set(text, name)
    for (let time = 0; time < TIMES; time++) {
      const plan = await run(connection, name, values)
      const pages = touched(plan)
      if (pages > worst.pages) worst = { pages, what }
      if (pages <= MOST_PAGES) continue
      console.error(`  ${what}: ${pages} pages\n${text}\n${JSON.stringify(plan, null, 1)}`)
      return
    }
  }

  const lookAndRun: Sql = async (text, values = []) => {
    await look(text, values)
    const [result] = await connection.run([{ text, values }])
    if (!result) throw new Error('a statement had no result')
    return result
  }
  /** A read may run several statements at once; on the one connection they wait for each other. */
  let last: Promise<unknown> = Promise.resolve()

  return {
    sql(text, values) {
      const result = last.then(() => lookAndRun(text, values))
      last = result.catch(() => {})
      return result
    },
    worst: () => worst,
    about(name) {
      what = name
    },
  }
}

export const readsTooMuch = (pages: number) => pages > MOST_PAGES

/** Runs the statement for its plan, and rolls back. */
async function run(
  connection: Connection,
  name: string,
  values: readonly (string | number | null)[],
): Promise<Plan> {
  const literals = values.map((value) => (value === null ? 'NULL' : escapeLiteral(String(value))))
  const given = literals.length === 0 ? '' : `(${literals.join(', ')})`
  const results = await connection.run([
    { text: 'BEGIN' },
    { text: `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE ${name}${given}` },
    { text: 'ROLLBACK' },
  ])
  const [explained] = JSON.parse(String(results[1]?.rows[0]?.['QUERY PLAN'])) as [{ Plan: Plan }]
  return explained.Plan
}

/** A part may touch more pages than the whole shows, because changes within a statement run separately. */
function touched(plan: Plan): number {
  const own = plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
  return Math.max(own, ...(plan.Plans ?? []).map(touched))
}
