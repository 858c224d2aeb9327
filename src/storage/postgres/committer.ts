import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Commit, type CommitResult, StoreUnavailable } from '../../ports/store.ts'
import type { Statement } from './batch.ts'
import { NOW } from './clock.ts'
import { isCommitted, judgeApart, judgeCommit } from './commit-guards.ts'
import { commitReads, type FoundRows, noRows } from './commit-reads.ts'
import { commitWrites } from './commit-writes.ts'
import type { Connection } from './connection.ts'
import { codeOf, meaningOf, type StatementError, storeError } from './errors.ts'
import type { Ended } from './grouping.ts'
import type { Pool } from './pool.ts'
import { nameIn } from './rows.ts'

const MAX_TRIES = 8
/** No try begins later: with its own wait for a lock a commit ends within what clients wait. */
const LAST_TRY_MS = 15_000
/** How often a commit may lose a race; each time another commit succeeded. */
const MAX_RACES = 8
/** How long MiniPay tries to find the outcome of a commit before its requests fail as unknown, in ms. */
const UNKNOWN_MS = 6_000

const BEGIN: Statement = { text: 'BEGIN' }
const COMMIT: Statement = { text: 'COMMIT' }
const ROLLBACK: Statement = { text: 'ROLLBACK' }

const BEGIN_GROUP = `INSERT INTO commit_groups (id, fenced, asked, created_at) VALUES ($1, 0, 0, ${NOW})`

/**
 * Waits for the transaction that inserted this id, if there is one. Returns 1 if it did not commit; then it never
 * will. It writes in either case, so that with a synchronous standby the result also survives a failover.
 */
const ASK_FOR_GROUP = `
  INSERT INTO commit_groups AS g (id, fenced, asked, created_at) VALUES ($1, 1, 1, ${NOW})
  ON CONFLICT (id) DO UPDATE SET asked = g.asked + 1
  RETURNING fenced`

/** The connection broke when the group's transaction may have been committed. */
class OutcomeUnknown extends Error {
  /** The result if it was. */
  readonly result: unknown
  readonly group: string
  constructor(group: string, result: unknown, cause: unknown) {
    super('It is not known whether the commit was made.', { cause })
    this.group = group
    this.result = result
  }
}

export type Committer = (commits: readonly Commit[]) => Promise<readonly Ended<CommitResult>[]>

/** Groups that are made with care after one that was not, and should have been. */
const CAREFUL_GROUPS = 32

/**
 * Commits a group in one transaction. It writes and commits what requests begin and the outcomes that providers respond with,
 * in one round trip: every conflict violates a constraint of the schema, or a condition of the update. After a conflict,
 * and for other commits, it takes two: the first reads and locks the rows that the guards need, the second writes
 * everything and commits. It retries deadlocks, and
 * races that a unique index decided. If a commit violates a constraint, it halves the group until that commit is
 * alone.
 */
export function createCommitter(pool: Pool, node: string, onGroup?: (size: number) => void): Committer {
  let careful = 0
  return run

  async function run(commits: readonly Commit[]): Promise<readonly Ended<CommitResult>[]> {
    const until = performance.now() + LAST_TRY_MS
    let races = 0
    for (let tries = 1; ; tries++) {
      const hopeful = careful === 0 && commits.every(isHopeful)
      if (careful > 0) careful--
      try {
        const transact = hopeful ? transactAtOnce : transactWithCare
        const ended = await settled(() => pool.use((connection) => transact(connection, commits, node)), pool)
        const count = ended.filter(isCommitted).length
        if (count > 0) onGroup?.(count)
        return ended
      } catch (error) {
        const meaning = error instanceof StoreUnavailable ? 'unavailable' : meaningOf(error)
        if (meaning === 'fault' && hopeful) {
          careful = CAREFUL_GROUPS
          continue
        }
        if (meaning === 'fault' && !(wasRaced(error) && ++races < MAX_RACES)) return halved(commits, error)
        const last = tries >= MAX_TRIES || performance.now() > until
        if (meaning === 'unavailable' || last) throw storeError(error)
        // A random wait, so that colliding commits do not collide again.
        await delay(Math.random() * 5 * 2 ** Math.min(tries, MAX_TRIES))
      }
    }
  }

  async function halved(commits: readonly Commit[], error: unknown): Promise<readonly Ended<CommitResult>[]> {
    if (commits.length === 1)
      return [
        { error: wasRaced(error) ? new StoreUnavailable('busy', 'Others were first.') : (error as Error) },
      ]
    const half = Math.ceil(commits.length / 2)
    return [...(await apart(commits.slice(0, half))), ...(await apart(commits.slice(half)))]
  }

  /** The failure of one half does not affect the other. */
  async function apart(commits: readonly Commit[]): Promise<readonly Ended<CommitResult>[]> {
    try {
      return await run(commits)
    } catch (error) {
      return commits.map(() => ({ error: error as Error }))
    }
  }
}

/**
 * A row changed between the read and the write. The retry reads it again and refuses the commit for the right reason.
 */
const RACES = [
  ...['idempotency_keys_pkey', 'attempts_by_reference', 'balance_limit'],
  'velocity_counters_pkey',
]
const NUMERIC_OVERFLOW = '22003'

function wasRaced(error: unknown): boolean {
  return RACES.includes((error as StatementError).constraint ?? '') || codeOf(error) === NUMERIC_OVERFLOW
}

