import { moneyText } from '../domain/money.ts'
import { sandboxDecline } from '../domain/sandbox-tokens.ts'
import { newId } from './database.ts'
import { FAULT_TOKENS, type Fault } from './faults.ts'
import { type Body, text } from './json.ts'
import { authorization, followUpOf } from './requests.ts'
import type { NotificationRow, OperationRow, PaymentRow, Tables } from './rows.ts'

/** A response of the protocol: the HTTP status and the JSON. */
export type ProcessorResponse = { readonly status: number; readonly body: object }

/** How long an authorization is held: seven days, in ms. */
const HOLD_MS = 7 * 24 * 3_600_000
/** How long evidence for a dispute is taken: fourteen days, in ms. */
const EVIDENCE_MS = 14 * 24 * 3_600_000
const PREFIX = { capture: 'cap', cancel: 'can', refund: 'ref' } as const
type FollowUp = keyof typeof PREFIX

export type ProcessorOptions = {
  readonly tables: Tables
  readonly now: () => number
  readonly lateMs: () => number
  /** The text that the fault `echo` repeats. */
  readonly secret: string
  readonly confirmUrl: (payment: string) => string
}

/** The rules of the simulator. Every method runs inside a transaction; none awaits. */
export class Processor {
  readonly #tables: Tables
  readonly #options: ProcessorOptions

  constructor(options: ProcessorOptions) {
    this.#tables = options.tables
    this.#options = options
  }

