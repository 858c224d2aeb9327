import type { AmountMinor } from './money.ts'

/** The kinds of statements that contradict the books, and their meanings. */
export const ALARM_KINDS = {
  amount_mismatch: 'The provider moved another amount or currency than MiniPay requested.',
  reference_reused: 'The provider gave one reference to two payments or two refunds.',
  contradiction: 'The provider reports the opposite of the booked outcome.',
  already_captured: 'The provider has already captured a payment that is only authorized in the books.',
  already_refunded: 'The provider has nothing left to refund of a payment, but the books do.',
  dispute_mismatch:
    'A dispute exceeds the captured amount, is in another currency, or is about a payment that was not taken.',
} as const
export type AlarmKind = keyof typeof ALARM_KINDS

export const ALARM_STATES = ['open', 'closed'] as const

/** A statement of a provider that contradicts the books: a row of its charge's aggregate, for a person to check. */
export type Alarm = {
  readonly id: string
  readonly chargeId: string
  readonly attemptId: string | null
  readonly disputeId: string | null
  readonly kind: AlarmKind
  readonly provider: string
  /** The provider's statement: an outcome's kind (succeeded, declined, pending, not_found) or a dispute's status. */
  readonly said: string
  /** The provider's reference that the statement is about. */
  readonly reference: string | null
  /** As the provider reported it, in minor units, 0 or more. */
  readonly amount: AmountMinor | null
  readonly currency: string | null
  /** A sentence for a person. */
  readonly message: string
  readonly state: (typeof ALARM_STATES)[number]
  /**
   * True while this alarm blocks money of the charge. False once the outcome was booked as requested, or the alarm was
   * closed.
   */
  readonly inDoubt: boolean
  /** ms since 1970. */
  readonly openedAt: number
  /** ms since 1970; null while it is open. */
  readonly closedAt: number | null
  /** The person's words when it was closed. */
  readonly reason: string | null
}

/** The closed alarm, with the person's reason; `now` is in ms since 1970. It no longer blocks money. */
export function closedAlarm(alarm: Alarm, reason: string, now: number): Alarm {
  return { ...alarm, state: 'closed', inDoubt: false, closedAt: now, reason }
}

/** The most alarms that a charge can have: MiniPay counts and logs further statements. */
export const MAX_ALARMS = 20

/** A statement that contradicts the books, before it is an alarm. */
export type ProviderStatement = Pick<
  Alarm,
  | 'kind'
  | 'provider'
  | 'attemptId'
  | 'disputeId'
  | 'said'
  | 'reference'
  | 'amount'
  | 'currency'
  | 'message'
  | 'inDoubt'
>

/** A new open alarm of a charge, with this statement. */
export function newAlarm(
  id: string,
  charge: { readonly id: string },
  statement: ProviderStatement,
  now: number,
): Alarm {
  return { ...statement, id, chargeId: charge.id, state: 'open', openedAt: now, closedAt: null, reason: null }
}

/**
 * Whether an open or closed alarm of the charge has this statement already, so that a closed alarm is not raised
 * again. A dispute is the same statement while its amount is the same.
 */
export function isSameStatement(alarm: Alarm, statement: ProviderStatement): boolean {
  return (
    alarm.kind === statement.kind &&
    alarm.attemptId === statement.attemptId &&
    alarm.disputeId === statement.disputeId &&
    alarm.reference === statement.reference &&
    alarm.amount === statement.amount &&
    alarm.currency === statement.currency &&
    (alarm.said === statement.said || alarm.disputeId !== null)
  )
}
