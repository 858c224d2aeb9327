/** Random sequences of everything that can happen to a charge, checked against the ledger. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attemptOf, command, DECLINED, made, refundOf, yes } from '../../test/kit/charges.ts'
import { type Attempt, isOpen, type KnownOutcome } from './attempt.ts'
import type { Charge, Decision, Dispute, Refund } from './charge.ts'
import { bookableAmount, decideDispute } from './dispute.ts'
import { isRejection } from './error.ts'
import { isTransfer, type Transfer } from './ledger.ts'
import {
  beginCharge,
  beginFollowUp,
  cancelRefusal,
  captureAmount,
  concludeCharge,
  expireAuthorization,
} from './lifecycle.ts'
import { MAX_AMOUNT } from './money.ts'
import { beginRefund, concludeRefund, refundAmount, refundableAmount, reverseRefund } from './refund.ts'
import { concludeAnew, maxMovedAmount } from './reopen.ts'

/** Everything that can happen to a charge, in any order; `pick` chooses among the possible steps. */
type Step =
  | { readonly do: 'capture' | 'refund'; readonly part: number }
  | { readonly do: 'cancel' | 'expire' }
  | {
      readonly do: 'conclude'
      readonly pick: number
      readonly outcome: KnownOutcome['kind']
      readonly lapsed: boolean
    }
  | { readonly do: 'reverse'; readonly pick: number }
  | { readonly do: 'correct'; readonly pick: number; readonly part: number; readonly done: boolean }
  | {
      readonly do: 'dispute'
      readonly which: number
      readonly status: Dispute['status']
      readonly amount: number
      readonly currency: string
      readonly ours: boolean
      readonly settled: boolean
    }

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('capture' as const, 'refund' as const),
    part: fc.double({ min: 0.01, max: 1.2, noNaN: true }),
  }),
  fc.record({ do: fc.constantFrom('cancel' as const, 'expire' as const) }),
  fc.record({
    do: fc.constant('conclude' as const),
    pick: fc.nat(20),
    outcome: fc.constantFrom(
      'succeeded' as const,
      'declined' as const,
      'pending' as const,
      'not_sent' as const,
    ),
    lapsed: fc.boolean(),
  }),
  fc.record({ do: fc.constant('reverse' as const), pick: fc.nat(20) }),
  fc.record({
    do: fc.constant('correct' as const),
    pick: fc.nat(20),
    part: fc.double({ min: 0.01, max: 1, noNaN: true }),
    done: fc.boolean(),
  }),
  fc.record({
    do: fc.constant('dispute' as const),
    status: fc.constantFrom('open' as const, 'won' as const, 'lost' as const),
    which: fc.nat(2),
    amount: fc.oneof(fc.integer({ min: 0, max: MAX_AMOUNT }), fc.nat(3)),
    currency: fc.constantFrom('usd', 'usd', 'usd', 'eur'),
    ours: fc.constantFrom(true, true, true, false),
    settled: fc.constantFrom(false, false, true),
  }),
)

/** A charge with all its decisions, as a store would keep it. */
class World {
  charge: Charge
  authorization: Attempt
  readonly attempts = new Map<string, Attempt>()
  readonly open = new Map<string, Attempt>()
  readonly refunds = new Map<string, Refund>()
  readonly refundAttempts = new Map<string, Attempt>()
  readonly disputes = new Map<string, Dispute>()
  readonly transfers: Transfer[] = []
  readonly counts = new Map<string, number>()

  constructor(amount: number, capture: boolean) {
    const first = attemptOf('authorize', amount)
    const begun = beginCharge(command(amount, capture), 'bank', first, made('txn_1'))
    this.charge = begun.charge
    this.authorization = first
    this.open.set(first.id, first)
    this.attempts.set(first.id, first)
  }

