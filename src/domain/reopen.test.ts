import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { attemptOf, chargeOf, DECLINED, made, refundOf, yes } from '../../test/kit/charges.ts'
import { type Attempt, applyOutcome, type KnownOutcome } from './attempt.ts'
import type { Charge, Decision, Refund } from './charge.ts'
import { isRejection, type Rejection } from './error.ts'
import { beginRefund, concludeRefund } from './refund.ts'
import { concludeAnew, maxMovedAmount, reopen } from './reopen.ts'

type End = Exclude<KnownOutcome, { kind: 'pending' }>
const NOT_SENT = { kind: 'not_sent', reason: 'It never came.' } as const

const ended = (kind: Attempt['kind'], outcome: End, amount = 1000): Attempt =>
  applyOutcome(attemptOf(kind, amount), outcome, 'answer', 2_000)
const taken = (changes: Partial<Charge> = {}) => chargeOf({ amountCaptured: 1000, ...changes })
const held = (changes: Partial<Charge> = {}) => chargeOf({ capture: false, status: 'authorized', ...changes })
const about = (charge: Charge, attempt: Attempt, others: Attempt[] = [], refund: Refund | null = null) => ({
  charge,
  attempt,
  others,
  refund,
})
function decided(made: Decision | Rejection) {
  if (isRejection(made)) throw new Error(made.message)
  const { charge, transfers, event, counts } = made
  const moved = transfers.map(({ debit, credit, amount }) => `${debit} / ${credit} ${amount}`)
  return { status: charge.status, captured: charge.amountCaptured, moved, event, counts }
}
const refusal = (made: Decision | Rejection) => (isRejection(made) ? made.message : 'not refused')

describe('an authorization', () => {
  test('a failed authorization succeeded after all, at the provider that took the money', () => {
    const charge = chargeOf({ status: 'failed', provider: 'other', declineCode: 'x', failureMessage: 'No.' })
    for (const before of [DECLINED, NOT_SENT]) {
      const made = concludeAnew(about(charge, ended('authorize', before)), yes(1000), 'lookup', 3_000)
      assert.deepEqual(decided(made), {
        status: 'succeeded',
        captured: 1000,
        moved: ['provider:bank / merchant 1000'],
        event: 'payment.succeeded',
        counts: [
          ['charges_failed', -1],
          ['charges_succeeded', 1],
        ],
      })
      const { charge: after, attempts } = made as Decision
      assert.deepEqual(
        [after.version, after.provider, after.providerReference, after.declineCode, after.failureMessage],
        [charge.version + 1, 'bank', 'ref_1', null, null],
      )
      assert.deepEqual(
        attempts.map(({ state, declineCode, resolvedBy, endedAt }) => [
          state,
          declineCode,
          resolvedBy,
          endedAt,
        ]),
        [['succeeded', null, 'lookup', 3_000]],
      )
    }
  })

  test('an authorization that succeeded had failed: its transfers are reversed', () => {
    const made = concludeAnew(about(taken(), ended('authorize', yes(1000))), DECLINED, 'hand', 3_000)
    assert.deepEqual(decided(made), {
      status: 'failed',
      captured: 0,
      moved: ['merchant / provider:bank 1000'],
      event: 'payment.failed',
      counts: [
        ['charges_succeeded', -1],
        ['charges_failed', 1],
      ],
    })
  })

  test('an authorization that succeeded had moved only a part', () => {
    const made = concludeAnew(about(taken(), ended('authorize', yes(1000))), yes(400), 'hand', 3_000)
    const { status, captured, moved } = decided(made)
    assert.deepEqual([status, captured], ['succeeded', 400])
    assert.deepEqual(moved, ['merchant / provider:bank 1000', 'provider:bank / merchant 400'])
  })

  test('a held authorization had failed', () => {
    const charge = held({ expiresAt: 9_000 })
    const made = concludeAnew(about(charge, ended('authorize', yes(1000))), DECLINED, 'hand', 3_000)
    assert.deepEqual(decided(made).moved, ['uncaptured / authorized:bank 1000'])
    assert.equal((made as Decision).charge.expiresAt, null)
  })

  test('an authorization that failed is left alone when a cancel was done since', () => {
    const failed = chargeOf({ status: 'failed' })
    const cancel = ended('cancel', yes(1000))
    assert.match(refusal(reopen(about(failed, ended('authorize', DECLINED), [cancel]))), /was canceled since/)
  })

  for (const [what, charge, attempt, why] of [
    [
      'another provider has the money',
      taken({ provider: 'other' }),
      ended('authorize', DECLINED),
      /succeeded at other/,
    ],
    [
      'it is under way elsewhere',
      taken({ status: 'processing' }),
      ended('authorize', DECLINED),
      /is processing/,
    ],
    [
      'something was refunded',
      taken({ amountRefunded: 1, status: 'partially_refunded' }),
      ended('authorize', yes(1000)),
      /has refunds/,
    ],
    [
      'something is being refunded',
      taken({ amountRefundPending: 1 }),
      ended('authorize', yes(1000)),
      /has refunds/,
    ],
    ['something is disputed', taken({ amountDisputed: 1 }), ended('authorize', yes(1000)), /is disputed/],
    [
      'it was captured since',
      taken({ capture: false }),
      ended('authorize', yes(1000)),
      /correct its capture/,
    ],
    ['it was canceled since', held({ status: 'canceled' }), ended('authorize', yes(1000)), /is canceled/],
  ] as const)
    test(`an authorization is left alone when ${what}`, () =>
      assert.match(refusal(reopen(about(charge, attempt))), why))
})