type Transact = (
  connection: Connection,
  commits: readonly Commit[],
  node: string,
) => Promise<readonly Ended<CommitResult>[]>

/** Its charge is new or has the version before, its key is new, and its attempts are new. */
const isBegin = ({ charge, key, attempts }: Commit) =>
  charge.version === 1 || (key !== null && attempts.every(({ state }) => state === 'sending'))

/**
 * The provider responded to the call of the one attempt. Its row is usually as the first commit stored it: `sending`,
 * which no statistic counts.
 */
const isAnswer = ({ key, attempts }: Commit) =>
  key === null && attempts.length === 1 && attempts[0]?.resolvedBy === 'answer'

/** Usually no row is in its way, and it needs none but those that `assumedRows` knows. */
const isHopeful = (commit: Commit) =>
  (isBegin(commit) || isAnswer(commit)) &&
  commit.limits === undefined &&
  commit.lease === null &&
  commit.alarms.length === 0

/**
 * Assumes that there is no conflict. If a key or a reference exists, a balance would overflow, or a row is not as
 * `assumedRows` has it, the server refuses the whole group.
 */
const transactAtOnce: Transact = async (connection, commits, node) => {
  const group = randomUUID()
  const assumed = assumedRows(commits)
  const stored = { states: new Map(assumed.states), facts: assumed.facts, assumed: true } as const
  const ended = judgeApart(commits) ?? judgeCommit(commits, assumed)
  const accepted = commits.filter((_, i) => isCommitted(ended[i] as Ended<CommitResult>))
  if (accepted.length === 0) return ended
  const statements = [...begin(group), ...commitWrites(accepted, stored, NO_COUNTERS, node), COMMIT]
  await rollingBack(connection, () => lastWords(group, ended, () => connection.run(statements)))
  return ended
}

function assumedRows(commits: readonly Commit[]): FoundRows {
  const rows = noRows()
  for (const commit of commits) {
    const { scope, charge, attempts } = commit
    if (charge.version > 1) rows.versions.set(nameIn(scope, charge.id), charge.version - 1)
    if (isAnswer(commit)) for (const { id } of attempts) rows.states.set(nameIn(scope, id), 'sending')
  }
  return rows
}

const NO_COUNTERS = { stored: new Set<string>(), after: new Map() }

/** Begins a transaction whose outcome can be found out later by the id of its group. */
export const begin = (group: string): Statement[] => [BEGIN, { text: BEGIN_GROUP, values: [group] }]

const transactWithCare: Transact = async (connection, commits, node) => {
  const group = randomUUID()
  const reads = commitReads(commits)
  return rollingBack(connection, async () => {
    const results = await connection.run([...begin(group), ...reads.statements])
    const found = reads.found(results.slice(begin(group).length))
    const stored = { states: new Map(found.states), facts: found.facts }
    const counters = { stored: new Set(found.counters.keys()), after: found.counters }
    const ended = judgeCommit(commits, found)
    const accepted = commits.filter((_, i) => isCommitted(ended[i] as Ended<CommitResult>))
    if (accepted.length === 0) {
      await connection.run([ROLLBACK])
      return ended
    }
    await lastWords(group, ended, () =>
      connection.run([...commitWrites(accepted, stored, counters, node), COMMIT]),
    )
    return ended
  })
}

/** Runs a transaction, and rolls it back when it fails. */
export async function rollingBack<T>(connection: Connection, transaction: () => Promise<T>): Promise<T> {
  try {
    return await transaction()
  } catch (error) {
    if (!connection.broken()) await connection.run([ROLLBACK]).catch(() => {})
    throw error
  }
}

/** Runs the statements that commit a group, inside of `settled`; `result` is that of the latter if they were run. */
export async function lastWords<T>(group: string, result: unknown, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (isInDoubt(error)) throw new OutcomeUnknown(group, result, error)
    throw error
  }
}

/** An error from the server is a definite outcome, unless it reports that the outcome is unknown. */
function isInDoubt(error: unknown): boolean {
  const { unsent, cause = error } = error as { unsent?: boolean; cause?: unknown }
  if (meaningOf(error) !== 'lost' || unsent) return false
  const code = codeOf(cause)
  return code === undefined || !NOT_RUN_CODES.includes(code)
}

/** The server accepts no writes, does not know a statement, or ended an idle transaction. */
const NOT_RUN_CODES = ['25006', '26000', '25P03']

/**
 * Finds the outcome of a commit whose connection broke. Rejects with the connection's error if the commit was
 * definitely not made.
 */
export async function settled<T>(transacted: () => Promise<T>, pool: Pool): Promise<T> {
  try {
    return await transacted()
  } catch (error) {
    if (!(error instanceof OutcomeUnknown)) throw error
    if (await wasCommitted(pool, error.group)) return error.result as T
    throw error.cause
  }
}

async function wasCommitted(pool: Pool, group: string): Promise<boolean> {
  const until = performance.now() + UNKNOWN_MS
  for (;;) {
    try {
      const [result] = await pool.use((connection) =>
        connection.run([{ text: ASK_FOR_GROUP, values: [group] }]),
      )
      return result?.rows[0]?.['fenced'] === 0
    } catch (error) {
      const message = 'The connection broke during a commit. Its key shows whether it was made.'
      if (performance.now() > until)
        throw new StoreUnavailable('connection', `${message} ${(error as Error).message}`)
      await delay(100)
    }
  }
}
