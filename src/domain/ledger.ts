import type { AmountMinor } from './money.ts'

/**
 * The accounts of the chart, by code:
 * - `merchant`: what the platform owes the merchant (a liability; its natural balance is a credit).
 * - `provider:<name>`: what that provider holds for us (an asset; its natural balance is a debit).
 * - `authorized:<name>`: what is held for us at the customers' banks through that provider (a debit), and its
 *   counterparts `uncaptured` (a credit: free to be captured) and `capturing` (a credit: being captured or canceled).
 * - `refunds:<name>`: refunds that the provider has not confirmed (a credit).
 * - `disputes:<name>`: money set aside for disputes that are open (a credit).
 */
export type LedgerAccountCode =
  | 'merchant'
  | 'uncaptured'
  | 'capturing'
  | `${'provider' | 'authorized' | 'refunds' | 'disputes'}:${string}`

/**
 * One line of a ledger transaction. `amount` is signed: a debit is positive, a credit negative, and the
 * postings of one transaction sum to zero in each currency. Never updated, never deleted.
 */
export type Posting = {
  readonly account: LedgerAccountCode
  readonly currency: string
  readonly amount: AmountMinor
}

/** A debit of one account and the same credit of another. Throws for an amount of zero. */
export function transfer(
  debit: LedgerAccountCode,
  credit: LedgerAccountCode,
  currency: string,
  amount: AmountMinor,
): Posting[] {
  return assertBalanced([
    { account: debit, currency, amount },
    { account: credit, currency, amount: -amount },
  ])
}

/**
 * The transfers that change each of these accounts by so much (a debit is positive): as few as there can be, none when
 * nothing changes. Throws when the changes do not sum to zero.
 */
export function transfers(currency: string, changes: ReadonlyMap<LedgerAccountCode, AmountMinor>): Posting[] {
  const rest = [...changes].map(([account, amount]) => ({ account, amount }))
  const postings: Posting[] = []
  for (const debit of rest)
    for (const credit of rest) {
      const amount = Math.min(debit.amount, -credit.amount)
      if (amount <= 0) continue
      debit.amount -= amount
      credit.amount += amount
      postings.push(...transfer(debit.account, credit.account, currency, amount))
    }
  if (rest.some(({ amount }) => amount !== 0)) throw new Error(`changes do not balance: ${[...changes]}`)
  return postings
}

/** The customer paid: the provider holds `amount` more, and the merchant is owed `amount` more. */
export function chargePostings(provider: string, currency: string, amount: AmountMinor): Posting[] {
  return transfer(`provider:${provider}`, 'merchant', currency, amount)
}

/**
 * The postings of two steps that become true at once: money that only passes through an account on its way
 * goes straight to where it goes, so that a step without a wait leaves no trace of the wait.
 */
export function direct(first: readonly Posting[], then: readonly Posting[]): Posting[] {
  const rest = [...then]
  const joined: Posting[] = []
  for (let i = 0; i < first.length; i += 2) {
    const [debit, credit] = first.slice(i, i + 2) as [Posting, Posting]
    const onward = rest.findIndex(
      (posting, at) => at % 2 === 0 && posting.account === credit.account && posting.amount === debit.amount,
    )
    if (onward < 0) joined.push(debit, credit)
    else {
      const [, end] = rest.splice(onward, 2) as [Posting, Posting]
      if (end.account !== debit.account) joined.push(debit, end)
    }
  }
  return [...joined, ...rest]
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
