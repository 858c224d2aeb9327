import type { Alarm } from './alarm.ts'
import type { Attempt } from './attempt.ts'
import type { EventType } from './event.ts'
import type { Posting } from './ledger.ts'
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

/** A charge with what was captured, refunded and disputed of it: one aggregate, one `version`, which every change raises by one. */
export type Charge = {
  readonly id: string
  readonly amount: AmountMinor
  /** What was taken: nothing, or all, or less where the capture was partial. */
  readonly amountCaptured: AmountMinor
  readonly amountRefunded: AmountMinor
  /** Refunds that the provider was asked for and has not confirmed. */
  readonly amountRefundPending: AmountMinor
  /** In disputes that are open or lost. */
  readonly amountDisputed: AmountMinor
  readonly currency: string
  readonly customer: string
  readonly status: ChargeStatus
  /** Taken at once, rather than held until it is captured. */
  readonly capture: boolean
  readonly paymentMethod: string | null
  readonly description: string | null
  readonly metadata: Metadata
  /** Who has it, or was asked last. */
  readonly provider: string
  /** The provider's own name for the payment; null when it made none. */
  readonly providerReference: string | null
  readonly declineCode: string | null
  readonly failureMessage: string | null
  /** Where the customer has to go, while the status is `requires_action`. */
  readonly redirectUrl: string | null
  /** When the authorization lapses, in ms since 1970; null when it does not, or nothing is held. */
  readonly expiresAt: number | null
  /**
   * The key of the request to cancel it that came while something else was under way at the provider: it is canceled or
   * refunded as soon as that has ended. Null without one, and again when the provider did not do it.
   */
  readonly cancelKey: string | null
  readonly idempotencyKey: string
  /** ms since 1970. */
  readonly createdAt: number
  readonly version: number
}

export const REFUND_STATUSES = ['processing', 'refunded', 'partially_refunded', 'failed'] as const
export type RefundStatus = (typeof REFUND_STATUSES)[number]

/** A refund. Once it is done, its status is the one it left its transaction in. */
export type Refund = {
  readonly id: string
  readonly transactionId: string
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
  readonly transactionId: string
  readonly provider: string
  readonly providerReference: string
  /** As the provider says it, 0 or more, in minor units of `currency`, which may be another than the charge's. */
  readonly amount: AmountMinor
  readonly currency: string
  /** What of it stands in the ledger, 0 or more, in minor units of the charge's currency; nothing once it is won. */
  readonly amountBooked: AmountMinor
  readonly customer: string
  readonly status: (typeof DISPUTE_STATES)[number]
  readonly reason: string | null
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
  /** Undefined refunds everything that is left. */
  readonly amount: AmountMinor | undefined
  readonly reason: string | null
  readonly description: string | null
  readonly metadata: Metadata
}

/** Counters that are kept by the commit that changes them, so that reading one never scans. */
export const CHARGE_COUNTERS = {
  charges_succeeded: 'charges that succeeded, including those refunded later',
  charges_failed: 'charges that failed',
  charges_refunded: 'charges with at least one refund',
  refunds: 'refunds that succeeded',
} as const
export type ChargeCounter = keyof typeof CHARGE_COUNTERS
export type Count = readonly [name: ChargeCounter, by: 1 | -1]

/** What should become true, as data: the whole of it in one commit, or nothing. */
export type Decision = {
  readonly charge: Charge
  /** New, or changed. */
  readonly refund: Refund | null
  readonly dispute: Dispute | null
  /** New, or changed. */
  readonly attempts: readonly Attempt[]
  /** New, or changed. */
  readonly alarms: readonly Alarm[]
  /** Whose entries the postings become: the charge's id, the refund's or the dispute's. */
  readonly transactionId: string
  readonly postings: readonly Posting[]
  readonly event: EventType | null
  readonly counts: readonly Count[]
}

/** Values that the shell makes, so that the same inputs always give the same decision. */
export type Made = { readonly id: string; readonly now: number; readonly idempotencyKey: string }

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
 * Every transition that a status allows; every other one is refused. `undo` takes a charge back to where it
 * was when the provider did not do what was begun.
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

/** Throws when the status does not allow it: the caller has refused it before, or it is our own fault. */
export function assertAllows(charge: Charge, transition: Transition): void {
  if (!allows(charge, transition))
    throw new Error(`${charge.id} is ${charge.status}, which does not allow ${transition}`)
}

/** A decision about the charge alone, to be completed. */
export function decision(
  charge: Charge,
  changes: Partial<Charge>,
  rest: Partial<Omit<Decision, 'charge'>>,
): Decision {
  return {
    charge: { ...charge, ...changes, version: charge.version + 1 },
    refund: null,
    dispute: null,
    attempts: [],
    alarms: [],
    transactionId: charge.id,
    postings: [],
    event: null,
    counts: [],
    ...rest,
  }
}
