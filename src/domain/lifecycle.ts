/** The lifecycle of a charge: how it begins, and how each outcome of a provider call changes it. */
import { type Attempt, applyOutcome, type KnownOutcome, type Outcome, type Resolver } from './attempt.ts'
import { isCancelRequested } from './cancel-request.ts'
import {
  allows,
  assertAllows,
  type Charge,
  type ChargeCommand,
  type Decision,
  decide,
  type NewIdentity,
  type Refund,
} from './charge.ts'
import { type Rejection, reject } from './error.ts'
import { chargeTransfer, joinTransfers, type Transfer, transfer } from './ledger.ts'
import { type AmountMinor, moneyText } from './money.ts'
import { USUAL_CHARGE } from './snapshot.ts'

/** The decision of a provider in this process; see ports/provider. */
type FinalOutcome = Extract<Outcome, { kind: 'succeeded' | 'declined' }>

/** A charge that is not stored yet: version 0. */
function newCharge(command: ChargeCommand, provider: string, made: NewIdentity): Charge {
  return {
    ...USUAL_CHARGE,
    id: made.id,
    amount: command.amount,
    currency: command.currency,
    customer: command.customer,
    status: 'processing',
    capture: command.capture,
    paymentMethod: command.paymentMethod,
    description: command.description,
    metadata: command.metadata,
    provider,
    idempotencyKey: made.idempotencyKey,
    createdAt: made.now,
    version: 0,
  }
}

/** A charge before the call to its provider: no money has moved. */
export function beginCharge(
  command: ChargeCommand,
  provider: string,
  attempt: Attempt,
  made: NewIdentity,
): Decision {
  return decide(newCharge(command, provider, made), {}, { attempts: [attempt] })
}

/** A charge that was decided in one step; `attempt` is null if it would add no information. */
export function decideCharge(
  command: ChargeCommand,
  provider: string,
  outcome: FinalOutcome | Extract<Outcome, { kind: 'not_sent' }>,
  made: NewIdentity,
  attempt: Attempt | null = null,
): Decision {
  return concludeAuthorize(
    newCharge(command, provider, made),
    outcome,
    attempt ? [applyOutcome(attempt, outcome, 'answer', made.now)] : [],
  )
}

/** How the outcome of an authorization changes the charge. */
function concludeAuthorize(charge: Charge, outcome: KnownOutcome, attempts: Attempt[]): Decision {
  switch (outcome.kind) {
    case 'succeeded':
      return charge.capture ? captureAtOnce(charge, outcome, attempts) : holdFunds(charge, outcome, attempts)
    case 'declined':
    case 'not_sent':
      return failCharge(charge, outcome, attempts)
    case 'pending':
      return awaitOutcome(charge, outcome, attempts)
  }
}

function captureAtOnce(
  charge: Charge,
  { reference, amount }: Extract<Outcome, { kind: 'succeeded' }>,
  attempts: Attempt[],
): Decision {
  assertAllows(charge, 'succeed')
  return decide(
    charge,
    { status: 'succeeded', amountCaptured: amount, providerReference: reference, redirectUrl: null },
    {
      attempts,
      transfers: [chargeTransfer(charge.provider, charge.currency, amount)],
      event: 'payment.succeeded',
      counts: [['charges_succeeded', 1]],
    },
  )
}

function holdFunds(
  charge: Charge,
  { reference, expiresAt }: Extract<Outcome, { kind: 'succeeded' }>,
  attempts: Attempt[],
): Decision {
  assertAllows(charge, 'authorize')
  return decide(
    charge,
    { status: 'authorized', providerReference: reference, redirectUrl: null, expiresAt },
    {
      attempts,
      transfers: [transfer(`authorized:${charge.provider}`, 'uncaptured', charge.currency, charge.amount)],
      event: 'payment.authorized',
    },
  )
}

function failCharge(
  charge: Charge,
  outcome: Extract<Outcome, { kind: 'declined' | 'not_sent' }>,
  attempts: Attempt[],
): Decision {
  assertAllows(charge, 'fail')
  const failure =
    outcome.kind === 'declined'
      ? { declineCode: outcome.declineCode, failureMessage: outcome.message }
      : {
          declineCode: 'provider_unavailable',
          failureMessage: `It was not charged: ${outcome.reason}.`,
        }
  const reference = outcome.kind === 'declined' ? outcome.reference : null
  return decide(
    charge,
    {
      status: 'failed',
      providerReference: reference ?? charge.providerReference,
      redirectUrl: null,
      ...failure,
    },
    { attempts, event: 'payment.failed', counts: [['charges_failed', 1]] },
  )
}

