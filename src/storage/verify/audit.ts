/** The checks of `verify` that look at one charge after another, each with everything that belongs to it. */
import { ADMINISTRATION, administrationProblem } from './administration.ts'
import { type Aggregate, aggregates, type Row, SOURCES, type SourceText } from './aggregate.ts'
import { callProblems } from './calls.ts'
import { eventProblems } from './events.ts'
import { historyProblems } from './history.ts'
import { keyProblems } from './keys.ts'
import { moneyProblems } from './money.ts'
import { type RuleSets, routeProblems, rulesOf } from './routes.ts'
import { timeProblems } from './times.ts'

/** The shortest retention of idempotency records that can be configured, in ms. */
const LEAST_RETENTION_MS = 3_600_000

const OTHERS = {
  /** The oldest settled record that is stored. The purge deletes the oldest records first. */
  oldestRecord: () => `SELECT k.created_at, e.created_at AS settled_at FROM idempotency_keys k
    JOIN events e ON e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq
    WHERE k.ending <> 'accepted' ORDER BY k.seq LIMIT 1`,
  ruleSets: () => 'SELECT * FROM rule_sets ORDER BY account_id, live, version',
  clock: () => 'SELECT wall_ms, set_back_ms FROM clock',
  /** Until when the events of a scope were deleted. */
  purgedUntil: () => 'SELECT account_id, live, until FROM event_purges',
  ...ADMINISTRATION,
} as const

export type Audited = keyof typeof SOURCES | keyof typeof OTHERS

/** The SQL of every source of an audit; see `SOURCES` for the parameters. */
export const AUDITED: Readonly<Record<Audited, SourceText>> = { ...SOURCES, ...OTHERS }

/**
 * Checks everything, and returns the first error as a sentence. It requests the next rows of a source until there are
 * none, so that it holds only a few rows and those of one charge in memory. `now` is in ms since 1970.
 */
export function* audit(now: number): Generator<Audited, string | undefined, readonly Row[]> {
  const ruleSets = yield* readAll('ruleSets')
  const rules = rulesOf(ruleSets)
  if (typeof rules === 'string') return rules
  const [clock] = yield* readAll('clock')
  const setBackMs = Number(clock?.['set_back_ms'] ?? 0)
  const latest = Math.max(now, Number(clock?.['wall_ms'] ?? now))
  const [oldest] = yield* readAll('oldestRecord')
  const oldestSettledAt = oldest
    ? Math.max(Number(oldest['created_at']), Number(oldest['settled_at']))
    : Number.POSITIVE_INFINITY
  // A record that is younger than the oldest stored one cannot have been purged, and neither can one that is younger
  // than the shortest retention. If the clock was set back, rows may look older by that much.
  const purgedBefore = Math.min(oldestSettledAt, latest - LEAST_RETENTION_MS) + setBackMs
  const purged = yield* readAll('purgedUntil')
  /** Some of its events may have been deleted. */
  const isPartial = ({ charge }: Aggregate) =>
    purged.some(
      ({ account_id, live, until }) =>
        account_id === charge['account_id'] &&
        live === charge['live'] &&
        Number(charge['created_at']) <= Number(until) + setBackMs,
    )
  const problem = yield* aggregates((aggregate) => {
    const problems = isPartial(aggregate)
      ? partialProblems(aggregate, rules)
      : problemsOf(aggregate, rules, purgedBefore, setBackMs)
    for (const problem of problems) return problem
    return undefined
  })
  return problem ?? (yield* administrationProblem(ruleSets, setBackMs))
}

function* readAll(source: Audited): Generator<Audited, Row[], readonly Row[]> {
  const all: Row[] = []
  for (let rows = yield source; rows.length > 0; rows = yield source) all.push(...rows)
  return all
}

/** What no event of the charge shows: the rest cannot be told from some of its events. */
function* partialProblems(aggregate: Aggregate, rules: RuleSets): Iterable<string> {
  yield* moneyProblems(aggregate, true)
  yield* routeProblems(aggregate, rules)
}

/** In order of importance to an operator. The clock was never set back by more than `setBackMs`. */
export function* problemsOf(
  aggregate: Aggregate,
  rules: RuleSets,
  purgedBefore: number,
  setBackMs: number,
): Iterable<string> {
  yield* moneyProblems(aggregate)
  yield* eventProblems(aggregate)
  yield* historyProblems(aggregate)
  yield* callProblems(aggregate, setBackMs)
  yield* timeProblems(aggregate, setBackMs)
  yield* keyProblems(aggregate, purgedBefore, setBackMs)
  yield* routeProblems(aggregate, rules)
}
