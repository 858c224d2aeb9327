/** What verify finds by looking at one charge after the other, with everything that belongs to it. */
import { type Aggregate, aggregates, type Row, SOURCES } from './aggregate.ts'
import { callProblems } from './calls.ts'
import { eventProblems } from './events.ts'
import { historyProblems } from './history.ts'
import { keyProblems } from './keys.ts'
import { moneyProblems } from './money.ts'
import { type RuleSets, routeProblems, rulesOf } from './routes.ts'
import { timeProblems } from './times.ts'

/** The shortest time for which idempotency records can be set to be kept, in ms. */
const LEAST_RETENTION_MS = 3_600_000

const OTHERS = {
  /** The oldest record that is left and has been settled. The purge takes the oldest, as they were made. */
  oldestRecord: () => `SELECT k.created_at, e.created_at AS settled_at FROM idempotency_keys k
    JOIN events e ON e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq
    WHERE k.ending <> 'accepted' ORDER BY k.seq LIMIT 1`,
  ruleSets: () => 'SELECT * FROM rule_sets ORDER BY account_id, live, version',
  clock: () => 'SELECT wall_ms, set_back_ms FROM clock',
} as const

export type Audited = keyof typeof SOURCES | keyof typeof OTHERS

/** What an audit reads, as SQL; see `SOURCES` for `bytes`. */
export const AUDITED: Readonly<Record<Audited, (bytes: string) => string>> = { ...SOURCES, ...OTHERS }

/**
 * Checks everything, and returns the first error as a sentence. It requests the next rows of a source until there are
 * none, so that it holds only a few rows and those of one charge in memory. `now` is in ms since 1970.
 */
export function* audit(now: number): Generator<Audited, string | undefined, readonly Row[]> {
  const rules = rulesOf(yield* wholly('ruleSets'))
  if (typeof rules === 'string') return rules
  const [clock] = yield* wholly('clock')
  const setBackMs = Number(clock?.['set_back_ms'] ?? 0)
  const latest = Math.max(now, Number(clock?.['wall_ms'] ?? now))
  const [oldest] = yield* wholly('oldestRecord')
  const settled = oldest
    ? Math.max(Number(oldest['created_at']), Number(oldest['settled_at']))
    : Number.POSITIVE_INFINITY
  // Whatever is younger than what is left was not forgotten, nor what is younger than anything that may be.
  // Where the clock was set back, rows may say that they are that much older than they are.
  const forgotten = Math.min(settled, latest - LEAST_RETENTION_MS) + setBackMs
  return yield* aggregates((aggregate) => {
    for (const problem of problemsOf(aggregate, rules, forgotten, setBackMs)) return problem
    return undefined
  })
}

function* wholly(source: Audited): Generator<Audited, Row[], readonly Row[]> {
  const all: Row[] = []
  for (let rows = yield source; rows.length > 0; rows = yield source) all.push(...rows)
  return all
}

/** In the order in which a person would want to know of them. The clock was never set back by more than `setBackMs`. */
export function* problemsOf(
  aggregate: Aggregate,
  rules: RuleSets,
  forgotten: number,
  setBackMs: number,
): Iterable<string> {
  yield* moneyProblems(aggregate)
  yield* eventProblems(aggregate)
  yield* historyProblems(aggregate)
  yield* callProblems(aggregate, setBackMs)
  yield* timeProblems(aggregate, setBackMs)
  yield* keyProblems(aggregate, forgotten, setBackMs)
  yield* routeProblems(aggregate, rules)
}