/** The result comes later. The event that the customer must act is stored only once. */
function awaitOutcome(
  charge: Charge,
  { reference, redirectUrl }: Extract<Outcome, { kind: 'pending' }>,
  attempts: Attempt[],
): Decision {
  const acts = redirectUrl !== null
  assertAllows(charge, acts ? 'require_action' : 'pend')
  return decide(
    charge,
    {
      status: acts ? 'requires_action' : 'processing',
      providerReference: reference ?? charge.providerReference,
      redirectUrl,
    },
    { attempts, event: acts && charge.status !== 'requires_action' ? 'payment.requires_action' : null },
  )
}

/** Fails over to the next provider, after one that definitely took no money. */
export function failOver(charge: Charge, ended: Attempt, next: Attempt): Decision {
  assertAllows(charge, 'pend')
  return decide(
    charge,
    { status: 'processing', provider: next.provider, providerReference: null, redirectUrl: null },
    { attempts: [ended, next] },
  )
}

/**
 * The provider definitely never got a call, so MiniPay makes it once more with another attempt. The charge and the
 * requested refund do not change.
 */
export function callAgain(charge: Charge, refund: Refund | null, ended: Attempt, next: Attempt): Decision {
  const attempts = [ended, next]
  return decide(charge, {}, refund ? { attempts, refund, transactionId: refund.id } : { attempts })
}

/**
 * The amount of a capture, or the reason for its refusal: the charge must be authorized, and the amount must not
 * exceed the authorized one. Undefined captures everything.
 */
export function captureAmount(charge: Charge, amount: AmountMinor | undefined): AmountMinor | Rejection {
  if (!allows(charge, 'begin_capture'))
    return reject(
      'charge_not_capturable',
      `Transaction ${charge.id} is ${charge.status}; only an authorized transaction can be captured.`,
    )
  if (isCancelRequested(charge))
    return reject('charge_not_capturable', `Transaction ${charge.id} has a cancel pending.`)
  if (amount !== undefined && amount > charge.amount)
    return reject(
      'capture_exceeds_authorized',
      `Only ${moneyText(charge.amount, charge.currency)} of transaction ${charge.id} is authorized.`,
      'amount',
    )
  return amount ?? charge.amount
}

/** The reason why a charge cannot be canceled; undefined if it can. */
export function cancelRefusal(charge: Charge): Rejection | undefined {
  if (isCancelRequested(charge) && (charge.status === 'processing' || allows(charge, 'begin_cancel')))
    return reject('charge_not_cancelable', `Transaction ${charge.id} already has a cancel in progress.`)
  if (allows(charge, 'begin_cancel')) return undefined
  return reject(
    'charge_not_cancelable',
    `Transaction ${charge.id} is ${charge.status}; only a transaction that is authorized or waits for its customer can be canceled.`,
  )
}

/**
 * Whether the ledger contains held money of this charge. A charge that waits for its customer holds nothing, also
 * while MiniPay cancels it.
 */
function isHoldInLedger(charge: Charge): boolean {
  return charge.redirectUrl === null
}

/** Begins a capture or a cancel: reserves the held money for it. */
export function beginFollowUp(charge: Charge, attempt: Attempt): Decision {
  assertAllows(charge, attempt.kind === 'capture' ? 'begin_capture' : 'begin_cancel')
  const transfers = isHoldInLedger(charge)
    ? [transfer('uncaptured', 'capturing', charge.currency, charge.amount)]
    : []
  return decide(charge, { status: 'processing' }, { attempts: [attempt], transfers })
}

function concludeCapture(charge: Charge, outcome: KnownOutcome, ended: Attempt): Decision {
  if (outcome.kind === 'pending') return decide(charge, {}, { attempts: [ended] })
  if (outcome.kind !== 'succeeded') return undoFollowUp(charge, outcome, ended, 'payment.capture_failed')
  assertAllows(charge, 'succeed')
  return decide(
    charge,
    { status: 'succeeded', amountCaptured: outcome.amount, expiresAt: null },
    {
      attempts: [ended],
      transfers: [
        chargeTransfer(charge.provider, charge.currency, outcome.amount),
        releaseHold(charge, 'capturing'),
      ],
      event: 'payment.succeeded',
      counts: [['charges_succeeded', 1]],
    },
  )
}

/**
 * True for a cancel that MiniPay began because the customer did not return. It decides the result of the request that
 * made the charge, so it has that request's key.
 */
export function isAbandonmentCancel(charge: Charge, { kind, idempotencyKey }: Attempt): boolean {
  return kind === 'cancel' && idempotencyKey === charge.idempotencyKey
}

/** The failure of a charge whose customer did not return. */
export const ACTION_EXPIRED = {
  declineCode: 'action_expired',
  failureMessage: 'The customer did not act in time; the payment was canceled.',
} as const