describe('a capture', () => {
  const authorization = ended('authorize', yes(1000))

  test('a capture that failed was done after all, also when the hold seems to have lapsed since', () => {
    const capture = ended('capture', DECLINED, 600)
    const moved = ['provider:bank / merchant 600']
    const now = decided(concludeAnew(about(held(), capture, [authorization]), yes(600), 'lookup', 3_000))
    assert.deepEqual([now.status, now.captured], ['succeeded', 600])
    assert.deepEqual(now.moved, ['uncaptured / authorized:bank 1000', ...moved])
    const lapsed = held({ status: 'canceled', declineCode: 'authorization_expired' })
    const late = decided(concludeAnew(about(lapsed, capture, [authorization]), yes(600), 'lookup', 3_000))
    assert.deepEqual([late.status, late.captured, late.moved], ['succeeded', 600, moved])
  })

  test('a capture that was done was not: the charge is authorized again', () => {
    const charge = taken({ capture: false, amountCaptured: 600 })
    const made = decided(
      concludeAnew(about(charge, ended('capture', yes(600), 600)), DECLINED, 'hand', 3_000),
    )
    assert.deepEqual([made.status, made.captured, made.event], ['authorized', 0, 'payment.capture_failed'])
    assert.deepEqual(made.counts, [['charges_succeeded', -1]])
    assert.deepEqual(made.moved, ['merchant / provider:bank 600', 'authorized:bank / uncaptured 1000'])
  })

  for (const [what, charge, attempt, others, why] of [
    [
      'another one was done',
      taken({ capture: false }),
      ended('capture', DECLINED),
      [authorization],
      /is succeeded since/,
    ],
    [
      'the charge was canceled',
      held({ status: 'canceled' }),
      ended('capture', DECLINED),
      [authorization, ended('cancel', yes(1000))],
      /is canceled since/,
    ],
    [
      'nothing was ever held',
      held({ status: 'canceled' }),
      ended('capture', DECLINED),
      [],
      /is canceled since/,
    ],
    ['something was refunded', taken({ amountRefunded: 1 }), ended('capture', yes(1000)), [], /has refunds/],
    ['something is disputed', taken({ amountDisputed: 1 }), ended('capture', yes(1000)), [], /is disputed/],
    ['a call is under way', held({ status: 'processing' }), ended('capture', yes(1000)), [], /is processing/],
  ] as const)
    test(`an authorization is left alone when ${what}`, () =>
      assert.match(refusal(reopen(about(charge, attempt, [...others]))), why))
})

