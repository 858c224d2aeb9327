import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attemptOf, chargeOf, DECLINED, ended, made, refundOf, whole, yes } from '../../test/kit/charges.ts'
import { CHARGE_STATUSES, type Charge, type Decision, type Refund } from './charge.ts'
import { transfer } from './ledger.ts'
import { beginRefund, concludeRefund, refundAmount, refundableAmount, reverseRefund } from './refund.ts'

const taken = (changes: Partial<Charge> = {}) => chargeOf({ amountCaptured: 1000, ...changes })
const asked = (amount: number, changes: Partial<Refund> = {}): Refund => ({
  id: 're_1',
  chargeId: 'txn_1',
  amount,
  currency: 'usd',
  customer: 'cus_1',
  status: 'processing',
  reason: 'requested_by_customer',
  description: 'Too small.',
  metadata: { order: '7' },
  providerReference: null,
  declineCode: null,
  failureMessage: null,
  idempotencyKey: 'key-re_1',
  createdAt: 1_000,
  ...changes,
})
const NOT_SENT = { kind: 'not_sent', reason: 'it is closed.' } as const
const attempt = attemptOf('refund', 300, 're_1')
/** The whole decision about the refund. */
const about = (charge: Charge, changes: Partial<Charge>, rest: Partial<Decision>): Decision =>
  whole(charge, changes, { transactionId: 're_1', ...rest })

test('the refundable amount is the captured amount less paid and pending refunds and disputes', () => {
  assert.equal(refundableAmount(taken()), 1000)
  const some = taken({ amountRefunded: 100, amountRefundPending: 20, amountDisputed: 3 })
  assert.equal(refundableAmount(some), 877)
  assert.equal(refundableAmount({ ...some, amountDisputed: 880 }), 0)
  assert.equal(refundableAmount({ ...some, amountDisputed: 1000 }), 0)
})

test('a refund takes the given amount, at most the remainder, and without an amount everything', () => {
  for (const status of ['succeeded', 'partially_refunded'] as const) {
    const charge = taken({ status, amountRefunded: 300 })
    assert.equal(refundAmount(charge, refundOf(1)), 1)
    assert.equal(refundAmount(charge, refundOf(700)), 700)
    assert.equal(refundAmount(charge, refundOf()), 700)
  }
})

test('a refused refund has a message with the reason', () => {
  for (const [charge, amount, code, message, param] of [
    ...CHARGE_STATUSES.filter(
      (status) => !['succeeded', 'partially_refunded', 'refunded'].includes(status),
    ).map(
      (status) =>
        [
          taken({ status }),
          1,
          'charge_not_refundable',
          `Transaction txn_1 is ${status}; there is nothing to refund.`,
        ] as const,
    ),
    [taken({ amountDisputed: 1000 }), 1, 'charge_disputed', 'What is left of transaction txn_1 is disputed.'],
    [
      taken({ status: 'partially_refunded', amountRefunded: 999, amountDisputed: 1 }),
      undefined,
      'charge_disputed',
      'What is left of transaction txn_1 is disputed.',
    ],
    [
      taken({ status: 'refunded', amountRefunded: 1000 }),
      1,
      'already_refunded',
      'Transaction txn_1 is already fully refunded, or its full refund is in progress.',
    ],
    [
      taken({ amountRefundPending: 1000 }),
      undefined,
      'already_refunded',
      'Transaction txn_1 is already fully refunded, or its full refund is in progress.',
    ],
    [
      taken({ amountDisputed: 400 }),
      601,
      'refund_exceeds_remaining',
      'Only 6.00 USD of transaction txn_1 is left to refund.',
      'amount',
    ],
  ] as const)
    assert.deepEqual(refundAmount(charge, refundOf(amount)), {
      rejected: true,
      code,
      message,
      ...(param && { param }),
    })
})

test("a refund that begins reserves its amount of the merchant's balance", () => {
  const charge = taken({ amountRefundPending: 50 })
  const { reason, description, metadata } = asked(950)
  const command = { amount: undefined, reason, description, metadata }
  const decision = beginRefund(charge, command, 950, attempt, made('re_1'))
  assert.deepEqual(
    decision,
    about(
      charge,
      { amountRefundPending: 1000 },
      {
        refund: asked(950),
        attempts: [attempt],
        transfers: [transfer('merchant', 'refunds:bank', 'usd', 950)],
      },
    ),
  )
  assert.deepEqual(beginRefund(charge, refundOf(), 1, null, made('re_1')).attempts, [])
})

test('a refund of less than 1, of more than the remainder, or of an uncaptured charge is a bug', () => {
  const refused: [number, string][] = [
    [0, '0.00'],
    [-1, '-0.01'],
    [801, '8.01'],
  ]
  for (const [amount, text] of refused)
    assert.throws(() => beginRefund(taken({ amountRefunded: 200 }), refundOf(), amount, null, made('re_1')), {
      message: `a refund of ${text} USD is more than what is left of txn_1`,
    })
  assert.throws(
    () => beginRefund(taken({ status: 'authorized' }), refundOf(), 1, null, made('re_1')),
    /does not allow refund/,
  )
})

