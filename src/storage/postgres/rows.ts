/** Rows of a scope, and what both reading and writing them need. */
import type { IdempotencyRecord, StoredAnswer } from '../../domain/idempotency.ts'
import type { OwnedAttempt, Scope } from '../../ports/store.ts'
import { ATTEMPTS } from '../columns.ts'
import { selected } from '../table.ts'
import type { Row } from './batch.ts'

export function live(scope: Scope): number {
  return scope.mode === 'live' ? 1 : 0
}

/** What is of each scope, in the order of their names. */
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

/** A name of what is in a scope, among those of every scope. */
export function nameIn(scope: Scope, ...names: readonly string[]): string {
  return `${scope.accountId}/${live(scope)}/${names.join('/')}`
}

export const ATTEMPT_COLUMNS = `account_id AS "accountId", live, ${selected(ATTEMPTS)}`

export function ownedAttempt({ accountId, live, ...row }: Row): OwnedAttempt {
  return {
    scope: { accountId: accountId as number, mode: live === 1 ? 'live' : 'test' },
    attempt: ATTEMPTS.of(row),
  }
}

export function recordOf(row: Row): IdempotencyRecord {
  const { fingerprint, kind, body } = row as { fingerprint: string; kind: StoredAnswer['kind']; body: string }
  return { fingerprint, answer: { kind, body } }
}