  apply(decision: Decision): void {
    assert.equal(decision.charge.version, this.charge.version + 1)
    assert.ok(decision.transfers.every(isTransfer))
    this.charge = decision.charge
    this.transfers.push(...decision.transfers)
    if (decision.refund) this.refunds.set(decision.refund.id, decision.refund)
    if (decision.dispute) this.disputes.set(decision.dispute.id, decision.dispute)
    for (const [name, by] of decision.counts) this.counts.set(name, (this.counts.get(name) ?? 0) + by)
    for (const attempt of decision.attempts) {
      this.attempts.set(attempt.id, attempt)
      if (isOpen(attempt)) this.open.set(attempt.id, attempt)
      else this.open.delete(attempt.id)
      if (attempt.kind === 'authorize') this.authorization = attempt
      if (attempt.refundId) this.refundAttempts.set(attempt.refundId, attempt)
    }
  }

  run(step: Step): void {
    switch (step.do) {
      case 'capture': {
        const amount = captureAmount(this.charge, Math.max(1, Math.floor(this.charge.amount * step.part)))
        if (typeof amount === 'number') this.apply(beginFollowUp(this.charge, attemptOf('capture', amount)))
        return
      }
      case 'cancel':
        // The original call must end first; see isCancelFirst in settle-attempt.
        if (!cancelRefusal(this.charge) && this.charge.status === 'authorized')
          this.apply(beginFollowUp(this.charge, attemptOf('cancel', this.charge.amount)))
        return
      case 'expire':
        if (this.charge.status === 'authorized')
          this.apply(expireAuthorization(this.charge, this.authorization, 'Expired.', 2_000))
        return
      case 'refund': {
        const asked = refundOf(Math.max(1, Math.floor(this.charge.amountCaptured * step.part)))
        const amount = refundAmount(this.charge, asked)
        if (typeof amount !== 'number') return
        const id = `re_${this.refunds.size}`
        this.apply(beginRefund(this.charge, asked, amount, attemptOf('refund', amount, id), made(id)))
        return
      }
      case 'conclude':
        this.conclude(step)
        return
      case 'reverse': {
        const done = [...this.refunds.values()].filter(
          (r) => r.status !== 'processing' && r.status !== 'failed',
        )
        const refund = done[step.pick % done.length]
        const attempt = refund && this.refundAttempts.get(refund.id)
        if (attempt) this.apply(reverseRefund(this.charge, refund, attempt, DECLINED, 'notification', 3_000))
        return
      }
      case 'correct':
        this.correct(step)
        return
      case 'dispute':
        this.disputed(step)
    }
  }

  conclude(step: Extract<Step, { do: 'conclude' }>): void {
    const attempt = [...this.open.values()][step.pick % this.open.size]
    if (!attempt) return
    const outcome: KnownOutcome = {
      succeeded: yes(attempt.amount),
      declined: step.lapsed ? { ...DECLINED, declineCode: 'authorization_expired' } : DECLINED,
      pending: { kind: 'pending', reference: 'ref_1', redirectUrl: null } as const,
      not_sent: { kind: 'not_sent', reason: 'refused' } as const,
    }[step.outcome]
    const refund = attempt.refundId === null ? undefined : this.refunds.get(attempt.refundId)
    this.apply(
      refund
        ? concludeRefund(this.charge, refund, attempt, outcome, 'lookup', 2_000)
        : concludeCharge(this.charge, attempt, outcome, 'lookup', 2_000),
    )
  }

  /** A person, or a late outcome of the provider, reports another end of an attempt, or another amount. */
  correct({ pick, part, done }: Extract<Step, { do: 'correct' }>): void {
    const ended = [...this.attempts.values()].filter((attempt) => !isOpen(attempt))
    const attempt = ended[pick % ended.length]
    if (!attempt) return
    const refund = attempt.refundId === null ? null : (this.refunds.get(attempt.refundId) ?? null)
    const others = [...this.attempts.values()].filter(({ id }) => id !== attempt.id)
    const about = { charge: this.charge, refund, attempt, others }
    const most = maxMovedAmount(about)
    if (most === 0) return
    const whole = attempt.kind === 'authorize' && !this.charge.capture
    const amount = whole ? attempt.amount : Math.max(1, Math.floor(most * part))
    const decision = concludeAnew(about, done ? yes(amount) : DECLINED, 'hand', 4_000)
    if (isRejection(decision)) assert.equal(decision.code, 'attempt_not_resolved')
    else this.apply(decision)
  }

