/** API keys, accounts, rule sets, paused providers and replays against the facts that the audit log has of them. */
import { canonicalJson } from '../../domain/idempotency.ts'
import { BUILT_IN } from '../../domain/routing/rule-set.ts'
import { OPERATOR_ACCOUNT } from '../../domain/scope.ts'
import type { Json, Row } from './aggregate.ts'
import { LoggedPauses, PAUSES } from './pauses.ts'
import { replayProblem, STARTED_REPLAYS } from './replays.ts'
import { timeOf } from './views.ts'

/** The SQL of every source, each with few columns. */
export const ADMINISTRATION = {
  /** What people changed, in order. */
  administration: () => `SELECT account_id, live, action, object, actor, after FROM audit_log
    WHERE action LIKE 'key.%' OR action LIKE 'account.%' OR action LIKE 'routing.%'
      OR action LIKE 'provider.%' OR action = 'webhook_replay.created'
    ORDER BY account_id, live, seq`,
  accessKeys: () => 'SELECT id, name, expires_at, created_by FROM access_keys ORDER BY id',
  pauses: PAUSES,
  replays: STARTED_REPLAYS,
  accounts: () => 'SELECT public_id AS id, name FROM accounts ORDER BY id',
  firstEntry: () => 'SELECT min(created_at) AS at FROM audit_log',
} as const

type Source = keyof typeof ADMINISTRATION
type Reading<T> = Generator<Source, T, readonly Row[]>

/** The newest facts of each key and its maker, and the name of each account by the scope of the entry. */
type Logged = {
  readonly keys: Map<unknown, Json>
  readonly makers: Map<unknown, unknown>
  readonly accounts: Map<unknown, Map<string, unknown>>
}

const scopeOf = ({ account_id, live }: Row) =>
  `account ${account_id} (${Number(live) === 1 ? 'live' : 'test'})`

/**
 * The first row that has other facts than the log, as a sentence. `rules` are all stored rule sets in order. Versions
 * from before the audit log have no entry, and are not compared. The clock was never set back by more than `setBackMs`.
 */
export function* administrationProblem(
  rules: readonly Row[],
  setBackMs: number,
): Reading<string | undefined> {
  const stored = new Map(rules.map((row) => [`${scopeOf(row)} ${row['version']}`, row]))
  const newest = new Map(rules.map((row) => [scopeOf(row), Number(row['version'])]))
  const last = new Map<string, number>()
  const pauses = new LoggedPauses()
  const replays = new Map<unknown, Json>()
  const logged: Logged = { keys: new Map(), makers: new Map(), accounts: new Map() }
  for (let rows = yield 'administration'; rows.length > 0; rows = yield 'administration')
    for (const entry of rows) {
      const after = parsed(entry['after'])
      if (!after) continue
      const [about] = String(entry['action']).split('.')
      if (about === 'provider') pauses.note(scopeOf(entry), entry, after)
      else if (about === 'webhook_replay') replays.set(entry['object'], after)
      else if (about !== 'routing') note(logged, entry, after)
      if (about !== 'routing') continue
      last.set(scopeOf(entry), Number(after['version']))
      const row = stored.get(`${scopeOf(entry)} ${after['version']}`)
      const problem = row && ruleSetProblem(row, entry, after)
      if (problem !== undefined)
        return `The rules of ${scopeOf(entry)} of version ${after['version']} ${problem}.`
    }
  for (const [scope, version] of last)
    if (newest.get(scope) !== version)
      return `The newest rules of ${scope} have the version ${newest.get(scope) ?? 0}, and the audit log says ${version}.`
  return (
    (yield* unloggedRules(rules, last, setBackMs)) ??
    (yield* accountProblem(logged)) ??
    (yield* keyProblem(logged)) ??
    (yield* pauseProblem(pauses)) ??
    (yield* startedProblem(replays))
  )
}

/**
 * Rules of a scope of which the log has no change. Only the operator's account was there before the audit log, and such
 * rules are older than it.
 */
