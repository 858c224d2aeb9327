/** Which commits of a group become true, decided in their order on what was found: as if one came after the other. */
import { isTransfer } from '../../domain/ledger.ts'
import { MAX_BALANCE } from '../../domain/money.ts'
import { allAnswered, type Commit, type CommitResult } from '../../ports/store.ts'
import { type Found, referenceName } from './commit-reads.ts'
import { entriesOf } from './commit-writes.ts'
import type { Ended } from './grouping.ts'
import { nameIn } from './rows.ts'

const COMMITTED: Ended<CommitResult> = { value: { kind: 'committed' } }

/**
 * Ends each commit. Guards first, in this order: the charge is at the version that was decided on; its attempt is held;
 * every balance has room; no other attempt has a provider's reference; the key is new. What changes again what another commit of the
 * group changes goes with the next group, so that a group writes no row twice.
 */
export function judge(commits: readonly Commit[], found: Found): Ended<CommitResult>[] {
  const touched = new Set<string>()
  return commits.map((commit) => {
    const ended = judgeOne(commit, found, touched)
    if (ended === COMMITTED) accept(commit, found, touched)
    return ended
  })
}

function judgeOne(commit: Commit, found: Found, touched: ReadonlySet<string>): Ended<CommitResult> {
  const { scope, charge, attempts, key, held } = commit
  const name = nameIn(scope, charge.id)
  if (charge.version > 1 && found.versions.get(name) !== charge.version - 1)
    return { value: { kind: 'version_conflict' } }
  if (touched.has(name) || attempts.some(({ id }) => touched.has(id))) return 'next'
  if (allAnswered(commit).some((answered) => touched.has(nameIn(scope, 'key', answered.key)))) return 'next'
  if (held && found.tokens.get(nameIn(scope, held.attemptId)) !== held.token)
    return { value: { kind: 'not_held' } }
  if (!commit.transfers.every(isTransfer))
    return { error: new Error(`a transfer of ${commit.transactionId} is not one`) }
  if (!hasRoom(commit, found)) return { value: { kind: 'balance_limit' } }
  const holder = referenceHolder(commit, found)
  if (holder !== undefined) return { value: { kind: 'reference_taken', attemptId: holder } }
  const record = key && found.keys.get(nameIn(scope, key.key))
  return record ? { value: { kind: 'key_exists', record } } : COMMITTED
}

/** False when one of the transfers would take a balance past 64 bits. */
function hasRoom({ scope, transfers }: Commit, { balances }: Found): boolean {
  const after = new Map<string, bigint>()
  for (const { account, currency, amount } of entriesOf(transfers)) {
    const name = nameIn(scope, account, currency)
    const balance = (after.get(name) ?? balances.get(name) ?? 0n) + BigInt(amount)
    if (balance > MAX_BALANCE || balance < -MAX_BALANCE) return false
    after.set(name, balance)
  }
  return true
}

/** The attempt that has one of these attempts' references, when it is another one; it may be in another scope. */
function referenceHolder({ attempts }: Commit, { references }: Found): string | undefined {
  for (const { id, provider, kind, providerReference } of attempts) {
    if (providerReference === null) continue
    const holder = references.get(referenceName(provider, kind, providerReference))
    if (holder !== undefined && holder !== id) return holder
  }
  return undefined
}

/** What the commits after this one find. */
function accept(commit: Commit, found: Found, touched: Set<string>): void {
  const { scope, charge, attempts, key, transfers } = commit
  const name = nameIn(scope, charge.id)
  touched.add(name)
  found.versions.set(name, charge.version)
  for (const { id, provider, kind, providerReference } of attempts) {
    touched.add(id)
    if (providerReference !== null && (kind === 'authorize' || kind === 'refund'))
      found.references.set(referenceName(provider, kind, providerReference), id)
  }
  if (key) {
    touched.add(nameIn(scope, 'key', key.key))
    found.keys.set(nameIn(scope, key.key), { fingerprint: key.fingerprint, answer: key.answer })
  }
  for (const answered of allAnswered(commit)) touched.add(nameIn(scope, 'key', answered.key))
  for (const { account, currency, amount } of entriesOf(transfers)) {
    const balance = nameIn(scope, account, currency)
    found.balances.set(balance, (found.balances.get(balance) ?? 0n) + BigInt(amount))
  }
}

export function isCommitted(ended: Ended<CommitResult>): boolean {
  return ended === COMMITTED
}