/** The outcome of canceling the payment of a customer who did not return: the payment is void, or still possible. */
function concludeAbandoned(
  charge: Charge,
  outcome: Exclude<KnownOutcome, { kind: 'pending' }>,
  ended: Attempt,
): Decision {
  const isVoid =
    outcome.kind === 'succeeded' ||
    (outcome.kind === 'declined' && outcome.declineCode === 'authorization_expired')
  assertAllows(charge, isVoid ? 'fail' : 'undo')
  if (!isVoid) return decide(charge, { status: 'requires_action' }, { attempts: [ended] })
  return decide(
    charge,
    { status: 'failed', redirectUrl: null, ...ACTION_EXPIRED },
    { attempts: [ended], event: 'payment.failed', counts: [['charges_failed', 1]] },
  )
}

function concludeCancel(charge: Charge, outcome: KnownOutcome, ended: Attempt): Decision {
  if (outcome.kind === 'pending') return decide(charge, {}, { attempts: [ended] })
  if (isAbandonmentCancel(charge, ended)) return concludeAbandoned(charge, outcome, ended)
  if (outcome.kind !== 'succeeded') return undoFollowUp(charge, outcome, ended, 'payment.cancel_failed')
  assertAllows(charge, 'cancel')
  return decide(
    charge,
    { status: 'canceled', expiresAt: null, redirectUrl: null },
    {
      attempts: [ended],
      transfers: isHoldInLedger(charge) ? [releaseHold(charge, 'capturing')] : [],
      event: 'payment.canceled',
    },
  )
}

/**
 * The provider did not carry it out: the charge returns to its former status, or is canceled if the authorization has
 * expired.
 */
function undoFollowUp(
  charge: Charge,
  outcome: Extract<Outcome, { kind: 'declined' | 'not_sent' }>,
  ended: Attempt,
  event: 'payment.capture_failed' | 'payment.cancel_failed',
): Decision {
  if (outcome.kind === 'declined' && outcome.declineCode === 'authorization_expired')
    return cancelExpired(charge, isHoldInLedger(charge) ? 'capturing' : null, outcome.message, [ended])
  assertAllows(charge, 'undo')
  if (!isHoldInLedger(charge))
    return decide(charge, { status: 'requires_action' }, { attempts: [ended], event })
  return decide(
    charge,
    { status: 'authorized' },
    {
      attempts: [ended],
      transfers: [transfer('capturing', 'uncaptured', charge.currency, charge.amount)],
      event,
    },
  )
}

function cancelExpired(
  charge: Charge,
  from: 'uncaptured' | 'capturing' | null,
  message: string,
  attempts: Attempt[],
): Decision {
  assertAllows(charge, 'cancel')
  return decide(
    charge,
    {
      status: 'canceled',
      declineCode: 'authorization_expired',
      failureMessage: message,
      expiresAt: null,
      redirectUrl: null,
    },
    { attempts, transfers: from ? [releaseHold(charge, from)] : [], event: 'payment.canceled' },
  )
}

/** The hold has ended: the customer's bank holds no more money. */
function releaseHold(charge: Charge, from: 'uncaptured' | 'capturing'): Transfer {
  return transfer(from, `authorized:${charge.provider}`, charge.currency, charge.amount)
}

/** An uncaptured authorization has ended: the provider reported it, or its time is over. */
export function expireAuthorization(
  charge: Charge,
  attempt: Attempt,
  message: string,
  now: number,
): Decision {
  return cancelExpired(charge, 'uncaptured', message, [
    { ...attempt, dueAt: null, token: null, endedAt: now },
  ])
}

/** How the outcome of an attempt changes its charge; refunds are in domain/refund. */
export function concludeCharge(
  charge: Charge,
  attempt: Attempt,
  outcome: KnownOutcome,
  by: Resolver,
  now: number,
): Decision {
  const ended = applyOutcome(attempt, outcome, by, now)
  switch (attempt.kind) {
    case 'authorize':
      return concludeAuthorize(charge, outcome, [ended])
    case 'capture':
      return concludeCapture(charge, outcome, ended)
    case 'cancel':
      return concludeCancel(charge, outcome, ended)
    case 'refund':
      throw new Error(`the refund ${attempt.id} was taken for a charge's attempt`)
  }
}

/** Joins two steps into one commit, for a provider that decides in this process. */
export function joinDecisions(first: Decision, then: Decision): Decision {
  return {
    ...then,
    charge: { ...then.charge, version: first.charge.version },
    previous: first.charge.version === 1 ? {} : { ...then.previous, ...first.previous },
    refund: then.refund ?? first.refund,
    previousRefund: first.refund
      ? first.previousRefund && { ...then.previousRefund, ...first.previousRefund }
      : then.previousRefund,
    transfers: joinTransfers(first.transfers, then.transfers),
    counts: [...first.counts, ...then.counts],
  }
}
