/**
 * Charges, refunds and disputes as Stripe's API has them (version 2026-10-28), of MiniPay's facts. Every field that is
 * not optional there is present; null for what MiniPay does not have.
 */
import type { Dispute, Refund } from '../../domain/charge.ts'
import type { Mode } from '../../domain/scope.ts'
import type { ChargeFacts } from '../../domain/snapshot.ts'

/** Times are in seconds. */
export const seconds = (ms: number) => Math.floor(ms / 1000)

/** The id of a charge has the letters of the transaction's own. */
const chargeId = (transaction: string) => `ch_${transaction.slice(transaction.indexOf('_') + 1)}`

const NO_ADDRESS = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null }
const BILLING = { address: NO_ADDRESS, email: null, name: null, phone: null, tax_id: null }
const NOTHING = {
  ...{ application: null, application_fee: null, application_fee_amount: null, balance_transaction: null },
  ...{ billing_details: BILLING, calculated_statement_descriptor: null, failure_balance_transaction: null },
  ...{ on_behalf_of: null, payment_intent: null, payment_method_details: null, receipt_email: null },
  ...{ receipt_number: null, receipt_url: null, review: null, shipping: null, source: null },
  ...{ source_transfer: null, statement_descriptor: null, statement_descriptor_suffix: null },
  ...{ transfer_data: null, transfer_group: null },
}

/** A canceled hold is a charge that was refunded before it was captured. */
const isVoid = ({ status, declineCode }: ChargeFacts) =>
  status === 'canceled' && declineCode !== 'authorization_expired'

/** A charge with its latest refund. `minipay` has the transaction's id for the native API. */
export function chargeOf(charge: ChargeFacts, mode: Mode, refund?: Refund) {
  const { amount, amountCaptured, status } = charge
  const isFailed = status === 'failed'
  const isPending = status === 'processing' || status === 'requires_action'
  const refunded = isVoid(charge) ? amount : charge.amountRefunded + charge.amountRefundPending
  return {
    id: chargeId(charge.id),
    object: 'charge' as const,
    amount,
    amount_captured: amountCaptured,
    amount_refunded: refunded,
    captured: amountCaptured > 0,
    created: seconds(charge.createdAt),
    currency: charge.currency,
    customer: charge.customer,
    description: charge.description,
    disputed: charge.amountDisputed > 0,
    failure_code: isFailed ? failureCode(charge.declineCode) : null,
    failure_message: isFailed ? charge.failureMessage : null,
    fraud_details: {},
    livemode: mode === 'live',
    metadata: { ...charge.metadata },
    outcome: isPending ? null : outcomeOf(charge),
    paid: !isFailed && !isPending,
    payment_method: charge.paymentMethod,
    refunded: refunded > 0 && refunded >= (amountCaptured || amount),
    ...(refund && { refunds: listOf(refund, refunded > refund.amount) }),
    status: isFailed ? ('failed' as const) : isPending ? ('pending' as const) : ('succeeded' as const),
    ...NOTHING,
    minipay: {
      transaction: charge.id,
      provider: charge.provider,
      provider_reference: charge.providerReference,
    },
  }
}

const listOf = (refund: Refund, more: boolean) => ({
  object: 'list' as const,
  data: [refundOf(refund)],
  has_more: more,
  url: `/v1/charges/${chargeId(refund.chargeId)}/refunds`,
})

const SAME_CODES = new Set([
  ...['authentication_required', 'expired_card', 'incorrect_cvc', 'incorrect_number', 'processing_error'],
])

/** The error code of a decline (https://docs.stripe.com/error-codes). */
function failureCode(declineCode: string | null): string {
  if (declineCode === null || declineCode === 'provider_unavailable') return 'processing_error'
  return SAME_CODES.has(declineCode) ? declineCode : 'card_declined'
}

function outcomeOf({ status, declineCode }: ChargeFacts) {
  const isDeclined = status === 'failed'
  return {
    ...{ advice_code: null, network_advice_code: null, network_decline_code: null },
    network_status: isDeclined ? 'declined_by_network' : 'approved_by_network',
    reason: isDeclined ? declineCode : null,
    risk_level: 'normal',
    seller_message: isDeclined ? 'The payment was declined.' : 'Payment complete.',
    type: isDeclined ? 'issuer_declined' : 'authorized',
  }
}

