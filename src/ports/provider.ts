/**
 * The provider port: what MiniPay asks of a payment provider.
 *
 * Words: to *authorize* is to ask for money; a *decline* is the provider's no, a value and never an
 * exception; a *payment method* is the provider's token for a customer's card or account, never the card
 * itself; a *reference* is the provider's own name for a payment.
 */
import type { Outcome } from '../domain/charge.ts'
import type { AmountMinor } from '../domain/money.ts'

export type AuthorizeRequest = {
  /** Our id of the transaction; the provider's idempotency key derives from it. */
  readonly transactionId: string
  readonly amount: AmountMinor
  readonly currency: string
  readonly customer: string
  readonly paymentMethod: string | null
}

export type ProviderRefundRequest = {
  readonly transactionId: string
  readonly refundId: string
  readonly providerReference: string | null
  readonly amount: AmountMinor
  readonly currency: string
}

/**
 * A provider that decides in process, purely: no I/O, no side effect. Because asking it twice changes
 * nothing, its outcome and our record of it are one commit.
 */
export type InProcessProvider = {
  readonly name: string
  /** Takes the money at once. */
  authorize(request: AuthorizeRequest): Outcome
  /** Gives `amount` of a payment back. */
  refund(request: ProviderRefundRequest): Outcome
}
