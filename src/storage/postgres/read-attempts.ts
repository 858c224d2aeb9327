import { ATTEMPT_STATES, type Attempt, type AttemptState } from '../../domain/attempt.ts'
import { idFloor, twinId } from '../../domain/id.ts'
import type { AttemptQuery, AttemptTotals, Page, Scope, ScopedAttempt } from '../../ports/store.ts'
import { ATTEMPTS } from '../columns.ts'
import { mergePages } from '../merge-pages.ts'
import { setBackMs } from './read-clock.ts'
import { type Filter, listOf, page } from './read-page.ts'
import { ATTEMPT_COLUMNS, BY_STATE, ownedAttempt, SENDING } from './rows.ts'
import type { Sql } from './statements.ts'

const LIST = { ...listOf(ATTEMPTS), time: 'started_at' }
const SENDING_LIST = { ...LIST, from: SENDING }
const FAILED: ReadonlySet<AttemptState> = new Set(['declined', 'not_sent', 'unknown'])

/**
 * As with charges: most attempts succeed, so MiniPay reads successes from the attempts themselves and not from an index.
 * The failures of a provider have an index of their own, because they may be few among many. `first`: the attempt of the
 * charge that is in no index by charge.
 */
function filtersOf(
  { chargeId, provider, kind, unknownBefore }: AttemptQuery,
  state: AttemptState | undefined,
  first: boolean,
): Filter[] {
  const failed = state !== undefined && FAILED.has(state)
  const indexed = state !== 'succeeded' && state !== 'sending'
  return [
    ['id', first && chargeId !== undefined ? twinId('att', chargeId) : undefined],
    ['transaction_id', chargeId, first ? undefined : 'substr(id, 5) <> substr(transaction_id, 5)'],
    ['state', state, indexed ? BY_STATE : undefined],
    ['provider', provider, failed ? `state IN ('declined', 'not_sent', 'unknown')` : undefined],
    ['kind', kind],
    ['unknown_since', unknownBefore, undefined, '<'],
  ]
}

/** Attempts. */
export function attemptReads(sql: Sql) {
  return {
    async attempts(scope: Scope, query: AttemptQuery): Promise<Page<Attempt>> {
      const { states = [], chargeId } = query
      const ways = chargeId === undefined ? [false] : [true, false]
      const pages = (states.length > 0 ? states : [undefined]).flatMap((state) =>
        ways.map((first) => {
          const list = state === 'sending' && chargeId === undefined ? SENDING_LIST : LIST
          return page(sql, list, scope, filtersOf(query, state, first), query)
        }),
      )
      const [only] = pages
      return only && pages.length === 1 ? only : mergePages(await Promise.all(pages), query)
    },

    async attempt(id: string): Promise<ScopedAttempt | undefined> {
      const { rows } = await sql(`SELECT ${ATTEMPT_COLUMNS} FROM attempts WHERE id = $1`, [id])
      return rows[0] && ownedAttempt(rows[0])
    },

    async attemptByReference(
      provider: string,
      kind: 'authorize' | 'refund',
      reference: string,
    ): Promise<ScopedAttempt | undefined> {
      const { rows } = await sql(
        `SELECT ${ATTEMPT_COLUMNS} FROM attempts
         WHERE provider = $1 AND kind = $2 AND kind IN ('authorize', 'refund')
           AND provider_reference = $3 AND provider_reference IS NOT NULL`,
        [provider, kind, reference],
      )
      return rows[0] && ownedAttempt(rows[0])
    },

    /** Reads counters, and a range of the index on unknown attempts, but never the history. */
    async attemptTotals(overdueBefore: number): Promise<AttemptTotals> {
      const { rows } = await sql(TOTALS, [overdueBefore])
      const byState = Object.fromEntries(Object.keys(ATTEMPT_STATES).map((state) => [state, 0])) as Record<
        AttemptState,
        number
      >
      let unknown = { oldestUnknownSince: null as number | null, overdue: 0 }
      for (const row of rows) {
        const { name, value, oldest } = row as { name: string | null; value: number; oldest: number | null }
        if (name === null) unknown = { oldestUnknownSince: oldest, overdue: value }
        else byState[name.slice('attempts_'.length) as AttemptState] = value
      }
      return { byState, ...unknown }
    },

    async pendingSince(before: number): Promise<number> {
      const late = await setBackMs(sql)
      const upTo = idFloor('att', before + late)
      const { rows } =
        late > 0
          ? await sql(PENDING_SINCE.replace('a.id < $1', 'a.id < $1 AND a.started_at < $2'), [upTo, before])
          : await sql(PENDING_SINCE, [upTo])
      return Number(rows[0]?.['pending'] ?? 0)
    },
  }
}

/**
 * Only scopes that have pending attempts: the counters are few, and each scope's pending attempts are adjacent in the
 * index.
 */
const PENDING_SINCE = `
  SELECT coalesce(sum(p.pending), 0)::bigint AS pending
  FROM (SELECT DISTINCT account_id, live FROM counters WHERE name = 'attempts_pending') s
  CROSS JOIN LATERAL (
    SELECT count(*) AS pending FROM attempts a
    WHERE a.account_id = s.account_id AND a.live = s.live AND a.state = 'pending' AND ${BY_STATE} AND a.id < $1) p`

const TOTALS = `
  SELECT name, sum(value)::bigint AS value, NULL::bigint AS oldest
  FROM counters WHERE name LIKE 'attempts_%' GROUP BY name
  UNION ALL
  SELECT NULL,
    (SELECT count(*) FROM attempts WHERE state = 'unknown' AND unknown_since < $1),
    (SELECT min(unknown_since) FROM attempts WHERE state = 'unknown')`
