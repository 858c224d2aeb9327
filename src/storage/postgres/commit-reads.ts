/** The rows that the guards of a group need, read before any write: one statement for each scope and table. */
import type { Attempt } from '../../domain/attempt.ts'
import type { FoundRecord } from '../../domain/idempotency.ts'
import type { Transfer } from '../../domain/ledger.ts'
import type { CallFacts } from '../../domain/statistics.ts'
import type { VelocityCounter } from '../../domain/velocity.ts'
import type { Commit, Scope } from '../../ports/store.ts'
import { VELOCITY_COUNTERS } from '../columns.ts'
import type { Referring } from '../guards.ts'
import type { Result, Row, Statement } from './batch.ts'
import { COUNTER_NAMES, LOCK_COUNTERS } from './commit-sql-limits.ts'
import { recordset } from './recordset.ts'
import { byScope, foundRecord, live, nameIn, RECORD } from './rows.ts'

/** The rows that were read, by the names of `nameIn`; references by those of `referenceName`. */
export type FoundRows = {
  /** The charges that the group changes; their rows are locked. */
  readonly versions: Map<string, number>
  /** The states of stored attempts, whose rows are locked, and of alarms. */
  readonly states: Map<string, string>
  /** How those attempts are counted in the statistics. */
  readonly facts: Map<string, CallFacts>
  /** The lease tokens of those attempts. */
  readonly tokens: Map<string, string | null>
  /** The attempt that has a reference. */
  readonly references: Map<string, string>
  readonly keys: Map<string, FoundRecord>
  readonly balances: Map<string, bigint>
  /** The counters of velocity limits; their rows are locked. */
  readonly counters: Map<string, VelocityCounter>
}

type Read = { readonly statement: Statement; readonly take: (row: Row) => void }

export function referenceName({ provider, kind, providerReference }: Omit<Referring, 'id'>): string {
  return JSON.stringify([provider, kind, providerReference])
}

export function noRows(): FoundRows {
  return {
    versions: new Map(),
    states: new Map(),
    facts: new Map(),
    tokens: new Map(),
    references: new Map(),
    keys: new Map(),
    balances: new Map(),
    counters: new Map(),
  }
}

/** The statements, and the function that reads their results. */
export function commitReads(commits: readonly Commit[]): {
  readonly statements: Statement[]
  found(results: readonly Result[]): FoundRows
} {
  const found = noRows()
  const reads = byScope(commits).flatMap(([scope, of]) => scopeReads(scope, of, found))
  return {
    statements: reads.map(({ statement }) => statement),
    found(results) {
      for (const [i, { take }] of reads.entries()) for (const row of results[i]?.rows ?? []) take(row)
      return found
    },
  }
}

/** Every group locks in this order. */
function scopeReads(scope: Scope, commits: readonly Commit[], found: FoundRows): Read[] {
  const reads: Read[] = []
  const read = (text: string, arrays: readonly string[], take: (row: Row) => void) => {
    if (arrays[0] === NONE) return
    reads.push({ statement: { text, values: [scope.accountId, live(scope), ...arrays] }, take })
  }
  const name = (row: Row, ...columns: readonly string[]) =>
    nameIn(scope, ...columns.map((column) => row[column] as string))
  const attempts = commits.flatMap(({ attempts }) => attempts)
  const changed = commits.filter(({ charge }) => charge.version > 1).map(({ charge }) => charge)

  read(LOCK_CHARGES, IDS.values(changed), (row) =>
    found.versions.set(name(row, 'id'), row['version'] as number),
  )
  read(LOCK_ATTEMPTS, IDS.values(attempts), (row) => {
    found.states.set(name(row, 'id'), row['state'] as string)
    found.facts.set(name(row, 'id'), row as unknown as CallFacts)
    found.tokens.set(name(row, 'id'), row['token'] as string | null)
  })
  read(FIND_ALARMS, IDS.values(commits.flatMap(({ alarms }) => alarms)), (row) =>
    found.states.set(name(row, 'id'), row['state'] as string),
  )
  read(
    FIND_REFERENCES,
    REFERENCES.values(attempts.filter(({ providerReference }) => providerReference !== null)),
    ({ id, ...reference }) =>
      found.references.set(referenceName(reference as Omit<Referring, 'id'>), id as string),
  )
  read(LOCK_COUNTERS, COUNTER_NAMES.values(countersOf(commits)), (row) =>
    found.counters.set(name(row, 'counter'), VELOCITY_COUNTERS.of(row)),
  )
  read(FIND_KEYS, KEYS.values(commits.flatMap(({ key }) => key ?? [])), (row) =>
    found.keys.set(name(row, 'key'), foundRecord(row)),
  )
  read(FIND_BALANCES, ACCOUNTS.values(accountsOf(commits)), (row) =>
    found.balances.set(name(row, 'code', 'currency'), row['balance'] as bigint),
  )
  return reads
}

