import type { KeptClock } from '../../domain/clock.ts'
import { DEFAULT_ENDPOINT } from '../../domain/webhooks/endpoint.ts'
import type { StoredClock } from '../../ports/store-clock.ts'
import type { Sql } from './statements.ts'

const CLOCK = `SELECT observed_ms AS "observedMs", wall_ms AS "wallMs", trusted_ms AS "trustedMs",
    steady_from_ms AS "steadyFromMs", moved_ms AS "movedMs", set_back_ms AS "setBackMs"
  FROM clock`

/** The newest row of a table in each scope, by the index of its ids. */
const newestOf = (table: string, createdAt: string, condition = '') =>
  `SELECT t.id, t.created_at AS "createdAt"
   FROM accounts a CROSS JOIN (VALUES (0), (1)) AS m (live)
   CROSS JOIN LATERAL (
     SELECT id, ${createdAt} AS created_at FROM ${table}
     WHERE account_id = a.id AND live = m.live ${condition} ORDER BY id DESC LIMIT 1) AS t`

/** The newest id of every table that is listed by id. */
const NEWEST = [
  newestOf('charges', 'created_at'),
  newestOf('refunds', 'created_at'),
  newestOf('disputes', 'created_at'),
  newestOf('alarms', 'opened_at'),
  '(SELECT id, started_at FROM attempts ORDER BY id DESC LIMIT 1)',
  newestOf('webhook_deliveries', 'created_at'),
  newestOf('webhook_endpoints', 'created_at', `AND id <> '${DEFAULT_ENDPOINT}'`),
  newestOf('webhook_replays', 'created_at'),
  '(SELECT id, created_at FROM access_keys ORDER BY id DESC LIMIT 1)',
].join(' UNION ALL ')

export function clockReads(sql: Sql) {
  return {
    async clock(): Promise<StoredClock> {
      const [row] = (await sql(CLOCK)).rows as unknown as (KeptClock & { readonly setBackMs: number })[]
      const newest = (await sql(NEWEST)).rows as unknown as StoredClock['newest']
      if (!row) return { kept: null, setBackMs: 0, newest }
      const { setBackMs, ...kept } = row
      return { kept, setBackMs, newest }
    },
  }
}

/** The most by which the clock was ever behind the time in an id, in ms. */
export async function setBackMs(sql: Sql): Promise<number> {
  const { rows } = await sql('SELECT set_back_ms AS ms FROM clock')
  return Number(rows[0]?.['ms'] ?? 0)
}
