/** Refunds: money that goes back to the customer. */
import { type Attempt, applyOutcome, type KnownOutcome, type Resolver } from './attempt.ts'
import {
  allows,
  assertAllows,
  type Charge,
  type ChargeStatus,
  type Decision,
  decide,
  formerValues,
  type NewIdentity,
  type Refund,
  type RefundCommand,
} from './charge.ts'
import { type Rejection, reject } from './error.ts'
import { type LedgerAccountCode, transfer, transfersFor } from './ledger.ts'
import { type AmountMinor, moneyText } from './money.ts'

/**
 * The amount that is left to refund, in minor units: the captured amount less paid and pending refunds and disputes.
 */
export function refundableAmount(charge: Charge): AmountMinor {
  const { amountCaptured, amountRefunded, amountRefundPending, amountDisputed } = charge
  return Math.max(0, amountCaptured - amountRefunded - amountRefundPending - amountDisputed)
}

/**
 * The amount of a refund command, or the reason for its refusal. Guards, in this order: the charge succeeded;
 * something is left; the amount is not more than that.
 */
export function refundAmount(charge: Charge, command: RefundCommand): AmountMinor | Rejection {
  if (!allows(charge, 'refund'))
    return reject(
      'charge_not_refundable',
      `Transaction ${charge.id} is ${charge.status}; there is nothing to refund.`,
    )
  const left = refundableAmount(charge)
  if (left === 0 && charge.amountDisputed > 0)
    return reject('charge_disputed', `What is left of transaction ${charge.id} is disputed.`)
  if (left === 0)
    return reject(
      'already_refunded',
      `Transaction ${charge.id} is already fully refunded, or its full refund is in progress.`,
    )
  const amount = command.amount ?? left
  if (amount > left)
    return reject(
      'refund_exceeds_remaining',
      `Only ${moneyText(left, charge.currency)} of transaction ${charge.id} is left to refund.`,
      'amount',
    )
  return amount
}

/**
 * A refund before the call to its provider: its amount is reserved, so that no other refund can use it. `amount` is
 * the result of `refundAmount` for this version of the charge. Throws if it is outside 1 to the remainder, which is a
 * bug.
 */
export function beginRefund(
  charge: Charge,
  command: RefundCommand,
  amount: AmountMinor,
  attempt: Attempt | null,
  made: NewIdentity,
): Decision {
  assertAllows(charge, 'refund')
  if (amount <= 0 || amount > refundableAmount(charge))
    throw new Error(
      `a refund of ${moneyText(amount, charge.currency)} is more than what is left of ${charge.id}`,
    )
  const refund: Refund = {
    id: made.id,
    chargeId: charge.id,
    amount,
    currency: charge.currency,
    customer: charge.customer,
    status: 'processing',
    reason: command.reason,
    description: command.description,
    metadata: command.metadata,
    providerReference: null,
    declineCode: null,
    failureMessage: null,
    idempotencyKey: made.idempotencyKey,
    createdAt: made.now,
  }
  return decide(
    charge,
    { amountRefundPending: charge.amountRefundPending + amount },
    {
      refund,
      attempts: attempt ? [attempt] : [],
      transactionId: refund.id,
      transfers: [transfer('merchant', `refunds:${charge.provider}`, charge.currency, amount)],
    },
  )
}

/**
 * How an outcome changes the refund. The refund gets the amount that was paid; only a person can set one that differs
 * from the request. The reserved amount that was not paid belongs to the merchant again.
 */
export function concludeRefund(
  charge: Charge,
  refund: Refund,
  attempt: Attempt,
  outcome: KnownOutcome,
  by: Resolver,
  now: number,
): Decision {
  const attempts = [applyOutcome(attempt, outcome, by, now)]
  if (outcome.kind === 'pending') return decide(charge, {}, { attempts, refund, transactionId: refund.id })
  const amountRefundPending = charge.amountRefundPending - refund.amount
  const reserved: LedgerAccountCode = `refunds:${charge.provider}`
  if (outcome.kind === 'succeeded') {
    const { amount } = outcome
    const amountRefunded = charge.amountRefunded + amount
    const status = amountRefunded === charge.amountCaptured ? 'refunded' : 'partially_refunded'
    const first = charge.amountRefunded === 0
    const paid = { ...refund, amount, status, providerReference: outcome.reference } as const
    return decide(
      charge,
      { amountRefundPending, amountRefunded, status },
      {
        attempts,
        refund: paid,
        previousRefund: formerValues(refund, paid),
        transactionId: refund.id,
        transfers: transfersFor(
          charge.currency,
          new Map<LedgerAccountCode, AmountMinor>([
            [reserved, refund.amount],
            [`provider:${charge.provider}`, -amount],
            ['merchant', amount - refund.amount],
          ]),
        ),
        event: 'payment.refunded',
        counts: first
          ? [
              ['charges_refunded', 1],
              ['refunds', 1],
            ]
          : [['refunds', 1]],
      },
    )
  }
  const failed = failRefund(refund, outcome)
  return decide(
    charge,
    { amountRefundPending },
    {
      attempts,
      refund: failed,
      previousRefund: formerValues(refund, failed),
      transactionId: refund.id,
      transfers: [transfer(reserved, 'merchant', charge.currency, refund.amount)],
      event: 'refund.failed',
    },
  )
}

function failRefund(
  refund: Refund,
  outcome: Extract<KnownOutcome, { kind: 'declined' | 'not_sent' }>,
): Refund {
  const failure =
    outcome.kind === 'declined'
      ? { declineCode: outcome.declineCode, failureMessage: outcome.message }
      : {
          declineCode: 'provider_unavailable',
          failureMessage: `The provider did not take it: ${outcome.reason}`,
        }
  return { ...refund, status: 'failed', ...failure }
}

/** A refund that succeeded has failed, perhaps days later: its money belongs to the merchant again. */
export function reverseRefund(
  charge: Charge,
  refund: Refund,
  attempt: Attempt,
  outcome: Extract<KnownOutcome, { kind: 'declined' }>,
  by: Resolver,
  now: number,
): Decision {
  const amountRefunded = charge.amountRefunded - refund.amount
  const status: ChargeStatus = amountRefunded === 0 ? 'succeeded' : 'partially_refunded'
  const failed = failRefund(refund, outcome)
  return decide(
    charge,
    { amountRefunded, status },
    {
      attempts: [applyOutcome(attempt, outcome, by, now)],
      refund: failed,
      previousRefund: formerValues(refund, failed),
      transactionId: refund.id,
      transfers: [transfer(`provider:${charge.provider}`, 'merchant', charge.currency, refund.amount)],
      event: 'refund.failed',
      counts:
        amountRefunded === 0
          ? [
              ['charges_refunded', -1],
              ['refunds', -1],
            ]
          : [['refunds', -1]],
    },
  )
}
