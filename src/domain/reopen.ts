/**
 * Late outcomes and corrections: takes an attempt that has ended back to its open state, so that the usual rules
 * apply again.
 */
import { type Attempt, isOpen, type KnownOutcome, type Resolver } from './attempt.ts'
import {
  type Charge,
  type ChargeStatus,
  type Count,
  type Decision,
  decide,
  formerValues,
  type Refund,
} from './charge.ts'
import { isRejection, type Rejection, reject } from './error.ts'
import { transfer } from './ledger.ts'
import { concludeCharge, isAbandonmentCancel, joinDecisions } from './lifecycle.ts'
import { type AmountMinor, moneyText } from './money.ts'
import { concludeRefund, refundableAmount } from './refund.ts'

/** The charge and refund of an attempt, and the other attempts of the charge. */
export type EndedAttempt = {
  readonly charge: Charge
  readonly refund: Refund | null
  readonly attempt: Attempt
  readonly others: readonly Attempt[]
}

/**
 * The largest amount that a person can set for an attempt, in minor units; an open attempt moved at most the requested
 * amount.
 */
export function maxMovedAmount({ charge, refund, attempt }: Omit<EndedAttempt, 'others'>): AmountMinor {
  if (isOpen(attempt)) return attempt.amount
  if (!refund) return charge.amount
  return refundableAmount(charge) + (attempt.state === 'succeeded' ? refund.amount : 0)
}

/**
 * Replaces the outcome of an attempt that has ended, in one step. Rejections: those of `reopen`, also for more than
 * `maxMovedAmount`.
 */
export function concludeAnew(
  ended: EndedAttempt,
  outcome: Exclude<KnownOutcome, { kind: 'pending' }>,
  by: Resolver,
  now: number,
): Decision | Rejection {
  const amount = outcome.kind === 'succeeded' && ended.attempt.kind !== 'cancel' ? outcome.amount : null
  const most = maxMovedAmount(ended)
  if (amount !== null && amount > most)
    return refuseReopen(ended, `has only ${moneyText(most, ended.charge.currency)} left for it`)
  const first = reopen(ended, amount)
  if (isRejection(first)) return first
  const [attempt] = first.attempts as [Attempt]
  const then = first.refund
    ? concludeRefund(first.charge, first.refund, attempt, outcome, by, now)
    : concludeCharge(first.charge, attempt, outcome, by, now)
  return joinDecisions(first, then)
}

/**
 * Takes a charge, and a refund, back to the state in which this attempt was open: reverses its transfers and counts,
 * and returns the attempt in `attempts` as unknown. A failed refund begins again with `amount`, or with its own
 * amount. All rejections are `attempt_not_resolved`, with the reason: other money depends on the outcome, such as a
 * later refund or dispute, or a payment that another provider took.
 */
export function reopen(ended: EndedAttempt, amount: AmountMinor | null = null): Decision | Rejection {
  switch (ended.attempt.kind) {
    case 'authorize':
      return reopenAuthorize(ended)
    case 'capture':
      return reopenCapture(ended)
    case 'cancel':
      return reopenCancel(ended)
    case 'refund':
      return reopenRefund(ended, amount)
  }
}

/** The attempt before its outcome was known; it keeps the reason why the outcome was unknown. */
function reopenedAttempt(attempt: Attempt): Attempt {
  return {
    ...attempt,
    state: 'unknown',
    declineCode: null,
    resolvedBy: null,
    endedAt: null,
    unknownSince: null,
    dueAt: null,
    token: null,
  }
}

const NO_FAILURE = { declineCode: null, failureMessage: null } as const
const PROCESSING = { status: 'processing' satisfies ChargeStatus } as const
const UNCOUNTED: readonly Count[] = [['charges_succeeded', -1]]

function refuseReopen({ charge, attempt }: EndedAttempt, why: string): Rejection {
  return reject(
    'attempt_not_resolved',
    `The outcome of the ${attempt.kind} ${attempt.id} can't be changed: transaction ${charge.id} ${why}.`,
  )
}

/** The reason why the money cannot be taken back, because later steps depend on it; undefined if none does. */
function refuseDependents(ended: EndedAttempt): Rejection | undefined {
  const { charge } = ended
  if (charge.amountRefunded > 0 || charge.amountRefundPending > 0)
    return refuseReopen(ended, 'has refunds; correct those first')
  return charge.amountDisputed > 0 ? refuseReopen(ended, 'is disputed') : undefined
}

