/**
 * The provider port: what MiniPay asks of a payment provider.
 *
 * Words: to *authorize* is to have an amount held for us, and taken at once where `capture` says so; to
 * *capture* takes what is held, to *cancel* (void) releases it; a *decline* is the provider's no, a value and
 * never an exception; a *payment method* is the provider's token for a customer's card or account, never the
 * card itself; our *reference* is the attempt's id, the provider's idempotency key for the call; the
 * *provider reference* is its own name for what it did; a *notification* is its call to us.
 */
import type { AttemptKind, Capabilities, Outcome } from '../domain/attempt.ts'
import type { Dispute, Metadata } from '../domain/charge.ts'
import type { AmountMinor } from '../domain/money.ts'

export type AuthorizeCall = {
  /** The attempt's id: our reference, and the idempotency key. */
  readonly attemptId: string
  readonly transactionId: string
  readonly amount: AmountMinor
  readonly currency: string
  readonly customer: string
  readonly paymentMethod: string | null
  readonly description: string | null
  readonly metadata: Metadata
  /** Take the money at once, rather than hold it. */
  readonly capture: boolean
}

/** A call about a payment that the provider knows: `paymentReference` is its reference. */
export type FollowUpCall = {
  readonly attemptId: string
  readonly transactionId: string
  readonly paymentReference: string
  /** What to capture (the rest is released), to release, or to give back. */
  readonly amount: AmountMinor
  readonly currency: string
}

/** What a lookup asks about: the call with this attempt id. */
export type LookupCall = {
  readonly attemptId: string
  readonly transactionId: string
  readonly kind: AttemptKind
  /** The provider's reference of what this call did, where it is known. */
  readonly providerReference: string | null
  /** The provider's reference of the payment; null for an authorization that is not known to be made. */
  readonly paymentReference: string | null
  readonly amount: AmountMinor
  readonly currency: string
}

/**
 * How that call stands now. An authorization that lapsed or was released is `declined` with
 * `authorization_expired`, and a refund that failed after all is `declined`. `not_found`: see
 * `Capabilities.lookup` for what it is worth. `not_sent` is of the lookup: nobody could be asked.
 */
export type LookupAnswer = Outcome | { readonly kind: 'not_found' }

export type DisputeAnswer =
  | {
      readonly kind: 'dispute'
      readonly reference: string
      readonly paymentReference: string
      readonly amount: AmountMinor
      readonly currency: string
      readonly reason: string | null
      readonly status: Dispute['status']
    }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'unknown'; readonly reason: string }

/** What a verified notification is about. What happened is asked of the provider, not read from it. */
export type NotificationSubject =
  | { readonly about: 'attempt'; readonly attemptId: string }
  | { readonly about: 'payment' | 'refund' | 'dispute'; readonly reference: string }
  /** Genuine, but of no concern to us. */
  | { readonly about: 'nothing' }

export type VerifiedNotification = {
  /** The provider's id of the notification: the same one twice is one. */
  readonly id: string
  readonly subject: NotificationSubject
}

/**
 * Calls of recovery that may be in flight at one provider, beside the `concurrency` of requests: sixteen, of which four at
 * most are about attempts that wait for a customer, a bank or their time, so that those that may have moved money always
 * have twelve. At a tenth of a second each that is 160 answers a second: enough to find out after an outage what became of
 * thousands, and little beside the usual 128 calls of requests. Of a provider that takes fewer calls recovery has as few.
 */
export function recoveryPlaces(concurrency: number): { readonly all: number; readonly waiting: number } {
  const waiting = Math.min(4, concurrency)
  return { all: waiting + Math.min(12, concurrency), waiting }
}

/**
 * A provider over the network. The calls never reject: whatever happens is an outcome. Each ends when
 * `signal` aborts, as `unknown` unless the request surely never left. Texts in outcomes hold no secret and
 * nothing that looks like a card number. Lookups, and with `apart` the others, travel on connections of their own, as
 * many as `recoveryPlaces` says: none that requests fill, and each made for its call, so that it can't have gone stale.
 */
export type RemoteProvider = {
  readonly remote: true
  /** The instance's name, such as `stripe_eu`. */
  readonly name: string
  readonly kind: string
  readonly capabilities: Capabilities
  /** How long one call may take, in ms. */
  readonly deadlineMs: number
  /** Calls of requests in flight at once; more are not sent. */
  readonly concurrency: number
  authorize(call: AuthorizeCall, signal: AbortSignal, apart?: boolean): Promise<Outcome>
  capture(call: FollowUpCall, signal: AbortSignal, apart?: boolean): Promise<Outcome>
  cancel(call: FollowUpCall, signal: AbortSignal, apart?: boolean): Promise<Outcome>
  refund(call: FollowUpCall, signal: AbortSignal, apart?: boolean): Promise<Outcome>
  lookup(call: LookupCall, signal: AbortSignal): Promise<LookupAnswer>
  /** How a dispute stands, by the provider's reference of it. */
  dispute(reference: string, signal: AbortSignal): Promise<DisputeAnswer>
  /** Null when the notification cannot be verified: its signature, its time or its form. Header names are lower case. */
  notification(
    body: Buffer,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): Promise<VerifiedNotification | null>
  /** Cuts what is in flight. */
  close(): Promise<void>
}

/** What a provider in this process decides at once. */
export type Decided = Extract<Outcome, { kind: 'succeeded' | 'declined' }>

/**
 * A provider that decides in process, purely: no I/O, no side effect. Because asking it twice changes
 * nothing, its outcome and our record of it are one commit.
 */
export type InProcessProvider = {
  readonly remote: false
  readonly name: string
  readonly kind: string
  readonly capabilities: Capabilities
  /** `now` is in ms since 1970. */
  authorize(call: AuthorizeCall, now: number): Decided
  capture(call: FollowUpCall): Decided
  cancel(call: FollowUpCall): Decided
  refund(call: FollowUpCall): Decided
}

export type Provider = RemoteProvider | InProcessProvider
