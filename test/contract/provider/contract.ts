/**
 * The rules for every provider. A provider's test calls `providerContract` with a way to open it in front of a peer: a
 * server in the place of the processor, which does each call, can be set to fail, and reports its real state. The test
 * names each capability that the provider or its peer lacks, with the reason.
 */
import { describe } from 'node:test'
import type { AttemptKind } from '../../../src/domain/attempt.ts'
import type { NotificationSubject, RemoteProvider } from '../../../src/ports/provider.ts'
import { disputes, notifications } from './events.ts'
import { brokenAnswers, silences, unreachable, wrongAnswers } from './faults.ts'
import { captures, declines, laterEnds, lookups, payments, secrets } from './payments.ts'

export type Operation = AttemptKind | 'lookup'

/** The faults of the peer for the next call of an operation. */
export type PeerFault =
  /** Does nothing and never responds. */
  | 'hang'
  /** Cuts the connection before, or after, it did the call. */
  | 'cut_before'
  | 'cut_after'
  /** Responds with 500 without, or after, doing the call. */
  | 'error'
  | 'error_after'
  /**
   * Does the call, and responds with an HTML page and status 502; with the first half of its JSON; with a gigabyte;
   * with 200 and no body.
   */
  | 'html'
  | 'half_json'
  | 'huge'
  | 'empty'
  /** Does the call, and responds with twice the amount, or another currency. */
  | 'wrong_amount'
  | 'wrong_currency'
  /** Accepts the call, and does it when `finish` is called. */
  | 'late'

/** The real state of a payment at the peer; amounts are in MiniPay's minor units. */
export type PeerPayment = {
  /** The peer's own reference. */
  readonly reference: string
  /** MiniPay's reference of the authorization. */
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
  /** Payment methods, by the result of a payment with them. */
  readonly tokens: {
    readonly succeeds: string
    /** Declined as `insufficient_funds`. */
    readonly insufficientFunds: string
    /** Declined with a code that MiniPay's tables lack, so MiniPay passes it on. */
    readonly unknownDecline: string
    /** The customer must go to a page first. */
    readonly redirects: string
    /** Declined with a message that contains every one of `secrets` and the test card number 4242 4242 4242 4242. */
    readonly echoes: string
  }
  /** The code of `tokens.unknownDecline`. */
  readonly unknownDeclineCode: string
  /** Values of the provider's configuration that it must never show. */
  readonly secrets: readonly string[]
  /** Makes the next call of that operation end in the fault; one call only. */
  arm(operation: Operation, fault: PeerFault): Promise<void>
  /** The number of received calls of that operation. */
  calls(operation: Operation): Promise<number>
  /** Resolves when the peer has received `atLeast` calls of that operation, counted from the start. */
  received(operation: Operation, atLeast: number): Promise<void>
  /** Every payment that the peer really made, held or released; it may omit declined ones. */
  payments(): Promise<readonly PeerPayment[]>
  /** Does every call that `late` left pending. */
  finish(): Promise<void>
  /** The customer returned, and approved or not. */
  confirm(paymentReference: string, approve: boolean): Promise<void>
  /** A refund that was done fails later. */
  failRefund(refundReference: string): Promise<void>
  /** An authorization expires. */
  expire(paymentReference: string): Promise<void>
  /** The customer disputes the payment; returns the peer's reference of the dispute. */
  openDispute(paymentReference: string): Promise<string>
  endDispute(disputeReference: string, status: 'won' | 'lost'): Promise<void>
  /** A notification as the peer would send it, without sending it. `forged`: signed with another key. */
  notification(
    subject: NotificationSubject,
    how?: { readonly id?: string; readonly sentAt?: number; readonly forged?: boolean },
  ): SignedNotification
  /** The URL, body and headers of each call so far, except those that contain the key by design. */
  heard(): Promise<readonly string[]>
}

export type Opened = {
  readonly provider: RemoteProvider
  readonly peer: Peer
  /** The same provider at a port without a listener. */
  unreachable(): Promise<RemoteProvider>
  /** Closes the provider and ends the peer. */
  close(): Promise<void>
}
export type Open = () => Promise<Opened>

/** Capabilities that a provider or its peer may lack. The tests of these are skipped with the given reason. */
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