test('a refund that its provider accepted stays as it was', () => {
  const charge = taken({ amountRefundPending: 300 })
  const pending = { kind: 'pending', reference: 'ref_2', redirectUrl: null } as const
  const open = ended(attempt, pending, { providerReference: 'ref_2' })
  assert.deepEqual(
    concludeRefund(charge, asked(300), attempt, pending, 'lookup', 5_000),
    about(charge, {}, { attempts: [open], refund: asked(300) }),
  )
})

test('a refund that was paid takes its money from the provider; the first counts the charge as refunded', () => {
  const paid = { ...yes(300), reference: 'ref_2' }
  const attempts = [ended(attempt, paid, { providerReference: 'ref_2' })]
  for (const [before, status, amountRefunded, counts] of [
    [
      {},
      'partially_refunded',
      300,
      [
        ['charges_refunded', 1],
        ['refunds', 1],
      ],
    ],
    [
      { amountCaptured: 300 },
      'refunded',
      300,
      [
        ['charges_refunded', 1],
        ['refunds', 1],
      ],
    ],
    [{ amountRefunded: 600 }, 'partially_refunded', 900, [['refunds', 1]]],
    [{ amountRefunded: 700 }, 'refunded', 1000, [['refunds', 1]]],
  ] as const) {
    const charge = taken({ amountRefundPending: 340, ...before })
    assert.deepEqual(
      concludeRefund(charge, asked(300), attempt, paid, 'lookup', 5_000),
      about(
        charge,
        { amountRefundPending: 40, amountRefunded, status },
        {
          attempts,
          refund: asked(300, { status, providerReference: 'ref_2' }),
          previousRefund: { status: 'processing', providerReference: null },
          transfers: [transfer('refunds:bank', 'provider:bank', 'usd', 300)],
          event: 'payment.refunded',
          counts,
        },
      ),
    )
  }
})

test('of a refund that was paid in part, the rest is owed to the merchant again', () => {
  const charge = taken({ amountRefundPending: 300 })
  const { refund, transfers, ...decision } = concludeRefund(
    charge,
    asked(300),
    attempt,
    yes(120),
    'hand',
    5_000,
  )
  assert.partialDeepStrictEqual(decision.charge, {
    amountRefundPending: 0,
    amountRefunded: 120,
    status: 'partially_refunded',
  })
  assert.equal(decision.attempts[0]?.amount, 120)
  assert.equal(refund?.amount, 120)
  assert.deepEqual(transfers, [
    transfer('refunds:bank', 'provider:bank', 'usd', 120),
    transfer('refunds:bank', 'merchant', 'usd', 180),
  ])
})

const FAILURES = [
  [DECLINED, { declineCode: 'insufficient_funds', failureMessage: 'No funds.' }],
  [
    NOT_SENT,
    {
      declineCode: 'provider_unavailable',
      failureMessage: 'The provider did not take it: it is closed.',
    },
  ],
] as const

test('a refund that failed says why, and its money is owed to the merchant again', () => {
  for (const [outcome, said] of FAILURES)
    for (const status of ['succeeded', 'partially_refunded'] as const) {
      const charge = taken({ status, amountRefundPending: 340 })
      assert.deepEqual(
        concludeRefund(charge, asked(300), attempt, outcome, 'lookup', 5_000),
        about(
          charge,
          { amountRefundPending: 40 },
          {
            attempts: [ended(attempt, outcome)],
            refund: asked(300, { status: 'failed', ...said }),
            previousRefund: { status: 'processing', declineCode: null, failureMessage: null },
            transfers: [transfer('refunds:bank', 'merchant', 'usd', 300)],
            event: 'refund.failed',
          },
        ),
      )
    }
})

test('a refund that fails later leaves the charge in the state of its other refunds, and no longer counts', () => {
  const done = asked(300, { status: 'partially_refunded', providerReference: 'ref_2' })
  for (const [was, refunded, status, counts] of [
    [
      'partially_refunded',
      300,
      'succeeded',
      [
        ['charges_refunded', -1],
        ['refunds', -1],
      ],
    ],
    ['refunded', 1000, 'partially_refunded', [['refunds', -1]]],
    ['partially_refunded', 301, 'partially_refunded', [['refunds', -1]]],
  ] as const) {
    const charge = taken({ status: was, amountRefunded: refunded })
    assert.deepEqual(
      reverseRefund(charge, done, attempt, DECLINED, 'notification', 5_000),
      about(
        charge,
        { amountRefunded: refunded - 300, status },
        {
          attempts: [ended(attempt, DECLINED, { resolvedBy: 'notification' })],
          previousRefund: { status: 'partially_refunded', declineCode: null, failureMessage: null },
          refund: {
            ...done,
            status: 'failed',
            declineCode: 'insufficient_funds',
            failureMessage: 'No funds.',
          },
          transfers: [transfer('provider:bank', 'merchant', 'usd', 300)],
          event: 'refund.failed',
          counts,
        },
      ),
    )
  }
})
