/** What a group of commits has to know before anything of it is written: one statement for all that is asked of a table. */
import type { IdempotencyRecord } from '../../domain/idempotency.ts'
import type { Commit } from '../../ports/store.ts'
import type { Result, Row, Statement } from './batch.ts'
import { live, nameIn, recordOf, scopeOf } from './rows.ts'

/** What was found, by the names of `nameIn`; references by those of `referenceName`. */
export type Found = {
  /** Of charges that are to be changed; their rows are locked. */
  readonly versions: Map<string, number>
  /** The states of attempts that are stored; their rows are locked. */
  readonly states: Map<string, string>
  /** Which attempt has a reference. */
  readonly references: Map<string, string>
  readonly keys: Map<string, IdempotencyRecord>
  readonly balances: Map<string, bigint>
}

type Read = { readonly statement: Statement; readonly take: (row: Row) => void }

export function referenceName(provider: string, kind: string, reference: string): string {
  return JSON.stringify([provider, kind, reference])
}

/** The statements, and what to make of their results. */
export function commitReads(commits: readonly Commit[]): {
  readonly statements: Statement[]
  found(results: readonly Result[]): Found
} {
  const versions = new Map<string, number>()
  const states = new Map<string, string>()
  const references = new Map<string, string>()
  const keys = new Map<string, IdempotencyRecord>()
  const balances = new Map<string, bigint>()
  const reads: Read[] = []
  const read = (text: string, asked: object[], take: (row: Row) => void) => {
    if (asked.length > 0) reads.push({ statement: { text, values: [JSON.stringify(asked)] }, take })
  }

  read(LOCK_CHARGES, chargesAsked(commits), (row) => versions.set(named(row, 'id'), row['version'] as number))
  read(LOCK_ATTEMPTS, attemptsAsked(commits), (row) => states.set(named(row, 'id'), row['state'] as string))
  read(FIND_REFERENCES, referencesAsked(commits), (row) => {
    const { provider, kind, reference, id } = row as Record<string, string>
    references.set(referenceName(provider as string, kind as string, reference as string), id as string)
  })
  read(FIND_KEYS, keysAsked(commits), (row) => keys.set(named(row, 'key'), recordOf(row)))
  read(FIND_BALANCES, balancesAsked(commits), (row) =>
    balances.set(named(row, 'code', 'currency'), row['balance'] as bigint),
  )
  return {
    statements: reads.map(({ statement }) => statement),
    found(results) {
      for (const [i, { take }] of reads.entries()) for (const row of results[i]?.rows ?? []) take(row)
      return { versions, states, references, keys, balances }
    },
  }
}

function named(row: Row, ...columns: readonly string[]): string {
  return nameIn(scopeOf(row), ...columns.map((column) => String(row[column])))
}

const of = ({ scope }: Commit) => ({ account_id: scope.accountId, live: live(scope) })

/** In the order of their ids, so that no two groups wait for each other. */
const LOCK_CHARGES = `
  SELECT c.account_id AS "accountId", c.live, c.id, c.version
  FROM charges c
  JOIN json_to_recordset($1::json) AS r (account_id integer, live smallint, id text)
    ON c.account_id = r.account_id AND c.live = r.live AND c.id = r.id
  ORDER BY c.account_id, c.live, c.id
  FOR UPDATE OF c`

function chargesAsked(commits: readonly Commit[]): object[] {
  return commits
    .filter(({ charge }) => charge.version > 1)
    .map((commit) => ({ ...of(commit), id: commit.charge.id }))
}

const LOCK_ATTEMPTS = `
  SELECT t.account_id AS "accountId", t.live, t.id, t.state
  FROM attempts t
  JOIN json_to_recordset($1::json) AS r (id text) ON t.id = r.id
  ORDER BY t.id
  FOR UPDATE OF t`

function attemptsAsked(commits: readonly Commit[]): object[] {
  return commits.flatMap(({ attempts }) => attempts.map(({ id }) => ({ id })))
}

const FIND_REFERENCES = `
  SELECT t.provider, t.kind, t.provider_reference AS reference, t.id
  FROM attempts t
  JOIN json_to_recordset($1::json) AS r (provider text, kind text, reference text)
    ON t.provider = r.provider AND t.kind = r.kind AND t.provider_reference = r.reference
  WHERE t.kind IN ('authorize', 'refund') AND t.provider_reference IS NOT NULL`

function referencesAsked(commits: readonly Commit[]): object[] {
  return commits.flatMap(({ attempts }) =>
    attempts
      .filter(({ providerReference }) => providerReference !== null)
      .map(({ provider, kind, providerReference: reference }) => ({ provider, kind, reference })),
  )
}

/** The stored answer of a key is its own, or what its event tells. */
const FIND_KEYS = `
  SELECT k.account_id AS "accountId", k.live, k.key, k.fingerprint, k.answer_kind AS kind,
    coalesce(k.answer_body, e.data) AS body
  FROM idempotency_keys k
  JOIN json_to_recordset($1::json) AS r (account_id integer, live smallint, key text)
    ON k.account_id = r.account_id AND k.live = r.live AND k.key = r.key
  LEFT JOIN events e ON e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq`

function keysAsked(commits: readonly Commit[]): object[] {
  return commits.flatMap((commit) => (commit.key ? [{ ...of(commit), key: commit.key.key }] : []))
}

const FIND_BALANCES = `
  SELECT a.account_id AS "accountId", a.live, a.code, a.currency, a.balance::numeric AS balance
  FROM ledger_accounts a
  JOIN json_to_recordset($1::json) AS r (account_id integer, live smallint, code text, currency text)
    ON a.account_id = r.account_id AND a.live = r.live AND a.code = r.code AND a.currency = r.currency`

function balancesAsked(commits: readonly Commit[]): object[] {
  const asked = new Map<string, object>()
  for (const commit of commits)
    for (const { account, currency } of commit.postings) {
      const name = nameIn(commit.scope, account, currency)
      if (!asked.has(name)) asked.set(name, { ...of(commit), code: account, currency })
    }
  return [...asked.values()]
}