function* unloggedRules(
  rules: readonly Row[],
  logged: ReadonlyMap<string, number>,
  setBackMs: number,
): Reading<string | undefined> {
  let since = Number.POSITIVE_INFINITY
  for (let rows = yield 'firstEntry'; rows.length > 0; rows = yield 'firstEntry')
    since = Number(rows[0]?.['at'] ?? since)
  const inserted = rules.find(
    (row) =>
      !logged.has(scopeOf(row)) &&
      (Number(row['account_id']) !== OPERATOR_ACCOUNT || Number(row['created_at']) > since + setBackMs),
  )
  return (
    inserted &&
    `The rules of ${scopeOf(inserted)} of version ${inserted['version']} were not made by MiniPay: the audit log has no change of them.`
  )
}

/** Null for a text that is no JSON: the hash chains name such an entry. */
function parsed(text: unknown): Json | null {
  try {
    return JSON.parse(String(text)) as Json | null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** How a version differs from its entry. */
function ruleSetProblem({ document, author, note }: Row, { actor }: Row, after: Json): string | undefined {
  if (!isDocument(String(document), after['document'])) return 'are others than the audit log says'
  if (author !== actor) return `have the author ${author}, and the audit log says ${actor}`
  if (note !== (after['note'] ?? null)) return 'have another note than the audit log says'
  return undefined
}

function isDocument(text: string, document: unknown): boolean {
  if (text === BUILT_IN) return document === null
  return canonicalJson({ rules: parsed(text) }) === canonicalJson({ rules: document })
}

/** A roll also tells of the successor. */
function note({ keys, makers, accounts }: Logged, entry: Row, after: Json): void {
  const { action, object, actor } = entry
  if (String(action).startsWith('account.')) {
    accounts.set(object, (accounts.get(object) ?? new Map()).set(scopeOf(entry), after['name']))
    return
  }
  keys.set(object, after)
  if (action === 'key.created') makers.set(object, actor)
  if (action !== 'key.rolled') return
  const successor = after['rolled_to']
  keys.set(successor, after['successor'] as Json)
  makers.set(successor, actor)
}

function* startedProblem(started: ReadonlyMap<unknown, Json>): Reading<string | undefined> {
  for (let rows = yield 'replays'; rows.length > 0; rows = yield 'replays') {
    const problem = replayProblem(rows, started)
    if (problem !== undefined) return problem
  }
  return undefined
}

function* pauseProblem(logged: LoggedPauses): Reading<string | undefined> {
  const stored: (Row & { readonly scope: string })[] = []
  for (let rows = yield 'pauses'; rows.length > 0; rows = yield 'pauses')
    stored.push(...rows.map((row) => ({ ...row, scope: scopeOf(row) })))
  return logged.problem(stored)
}

/** Entries of several scopes have no common order, so the newest name of any of them counts. */
function* accountProblem({ accounts }: Logged): Reading<string | undefined> {
  for (let rows = yield 'accounts'; rows.length > 0; rows = yield 'accounts')
    for (const { id, name } of rows) {
      const names = accounts.get(id)
      if (names && ![...names.values()].includes(name))
        return `The account ${id} has another name than the audit log says.`
    }
  return undefined
}

function* keyProblem({ keys, makers }: Logged): Reading<string | undefined> {
  for (let rows = yield 'accessKeys'; rows.length > 0; rows = yield 'accessKeys')
    for (const { id, name, expires_at: expiresAt, created_by: maker } of rows) {
      const facts = keys.get(id)
      if (!facts) continue
      const expiry = expiresAt == null ? null : timeOf(Number(expiresAt))
      const what =
        name !== facts['name']
          ? 'name'
          : expiry !== facts['expires_at']
            ? 'expiry'
            : makers.has(id) && maker !== makers.get(id)
              ? 'maker'
              : undefined
      if (what) return `The API key ${id} has another ${what} than the audit log says.`
    }
  return undefined
}
