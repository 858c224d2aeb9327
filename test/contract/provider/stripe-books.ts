/** The state and the rules of the Stripe stand-in: payment intents, refunds and disputes, as Stripe documents them. */
import type { PeerPayment } from './contract.ts'

export type Intent = {
  readonly id: string
  readonly object: 'payment_intent'
  readonly amount: number
  amount_capturable: number
  amount_received: number
  readonly capture_method: string
  readonly created: number
  readonly currency: string
  readonly metadata: Readonly<Record<string, string>>
  status: string
  next_action: object | null
  last_payment_error: object | null
  latest_charge: object | string | null
}
export type Refund = {
  readonly id: string
  readonly object: 'refund'
  readonly amount: number
  readonly currency: string
  readonly metadata: Readonly<Record<string, string>>
  readonly payment_intent: string
  status: string
  failure_reason?: string
}
export type Dispute = {
  readonly id: string
  readonly object: 'dispute'
  readonly amount: number
  readonly currency: string
  readonly payment_intent: string | null
  readonly reason: string
  status: string
  balance_transactions: readonly { readonly amount: number }[]
  readonly evidence_details?: { readonly due_by: unknown }
}

/** A response of Stripe: the status and the JSON. */
export type Answer = { readonly status: number; readonly json: object }
export type Form = ReadonlyMap<string, string>

/** An error response in Stripe's form. */
export function refusal(status: number, type: string, error: object = {}): Answer {
  return { status, json: { error: { type, message: 'No.', ...error } } }
}

/** Payment methods that are declined, with the decline. */
export type Declines = Readonly<Record<string, { readonly declineCode: string; readonly message: string }>>

/** How long a hold lasts here, in seconds; a test can distinguish it from the usual seven days. */
export const HOLD_S = 2 * 24 * 60 * 60

let made = 0
export const newReference = (prefix: string): string => `${prefix}_standin${++made}`

/** The last part of a nested form field: `metadata[order]` gives `order`. */
function nested(form: Form, name: string): Record<string, string> {
  const found = [...form].flatMap(([key, value]) => {
    const inner = new RegExp(`^${name}\\[(.+)\\]$`).exec(key)?.[1]
    return inner === undefined ? [] : [[inner, value] as const]
  })
  return Object.fromEntries(found)
}

export class Books {
  readonly intents = new Map<string, Intent>()
  readonly refunds = new Map<string, Refund>()
  readonly disputes = new Map<string, Dispute>()
  readonly #declines: Declines
  /** Accepts the next call and leaves it in processing. */
  late = false

  constructor(declines: Declines) {
    this.#declines = declines
  }

  /** Creates and confirms an intent. */
  authorize(form: Form): Answer {
    const method = form.get('payment_method') ?? ''
    const intent = this.#newIntent(form)
    if (method === 'pm_card_redirects') return this.#sendAway(intent, form)
    const decline = this.#declines[method]
    if (decline) return this.#decline(intent, 'card_declined', decline)
    if (method !== 'pm_card_visa')
      return refusal(400, 'invalid_request_error', {
        code: 'resource_missing',
        param: 'payment_method',
        message: `No such PaymentMethod: '${method}'`,
      })
    this.intents.set(intent.id, intent)
    if (this.late) intent.status = 'processing'
    else this.confirm(intent)
    this.late = false
    return { status: 200, json: intent }
  }

