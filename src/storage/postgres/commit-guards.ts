/**
 * Decides which commits of a group pass, in their order, from the rows that were read: as if each ran after the one
 * before.
 */
import { isTransfer } from '../../domain/ledger.ts'
import { countUse } from '../../domain/velocity.ts'
import { type Commit, type CommitResult, endedKeysOf } from '../../ports/store.ts'
import { isReferring, refusalOf } from '../guards.ts'
import { type FoundRows, referenceName } from './commit-reads.ts'
import type { Ended } from './grouping.ts'
import { nameIn } from './rows.ts'

const COMMITTED: Ended<CommitResult> = { value: { kind: 'committed' } }

/**
 * Decides each commit. If a commit passes its guards but changes a row that another commit of the group changes, it
 * moves to the next group, so a group writes no row twice.
 */
export function judgeCommit(commits: readonly Commit[], found: FoundRows): Ended<CommitResult>[] {
  const touched = new Set<string>()
  return commits.map((commit) => {
    const ended = judgeOne(commit, found, touched)
    if (ended === COMMITTED) accept(commit, found, touched)
    return ended
  })
}

/**
 * The same for commits that are assumed to find no row in their way: all pass, unless two of them share a charge, an attempt,
 * a key or a reference. Then it returns undefined, and `judgeCommit` decides. The server checks the balances.
 */
export function judgeApart(commits: readonly Commit[]): Ended<CommitResult>[] | undefined {
  const names = new Set<string>()
  let count = 0
  const add = (name: string) => {
    names.add(name)
    count++
  }
  for (const commit of commits) {
    const { charge, key, attempts, transfers } = commit
    if (!transfers.every(isTransfer)) return undefined
    add(charge.id)
    if (key) add(key.key)
    for (const ended of endedKeysOf(commit)) add(ended.key)
    for (const attempt of attempts) {
      add(attempt.id)
      if (isReferring(attempt)) add(attempt.providerReference as string)
    }
  }
  return names.size === count ? commits.map(() => COMMITTED) : undefined
}

function judgeOne(commit: Commit, found: FoundRows, touched: ReadonlySet<string>): Ended<CommitResult> {
  const { scope, charge, key } = commit
  const name = nameIn(scope, charge.id)
  try {
    const value = refusalOf(
      { ...commit, version: charge.version },
      {
        version: () => found.versions.get(name),
        token: (attemptId) => found.tokens.get(nameIn(scope, attemptId)),
        balance: (account, currency) => found.balances.get(nameIn(scope, account, currency)) ?? 0n,
        holder: (attempt) => found.references.get(referenceName(attempt)),
        counter: (counter) => found.counters.get(nameIn(scope, counter)),
        record: () => (key ? found.keys.get(nameIn(scope, key.key)) : undefined),
      },
    )
    if (value) return { value }
  } catch (error) {
    return { error: error as Error }
  }
  return namesTouched(commit).some((each) => touched.has(each)) ? 'next' : COMMITTED
}

/** The rows that a commit changes, except those that a new key inserts. */
function namesTouched(commit: Commit): string[] {
  const { scope, charge, attempts } = commit
  return [
    nameIn(scope, charge.id),
    ...attempts.map(({ id }) => id),
    ...endedKeysOf(commit).map(({ key }) => nameIn(scope, 'key', key)),
  ]
}

/** The state that later commits of the group see. */
function accept(commit: Commit, found: FoundRows, touched: Set<string>): void {
  const { scope, charge, attempts, key, transfers, event } = commit
  for (const name of namesTouched(commit)) touched.add(name)
  found.versions.set(nameIn(scope, charge.id), charge.version)
  for (const attempt of attempts) {
    found.tokens.set(nameIn(scope, attempt.id), attempt.token)
    if (isReferring(attempt)) found.references.set(referenceName(attempt), attempt.id)
  }
  if (key) {
    touched.add(nameIn(scope, 'key', key.key))
    const { key: name, ...record } = key
    found.keys.set(nameIn(scope, name), { ...record, event: event?.data ?? null })
  }
  for (const use of commit.limits ?? []) {
    const counter = nameIn(scope, use.counter)
    found.counters.set(counter, countUse(found.counters.get(counter), use, commit.at))
  }
  const add = (account: string, currency: string, amount: number) => {
    const balance = nameIn(scope, account, currency)
    found.balances.set(balance, (found.balances.get(balance) ?? 0n) + BigInt(amount))
  }
  for (const { debit, credit, currency, amount } of transfers) {
    add(debit, currency, amount)
    add(credit, currency, -amount)
  }
}

export function isCommitted(ended: Ended<CommitResult>): boolean {
  return ended === COMMITTED
}
