import type { Alarm } from './alarm.ts'
import type { Attempt } from './attempt.ts'
import type { ChargeEventType } from './event.ts'
import type { Transfer } from './ledger.ts'
import type { AmountMinor } from './money.ts'

export const CHARGE_STATUSES = [
  'processing',
  'requires_action',
  'authorized',
  'succeeded',
  'partially_refunded',
  'refunded',
  'failed',
  'canceled',
] as const
export type ChargeStatus = (typeof CHARGE_STATUSES)[number]

export type Metadata = Readonly<Record<string, string>>

/**
 * A charge with its captured, refunded and disputed amounts: one aggregate with one `version`, which every change
 * increases by one.
 */
export type Charge = {
  readonly id: string
  readonly amount: AmountMinor
  /** The amount taken: nothing, all, or less after a partial capture. */
  readonly amountCaptured: AmountMinor
  readonly amountRefunded: AmountMinor
  /** Refunds that the provider has not confirmed yet. */
  readonly amountRefundPending: AmountMinor
  /** The amount in disputes that are open or lost. */
  readonly amountDisputed: AmountMinor
  readonly currency: string
  readonly customer: string
  readonly status: ChargeStatus
  /** True: taken at once. False: held until it is captured. */
  readonly capture: boolean
  readonly paymentMethod: string | null
  readonly description: string | null
  readonly metadata: Metadata
  /** The provider that has the payment, or was called last. */
  readonly provider: string
  /** The provider's own id of the payment; null if there is none. */
  readonly providerReference: string | null
  readonly declineCode: string | null
  readonly failureMessage: string | null
  /** The page to which the customer must go, while the status is `requires_action`. */
  readonly redirectUrl: string | null
  /** When the authorization expires, in ms since 1970; null if it does not, or no money is held. */
  readonly expiresAt: number | null
  /**
   * The key of a cancel request that came while another call was in progress: MiniPay cancels or refunds the charge as
   * soon as that call has ended. Null without such a request, and again if the provider did not carry it out.
   */
  readonly cancelKey: string | null
  readonly idempotencyKey: string
  /** ms since 1970. */
  readonly createdAt: number
  readonly version: number
}

export const REFUND_STATUSES = ['processing', 'refunded', 'partially_refunded', 'failed'] as const
export type RefundStatus = (typeof REFUND_STATUSES)[number]

/** A refund. Once it succeeded, its status is the status of the transaction after it. */
export type Refund = {
  readonly id: string
  readonly chargeId: string
  readonly amount: AmountMinor
  readonly currency: string
  readonly customer: string
  readonly status: RefundStatus
  readonly reason: string | null
  readonly description: string | null
  readonly metadata: Metadata
  readonly providerReference: string | null
  readonly declineCode: string | null
  readonly failureMessage: string | null
  readonly idempotencyKey: string
  /** ms since 1970. */
  readonly createdAt: number
}

export const DISPUTE_STATES = ['open', 'won', 'lost'] as const

/** A customer's objection to a charge at their bank (a chargeback). */
export type Dispute = {
  readonly id: string
  readonly chargeId: string
  readonly provider: string
  readonly providerReference: string
  /** As the provider reports it, 0 or more, in minor units of `currency`, which may differ from the charge's. */
  readonly amount: AmountMinor
  readonly currency: string
  /** The part in the ledger, 0 or more, in minor units of the charge's currency; 0 once the dispute is won. */
  readonly amountBooked: AmountMinor
  readonly customer: string
  readonly status: (typeof DISPUTE_STATES)[number]
  readonly reason: string | null
  /** Until when the provider takes evidence, in ms since 1970; null if it takes none, or does not say. */
  readonly evidenceDueAt: number | null
  /** When MiniPay learnt that it was won or lost; null while it is open, and if an earlier version closed it. */
  readonly closedAt: number | null
  /** ms since 1970. */
  readonly createdAt: number
}

export type ChargeCommand = {
  readonly amount: AmountMinor
  readonly currency: string
  readonly customer: string
  readonly capture: boolean
  readonly paymentMethod: string | null
  readonly description: string | null
  readonly metadata: Metadata
}

