import { type Rejection, reject } from './error.ts'
import type { EventType } from './event.ts'
import { chargePostings, type Posting, refundPostings } from './ledger.ts'
import type { AmountMinor } from './money.ts'

export const CHARGE_STATUSES = ['succeeded', 'failed', 'partially_refunded', 'refunded'] as const
export type ChargeStatus = (typeof CHARGE_STATUSES)[number]

export type Metadata = Readonly<Record<string, string>>

/** A charge with what was refunded of it: one aggregate, one `version`, which every change raises by one. */
export type Charge = {
  readonly id: string
  readonly amount: AmountMinor
  readonly amountRefunded: AmountMinor
  readonly currency: string
  readonly customer: string
  readonly status: ChargeStatus
  readonly paymentMethod: string | null
  readonly description: string | null
  readonly metadata: Metadata
  readonly provider: string
  /** The provider's own name for the payment; null when it made none. */
  readonly providerReference: string | null
  readonly declineCode: string | null
  readonly failureMessage: string | null
  readonly idempotencyKey: string
  /** ms since 1970. */
  readonly createdAt: number
  readonly version: number
}

export const REFUND_STATUSES = ['refunded', 'partially_refunded'] as const

/** A refund. Its status is the one it left its transaction in. */
export type Refund = {
  readonly id: string
  readonly transactionId: string
  readonly amount: AmountMinor
  readonly currency: string
  readonly customer: string
  readonly status: (typeof REFUND_STATUSES)[number]
  readonly reason: string | null
  readonly description: string | null
  readonly metadata: Metadata
  readonly idempotencyKey: string
  /** ms since 1970. */
  readonly createdAt: number
}

/** What a provider answered. More outcomes join when providers are remote and can leave us in doubt. */
export type Outcome =
  | { readonly kind: 'succeeded'; readonly reference: string }
  | { readonly kind: 'declined'; readonly declineCode: string; readonly message: string }

export type ChargeCommand = {
  readonly amount: AmountMinor
  readonly currency: string
  readonly customer: string
  readonly paymentMethod: string | null
  readonly description: string | null
  readonly metadata: Metadata
}

export type RefundCommand = {
  /** Undefined refunds everything that is left. */
  readonly amount: AmountMinor | undefined
  readonly reason: string | null
  readonly description: string | null
  readonly metadata: Metadata
}

/** Counters that are kept by the commit that changes them, so that reading one never scans. */
export const CHARGE_COUNTERS = {
  charges_succeeded: 'charges that succeeded, whatever was refunded of them later',
  charges_failed: 'charges that the provider declined',
  charges_refunded: 'charges of which something was refunded',
  refunds: 'refunds',
} as const
export type ChargeCounter = keyof typeof CHARGE_COUNTERS

/** What should become true, as data: the whole of it in one commit, or nothing. */
export type Decision = {
  readonly charge: Charge
  readonly refund: Refund | null
  readonly postings: readonly Posting[]
  readonly event: EventType
  readonly counts: readonly ChargeCounter[]
}

/** Values that the shell makes, so that the same inputs always give the same decision. */
export type Made = { readonly id: string; readonly now: number; readonly idempotencyKey: string }

/** A new charge from what the provider answered: succeeded with its postings, or failed with none. */
export function decideCharge(
  command: ChargeCommand,
  provider: string,
  outcome: Outcome,
  made: Made,
): Decision {
  const succeeded = outcome.kind === 'succeeded'
  const charge: Charge = {
    id: made.id,
    amount: command.amount,
    amountRefunded: 0,
    currency: command.currency,
    customer: command.customer,
    status: succeeded ? 'succeeded' : 'failed',
    paymentMethod: command.paymentMethod,
    description: command.description,
    metadata: command.metadata,
    provider,
    providerReference: succeeded ? outcome.reference : null,
    declineCode: succeeded ? null : outcome.declineCode,
    failureMessage: succeeded ? null : outcome.message,
    idempotencyKey: made.idempotencyKey,
    createdAt: made.now,
    version: 1,
  }
  return {
    charge,
    refund: null,
    postings: succeeded ? chargePostings(provider, command.currency, command.amount) : [],
    event: succeeded ? 'payment.succeeded' : 'payment.failed',
    counts: [succeeded ? 'charges_succeeded' : 'charges_failed'],
  }
}

/** What is left to refund of a charge, in minor units. */
export function refundable(charge: Charge): AmountMinor {
  return charge.status === 'failed' ? 0 : charge.amount - charge.amountRefunded
}

/**
 * How much a refund command takes of a charge, or why it can't. Guards, in this order: the charge
 * succeeded; something is left; not more than what is left.
 */
export function refundAmount(charge: Charge, command: RefundCommand): AmountMinor | Rejection {
  if (charge.status === 'failed')
    return reject('charge_not_refundable', `Transaction ${charge.id} failed; there is nothing to refund.`)
  const left = refundable(charge)
  if (left === 0) return reject('already_refunded', `Transaction ${charge.id} is already fully refunded.`)
  const amount = command.amount ?? left
  if (amount > left)
    return reject(
      'refund_exceeds_remaining',
      `Only ${left} of transaction ${charge.id} is left to refund.`,
      'amount',
    )
  return amount
}

/**
 * A refund of `amount`, which `refundAmount` allowed for this version of the charge. Throws when it is
 * outside 1 to what is left, which would be our own fault.
 */
export function decideRefund(
  charge: Charge,
  command: RefundCommand,
  amount: AmountMinor,
  made: Made,
): Decision {
  const left = refundable(charge) - amount
  if (amount <= 0 || left < 0) throw new Error(`refund of ${amount} leaves ${left} of ${charge.id}`)
  const status = left === 0 ? 'refunded' : 'partially_refunded'
  const first = charge.amountRefunded === 0
  const refunded: Charge = {
    ...charge,
    amountRefunded: charge.amountRefunded + amount,
    status,
    version: charge.version + 1,
  }
  const refund: Refund = {
    id: made.id,
    transactionId: charge.id,
    amount,
    currency: charge.currency,
    customer: charge.customer,
    status,
    reason: command.reason,
    description: command.description,
    metadata: command.metadata,
    idempotencyKey: made.idempotencyKey,
    createdAt: made.now,
  }
  return {
    charge: refunded,
    refund,
    postings: refundPostings(charge.provider, charge.currency, amount),
    event: 'payment.refunded',
    counts: first ? ['charges_refunded', 'refunds'] : ['refunds'],
  }
}
