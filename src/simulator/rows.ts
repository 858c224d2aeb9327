import type { Connection } from './database.ts'

export type PaymentRow = {
  readonly number: number
  readonly id: string
  readonly reference: string
  readonly transaction_id: string
  readonly amount: number
  readonly currency: string
  readonly capture: 0 | 1
  readonly status:
    | 'pending'
    | 'requires_action'
    | 'authorized'
    | 'captured'
    | 'canceled'
    | 'expired'
    | 'declined'
  readonly captured: number
  readonly refunded: number
  readonly refund_pending: number
  /** The reference of a capture or cancel that is not done yet. */
  readonly busy: string | null
  readonly expires_at: number | null
}

export type OperationRow = {
  readonly reference: string
  readonly operation: 'authorize' | 'capture' | 'cancel' | 'refund' | 'lookup'
  /** The request, so that another request with the same reference is detected. */
  readonly request: string
  readonly status: 'done' | 'pending' | 'declined' | 'closed'
  readonly id: string | null
  readonly payment: string | null
  readonly amount: number
  readonly currency: string
  readonly decline_code: string | null
  readonly message: string | null
  readonly due_at: number | null
}

export type DisputeRow = {
  readonly id: string
  readonly payment: string
  readonly amount: number
  readonly currency: string
  readonly status: 'open' | 'won' | 'lost'
  /** When the simulator stops taking evidence, in ms since 1970; null if it takes none. */
  readonly due_at: number | null
}

export type NotificationRow = {
  readonly id: string
  readonly about: 'attempt' | 'payment' | 'refund' | 'dispute'
  readonly reference: string
  readonly tries: number
  readonly due_at: number
}

const FIND_PAYMENT = 'SELECT * FROM payments WHERE id = ?'
const PUT_PAYMENT = `
INSERT INTO payments (id, reference, transaction_id, amount, currency, customer, capture, status, captured, expires_at)
VALUES (@id, @reference, @transaction_id, @amount, @currency, @customer, @capture, @status, @captured, @expires_at)`
const CHANGE_PAYMENT = `
UPDATE payments
SET status = @status, captured = @captured, refunded = @refunded, refund_pending = @refund_pending,
  busy = @busy, expires_at = @expires_at
WHERE id = @id`
const FIND_OPERATION = 'SELECT * FROM operations WHERE reference = ?'
const FIND_OPERATION_BY_ID = 'SELECT * FROM operations WHERE id = ?'
const PUT_OPERATION = `
INSERT INTO operations
  (reference, operation, request, status, id, payment, amount, currency, decline_code, message, due_at)
VALUES
  (@reference, @operation, @request, @status, @id, @payment, @amount, @currency, @decline_code, @message, @due_at)
ON CONFLICT (reference) DO UPDATE SET
  status = excluded.status,
  decline_code = excluded.decline_code,
  message = excluded.message,
  due_at = excluded.due_at`
const LATE_OPERATIONS = 'SELECT reference FROM operations WHERE due_at <= ? ORDER BY due_at LIMIT 100'
const FIND_DISPUTE = 'SELECT * FROM disputes WHERE id = ?'
const PUT_DISPUTE = `
INSERT INTO disputes (id, payment, amount, currency, status, due_at)
VALUES (@id, @payment, @amount, @currency, @status, @due_at)
ON CONFLICT (id) DO UPDATE SET status = excluded.status`
const DISPUTED = "SELECT coalesce(sum(amount), 0) FROM disputes WHERE payment = ? AND status <> 'won'"
const PUT_NOTIFICATION = `
INSERT INTO notifications (id, about, reference, tries, due_at) VALUES (@id, @about, @reference, @tries, @due_at)
ON CONFLICT (id) DO UPDATE SET tries = excluded.tries, due_at = excluded.due_at`
const DROP_NOTIFICATION = 'DELETE FROM notifications WHERE id = ?'
const DUE_NOTIFICATIONS = 'SELECT * FROM notifications WHERE due_at <= ? ORDER BY due_at LIMIT ?'
const NEXT_LATE = 'SELECT min(due_at) FROM operations WHERE due_at > ?'
const NEXT_NOTIFICATION = 'SELECT min(due_at) FROM notifications WHERE due_at > ?'
const SETTING = 'SELECT value FROM settings WHERE name = ?'
const PUT_SETTING = `
INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`

export type NewPayment = Omit<PaymentRow, 'number' | 'refunded' | 'refund_pending' | 'busy'> & {
  readonly customer: string
}

/** The simulator's tables, a function a statement. */
export function tables(db: Connection) {
  const findPayment = db.prepare<[string], PaymentRow>(FIND_PAYMENT)
  const putPayment = db.prepare<[NewPayment]>(PUT_PAYMENT)
  const changePayment = db.prepare<[PaymentRow]>(CHANGE_PAYMENT)
  const findOperation = db.prepare<[string], OperationRow>(FIND_OPERATION)
  const findOperationById = db.prepare<[string], OperationRow>(FIND_OPERATION_BY_ID)
  const putOperation = db.prepare<[OperationRow]>(PUT_OPERATION)
  const late = db.prepare<[number], string>(LATE_OPERATIONS).pluck()
  const findDispute = db.prepare<[string], DisputeRow>(FIND_DISPUTE)
  const putDispute = db.prepare<[DisputeRow]>(PUT_DISPUTE)
  const disputed = db.prepare<[string], number>(DISPUTED).pluck()
  const putNotification = db.prepare<[NotificationRow]>(PUT_NOTIFICATION)
  const dropNotification = db.prepare<[string]>(DROP_NOTIFICATION)
  const dueNotifications = db.prepare<[number, number], NotificationRow>(DUE_NOTIFICATIONS)
  const nextLate = db.prepare<[number], number | null>(NEXT_LATE).pluck()
  const nextNotification = db.prepare<[number], number | null>(NEXT_NOTIFICATION).pluck()
  const setting = db.prepare<[string], string>(SETTING).pluck()
  const putSetting = db.prepare<[string, string]>(PUT_SETTING)
  return {
    payment: (id: string) => findPayment.get(id),
    addPayment: (row: NewPayment) => void putPayment.run(row),
    changePayment: (row: PaymentRow, changes: Partial<PaymentRow>) =>
      void changePayment.run({ ...row, ...changes }),
    operation: (reference: string) => findOperation.get(reference),
    operationById: (id: string) => findOperationById.get(id),
    putOperation: (row: OperationRow) => void putOperation.run(row),
    /** References of operations that are due by then. */
    lateOperations: (until: number) => late.all(until),
    dispute: (id: string) => findDispute.get(id),
    putDispute: (row: DisputeRow) => void putDispute.run(row),
    /** The amount in a payment's disputes that are open or lost. */
    disputed: (payment: string) => disputed.get(payment) ?? 0,
    putNotification: (row: NotificationRow) => void putNotification.run(row),
    dropNotification: (id: string) => void dropNotification.run(id),
    dueNotifications: (until: number, most: number) => dueNotifications.all(until, most),
    /** The time of the next late operation or, if they are sent, notification after `now`; null if there is none. */
    nextDue(now: number, notifying: boolean): number | null {
      const times = [nextLate.get(now), notifying ? nextNotification.get(now) : null]
      const known = times.filter((time) => typeof time === 'number')
      return known.length === 0 ? null : Math.min(...known)
    },
    setting: (name: string) => setting.get(name),
    putSetting: (name: string, value: string) => void putSetting.run(name, value),
  }
}
export type Tables = ReturnType<typeof tables>
