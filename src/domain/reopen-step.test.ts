/**
 * Takes a charge back to the state in which an attempt was open: the whole step, and every sentence that refuses it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attemptOf, chargeOf, DECLINED, made, refundOf, whole, yes } from '../../test/kit/charges.ts'
import { ATTEMPT_KINDS, type Attempt, applyOutcome, type KnownOutcome } from './attempt.ts'
import { CHARGE_STATUSES, type Charge, type Refund } from './charge.ts'
import { transfer } from './ledger.ts'
import { beginRefund } from './refund.ts'
import { concludeAnew, maxMovedAmount, reopen } from './reopen.ts'

const NOT_SENT = { kind: 'not_sent', reason: 'it is closed' } as const
type End = Exclude<KnownOutcome, { kind: 'pending' }>

const end = (kind: Attempt['kind'], outcome: End, amount = 1000): Attempt => ({
  ...applyOutcome(attemptOf(kind, amount), outcome, 'answer', 2_000),
  idempotencyKey: 'another',
})
const taken = (changes: Partial<Charge> = {}) => chargeOf({ amountCaptured: 1000, ...changes })
const held = (changes: Partial<Charge> = {}) =>
  chargeOf({ capture: false, status: 'authorized', expiresAt: 90_000, ...changes })
const failed = { declineCode: 'insufficient_funds', failureMessage: 'No funds.' } as const
const about = (charge: Charge, attempt: Attempt, others: Attempt[] = [], refund: Refund | null = null) => ({
  charge,
  attempt,
  others,
  refund,
})
/** The attempt before it ended, without a due time. */
const opened = (attempt: Attempt): Attempt => ({
  ...attempt,
  state: 'unknown',
  declineCode: null,
  resolvedBy: null,
  endedAt: null,
  unknownSince: null,
  dueAt: null,
  token: null,
})
const refusal = ({ kind, id }: Attempt, why: string) => ({
  rejected: true,
  code: 'attempt_not_resolved',
  message: `The outcome of the ${kind} ${id} can't be changed: transaction txn_1 ${why}.`,
})

test('an authorization that failed is open again, where it was and as if it had never failed', () => {
  for (const outcome of [{ ...DECLINED, reference: 'ref_7' }, NOT_SENT] as const) {
    const attempt = end('authorize', outcome)
    const charge = chargeOf({ status: 'failed', provider: 'other', ...failed })
    assert.deepEqual(
      reopen(about(charge, attempt, [end('authorize', DECLINED), end('cancel', DECLINED)])),
      whole(
        charge,
        {
          status: 'processing',
          provider: 'bank',
          providerReference: outcome.kind === 'declined' ? 'ref_7' : null,
          declineCode: null,
          failureMessage: null,
        },
        { attempts: [opened(attempt)], counts: [['charges_failed', -1]] },
      ),
    )
    for (const status of CHARGE_STATUSES.filter((one) => one !== 'failed'))
      assert.deepEqual(
        reopen(about(taken({ status }), attempt)),
        refusal(attempt, `is ${status} at bank since`),
      )
    assert.deepEqual(
      reopen(about(charge, attempt, [end('cancel', yes(1000))])),
      refusal(attempt, 'was canceled since'),
    )
  }
})

test('reopening a held or captured authorization reverses its transfers', () => {
  const attempt = end('authorize', { ...yes(1000), expiresAt: 90_000 })
  assert.deepEqual(
    reopen(about(held(), attempt)),
    whole(
      held(),
      { status: 'processing', expiresAt: null },
      {
        attempts: [opened(attempt)],
        transfers: [transfer('uncaptured', 'authorized:bank', 'usd', 1000)],
      },
    ),
  )
  const part = taken({ amountCaptured: 700 })
  assert.deepEqual(
    reopen(about(part, attempt)),
    whole(
      part,
      { status: 'processing', amountCaptured: 0 },
      {
        attempts: [opened(attempt)],
        transfers: [transfer('merchant', 'provider:bank', 'usd', 700)],
        counts: [['charges_succeeded', -1]],
      },
    ),
  )
})

test('an authorization that later steps depend on is not reopened', () => {
  const attempt = end('authorize', yes(1000))
  const next = (status: string) => `is ${status}; correct its capture or cancel first`
  for (const [charge, why] of [
    [taken({ amountRefunded: 1 }), 'has refunds; correct those first'],
    [taken({ amountRefundPending: 1 }), 'has refunds; correct those first'],
    [taken({ amountDisputed: 1 }), 'is disputed'],
    [taken({ status: 'refunded', amountRefunded: 1000 }), 'has refunds; correct those first'],
    [taken({ capture: false }), next('succeeded')],
    [taken({ capture: false, amountDisputed: 1 }), 'is disputed'],
    [held({ status: 'canceled' }), next('canceled')],
    [taken({ status: 'canceled' }), next('canceled')],
    [held({ status: 'processing' }), next('processing')],
  ] as const)
    assert.deepEqual(reopen(about(charge, attempt)), refusal(attempt, why))
})