  /** Any report of the provider about one of the disputes, in any order. */
  disputed({ which, status, amount, currency, ours, settled }: Extract<Step, { do: 'dispute' }>): void {
    const id = `dp_${which}`
    const before = this.disputes.get(id) ?? null
    const said = { status, amount, currency }
    const { amount: amountBooked } = bookableAmount(this.charge, before, said, { ours, settled })
    const dispute: Dispute = before ?? {
      ...said,
      id,
      chargeId: 'txn_1',
      provider: 'bank',
      providerReference: id,
      amountBooked,
      customer: 'cus_1',
      reason: null,
      evidenceDueAt: null,
      closedAt: null,
      createdAt: 1,
    }
    const decision = decideDispute(this.charge, before, { ...dispute, ...said, amountBooked })
    if (decision) this.apply(decision)
  }

  balance(account: string): bigint {
    return this.transfers.reduce((sum, { debit, credit, amount }) => {
      if (debit === account) return sum + BigInt(amount)
      return credit === account ? sum - BigInt(amount) : sum
    }, 0n)
  }

  /** The expected ledger, from the charge, its refunds and its disputes. */
  check(): void {
    const { charge } = this
    const total = (...statuses: string[]) =>
      [...this.refunds.values()].reduce(
        (sum, r) => (statuses.includes(r.status) ? sum + BigInt(r.amount) : sum),
        0n,
      )
    const captured = BigInt(charge.amountCaptured)
    const pending = total('processing')
    const refunded = total('refunded', 'partially_refunded')
    const disputed = (status: string) =>
      [...this.disputes.values()].reduce(
        (sum, d) => (d.status === status ? sum + BigInt(d.amountBooked) : sum),
        0n,
      )
    assert.equal(BigInt(charge.amountRefunded), refunded)
    assert.equal(BigInt(charge.amountRefundPending), pending)
    assert.equal(BigInt(charge.amountDisputed), disputed('open') + disputed('lost'))
    assert.equal(
      this.balance('merchant'),
      -(captured - refunded - pending - disputed('open') - disputed('lost')),
    )
    assert.equal(this.balance('provider:bank'), captured - refunded - disputed('lost'))
    assert.equal(this.balance('refunds:bank'), -pending)
    assert.equal(this.balance('disputes:bank'), -disputed('open'))

    const following = [...this.open.values()].some(({ kind }) => kind === 'capture' || kind === 'cancel')
    const counted = (name: string) => this.counts.get(name) ?? 0
    assert.equal(counted('charges_succeeded'), captured > 0n ? 1 : 0)
    assert.equal(counted('charges_failed'), charge.status === 'failed' ? 1 : 0)
    assert.equal(counted('charges_refunded'), refunded > 0n ? 1 : 0)
    const done = [...this.refunds.values()].filter(({ status }) => /refunded$/.test(status))
    assert.equal(counted('refunds'), done.length)

    const held = charge.status === 'authorized' || following ? BigInt(charge.amount) : 0n
    assert.equal(this.balance('authorized:bank'), held)
    assert.equal(this.balance('capturing'), following ? -held : 0n)
    assert.equal(this.balance('uncaptured'), following ? 0n : -held)

    assert.ok(refunded + pending <= captured)
    assert.ok(charge.amountDisputed >= 0 && charge.amountDisputed <= charge.amountCaptured)
    assert.ok(refundableAmount(charge) >= 0)
    assert.equal(
      charge.status === 'processing',
      [...this.open.values()].some(({ kind }) => kind !== 'refund'),
    )
  }
}

test('after any steps in any order, the ledger agrees with the charge, and no money is refunded twice', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: MAX_AMOUNT }),
      fc.boolean(),
      fc.array(steps, { maxLength: 40 }),
      (amount, capture, story) => {
        const world = new World(amount, capture)
        world.check()
        // Most charges succeed, so that later steps are tested.
        world.run({ do: 'conclude', pick: 0, outcome: 'succeeded', lapsed: false })
        for (const step of story) {
          world.run(step)
          world.check()
        }
      },
    ),
    { numRuns: 500 },
  )
})
