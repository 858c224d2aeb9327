import type { AmountMinor } from './money.ts'

/**
 * The accounts of the chart, by code:
 * - `merchant`: what the platform owes the merchant (a liability; its natural balance is a credit).
 * - `provider:<name>`: what that provider holds for us (an asset; its natural balance is a debit).
 * - `authorized:<name>`: what is held for us at the customers' banks through that provider (a debit), and its
 *   counterparts `uncaptured` (a credit: free to be captured) and `capturing` (a credit: being captured or canceled).
 * - `refunds:<name>`: refunds that the provider has not confirmed (a credit).
 * - `disputes:<name>`: money reserved for disputes that are open (a credit).
 */
export type LedgerAccountCode =
  | 'merchant'
  | 'uncaptured'
  | 'capturing'
  | `${'provider' | 'authorized' | 'refunds' | 'disputes'}:${string}`

/**
 * Money that moves: a debit of one account and the same credit of another, so a ledger of transfers always balances.
 * `amount` is a positive safe integer of minor units; the accounts differ. Never updated, never deleted.
 */
export type Transfer = {
  readonly debit: LedgerAccountCode
  readonly credit: LedgerAccountCode
  readonly currency: string
  readonly amount: AmountMinor
}

/** Throws if `isTransfer` is false, which is a bug and never a client's fault. */
export function transfer(
  debit: LedgerAccountCode,
  credit: LedgerAccountCode,
  currency: string,
  amount: AmountMinor,
): Transfer {
  const made = { debit, credit, currency, amount }
  if (!isTransfer(made)) throw new Error(`not a transfer: ${JSON.stringify(made)}`)
  return made
}

/** True when the amount is a positive safe integer and the two accounts differ. */
export function isTransfer({ debit, credit, amount }: Transfer): boolean {
  return debit !== credit && Number.isSafeInteger(amount) && amount > 0
}

/**
 * The fewest transfers that change each account by the given amount (a debit is positive); none if nothing changes.
 * Throws if the changes do not sum to zero.
 */
export function transfersFor(
  currency: string,
  changes: ReadonlyMap<LedgerAccountCode, AmountMinor>,
): Transfer[] {
  const rest = [...changes].map(([account, amount]) => ({ account, amount }))
  const transfers: Transfer[] = []
  for (const debit of rest)
    for (const credit of rest) {
      const amount = Math.min(debit.amount, -credit.amount)
      if (amount <= 0) continue
      debit.amount -= amount
      credit.amount += amount
      transfers.push(transfer(debit.account, credit.account, currency, amount))
    }
  if (rest.some(({ amount }) => amount !== 0)) throw new Error(`changes do not balance: ${[...changes]}`)
  return transfers
}

/** The customer paid: the provider holds `amount` more, and the merchant is owed `amount` more. */
export function chargeTransfer(provider: string, currency: string, amount: AmountMinor): Transfer {
  return transfer(`provider:${provider}`, 'merchant', currency, amount)
}

/**
 * Joins the transfers of two steps that become true in one commit: a transfer into an account and one of the same
 * amount out of it become one, so a step without a wait leaves no trace of the wait.
 */
export function joinTransfers(first: readonly Transfer[], then: readonly Transfer[]): Transfer[] {
  const rest = [...then]
  const joined = first.flatMap((step) => {
    const { debit, credit, currency, amount } = step
    const at = rest.findIndex(
      (next) => next.debit === credit && next.currency === currency && next.amount === amount,
    )
    const [next] = at < 0 ? [] : rest.splice(at, 1)
    if (!next) return step
    return next.credit === debit ? [] : transfer(debit, next.credit, currency, amount)
  })
  return [...joined, ...rest]
}
