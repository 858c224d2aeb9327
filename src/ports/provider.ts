/**
 * The provider port: the calls that MiniPay makes to a payment provider.
 *
 * Words: *authorize* holds an amount, and takes it at once if `capture` is true; *capture* takes the held money;
 * *cancel* (void) releases it; a *decline* is a refusal by the provider, which is a value and never an exception; a
 * *payment method* is the provider's token for a customer's card or account, never the card itself; our *reference* is
 * the attempt's id, the provider's idempotency key for the call; the *provider reference* is the provider's own id of
 * the payment or refund; a *notification* is a call from the provider to MiniPay.
 */
import type { AttemptKind, Capabilities, Outcome } from '../domain/attempt.ts'
import type { Dispute, Metadata } from '../domain/charge.ts'
import type { AmountMinor } from '../domain/money.ts'
import type { Mode } from '../domain/scope.ts'
import type { CallSignal } from './runtime.ts'

export type AuthorizeCall = {
  /** The attempt's id: our reference, and the idempotency key. */
  readonly attemptId: string
  readonly chargeId: string
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
  readonly chargeId: string
  readonly paymentReference: string
  /** The amount to capture (the rest is released), to release, or to refund. */
  readonly amount: AmountMinor
  readonly currency: string
}

/** A lookup of the call with this attempt id. */
export type LookupCall = {
  readonly attemptId: string
  readonly chargeId: string
  readonly kind: AttemptKind
  /** The provider's reference of this call, if it is known. */
  readonly providerReference: string | null
  /** The provider's reference of the payment; null for an authorization that is not known to be made. */
  readonly paymentReference: string | null
  readonly amount: AmountMinor
  readonly currency: string
}

/**
 * The current state of the call. An authorization that expired or was released is `declined` with
 * `authorization_expired`; a refund that failed later is `declined`. `Capabilities.lookup` says whether `not_found` is
 * final. `not_sent` means that the lookup itself was not sent.
 */
export type LookupOutcome = Outcome | { readonly kind: 'not_found' }

export type DisputeLookup =
  | {
      readonly kind: 'dispute'
      readonly reference: string
      readonly paymentReference: string
      readonly amount: AmountMinor
      readonly currency: string
      readonly reason: string | null
      readonly status: Dispute['status']
      /** Until when the provider takes evidence, in ms since 1970; null if it takes none, or does not say. */
      readonly evidenceDueAt: number | null
    }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'unknown'; readonly reason: string }

/**
 * The object of a verified notification. MiniPay looks up its state at the provider and does not read it from the
 * notification.
 */
export type NotificationSubject =
  | { readonly about: 'attempt'; readonly attemptId: string }
  | { readonly about: 'payment' | 'refund' | 'dispute'; readonly reference: string }
  /** Genuine, but irrelevant to MiniPay. */
  | { readonly about: 'nothing' }

export type VerifiedNotification = {
  /** The provider's id of the notification. MiniPay handles each id once. */
  readonly id: string
  readonly subject: NotificationSubject
}

/**
 * Calls of recovery that may be in flight at one provider, in addition to the `concurrency` of requests: sixteen, of
 * which at most four for attempts that wait for a customer, a bank or their time. So attempts that may have moved
 * money always have twelve places. At a tenth of a second per call, that is 160 responses a second: enough to resolve
 * thousands of attempts after an outage, and few compared with the usual 128 calls of requests. If `concurrency` is
 * lower, recovery has that many places.
 */
export function recoveryPlaces(concurrency: number): { readonly all: number; readonly waiting: number } {
  const waiting = Math.min(4, concurrency)
  return { all: waiting + Math.min(12, concurrency), waiting }
}

type ProviderSettings = {
  /** The instance's name, such as `stripe_eu`. */
  readonly name: string
  readonly kind: string
  /** Charges of the other mode never reach it. */
  readonly mode: Mode
  /** The numbers of the accounts that it serves; every account unless given. */
  readonly accounts?: ReadonlySet<number>
  readonly capabilities: Capabilities
  /** The provider's own page of a payment for people, with `{reference}` in place of its reference. */
  readonly paymentUrl?: string
  /** How long one call may take, in ms. */
  readonly deadlineMs: number
  /** Calls in flight at once for requests; MiniPay sends no more. */
  readonly concurrency: number
}

/**
 * A provider over the network. The calls never reject: every failure is an outcome. Each call ends when `signal`
 * aborts, as `unknown` unless the request definitely never left. Texts in outcomes contain no secret and nothing that
 * looks like a card number. Lookups, and with `apart` other calls, use separate connections, at most `recoveryPlaces`:
 * requests cannot occupy them, and each is opened for its call, so that it cannot be stale.
 */
export type RemoteProvider = ProviderSettings & {
  readonly remote: true
  authorize(call: AuthorizeCall, signal: CallSignal, apart?: boolean): Promise<Outcome>
  capture(call: FollowUpCall, signal: CallSignal, apart?: boolean): Promise<Outcome>
  cancel(call: FollowUpCall, signal: CallSignal, apart?: boolean): Promise<Outcome>
  refund(call: FollowUpCall, signal: CallSignal, apart?: boolean): Promise<Outcome>
  lookup(call: LookupCall, signal: CallSignal): Promise<LookupOutcome>
  /** The current state of a dispute, by the provider's reference. */
  dispute(reference: string, signal: CallSignal): Promise<DisputeLookup>
  /** Null when the notification cannot be verified: its signature, time or format. Header names are lower case. */
  notification(
    body: Buffer,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): Promise<VerifiedNotification | null>
  /** Aborts the calls in flight. */
  close(): Promise<void>
}

/** The outcomes of a provider that decides in this process. */
export type FinalOutcome = Extract<Outcome, { kind: 'succeeded' | 'declined' }>

/** A provider that decides in this process, as a pure function: no I/O, no side effect. See `app/attempts/in-process`. */
export type InProcessProvider = ProviderSettings & {
  readonly remote: false
  /** `now` is in ms since 1970. */
  authorize(call: AuthorizeCall, now: number): FinalOutcome
  capture(call: FollowUpCall): FinalOutcome
  cancel(call: FollowUpCall): FinalOutcome
  refund(call: FollowUpCall): FinalOutcome
}

export type Provider = RemoteProvider | InProcessProvider
