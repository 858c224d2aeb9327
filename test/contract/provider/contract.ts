/**
 * What every provider must do, whoever is at the other end. A provider's test calls `providerContract` with a
 * way to open it before a peer: a server that plays the processor, does what it is asked, can be told to
 * misbehave, and says what it really did. What a provider or its peer lacks is named with the reason.
 */
import { describe } from 'node:test'
import type { AttemptKind } from '../../../src/domain/attempt.ts'
import type { NotificationSubject, RemoteProvider } from '../../../src/ports/provider.ts'
import { disputes, notifications } from './events.ts'
import { brokenAnswers, silences, unreachable, wrongAnswers } from './faults.ts'
import { captures, declines, laterEnds, lookups, payments, secrets } from './payments.ts'

export type Operation = AttemptKind | 'lookup'

/** What the peer can be told to do with the next call of an operation. */
export type PeerFault =
  /** Does nothing and never answers. */
  | 'hang'
  /** Cuts the connection before, or after, it did what it was asked. */
  | 'cut_before'
  | 'cut_after'
  /** Answers 500 without, or after, doing it. */
  | 'error'
  | 'error_after'
  /** Does it, and answers an HTML page with status 502; the first half of its JSON; a gigabyte; 200 with no body. */
  | 'html'
  | 'half_json'
  | 'huge'
  | 'empty'
  /** Does it, and answers with twice the amount, or another currency. */
  | 'wrong_amount'
  | 'wrong_currency'
  /** Accepts it, and does it when `finish` is called. */
  | 'late'

/** A payment as it really stands at the peer; amounts are in our minor units. */
export type PeerPayment = {
  /** The peer's own name for it. */
  readonly reference: string
  /** Our reference, by which it was authorized. */
  readonly attemptId: string
  readonly amount: number
  readonly currency: string
  readonly captured: number
  readonly refunded: number
  readonly canceled: boolean
}

export type SignedNotification = {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

export type Peer = {
  /** Payment methods, by what the peer does with a payment by them. */
  readonly tokens: {
    readonly succeeds: string
    /** Declined as `insufficient_funds`. */
    readonly insufficientFunds: string
    /** Declined with a code that is in no table of ours; it is passed on. */
    readonly unknownDecline: string
    /** The customer has to be sent somewhere first. */
    readonly redirects: string
    /** Declined with a message that holds every one of `secrets` and the test card number 4242 4242 4242 4242. */
    readonly echoes: string
  }
  /** The code of `tokens.unknownDecline`. */
  readonly unknownDeclineCode: string
  /** What the provider was configured with and must never show. */
  readonly secrets: readonly string[]
  /** Has the next call of that operation end in the fault; one call only. */
  arm(operation: Operation, fault: PeerFault): Promise<void>
  /** Calls of that operation that were received so far. */
  calls(operation: Operation): Promise<number>
  /** Resolves when `atLeast` calls of that operation have been received, counted from the start. */
  received(operation: Operation, atLeast: number): Promise<void>
  /** Every payment that the peer really made, held or released; declined ones may be left out. */
  payments(): Promise<readonly PeerPayment[]>
  /** Does everything that `late` calls left pending. */
  finish(): Promise<void>
  /** The customer came back, and approved or not. */
  confirm(paymentReference: string, approve: boolean): Promise<void>
  /** A refund that was done fails after all. */
  failRefund(refundReference: string): Promise<void>
  /** An authorization lapses. */
  expire(paymentReference: string): Promise<void>
  /** The customer disputes the payment; answers the peer's reference of the dispute. */
  openDispute(paymentReference: string): Promise<string>
  endDispute(disputeReference: string, status: 'won' | 'lost'): Promise<void>
  /** A notification as the peer would send it, without sending it. `forged`: signed with another key. */
  notification(
    subject: NotificationSubject,
    how?: { readonly id?: string; readonly sentAt?: number; readonly forged?: boolean },
  ): SignedNotification
  /** The address, body and headers of each call so far, except those that carry the key by design. */
  heard(): Promise<readonly string[]>
}

export type Opened = {
  readonly provider: RemoteProvider
  readonly peer: Peer
  /** The same provider before a port where nobody listens. */
  unreachable(): Promise<RemoteProvider>
  /** Closes the provider and ends the peer. */
  close(): Promise<void>
}
export type Open = () => Promise<Opened>

/** What a provider or its peer may lack. The tests about it are skipped, with the reason that is given. */
export type Feature =
  | 'network'
  | 'late'
  | 'lookup'
  | 'void'
  | 'partial_capture'
  | 'unknown_decline'
  | 'redirect'
  | 'echo'
  | 'wrong_answers'
  | 'refund_failure'
  | 'expiry'
  | 'disputes'
  | 'notifications'
  | 'heard'
export type Lacks = Readonly<Partial<Record<Feature, string>>>

export function providerContract(name: string, open: Open, lacks: Lacks = {}): void {
  describe(`the provider ${name}`, () => {
    describe('payments', () => payments(open, lacks))
    describe('captures, cancels and refunds', () => captures(open, lacks))
    describe('declines', () => declines(open, lacks))
    describe('lookups', () => lookups(open, lacks))
    describe('what ends later', () => laterEnds(open, lacks))
    describe('no connection', () => unreachable(open, lacks))
    describe('silence', () => silences(open, lacks))
    describe('broken answers', () => brokenAnswers(open, lacks))
    describe('wrong answers', () => wrongAnswers(open, lacks))
    describe('secrets', () => secrets(open, lacks))
    describe('disputes', () => disputes(open, lacks))
    describe('notifications', () => notifications(open, lacks))
  })
}