test('reopening a succeeded capture reverses it, and reserves the held amount again', () => {
  const attempt = end('capture', yes(600), 600)
  const charge = taken({ capture: false, amountCaptured: 600 })
  assert.deepEqual(
    reopen(about(charge, attempt)),
    whole(
      charge,
      { status: 'processing', amountCaptured: 0 },
      {
        attempts: [opened(attempt)],
        transfers: [
          transfer('merchant', 'provider:bank', 'usd', 600),
          transfer('authorized:bank', 'capturing', 'usd', 1000),
        ],
        counts: [['charges_succeeded', -1]],
      },
    ),
  )
  for (const [changes, why] of [
    [{ amountRefundPending: 1 }, 'has refunds; correct those first'],
    [{ amountDisputed: 1 }, 'is disputed'],
    [{ status: 'partially_refunded', amountRefunded: 1 }, 'has refunds; correct those first'],
    [{ status: 'processing' }, 'is processing'],
    [{ status: 'authorized' }, 'is authorized'],
  ] as const)
    assert.deepEqual(reopen(about({ ...charge, ...changes }, attempt)), refusal(attempt, why))
})

test('reopening a failed capture or cancel reserves the held amount again', () => {
  for (const kind of ['capture', 'cancel'] as const) {
    const attempt = end(kind, DECLINED)
    const charge = held(failed)
    assert.deepEqual(
      reopen(about(charge, attempt)),
      whole(
        charge,
        { status: 'processing', declineCode: null, failureMessage: null },
        { attempts: [opened(attempt)], transfers: [transfer('uncaptured', 'capturing', 'usd', 1000)] },
      ),
    )
    for (const status of ['succeeded', 'processing', 'requires_action', 'failed'] as const)
      assert.deepEqual(reopen(about(held({ status }), attempt)), refusal(attempt, `is ${status} since`))
  }
  const cancel = end('cancel', DECLINED)
  const authorization = end('authorize', yes(1000))
  assert.deepEqual(
    reopen(about(held({ status: 'canceled' }), cancel, [authorization])),
    refusal(cancel, 'is canceled since'),
  )
})

test('reopening a failed capture or a succeeded cancel holds an expired or canceled amount again', () => {
  const authorization = end('authorize', yes(1000))
  const charge = held({ status: 'canceled', expiresAt: null, ...failed })
  for (const [attempt, others] of [
    [end('capture', DECLINED), [authorization]],
    [end('capture', DECLINED), [end('cancel', DECLINED), end('authorize', DECLINED), authorization]],
    [end('cancel', yes(1000)), [authorization, end('capture', DECLINED)]],
  ] as const)
    assert.deepEqual(
      reopen(about(charge, attempt, [...others])),
      whole(
        charge,
        { status: 'processing', declineCode: null, failureMessage: null },
        { attempts: [opened(attempt)], transfers: [transfer('authorized:bank', 'capturing', 'usd', 1000)] },
      ),
    )
})

test('an amount that was never held, or is not canceled, is not held again', () => {
  const authorization = end('authorize', yes(1000))
  const canceled = held({ status: 'canceled' })
  const capture = end('capture', DECLINED)
  for (const others of [
    [],
    [end('authorize', DECLINED)],
    [end('capture', yes(1000))],
    [authorization, end('cancel', yes(1000))],
  ])
    assert.deepEqual(reopen(about(canceled, capture, others)), refusal(capture, 'is canceled since'))
  const cancel = end('cancel', yes(1000))
  for (const others of [[], [end('authorize', NOT_SENT)], [end('capture', yes(1000))]])
    assert.deepEqual(reopen(about(canceled, cancel, others)), refusal(cancel, 'is canceled'))
  assert.deepEqual(
    reopen(about(taken({ capture: false }), cancel, [authorization])),
    refusal(cancel, 'is succeeded'),
  )
  const givenUp = { ...cancel, idempotencyKey: canceled.idempotencyKey }
  assert.deepEqual(
    reopen(about(canceled, givenUp, [authorization])),
    refusal(givenUp, 'had a customer who did not return'),
  )
})

const begun = beginRefund(taken(), refundOf(300), 300, attemptOf('refund', 300, 're_1'), made('re_1'))
const asked = begun.refund as Refund
const refunding = (outcome: End): Attempt => ({ ...end('refund', outcome, 300), refundId: 're_1' })