const REFUND_STATUS = {
  processing: 'pending',
  refunded: 'succeeded',
  partially_refunded: 'succeeded',
  failed: 'failed',
} as const
const REFUND_REASONS = ['duplicate', 'fraudulent', 'requested_by_customer'] as const

export function refundOf(refund: Refund) {
  return {
    id: refund.id,
    object: 'refund' as const,
    amount: refund.amount,
    balance_transaction: null,
    charge: chargeId(refund.chargeId),
    created: seconds(refund.createdAt),
    currency: refund.currency,
    customer: refund.customer,
    customer_account: null,
    ...(refund.description !== null && { description: refund.description }),
    ...(refund.status === 'failed' && { failure_reason: refundFailure(refund.declineCode) }),
    metadata: { ...refund.metadata },
    payment_intent: null,
    payment_method: null,
    reason: REFUND_REASONS.find((reason) => reason === refund.reason) ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: REFUND_STATUS[refund.status],
    transfer_reversal: null,
  }
}

const FAILURES: Readonly<Record<string, string>> = {
  expired_card: 'expired_or_canceled_card',
  lost_card: 'lost_or_stolen_card',
  stolen_card: 'lost_or_stolen_card',
}
const refundFailure = (declineCode: string | null) =>
  declineCode === null ? 'unknown' : (FAILURES[declineCode] ?? 'declined')

const DISPUTE_STATUS = { open: 'needs_response', won: 'won', lost: 'lost' } as const
/** https://docs.stripe.com/api/disputes/object#dispute_object-reason */
const DISPUTE_REASONS = new Set([
  ...['bank_cannot_process', 'check_returned', 'credit_not_processed', 'customer_initiated'],
  ...['debit_not_authorized', 'duplicate', 'fraudulent', 'general', 'incorrect_account_details'],
  ...['insufficient_funds', 'noncompliant', 'product_not_received', 'product_unacceptable'],
  ...['subscription_canceled', 'unrecognized'],
])

const NO_EVIDENCE = {
  ...{ access_activity_log: null, billing_address: null, cancellation_policy: null },
  ...{ cancellation_policy_disclosure: null, cancellation_rebuttal: null, customer_communication: null },
  ...{ customer_email_address: null, customer_name: null, customer_purchase_ip: null },
  ...{ customer_signature: null, duplicate_charge_documentation: null },
  ...{ duplicate_charge_explanation: null, duplicate_charge_id: null, enhanced_evidence: {} },
  ...{ product_description: null, receipt: null, refund_policy: null, refund_policy_disclosure: null },
  ...{ refund_refusal_explanation: null, service_date: null, service_documentation: null },
  ...{ shipping_address: null, shipping_carrier: null, shipping_date: null },
  ...{ shipping_documentation: null, shipping_tracking_number: null, uncategorized_file: null },
  ...{ uncategorized_text: null },
}
const EVIDENCE_DETAILS = {
  ...{ enhanced_eligibility: {}, has_evidence: false, past_due: false },
  ...{ submission_count: 0, submission_method: 'manual' as const },
}

export function disputeOf(dispute: Dispute, charge: ChargeFacts, mode: Mode) {
  const { amountCaptured, amountRefunded, amountRefundPending, amountDisputed } = charge
  return {
    id: dispute.id,
    object: 'dispute' as const,
    amount: dispute.amount,
    balance_transactions: [],
    charge: chargeId(dispute.chargeId),
    created: seconds(dispute.createdAt),
    currency: dispute.currency,
    enhanced_eligibility_types: [],
    evidence: NO_EVIDENCE,
    evidence_details: {
      due_by: dispute.evidenceDueAt === null ? null : seconds(dispute.evidenceDueAt),
      ...EVIDENCE_DETAILS,
    },
    intended_submission_method: null,
    is_charge_refundable: amountCaptured > amountRefunded + amountRefundPending + amountDisputed,
    livemode: mode === 'live',
    metadata: {},
    payment_intent: null,
    reason: dispute.reason !== null && DISPUTE_REASONS.has(dispute.reason) ? dispute.reason : 'general',
    status: DISPUTE_STATUS[dispute.status],
  }
}