describe('a cancel', () => {
  const authorization = ended('authorize', yes(1000))

  test('a cancel that failed was done after all, or one that was done was not', () => {
    const done = decided(concludeAnew(about(held(), ended('cancel', DECLINED)), yes(1000), 'hand', 3_000))
    assert.deepEqual([done.status, done.moved], ['canceled', ['uncaptured / authorized:bank 1000']])
    const canceled = about(held({ status: 'canceled' }), ended('cancel', yes(1000)), [authorization])
    const undone = decided(concludeAnew(canceled, DECLINED, 'hand', 3_000))
    assert.deepEqual([undone.status, undone.event], ['authorized', 'payment.cancel_failed'])
    assert.deepEqual(undone.moved, ['authorized:bank / uncaptured 1000'])
  })

  test('a cancel that MiniPay began for a customer who never came back is left alone', () => {
    const charge = held({ idempotencyKey: 'key' })
    assert.match(refusal(reopen(about(charge, ended('cancel', DECLINED)))), /did not return/)
  })

  test('a cancel is left alone when the charge was captured since, or never held anything', () => {
    assert.match(refusal(reopen(about(taken(), ended('cancel', DECLINED)))), /is succeeded since/)
    assert.match(
      refusal(reopen(about(held({ status: 'canceled' }), ended('cancel', yes(1000))))),
      /is canceled/,
    )
  })
})

describe('a refund', () => {
  const begun = beginRefund(taken(), refundOf(600), 600, attemptOf('refund', 600, 're_1'), made('re_1'))
  const conclude = (outcome: End): Decision => {
    const [attempt] = begun.attempts as [Attempt]
    return concludeRefund(begun.charge, begun.refund as Refund, attempt, outcome, 'answer', 2_000)
  }
  const after = ({ charge, refund, attempts: [attempt] }: Decision) =>
    about(charge, attempt as Attempt, [], refund)

  test('a refund that failed was paid after all, also less of it', () => {
    for (const amount of [600, 250]) {
      const made = concludeAnew(after(conclude(DECLINED)), yes(amount), 'lookup', 3_000) as Decision
      assert.deepEqual(decided(made).moved, [`merchant / provider:bank ${amount}`])
      const { charge, refund, event, counts } = made
      assert.deepEqual([charge.amountRefunded, charge.amountRefundPending], [amount, 0])
      assert.deepEqual(
        [refund?.amount, refund?.status, refund?.declineCode],
        [amount, 'partially_refunded', null],
      )
      assert.equal(event, 'payment.refunded')
      assert.deepEqual(counts, [
        ['charges_refunded', 1],
        ['refunds', 1],
      ])
    }
  })

  test('a refund that was paid was not, or another amount of it was', () => {
    const failed = concludeAnew(after(conclude(yes(600))), DECLINED, 'hand', 3_000) as Decision
    assert.deepEqual(
      [failed.charge.status, failed.charge.amountRefunded, failed.refund?.status],
      ['succeeded', 0, 'failed'],
    )
    assert.deepEqual(decided(failed).moved, ['provider:bank / merchant 600'])
    const whole = concludeAnew(after(conclude(yes(600))), yes(1000), 'hand', 3_000) as Decision
    assert.deepEqual(
      [whole.charge.status, whole.charge.amountRefunded, whole.refund?.amount],
      ['refunded', 1000, 1000],
    )
  })

  test('a refund is left alone when its money was given back since, or another call paid it', () => {
    const late = after(conclude(DECLINED))
    const gone = { ...late, charge: { ...late.charge, amountRefundPending: 500 } }
    assert.match(refusal(concludeAnew(gone, yes(600), 'lookup', 3_000)), /has only 5\.00 USD left/)
    assert.match(refusal(reopen(gone)), /has only 5\.00 USD left/)
    const other = { ...ended('refund', yes(600)), refundId: 're_1' }
    assert.match(refusal(reopen({ ...late, others: [other] })), /another attempt of the same refund/)
  })

  test('a refund can have moved the remainder and its own amount', () => {
    assert.equal(maxMovedAmount(after(conclude(yes(600)))), 1000)
    assert.equal(maxMovedAmount(after(conclude(DECLINED))), 1000)
    assert.equal(maxMovedAmount(after(begun)), 600)
    assert.equal(maxMovedAmount(about(taken(), ended('capture', yes(400), 400))), 1000)
  })
})