/** An empty array needs no query. */
const NONE = '{}'

const IDS = recordset<{ readonly id: string }>({ id: ['text', ({ id }) => id] })

/** Sorted by id, so that two groups cannot deadlock. */
const LOCK_CHARGES = `
  SELECT c.id, c.version
  FROM charges c
  JOIN ${IDS.scoped} ON c.account_id = r.account_id AND c.live = r.live AND c.id = r.id
  ORDER BY c.id
  FOR UPDATE OF c`

const LOCK_ATTEMPTS = `
  SELECT t.id, t.token, t.kind, t.provider, t.currency, t.state, t.amount, t.decline_code AS "declineCode",
    t.resolved_by AS "resolvedBy", t.started_at AS "startedAt", t.ended_at AS "endedAt"
  FROM attempts t
  JOIN ${IDS.scoped} ON t.account_id = r.account_id AND t.live = r.live AND t.id = r.id
  ORDER BY t.id
  FOR UPDATE OF t`

/** These change only with their charge, whose row is locked. */
const FIND_ALARMS = `
  SELECT m.id, m.state
  FROM alarms m
  JOIN ${IDS.scoped} ON m.account_id = r.account_id AND m.live = r.live AND m.id = r.id`

const REFERENCES = recordset<Attempt>({
  provider: ['text', ({ provider }) => provider],
  kind: ['text', ({ kind }) => kind],
  reference: ['text', ({ providerReference }) => providerReference],
})

/**
 * The attempts that have these references, in any scope. LATERAL keeps the planner from scanning `attempts`, which may
 * have been tiny when the plan was made.
 */
const FIND_REFERENCES = `
  SELECT r.provider, r.kind, r.reference AS "providerReference", t.id
  FROM ${REFERENCES.scoped}
  CROSS JOIN LATERAL (
    SELECT id FROM attempts
    WHERE provider = r.provider AND kind = r.kind AND provider_reference = r.reference
      AND kind IN ('authorize', 'refund') AND provider_reference IS NOT NULL
    LIMIT 1) AS t`

const KEYS = recordset<{ readonly key: string }>({ key: ['text', ({ key }) => key] })

const FIND_KEYS = `
  SELECT ${RECORD}
  FROM ${KEYS.scoped}
  JOIN idempotency_keys k ON k.account_id = r.account_id AND k.live = r.live AND k.key = r.key
  LEFT JOIN events e ON e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq`

type AccountName = { readonly account: Transfer['debit']; readonly currency: string }

const ACCOUNTS = recordset<AccountName>({
  code: ['text', ({ account }) => account],
  currency: ['text', ({ currency }) => currency],
})

const FIND_BALANCES = `
  SELECT a.code, a.currency, a.balance::numeric AS balance
  FROM ledger_accounts a
  JOIN ${ACCOUNTS.scoped}
    ON a.account_id = r.account_id AND a.live = r.live AND a.code = r.code AND a.currency = r.currency`

/** Each counter, once. */
function countersOf(commits: readonly Commit[]): { readonly counter: string }[] {
  const names = new Set<string>()
  for (const { limits } of commits) for (const { counter } of limits ?? []) names.add(counter)
  return [...names].map((counter) => ({ counter }))
}

/** Each account, once. */
function accountsOf(commits: readonly Commit[]): AccountName[] {
  const accounts = new Map<string, AccountName>()
  for (const { transfers } of commits)
    for (const { debit, credit, currency } of transfers)
      for (const account of [debit, credit]) accounts.set(`${account}/${currency}`, { account, currency })
  return [...accounts.values()]
}
