import type { KeptClock } from '../../domain/clock.ts'
import { DEFAULT_ENDPOINT } from '../../domain/webhooks/endpoint.ts'
import type { StoredClock } from '../../ports/store-clock.ts'
import type { Sql } from './read-page.ts'

const CLOCK = `SELECT observed_ms AS observedMs, wall_ms AS wallMs, trusted_ms AS trustedMs,
    steady_from_ms AS steadyFromMs, moved_ms AS movedMs, set_back_ms AS setBackMs
  FROM clock`

/** The newest row of a table in each scope, by the index of its ids. */
const newestOf = (table: string, createdAt: string, condition = '') =>
  `SELECT t.id, t.${createdAt} AS createdAt
   FROM accounts a CROSS JOIN (SELECT 0 AS live UNION ALL SELECT 1) m
   CROSS JOIN ${table} t ON t.account_id = a.id AND t.live = m.live
   AND t.id = (SELECT max(id) FROM ${table} WHERE account_id = a.id AND live = m.live ${condition})`

/** The newest id of every table that is listed by id. */
const NEWEST = [
  newestOf('charges', 'created_at'),
  newestOf('refunds', 'created_at'),
  newestOf('disputes', 'created_at'),
  newestOf('alarms', 'opened_at'),
  'SELECT id, started_at AS createdAt FROM attempts WHERE id = (SELECT max(id) FROM attempts)',
  newestOf('webhook_deliveries', 'created_at'),
  newestOf('webhook_endpoints', 'created_at', `AND id <> '${DEFAULT_ENDPOINT}'`),
  newestOf('webhook_replays', 'created_at'),
  'SELECT id, created_at AS createdAt FROM access_keys WHERE id = (SELECT max(id) FROM access_keys)',
].join(' UNION ALL ')

export function clockReads(sql: Sql) {
  return {
    clock(): StoredClock {
      const row = sql(CLOCK).get() as (KeptClock & { readonly setBackMs: number }) | undefined
      const newest = sql(NEWEST).all() as StoredClock['newest']
      if (!row) return { kept: null, setBackMs: 0, newest }
      const { setBackMs, ...kept } = row
      return { kept, setBackMs, newest }
    },
  }
}

/** The most by which the clock was ever behind the time in an id, in ms. */
export function setBackMs(sql: Sql): number {
  const row = sql('SELECT set_back_ms AS ms FROM clock WHERE id = 1').get() as { ms: number } | undefined
  return row?.ms ?? 0
}
