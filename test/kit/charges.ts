/** Commands, attempts and outcomes with their minimal parts, for tests of the domain. */
import { type Attempt, type KnownOutcome, newAttempt } from '../../src/domain/attempt.ts'
import {
  type Charge,
  type ChargeCommand,
  type Decision,
  formerValues,
  type RefundCommand,
} from '../../src/domain/charge.ts'

export const DECLINED = {
  kind: 'declined',
  declineCode: 'insufficient_funds',
  message: 'No funds.',
  reference: null,
} as const
export const yes = (amount: number) =>
  ({ kind: 'succeeded', reference: 'ref_1', amount, currency: 'usd', expiresAt: null }) as const

export const command = (amount: number, capture = true): ChargeCommand => ({
  amount,
  currency: 'usd',
  customer: 'cus_1',
  capture,
  paymentMethod: null,
  description: null,
  metadata: {},
})
export const refundOf = (amount?: number): RefundCommand => ({
  amount,
  reason: null,
  description: null,
  metadata: {},
})
export const made = (id: string, now = 1_000) => ({ id, now, idempotencyKey: `key-${id}` })

let attempts = 0
export const attemptOf = (kind: Attempt['kind'], amount: number, refundId: string | null = null): Attempt =>
  newAttempt({
    id: `att_${++attempts}`,
    chargeId: 'txn_1',
    refundId,
    kind,
    provider: 'bank',
    amount,
    currency: 'usd',
    route: null,
    idempotencyKey: 'key',
    now: 1_000,
    leaseUntil: 2_000,
    token: 't',
  })

/** A charge of 1000 usd that succeeded and has no captured amount yet, unless the changes set one. */
export const chargeOf = (changes: Partial<Charge> = {}): Charge => ({
  ...command(1000),
  id: 'txn_1',
  amountCaptured: 0,
  amountRefunded: 0,
  amountRefundPending: 0,
  amountDisputed: 0,
  status: 'succeeded',
  provider: 'bank',
  providerReference: 'ref_1',
  declineCode: null,
  failureMessage: null,
  redirectUrl: null,
  expiresAt: null,
  cancelKey: null,
  idempotencyKey: 'key-txn_1',
  createdAt: 1_000,
  version: 1,
  ...changes,
})

/** An attempt after a lookup at 5000 ms showed its outcome, or that the provider had accepted it. */
export const ended = (attempt: Attempt, outcome: KnownOutcome, changes: Partial<Attempt> = {}): Attempt => ({
  ...attempt,
  state: outcome.kind,
  declineCode: outcome.kind === 'declined' ? outcome.declineCode : null,
  reason: outcome.kind === 'declined' ? outcome.message : outcome.kind === 'not_sent' ? outcome.reason : null,
  resolvedBy: outcome.kind === 'pending' ? null : 'lookup',
  endedAt: outcome.kind === 'pending' ? null : 5_000,
  lookups: 1,
  dueAt: outcome.kind === 'pending' ? 6_000 : null,
  token: null,
  ...changes,
})

/** The complete decision, with every field: the changes of the charge, and the other rows. */
export const whole = (charge: Charge, changes: Partial<Charge>, rest: Partial<Decision>): Decision => ({
  charge: { ...charge, ...changes, version: charge.version + 1 },
  previous: charge.version === 0 ? {} : formerValues(charge, changes),
  previousRefund: null,
  previousDispute: null,
  refund: null,
  dispute: null,
  attempts: [],
  alarms: [],
  transactionId: charge.id,
  transfers: [],
  event: null,
  counts: [],
  ...rest,
})
