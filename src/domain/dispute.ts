/** Disputes: the part of a dispute that the ledger contains, and the step from one position to the next. */
import {
  allows,
  assertAllows,
  type Charge,
  type Decision,
  type Dispute,
  decide,
  formerValues,
} from './charge.ts'
import type { EventType } from './event.ts'
import { type LedgerAccountCode, transfersFor } from './ledger.ts'
import { type AmountMinor, moneyText } from './money.ts'

/** The status of a dispute, as its provider reports it. */
export type DisputeClaim = Pick<Dispute, 'status' | 'amount' | 'currency'>

/**
 * The part of a dispute that can be booked, in minor units of the charge's currency, and why it does not fit the
 * books.
 */
export type Bookable = {
  readonly amount: AmountMinor
  /** A sentence for a person; null when the dispute fits. */
  readonly misfit: string | null
}

/**
 * The part of a dispute that the ledger contains after this statement of its provider. Nothing if the dispute is won,
 * or is about a payment that the charge did not take (`ours` is false, or nothing is captured). Otherwise its amount,
 * but at most the captured amount that other disputes leave. In another currency the amount is not known: MiniPay
 * reserves the whole remainder. `settled`: a person has already checked this claim and set its amount.
 */
export function bookableAmount(
  charge: Charge,
  former: Dispute | null,
  claim: DisputeClaim,
  { ours, settled }: { readonly ours: boolean; readonly settled: boolean },
): Bookable {
  if (claim.status === 'won') return { amount: 0, misfit: null }
  const { id, currency, amountCaptured, amountRefunded, amountRefundPending } = charge
  const money = moneyText(claim.amount, claim.currency)
  if (!ours)
    return {
      amount: 0,
      misfit: `The dispute of ${money} is about a payment that transaction ${id} did not take.`,
    }
  if (!allows(charge, 'dispute'))
    return {
      amount: 0,
      misfit: `The dispute of ${money} is about transaction ${id}, which is ${charge.status}: no money was captured.`,
    }
  const free = amountCaptured - charge.amountDisputed + (former?.amountBooked ?? 0)
  if (settled && former && former.amountBooked > 0)
    return { amount: Math.min(former.amountBooked, free), misfit: null }
  if (claim.currency !== currency)
    return {
      amount: Math.max(0, free - amountRefunded - amountRefundPending),
      misfit: `The dispute of ${money} is in another currency than transaction ${id} (${currency}).`,
    }
  if (claim.amount <= free) return { amount: claim.amount, misfit: null }
  return {
    amount: free,
    misfit: `The dispute of ${money} exceeds the free amount of transaction ${id}: ${moneyText(free, currency)} of ${moneyText(amountCaptured, currency)} captured.`,
  }
}

const EVENTS = {
  open: 'dispute.opened',
  won: 'dispute.won',
  lost: 'dispute.lost',
} as const satisfies Record<Dispute['status'], EventType>

/**
 * Takes a dispute from its former position to its new one; `before` is null for a new dispute. While it is open, its
 * booked amount is reserved. Once it is lost, the provider has taken it. A dispute that is won has nothing booked.
 * The transfers are the difference of the two positions. Null if nothing changes. Throws if the booked amount would
 * exceed the captured amount or be negative, which is a bug.
 */
export function decideDispute(charge: Charge, before: Dispute | null, dispute: Dispute): Decision | null {
  const changed = before?.status !== dispute.status
  if (before && !changed && isSame(before, dispute)) return null
  const booked = dispute.amountBooked
  const amountDisputed = charge.amountDisputed - (before?.amountBooked ?? 0) + booked
  if (booked > 0) assertAllows(charge, 'dispute')
  if (booked < 0 || amountDisputed > charge.amountCaptured || (dispute.status === 'won' && booked > 0))
    throw new Error(
      `${moneyText(booked, charge.currency)} of the dispute ${dispute.id} can't be booked on ${charge.id}`,
    )
  const moved = new Map<LedgerAccountCode, AmountMinor>()
  for (const [account, amount] of [...ledgerPosition(before, -1), ...ledgerPosition(dispute, 1)])
    moved.set(account, (moved.get(account) ?? 0) + amount)
  return decide(
    charge,
    { amountDisputed },
    {
      dispute,
      previousDispute: before && formerValues(before, dispute),
      transactionId: dispute.id,
      transfers: transfersFor(charge.currency, moved),
      event: changed ? EVENTS[dispute.status] : 'dispute.updated',
    },
  )
}

/** The same amounts and deadline. */
function isSame(one: Dispute, other: Dispute): boolean {
  return (
    one.amount === other.amount &&
    one.currency === other.currency &&
    one.amountBooked === other.amountBooked &&
    one.evidenceDueAt === other.evidenceDueAt
  )
}

/** The effect of a dispute on the accounts, compared with no dispute; `sign` -1 reverses it. */
function ledgerPosition(dispute: Dispute | null, sign: 1 | -1): [LedgerAccountCode, AmountMinor][] {
  if (!dispute || dispute.amountBooked === 0) return []
  const { status, provider, amountBooked } = dispute
  const holder: LedgerAccountCode = status === 'open' ? `disputes:${provider}` : `provider:${provider}`
  return [
    ['merchant', sign * amountBooked],
    [holder, -sign * amountBooked],
  ]
}