test('a refund that failed is begun again, of as much as is said, or of its own', () => {
  for (const outcome of [DECLINED, NOT_SENT])
    for (const [paid, amount] of [
      [null, 300],
      [undefined, 300],
      [700, 700],
      [1, 1],
    ] as const) {
      const attempt = refunding(outcome)
      const charge = taken({ status: 'partially_refunded', amountRefunded: 200, amountRefundPending: 100 })
      const refund: Refund = { ...asked, status: 'failed', ...failed }
      assert.deepEqual(
        reopen(about(charge, attempt, [], refund), paid),
        whole(
          charge,
          { amountRefundPending: 100 + amount },
          {
            attempts: [opened(attempt)],
            refund: { ...asked, amount },
            previousRefund: { status: 'failed', ...failed, ...(amount !== asked.amount && { amount: 300 }) },
            transactionId: 're_1',
            transfers: [transfer('merchant', 'refunds:bank', 'usd', amount)],
          },
        ),
      )
      assert.deepEqual(
        reopen(about(charge, attempt, [], refund), 701),
        refusal(attempt, 'has only 7.00 USD left to refund'),
      )
    }
})

test('a refund that was paid is pending again, and counted no more', () => {
  const attempt = refunding(yes(300))
  const refund: Refund = { ...asked, status: 'refunded', providerReference: 'ref_2' }
  for (const [refunded, status, counts] of [
    [
      300,
      'succeeded',
      [
        ['charges_refunded', -1],
        ['refunds', -1],
      ],
    ],
    [1000, 'partially_refunded', [['refunds', -1]]],
  ] as const) {
    const charge = taken({ status: 'refunded', amountRefunded: refunded, amountRefundPending: 0 })
    assert.deepEqual(
      reopen(about(charge, attempt, [], refund), 900),
      whole(
        charge,
        { amountRefundPending: 300, amountRefunded: refunded - 300, status },
        {
          attempts: [opened(attempt)],
          refund: { ...refund, status: 'processing' },
          previousRefund: { status: 'refunded' },
          transactionId: 're_1',
          transfers: [transfer('provider:bank', 'refunds:bank', 'usd', 300)],
          counts,
        },
      ),
    )
  }
})

test('a refund of which another call is open or was done is left alone; calls of other refunds do not matter', () => {
  const attempt = refunding(NOT_SENT)
  const refund: Refund = { ...asked, status: 'failed' }
  for (const state of ['sending', 'pending', 'unknown', 'succeeded'] as const) {
    const other: Attempt = { ...attemptOf('refund', 300, 're_1'), state }
    assert.deepEqual(
      reopen(about(taken(), attempt, [end('authorize', yes(1000)), other], refund)),
      refusal(attempt, 'has another attempt of the same refund'),
    )
    const another = { ...other, refundId: 're_2' }
    assert.ok('charge' in reopen(about(taken(), attempt, [another, refunding(DECLINED)], refund)))
  }
  assert.throws(() => reopen(about(taken(), attempt)), { message: `the refund of ${attempt.id} is gone` })
})

test('an attempt moved at most the requested amount while it is open, and later at most the free amount', () => {
  const charge = taken({ amountRefunded: 300 })
  for (const kind of ATTEMPT_KINDS) {
    assert.equal(maxMovedAmount({ charge, refund: null, attempt: attemptOf(kind, 40) }), 40)
    assert.equal(maxMovedAmount({ charge, refund: null, attempt: end(kind, DECLINED, 40) }), 1000)
  }
  assert.equal(maxMovedAmount({ charge, refund: asked, attempt: refunding(yes(300)) }), 1000)
  assert.equal(maxMovedAmount({ charge, refund: asked, attempt: refunding(DECLINED) }), 700)
})

test('an attempt cannot move more than the free amount; a cancel moves nothing', () => {
  const capture = end('capture', DECLINED, 600)
  assert.deepEqual(
    concludeAnew(about(held(), capture), yes(1001), 'hand', 3_000),
    refusal(capture, 'has only 10.00 USD left for it'),
  )
  for (const done of [
    concludeAnew(about(held(), capture), yes(1000), 'hand', 3_000),
    concludeAnew(about(held(), end('cancel', DECLINED)), yes(1001), 'hand', 3_000),
  ])
    assert.ok('charge' in done)
  const cancel = end('cancel', DECLINED)
  assert.deepEqual(
    concludeAnew(about(taken(), cancel), yes(1000), 'hand', 3_000),
    refusal(cancel, 'is succeeded since'),
  )
})
