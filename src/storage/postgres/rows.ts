/** Rows of a scope: functions that both reads and writes need. */
import type { FoundRecord } from '../../domain/idempotency.ts'
import type { Mode } from '../../domain/scope.ts'
import type { Scope, ScopedAttempt } from '../../ports/store.ts'
import { ATTEMPTS, type FoundKey, KEYS, recordOf } from '../columns.ts'
import { selectList } from '../table.ts'
import type { Row } from './batch.ts'

export function live({ mode }: Pick<Scope, 'mode'>): number {
  return mode === 'live' ? 1 : 0
}

export function modeOf(live: unknown): Mode {
  return live === 1 ? 'live' : 'test'
}

/** Groups items by scope, in the order of the scopes' names. */
export function byScope<T extends { readonly scope: Scope }>(items: readonly T[]): [Scope, T[]][] {
  const scopes = new Map<string, [Scope, T[]]>()
  for (const item of items) {
    const name = nameIn(item.scope)
    const of = scopes.get(name)
    if (of) of[1].push(item)
    else scopes.set(name, [item.scope, [item]])
  }
  return [...scopes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, of]) => of)
}

/** A name that is unique among the names of all scopes. */
export function nameIn(scope: Scope, ...names: readonly string[]): string {
  return `${scope.accountId}/${live(scope)}/${names.join('/')}`
}

/** The attempts that are being sent, as a table. OFFSET 0 lets no plan look for them among all attempts. */
export const SENDING = `(SELECT * FROM attempts WHERE state = 'sending' OFFSET 0) AS sending`
/** The condition of the index by state. Most attempts succeed, and others are being sent. */
export const BY_STATE = `state NOT IN ('succeeded', 'sending')`

export const ATTEMPT_COLUMNS = `account_id AS "accountId", live, ${selectList(ATTEMPTS)}`

export function ownedAttempt({ accountId, live, ...row }: Row): ScopedAttempt {
  return {
    scope: { accountId: accountId as number, mode: modeOf(live) },
    attempt: ATTEMPTS.of(row),
  }
}

/** Of the record `k` of a key and its event `e`. */
export const RECORD = `${selectList(KEYS, {}, 'k')}, e.data AS event`

export function foundRecord(row: Row): FoundRecord {
  return recordOf(row as unknown as FoundKey)
}
