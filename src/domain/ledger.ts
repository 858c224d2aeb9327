import type { AmountMinor } from './money.ts'

/**
 * The accounts of the chart, by code:
 * - `merchant`: what the platform owes the merchant (a liability; its natural balance is a credit).
 * - `provider:<name>`: what that provider holds for us (an asset; its natural balance is a debit).
 */
export type LedgerAccountCode = 'merchant' | `provider:${string}`

/**
 * One line of a ledger transaction. `amount` is signed: a debit is positive, a credit negative, and the
 * postings of one transaction sum to zero in each currency. Never updated, never deleted.
 */
export type Posting = {
  readonly account: LedgerAccountCode
  readonly currency: string
  readonly amount: AmountMinor
}

/** The customer paid: the provider holds `amount` more, and the merchant is owed `amount` more. */
export function chargePostings(provider: string, currency: string, amount: AmountMinor): Posting[] {
  return assertBalanced([
    { account: `provider:${provider}`, currency, amount },
    { account: 'merchant', currency, amount: -amount },
  ])
}

/** The customer was paid back: the charge's postings in reverse, for the amount of the refund. */
export function refundPostings(provider: string, currency: string, amount: AmountMinor): Posting[] {
  return assertBalanced([
    { account: 'merchant', currency, amount },
    { account: `provider:${provider}`, currency, amount: -amount },
  ])
}

/**
 * Returns the postings when they balance. Throws when a currency does not sum to zero, when an amount is
 * zero or not a safe integer: a broken invariant of ours, never a client's fault.
 */
export function assertBalanced(postings: Posting[]): Posting[] {
  if (!isBalanced(postings)) throw new Error(`postings do not balance: ${JSON.stringify(postings)}`)
  return postings
}

/** True when there are at least two postings and each currency's non-zero safe-integer amounts sum to zero. */
export function isBalanced(postings: readonly Posting[]): boolean {
  if (postings.length < 2) return false
  const sums = new Map<string, bigint>()
  for (const { currency, amount } of postings) {
    if (!Number.isSafeInteger(amount) || amount === 0) return false
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(amount))
  }
  return [...sums.values()].every((sum) => sum === 0n)
}
