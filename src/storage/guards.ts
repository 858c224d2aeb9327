/**
 * The guards of a commit. They are pure and the same for both engines; an engine only provides the reads of stored
 * rows.
 */
import type { Attempt } from '../domain/attempt.ts'
import type { FoundRecord } from '../domain/idempotency.ts'
import { isTransfer, type LedgerAccountCode, type Transfer } from '../domain/ledger.ts'
import { MAX_BALANCE } from '../domain/money.ts'
import { isExceededBy, type LimitUse, type VelocityCounter } from '../domain/velocity.ts'
import type { Commit, CommitResult } from '../ports/store.ts'

/** An attempt with the reference that its provider gave it. */
export type Referring = Pick<Attempt, 'id' | 'provider' | 'kind' | 'providerReference'>

/** The parts of a commit that its guards check. */
export type Guarded = Pick<Commit, 'at' | 'lease' | 'transfers'> & {
  /** The parts of the charge. */
  readonly version: number
  readonly attempts: readonly Referring[]
  readonly limits?: readonly LimitUse[] | undefined
}

/** The stored rows that the guards need. Each is read only when the guards before it have passed. */
export type Stored = {
  /** The charge's version. */
  version(): number | undefined
  /** The token of the attempt's lease; null if it has no lease. */
  token(attemptId: string): string | null | undefined
  /** 0 for an account that does not exist. */
  balance(account: LedgerAccountCode, currency: string): bigint
  /** The id of the authorization or refund that has this reference, in any scope. */
  holder(attempt: Referring): string | undefined
  /** The counter of a velocity limit. */
  counter(counter: string): VelocityCounter | undefined
  /** The record of the commit's key. The guards read it last, so an engine may detect the key by an insert. */
  record(): FoundRecord | undefined
}

export type Refusal = Exclude<CommitResult, { readonly kind: 'committed' }>

/**
 * Why a commit is refused; undefined if it is allowed. The order of the guards decides which refusal the caller gets:
 *
 * 1. The charge is stored at the version before the commit's, or is new.
 * 2. The attempt in `lease` still has exactly that token.
 * 3. Every balance stays within 64 bits.
 * 4. No other attempt of the same kind at the same provider has the same reference.
 * 5. No velocity limit is exceeded.
 * 6. The key is new. So a retry of a charge may be refused by a limit: its decline then finds the key.
 *
 * Throws if a transfer is invalid, which is a bug.
 */
export function refusalOf(
  { at, version, lease, transfers, attempts, limits }: Guarded,
  stored: Stored,
): Refusal | undefined {
  if (version > 1 && stored.version() !== version - 1) return { kind: 'version_conflict' }
  if (lease && stored.token(lease.attemptId) !== lease.token) return { kind: 'lease_lost' }
  for (const transfer of transfers)
    if (!isTransfer(transfer)) throw new Error(`not a transfer: ${JSON.stringify(transfer)}`)
  if (!hasRoom(transfers, stored)) return { kind: 'balance_limit' }
  for (const attempt of attempts) {
    const holder = isReferring(attempt) ? stored.holder(attempt) : undefined
    if (holder !== undefined && holder !== attempt.id) return { kind: 'reference_taken', attemptId: holder }
  }
  const exceeded = limits?.find((use) => isExceededBy(stored.counter(use.counter), use, at))
  if (exceeded) return { kind: 'limit_exceeded', limit: exceeded.limit }
  const record = stored.record()
  return record && { kind: 'key_exists', record }
}

/** Whether the reference must be unique: a capture or a cancel may share the reference of its authorization. */
export function isReferring({ kind, providerReference }: Referring): boolean {
  return providerReference !== null && (kind === 'authorize' || kind === 'refund')
}

/** False if one of the transfers would take a balance past 64 bits. */
function hasRoom(transfers: readonly Transfer[], stored: Stored): boolean {
  return transfers.every(
    ({ debit, credit, currency }, i) =>
      fits(balanceAfter(debit, currency, transfers, i, stored)) &&
      fits(balanceAfter(credit, currency, transfers, i, stored)),
  )
}

const fits = (balance: bigint) => balance <= MAX_BALANCE && balance >= -MAX_BALANCE

/** The balance after the transfer at this index and those before it; a commit has only a few. */
function balanceAfter(
  account: LedgerAccountCode,
  currency: string,
  transfers: readonly Transfer[],
  last: number,
  stored: Stored,
): bigint {
  let balance = stored.balance(account, currency)
  for (let i = 0; i <= last; i++) balance += changeOf(account, currency, transfers[i] as Transfer)
  return balance
}

/** A debit is positive. */
function changeOf(account: LedgerAccountCode, currency: string, transfer: Transfer): bigint {
  if (transfer.currency !== currency) return 0n
  if (transfer.debit === account) return BigInt(transfer.amount)
  return transfer.credit === account ? -BigInt(transfer.amount) : 0n
}