export type RefundCommand = {
  /** Undefined refunds the whole remainder. */
  readonly amount: AmountMinor | undefined
  readonly reason: string | null
  readonly description: string | null
  readonly metadata: Metadata
}

/** Counters that each commit updates, so that reading one needs no scan. */
export const CHARGE_COUNTERS = {
  charges_succeeded: 'charges that succeeded, including those refunded later',
  charges_failed: 'charges that failed',
  charges_refunded: 'charges with at least one refund',
  refunds: 'refunds that succeeded',
} as const
export type ChargeCounter = keyof typeof CHARGE_COUNTERS
export type Count = readonly [name: ChargeCounter, by: 1 | -1]

/** The rows that should become true, as data: all of them in one commit, or none. */
export type Decision = {
  readonly charge: Charge
  /** The former values of what changed of the charge; none for a new charge. */
  readonly previous: Partial<Charge>
  /** The former values of what changed of the refund; null for a new one, and without one. */
  readonly previousRefund: Partial<Refund> | null
  /** As `previousRefund`, of the dispute. */
  readonly previousDispute: Partial<Dispute> | null
  /** New, or changed. */
  readonly refund: Refund | null
  readonly dispute: Dispute | null
  /** New, or changed. */
  readonly attempts: readonly Attempt[]
  /** New, or changed. */
  readonly alarms: readonly Alarm[]
  /** The ledger transaction of the transfers: the id of the charge, the refund or the dispute. */
  readonly transactionId: string
  readonly transfers: readonly Transfer[]
  readonly event: ChargeEventType | null
  readonly counts: readonly Count[]
}

/** Values that the caller provides, so that the same inputs always give the same decision. */
export type NewIdentity = { readonly id: string; readonly now: number; readonly idempotencyKey: string }

/** What can happen to a charge. */
export type Transition =
  | 'pend'
  | 'require_action'
  | 'authorize'
  | 'succeed'
  | 'fail'
  | 'begin_capture'
  | 'begin_cancel'
  | 'undo'
  | 'cancel'
  | 'refund'
  | 'dispute'

const REFUNDABLE = { refund: true, dispute: true } as const

/**
 * Every transition that a status allows; MiniPay refuses every other one. `undo` takes a charge back to its former
 * status if the provider did not carry out the call.
 */
export const TRANSITIONS: Readonly<Record<ChargeStatus, Readonly<Partial<Record<Transition, true>>>>> = {
  processing: {
    pend: true,
    require_action: true,
    authorize: true,
    succeed: true,
    fail: true,
    cancel: true,
    undo: true,
  },
  requires_action: {
    pend: true,
    require_action: true,
    authorize: true,
    succeed: true,
    fail: true,
    cancel: true,
    begin_cancel: true,
  },
  authorized: { begin_capture: true, begin_cancel: true, cancel: true },
  succeeded: REFUNDABLE,
  partially_refunded: REFUNDABLE,
  refunded: REFUNDABLE,
  failed: {},
  canceled: {},
}

/** True when the charge's status allows it. */
export function allows(charge: Pick<Charge, 'status'>, transition: Transition): boolean {
  return TRANSITIONS[charge.status][transition] === true
}

/** Throws if the status does not allow it. Callers must refuse such requests before, so this is a bug. */
export function assertAllows(charge: Charge, transition: Transition): void {
  if (!allows(charge, transition))
    throw new Error(`${charge.id} is ${charge.status}, which does not allow ${transition}`)
}

/** A decision about the charge alone, to be completed. */
export function decide(
  charge: Charge,
  changes: Partial<Charge>,
  rest: Partial<Omit<Decision, 'charge'>>,
): Decision {
  return {
    charge: { ...charge, ...changes, version: charge.version + 1 },
    previous: charge.version === 0 ? {} : formerValues(charge, changes),
    previousRefund: null,
    previousDispute: null,
    refund: null,
    dispute: null,
    attempts: [],
    alarms: [],
    transactionId: charge.id,
    transfers: [],
    event: null,
    counts: [],
    ...rest,
  }
}

/** The values of an object that changes replace by others. */
export function formerValues<T extends object>(object: T, changes: Partial<T>): Partial<T> {
  const former: Partial<T> = {}
  for (const name in changes) if (object[name] !== changes[name]) former[name] = object[name]
  return former
}