  #newIntent(form: Form): Intent {
    return {
      id: newReference('pi'),
      object: 'payment_intent',
      amount: Number(form.get('amount')),
      amount_capturable: 0,
      amount_received: 0,
      capture_method: form.get('capture_method') ?? 'automatic',
      created: Math.floor(Date.now() / 1000),
      currency: form.get('currency') ?? '',
      metadata: nested(form, 'metadata'),
      status: 'requires_confirmation',
      next_action: null,
      last_payment_error: null,
      latest_charge: null,
    }
  }

  #decline(intent: Intent, code: string, { declineCode, message }: Declines[string]): Answer {
    const error = { type: 'card_error', code, decline_code: declineCode, message }
    this.intents.set(intent.id, intent)
    intent.status = 'requires_payment_method'
    intent.last_payment_error = error
    return refusal(402, 'card_error', { ...error, payment_intent: intent })
  }

  #sendAway(intent: Intent, form: Form): Answer {
    if (form.get('error_on_requires_action') === 'true')
      return this.#decline(intent, 'authentication_required', {
        declineCode: 'authentication_required',
        message: 'The card needs authentication.',
      })
    const url = `https://hooks.stripe.test/redirect/${intent.id}?back=${form.get('return_url')}`
    this.intents.set(intent.id, intent)
    intent.status = 'requires_action'
    intent.next_action = { type: 'redirect_to_url', redirect_to_url: { url } }
    return { status: 200, json: intent }
  }

  /** The payment is captured, or held. */
  confirm(intent: Intent): void {
    intent.next_action = null
    if (intent.capture_method === 'automatic') {
      intent.status = 'succeeded'
      intent.amount_received = intent.amount
      return
    }
    intent.status = 'requires_capture'
    intent.amount_capturable = intent.amount
    const card = { brand: 'visa', capture_before: intent.created + HOLD_S }
    intent.latest_charge = { object: 'charge', payment_method_details: { type: 'card', card } }
  }

  /** The customer did not approve. */
  refuse(intent: Intent): void {
    intent.status = 'requires_payment_method'
    intent.next_action = null
    intent.last_payment_error = {
      code: 'payment_intent_authentication_failure',
      message: 'The customer did not authenticate.',
    }
  }

  capture(intent: Intent, form: Form): Answer {
    if (intent.status !== 'requires_capture') return this.#unexpected(intent)
    const amount = Number(form.get('amount_to_capture') ?? intent.amount_capturable)
    if (amount > intent.amount_capturable)
      return refusal(400, 'invalid_request_error', { code: 'amount_too_large', param: 'amount_to_capture' })
    intent.status = 'succeeded'
    intent.amount_received = amount
    intent.amount_capturable = 0
    return { status: 200, json: intent }
  }

  cancel(intent: Intent): Answer {
    if (!intent.status.startsWith('requires_')) return this.#unexpected(intent)
    this.release(intent)
    return { status: 200, json: intent }
  }

  release(intent: Intent): void {
    intent.status = 'canceled'
    intent.amount_capturable = 0
  }

  #unexpected(intent: Intent): Answer {
    return refusal(400, 'invalid_request_error', {
      code: 'payment_intent_unexpected_state',
      message: `This PaymentIntent has a status of ${intent.status}.`,
      payment_intent: intent,
    })
  }

  refund(intent: Intent, form: Form): Answer {
    const left = intent.amount_received - this.refunded(intent)
    const amount = Number(form.get('amount') ?? left)
    if (left === 0) return refusal(400, 'invalid_request_error', { code: 'charge_already_refunded' })
    if (amount > left) return refusal(400, 'invalid_request_error', { param: 'amount' })
    const refund: Refund = {
      id: newReference('re'),
      object: 'refund',
      amount,
      currency: intent.currency,
      metadata: nested(form, 'metadata'),
      payment_intent: intent.id,
      status: 'succeeded',
    }
    this.refunds.set(refund.id, refund)
    return { status: 200, json: refund }
  }

  refunded(intent: Intent): number {
    return this.refundsOf(intent.id)
      .filter(({ status }) => status === 'succeeded')
      .reduce((sum, { amount }) => sum + amount, 0)
  }

  /** The newest first, as Stripe lists them. */
  refundsOf(intent: string | null): Refund[] {
    return [...this.refunds.values()].filter((refund) => refund.payment_intent === intent).reverse()
  }

  dispute(payment: string | null, changes: Partial<Dispute> = {}): string {
    const intent = this.intents.get(payment ?? '')
    const dispute: Dispute = {
      id: newReference('dp'),
      object: 'dispute',
      amount: intent?.amount_received ?? 0,
      currency: intent?.currency ?? 'usd',
      payment_intent: payment,
      reason: 'fraudulent',
      status: 'needs_response',
      balance_transactions: [],
      ...changes,
    }
    this.disputes.set(dispute.id, dispute)
    return dispute.id
  }

  payments(): PeerPayment[] {
    return [...this.intents.values()].map((intent) => ({
      reference: intent.id,
      attemptId: intent.metadata['minipay_attempt'] ?? '',
      amount: intent.amount,
      currency: intent.currency,
      captured: intent.amount_received,
      refunded: this.refunded(intent),
      canceled: intent.status === 'canceled',
    }))
  }
}
