import { ATTEMPT_STATES, type Attempt, type AttemptState } from '../../domain/attempt.ts'
import { idFloor, twinId } from '../../domain/id.ts'
import type { AttemptQuery, AttemptTotals, Page, Scope, ScopedAttempt } from '../../ports/store.ts'
import { ATTEMPTS } from '../columns.ts'
import { mergePages } from '../merge-pages.ts'
import { selectList } from '../table.ts'
import { IdLogReader } from './id-log.ts'
import { setBackMs } from './read-clock.ts'
import { hashKeyOf } from './read-keys.ts'
import { type Filter, listOf, page, type Sql } from './read-page.ts'
import { hashOfReference } from './reference-index.ts'
import { ATTEMPT_COLUMNS, type OwnedRow, ownedAttempt } from './rows.ts'
import type { Tails } from './tails.ts'

const LIST = {
  ...listOf(ATTEMPTS, selectList(ATTEMPTS)),
  index: 'attempts_by_scope',
  time: 'started_at',
}
/** The primary key. */
const BY_ID = 'sqlite_autoindex_attempts_1'
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
  const failed = provider !== undefined && state !== undefined && FAILED.has(state)
  const byState = state === 'succeeded' ? undefined : failed ? 'attempts_failed' : 'attempts_by_state'
  return [
    ['id', first && chargeId !== undefined ? twinId('att', chargeId) : undefined, BY_ID],
    ['transaction_id', chargeId, first ? BY_ID : 'attempts_by_transaction'],
    ['state', state, byState],
    ['provider', provider, failed ? 'attempts_failed' : undefined],
    ['kind', kind, undefined],
    ['unknown_since', unknownBefore, undefined, '<'],
  ]
}

/** Attempts. */
export function attemptReads(sql: Sql, { references }: Pick<Tails, 'references'>) {
  const newest = new IdLogReader(references)
  return {
    attempts(scope: Scope, query: AttemptQuery): Page<Attempt> | Promise<Page<Attempt>> {
      const { states = [] } = query
      const ways = query.chargeId === undefined ? [false] : [true, false]
      const pages = (states.length > 0 ? states : [undefined]).flatMap((state) =>
        ways.map((first) => page(sql, LIST, scope, filtersOf(query, state, first), query)),
      )
      const [only] = pages
      if (only && pages.length === 1) return only
      return Promise.all(pages).then((all) => mergePages(all, query))
    },

    attempt(id: string): ScopedAttempt | undefined {
      const row = sql(`SELECT ${ATTEMPT_COLUMNS} FROM attempts WHERE id = ?`).get(id) as OwnedRow | undefined
      return row && ownedAttempt(row)
    },

    attemptByReference(
      provider: string,
      kind: 'authorize' | 'refund',
      reference: string,
    ): ScopedAttempt | undefined {
      const asked = [provider, kind, reference] as const
      const hash = hashOfReference(hashKeyOf(sql), asked)
      const holder = (ids: readonly string[]): OwnedRow | undefined => {
        for (const id of ids) {
          const row = sql(
            `SELECT ${ATTEMPT_COLUMNS} FROM attempts
             WHERE id = ? AND provider = ? AND kind = ? AND provider_reference = ?`,
          ).get(id, ...asked)
          if (row) return row as OwnedRow
        }
        return undefined
      }
      const indexed = () => sql('SELECT id FROM reference_index WHERE hash = ?').pluck().all(hash) as string[]
      // The memory first, so that a fold in between hides none.
      const row = holder(newest.all(hash)) ?? holder(indexed())
      return row && ownedAttempt(row)
    },

    /** Reads counters, and a range of the index on unknown attempts, but never the history. */
    attemptTotals(overdueBefore: number): AttemptTotals {
      const rows = sql(
        `SELECT substr(name, length('attempts_') + 1) AS state, sum(value) AS value
         FROM counters WHERE name LIKE 'attempts_%' GROUP BY name`,
      ).all() as { state: AttemptState; value: number }[]
      const byState = Object.fromEntries(Object.keys(ATTEMPT_STATES).map((state) => [state, 0])) as Record<
        AttemptState,
        number
      >
      for (const { state, value } of rows) byState[state] = value
      const unknown = sql(
        `SELECT
           (SELECT min(unknown_since) FROM attempts WHERE state = 'unknown') AS oldestUnknownSince,
           (SELECT count(*) FROM attempts WHERE state = 'unknown' AND unknown_since < ?) AS overdue`,
      ).get(overdueBefore) as Pick<AttemptTotals, 'oldestUnknownSince' | 'overdue'>
      return { byState, ...unknown }
    },

    pendingSince(before: number): number {
      const late = setBackMs(sql)
      const upTo = idFloor('att', before + late)
      // Repeats the index's own condition, so that SQLite uses it.
      const pending = `SELECT count(*) AS pending FROM attempts WHERE state = 'pending' AND state <> 'succeeded' AND id < ?`
      const row = late > 0 ? sql(`${pending} AND started_at < ?`).get(upTo, before) : sql(pending).get(upTo)
      return (row as { pending: number }).pending
    },
  }
}