  authorize(body: Body, fault: Fault | undefined): ProcessorResponse {
    const asked = authorization(body)
    if (typeof asked === 'string') return refusal(422, 'invalid_request', asked)
    const { reference, transaction_id, amount, currency, customer, payment_method, capture } = asked
    const request = JSON.stringify(asked)
    const before = this.#known(reference, request)
    if (before) return before
    const row = operationRow('authorize', reference, request, amount, currency)
    const byFault = this.#declineByFault(row, fault)
    if (byFault) return byFault
    const no = FAULT_TOKENS.has(payment_method ?? '') ? null : sandboxDecline(payment_method)
    if (no) return this.#decline(row, no.declineCode, no.message)
    const id = newId('pay')
    const waits = fault === 'late' ? 'pending' : fault === 'requires_action' ? fault : undefined
    this.#tables.addPayment({
      ...{ id, reference, transaction_id, amount, currency, customer },
      capture: capture ? 1 : 0,
      status: waits ?? (capture ? 'captured' : 'authorized'),
      captured: capture && !waits ? amount : 0,
      expires_at: capture || waits ? null : this.#now() + HOLD_MS,
    })
    return this.#record({
      ...row,
      id,
      payment: id,
      status: waits ? 'pending' : 'done',
      due_at: this.#due(fault),
    })
  }

  followUp(operation: FollowUp, body: Body, fault: Fault | undefined): ProcessorResponse {
    const asked = followUpOf(body)
    if (typeof asked === 'string') return refusal(422, 'invalid_request', asked)
    const { reference, amount, currency } = asked
    const request = JSON.stringify(asked)
    const before = this.#known(reference, request, operation)
    if (before) return before
    const payment = this.#tables.payment(asked.payment)
    const blank = operationRow(operation, reference, request, amount, currency)
    if (!payment) return this.#refuse(blank, 422, 'payment_not_found', 'There is no such payment.')
    if (payment.currency !== currency)
      return this.#refuse(blank, 422, 'wrong_currency', `It is in ${payment.currency}.`)
    if (payment.busy !== null)
      return this.#refuse(blank, 409, 'payment_busy', 'Another operation on this payment is in progress.')
    if (amount > payment.amount)
      return this.#refuse(
        blank,
        422,
        'amount_too_large',
        `It is of ${moneyText(payment.amount, currency)} in all.`,
      )
    const row = { ...blank, payment: payment.id }
    const byFault = this.#declineByFault(row, fault)
    if (byFault) return byFault
    const no = this.#hindrance(operation, payment, amount)
    if (no) return this.#decline(row, no.code, no.message)
    if (fault === 'late') this.#reserve(row, payment)
    else this.#apply(row, payment)
    const status = fault === 'late' ? 'pending' : 'done'
    return this.#record({ ...row, id: newId(PREFIX[operation]), status, due_at: this.#due(fault) })
  }

  lookup(body: Body): ProcessorResponse {
    const dispute = text(body['dispute'])
    if (dispute !== '') return this.#lookupDispute(dispute)
    const reference = text(body['reference'])
    if (reference === '') return refusal(422, 'invalid_request', 'reference or dispute is missing.')
    const row = this.#tables.operation(reference)
    if (row && row.status !== 'closed') return this.#answerTo(row)
    // The client relies on "not found", so from now on the simulator refuses the reference.
    if (!row) this.#tables.putOperation({ ...operationRow('lookup', reference, '', 0, ''), status: 'closed' })
    return NOT_FOUND
  }

  /** Completes a `pending` operation; does nothing if it is complete. */
  finish(reference: string): void {
    const row = this.#tables.operation(reference)
    const payment = row?.payment ? this.#tables.payment(row.payment) : undefined
    if (!row || !payment || row.due_at === null) return
    if (row.operation === 'authorize') this.#take(payment)
    else if (row.operation !== 'refund') this.#apply(row, { ...payment, busy: null })
    else this.#apply(row, { ...payment, refund_pending: payment.refund_pending - row.amount })
    this.#record({ ...row, status: 'done', due_at: null })
    this.#notify('attempt', reference)
  }

  /** The customer approved or rejected a payment; false if it does not wait for that. */
  confirm(id: string, approve: boolean): boolean {
    const payment = this.#tables.payment(id)
    const row = payment && this.#tables.operation(payment.reference)
    if (!row || payment.status !== 'requires_action') return false
    if (approve) {
      this.#take(payment)
      this.#record({ ...row, status: 'done' })
    } else {
      this.#tables.changePayment(payment, { status: 'declined' })
      this.#decline(row, 'authentication_required', 'The customer did not approve it.')
    }
    this.#notify('attempt', payment.reference)
    return true
  }

  /** A refund that succeeded fails later, by its own or the caller's reference; false if there is none. */
  failRefund(reference: string): boolean {
    const row = this.#tables.operationById(reference) ?? this.#tables.operation(reference)
    const payment = row?.payment ? this.#tables.payment(row.payment) : undefined
    if (!row || !payment || row.operation !== 'refund' || row.status !== 'done') return false
    this.#tables.changePayment(payment, { refunded: payment.refunded - row.amount })
    this.#decline(row, 'processing_error', 'The refund failed later.')
    this.#notify('refund', row.id ?? row.reference)
    return true
  }

  /** An authorization expires; false if it holds nothing. */
  expire(id: string): boolean {
    const payment = this.#tables.payment(id)
    if (payment?.status !== 'authorized' || payment.busy !== null) return false
    this.#tables.changePayment(payment, { status: 'expired', expires_at: this.#now() })
    this.#notify('payment', id)
    return true
  }

  /**
   * Opens a dispute and returns its id; undefined if the payment has less undisputed money. `dueAt`: until when evidence is
   * taken, in ms since 1970; null if none is; two weeks from now unless given.
   */
  openDispute(
    id: string,
    amount: number | undefined,
    dueAt: number | null = this.#now() + EVIDENCE_MS,
  ): string | undefined {
    const payment = this.#tables.payment(id)
    const disputed = amount ?? payment?.captured ?? 0
    if (!payment || disputed <= 0 || disputed > payment.captured - this.#tables.disputed(id)) return undefined
    const { currency } = payment
    const dispute = newId('dp')
    this.#tables.putDispute({
      ...{ id: dispute, payment: id, amount: disputed, currency, status: 'open', due_at: dueAt },
    })
    this.#notify('dispute', dispute)
    return dispute
  }

  /** Decides a dispute; false when it is not open. */
  endDispute(id: string, status: 'won' | 'lost'): boolean {
    const dispute = this.#tables.dispute(id)
    if (dispute?.status !== 'open') return false
    this.#tables.putDispute({ ...dispute, status })
    this.#notify('dispute', id)
    return true
  }

  /** The current state of an operation: the response to it, to the same reference again, and to a lookup. */
  #answerTo(row: OperationRow): ProcessorResponse {
    const { status, id: reference, amount, currency } = row
    if (status === 'closed')
      return refusal(
        409,
        'reference_closed',
        'The reference was looked up or refused before this call arrived.',
      )
    if (status === 'declined')
      return ok({ status, decline_code: row.decline_code, message: row.message, reference })
    const payment = row.payment === null ? undefined : this.#tables.payment(row.payment)
    const authorization = row.operation === 'authorize' ? payment : undefined
    if (status === 'pending') {
      const waiting = authorization?.status === 'requires_action'
      return ok({
        status,
        reference,
        ...(waiting && { redirect_url: this.#options.confirmUrl(authorization.id) }),
      })
    }
    if (!authorization) return ok({ status: 'succeeded', reference, amount, currency })
    if (this.#released(authorization))
      return ok({ status: 'declined', decline_code: EXPIRED, message: 'It is no longer held.', reference })
    const held = authorization.status === 'authorized'
    const expires_at = held ? new Date(authorization.expires_at ?? 0).toISOString() : null
    return ok({ status: 'succeeded', reference, amount, currency, expires_at })
  }

  #lookupDispute(dispute: string): ProcessorResponse {
    const row = this.#tables.dispute(dispute)
    if (!row) return NOT_FOUND
    const { status, payment, amount, currency, due_at: dueAt } = row
    const due = status === 'open' && dueAt !== null ? new Date(dueAt).toISOString() : null
    return ok({
      ...{ status, dispute, payment, amount, currency, reason: 'fraudulent', evidence_due_at: due },
    })
  }

  /** The response to a reference that was used before; undefined for a new one. */
  #known(reference: string, request: string, operation: OperationRow['operation'] = 'authorize') {
    const row = this.#tables.operation(reference)
    if (!row) return undefined
    const same = row.status === 'closed' || (row.operation === operation && row.request === request)
    return same
      ? this.#answerTo(row)
      : refusal(409, 'reference_reused', 'This reference was used for another call.')
  }

  #record(row: OperationRow): ProcessorResponse {
    this.#tables.putOperation(row)
    return this.#answerTo(row)
  }

  /** The client relies on a refusal, as it does on "not found". */
  #refuse(row: OperationRow, status: number, code: string, message: string): ProcessorResponse {
    this.#tables.putOperation({ ...row, status: 'closed' })
    return refusal(status, code, message)
  }

  #decline(row: OperationRow, code: string, message: string): ProcessorResponse {
    return this.#record({ ...row, status: 'declined', decline_code: code, message, due_at: null })
  }

  #declineByFault(row: OperationRow, fault: Fault | undefined): ProcessorResponse | undefined {
    if (fault === 'decline') return this.#decline(row, 'do_not_honor', 'The bank does not say why.')
    if (fault === 'unknown_decline') return this.#decline(row, 'martian_card', 'Cards of Mars are not taken.')
    if (fault === 'odd_decline') return this.#decline(row, 'Do Not Honour!', 'The bank does not say why.')
    if (fault === 'echo') {
      const message = `Key ${this.#options.secret} can't charge 4242 4242 4242 4242.`
      return this.#decline(row, 'processing_error', message)
    }
    return undefined
  }

  /** The reason why the simulator cannot do it now; undefined if it can. */
  #hindrance(operation: FollowUp, payment: PaymentRow, amount: number) {
    const left = payment.captured - payment.refunded - payment.refund_pending
    if (operation === 'refund')
      return amount > left
        ? {
            code: 'already_refunded',
            message: `Only ${moneyText(left, payment.currency)} is left to refund.`,
          }
        : undefined
    if (payment.status === 'captured') return { code: 'already_captured', message: 'It was captured before.' }
    if (payment.status === 'authorized' && !this.#released(payment)) return undefined
    if (payment.status === 'requires_action' && operation === 'cancel') return undefined
    return { code: EXPIRED, message: 'Nothing is held.' }
  }

  /** The money of a payment is held or taken. */
  #take(payment: PaymentRow): void {
    this.#tables.changePayment(
      payment,
      payment.capture
        ? { status: 'captured', captured: payment.amount }
        : { status: 'authorized', expires_at: this.#now() + HOLD_MS },
    )
  }

  /** Carries out a capture, cancel or refund of its payment. */
  #apply({ operation, amount }: OperationRow, payment: PaymentRow): void {
    this.#tables.changePayment(
      payment,
      operation === 'refund'
        ? { refunded: payment.refunded + amount }
        : operation === 'capture'
          ? { status: 'captured', captured: amount }
          : { status: 'canceled' },
    )
    // Its customer may not have returned yet: the authorization ends with it.
    const authorization = this.#tables.operation(payment.reference)
    if (operation === 'cancel' && payment.status === 'requires_action' && authorization)
      this.#decline(authorization, EXPIRED, 'It was canceled before the customer approved it.')
  }

  /** Reserves money for a later operation. */
  #reserve({ operation, reference, amount }: OperationRow, payment: PaymentRow): void {
    this.#tables.changePayment(
      payment,
      operation === 'refund' ? { refund_pending: payment.refund_pending + amount } : { busy: reference },
    )
  }

  #released({ status, expires_at }: PaymentRow): boolean {
    if (status === 'authorized') return (expires_at ?? 0) <= this.#now()
    return status === 'canceled' || status === 'expired'
  }

  #due(fault: Fault | undefined): number | null {
    return fault === 'late' ? this.#now() + this.#options.lateMs() : null
  }

  #now(): number {
    return this.#options.now()
  }

  #notify(about: NotificationRow['about'], reference: string): void {
    this.#tables.putNotification({ id: newId('ntf'), about, reference, tries: 0, due_at: this.#now() })
  }
}

const EXPIRED = 'authorization_expired'
const NOT_FOUND: ProcessorResponse = ok({ status: 'not_found' })

function ok(body: object): ProcessorResponse {
  return { status: 200, body }
}

/** Not done, and never will be by this call. */
export function refusal(status: number, code: string, message: string): ProcessorResponse {
  return { status, body: { status: 'refused', code, message } }
}

function operationRow(
  operation: OperationRow['operation'],
  reference: string,
  request: string,
  amount: number,
  currency: string,
): OperationRow {
  const nothing = { id: null, payment: null, decline_code: null, message: null, due_at: null }
  return { reference, operation, request, status: 'done', amount, currency, ...nothing }
}