function reopenAuthorize(ended: EndedAttempt): Decision | Rejection {
  const { charge, attempt } = ended
  const { status, provider, currency } = charge
  const attempts = [reopenedAttempt(attempt)]
  if (attempt.state !== 'succeeded') {
    if (status !== 'failed') return refuseReopen(ended, `is ${status} at ${provider} since`)
    if (ended.others.some(isDone('cancel'))) return refuseReopen(ended, 'was canceled since')
    const { provider: had, providerReference } = attempt
    const changes = { ...PROCESSING, ...NO_FAILURE, provider: had, providerReference }
    return decide(charge, changes, { attempts, counts: [['charges_failed', -1]] })
  }
  if (status === 'authorized')
    return decide(
      charge,
      { ...PROCESSING, expiresAt: null },
      { attempts, transfers: [transfer('uncaptured', `authorized:${provider}`, currency, charge.amount)] },
    )
  if (status !== 'succeeded' || !charge.capture)
    return refuseDependents(ended) ?? refuseReopen(ended, `is ${status}; correct its capture or cancel first`)
  return (
    refuseDependents(ended) ??
    decide(
      charge,
      { ...PROCESSING, amountCaptured: 0 },
      {
        attempts,
        transfers: [transfer('merchant', `provider:${provider}`, currency, charge.amountCaptured)],
        counts: UNCOUNTED,
      },
    )
  )
}

function reopenCapture(ended: EndedAttempt): Decision | Rejection {
  const { charge, attempt, others } = ended
  const { status, provider, currency, amount } = charge
  const attempts = [reopenedAttempt(attempt)]
  if (attempt.state === 'succeeded') {
    if (status !== 'succeeded') return refuseDependents(ended) ?? refuseReopen(ended, `is ${status}`)
    return (
      refuseDependents(ended) ??
      decide(
        charge,
        { ...PROCESSING, amountCaptured: 0 },
        {
          attempts,
          transfers: [
            transfer('merchant', `provider:${provider}`, currency, charge.amountCaptured),
            transfer(`authorized:${provider}`, 'capturing', currency, amount),
          ],
          counts: UNCOUNTED,
        },
      )
    )
  }
  if (status === 'authorized') return holdAgain(charge, attempts, 'uncaptured')
  // The authorization has expired, or seemed to: no cancel was done.
  const lapsed = status === 'canceled' && !others.some(isDone('cancel')) && others.some(isDone('authorize'))
  return lapsed
    ? holdAgain(charge, attempts, `authorized:${provider}`)
    : refuseReopen(ended, `is ${status} since`)
}

function reopenCancel(ended: EndedAttempt): Decision | Rejection {
  const { charge, attempt, others } = ended
  const { status, provider } = charge
  const attempts = [reopenedAttempt(attempt)]
  if (isAbandonmentCancel(charge, attempt)) return refuseReopen(ended, 'had a customer who did not return')
  if (attempt.state !== 'succeeded')
    return status === 'authorized'
      ? holdAgain(charge, attempts, 'uncaptured')
      : refuseReopen(ended, `is ${status} since`)
  const wasHeld = status === 'canceled' && others.some(isDone('authorize'))
  return wasHeld ? holdAgain(charge, attempts, `authorized:${provider}`) : refuseReopen(ended, `is ${status}`)
}

/** The amount that is or was held is reserved for the attempt again. */
function holdAgain(
  charge: Charge,
  attempts: readonly Attempt[],
  from: 'uncaptured' | `authorized:${string}`,
): Decision {
  const transfers = [transfer(from, 'capturing', charge.currency, charge.amount)]
  return decide(charge, { ...PROCESSING, ...NO_FAILURE }, { attempts, transfers })
}

function isDone(kind: Attempt['kind']) {
  return (attempt: Attempt) => attempt.kind === kind && attempt.state === 'succeeded'
}

function reopenRefund(ended: EndedAttempt, paid: AmountMinor | null): Decision | Rejection {
  const { charge, refund, attempt, others } = ended
  if (!refund) throw new Error(`the refund of ${attempt.id} is gone`)
  const { id: transactionId } = refund
  const amount = attempt.state === 'succeeded' ? refund.amount : (paid ?? refund.amount)
  const { currency, provider } = charge
  const reserved = `refunds:${provider}` as const
  const reopened: Refund = { ...refund, ...NO_FAILURE, amount, status: 'processing' }
  const amountRefundPending = charge.amountRefundPending + amount
  const attempts = [reopenedAttempt(attempt)]
  // A call that is made once more belongs to the same refund.
  if (others.some((other) => other.refundId === refund.id && (isOpen(other) || other.state === 'succeeded')))
    return refuseReopen(ended, 'has another attempt of the same refund')
  if (attempt.state !== 'succeeded') {
    const left = refundableAmount(charge)
    if (amount > left) return refuseReopen(ended, `has only ${moneyText(left, currency)} left to refund`)
    const transfers = [transfer('merchant', reserved, currency, amount)]
    return decide(
      charge,
      { amountRefundPending },
      {
        attempts,
        refund: reopened,
        previousRefund: formerValues(refund, reopened),
        transactionId,
        transfers,
      },
    )
  }
  const amountRefunded = charge.amountRefunded - amount
  const none = amountRefunded === 0
  return decide(
    charge,
    { amountRefundPending, amountRefunded, status: none ? 'succeeded' : 'partially_refunded' },
    {
      attempts,
      refund: reopened,
      previousRefund: formerValues(refund, reopened),
      transactionId,
      transfers: [transfer(`provider:${provider}`, reserved, currency, amount)],
      counts: none
        ? [
            ['charges_refunded', -1],
            ['refunds', -1],
          ]
        : [['refunds', -1]],
    },
  )
}
