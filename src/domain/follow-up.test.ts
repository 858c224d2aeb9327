/** How each outcome of a capture or a cancel changes a charge: the whole decision, with every field. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attemptOf, chargeOf, DECLINED, ended, whole, yes } from '../../test/kit/charges.ts'
import type { Attempt, KnownOutcome } from './attempt.ts'
import { CHARGE_STATUSES, type Charge, type Refund } from './charge.ts'
import { transfer } from './ledger.ts'
import {
  beginFollowUp,
  cancelRefusal,
  captureAmount,
  concludeCharge,
  expireAuthorization,
  isAbandonmentCancel,
  joinDecisions,
} from './lifecycle.ts'

const NOT_SENT = { kind: 'not_sent', reason: 'it is closed' } as const
const LAPSED = { ...DECLINED, declineCode: 'authorization_expired', message: 'It has lapsed.' } as const
const PENDING = { kind: 'pending', reference: 'ref_2', redirectUrl: null } as const
const URL = 'https://bank.test/go'

/** An attempt of 1000 usd. */
const sent = (kind: Attempt['kind'], changes: Partial<Attempt> = {}): Attempt => ({
  ...attemptOf(kind, 1000),
  idempotencyKey: 'another',
  ...changes,
})
const conclude = (charge: Charge, attempt: Attempt, outcome: KnownOutcome) =>
  concludeCharge(charge, attempt, outcome, 'lookup', 5_000)
const asking = (changes: Partial<Charge> = {}) =>
  chargeOf({ status: 'processing', providerReference: null, ...changes })
const held = (changes: Partial<Charge> = {}) =>
  chargeOf({ status: 'authorized', capture: false, expiresAt: 90_000, ...changes })
const following = (changes: Partial<Charge> = {}) => held({ status: 'processing', ...changes })

test('a capture takes the given amount, at most the authorized one, and without an amount everything', () => {
  for (const [amount, takes] of [
    [undefined, 1000],
    [1, 1],
    [1000, 1000],
  ] as const)
    assert.equal(captureAmount(held(), amount), takes)
})

test('a refused capture or cancel has a message with the reason', () => {
  const refused = (code: string, message: string, rest = {}) => ({ rejected: true, code, message, ...rest })
  const wished = { cancelKey: 'key-2' }
  for (const status of CHARGE_STATUSES.filter((each) => each !== 'authorized')) {
    assert.deepEqual(
      captureAmount(held({ status }), 1),
      refused(
        'charge_not_capturable',
        `Transaction txn_1 is ${status}; only an authorized transaction can be captured.`,
      ),
    )
    if (status === 'requires_action') continue
    const refusal = refused(
      'charge_not_cancelable',
      `Transaction txn_1 is ${status}; only a transaction that is authorized or waits for its customer can be canceled.`,
    )
    assert.deepEqual(cancelRefusal(held({ status })), refusal)
    if (status !== 'processing') assert.deepEqual(cancelRefusal(held({ status, ...wished })), refusal)
  }
  assert.deepEqual(
    captureAmount(held(wished), 1),
    refused('charge_not_capturable', 'Transaction txn_1 has a cancel pending.'),
  )
  assert.deepEqual(
    captureAmount(held(), 1001),
    refused('capture_exceeds_authorized', 'Only 10.00 USD of transaction txn_1 is authorized.', {
      param: 'amount',
    }),
  )
  for (const status of ['authorized', 'requires_action'] as const)
    assert.equal(cancelRefusal(held({ status })), undefined)
  for (const status of ['authorized', 'requires_action', 'processing'] as const)
    assert.deepEqual(
      cancelRefusal(held({ status, ...wished })),
      refused('charge_not_cancelable', 'Transaction txn_1 already has a cancel in progress.'),
    )
})

test('a capture or a cancel that begins reserves the held amount', () => {
  for (const kind of ['capture', 'cancel'] as const) {
    const attempt = sent(kind)
    assert.deepEqual(
      beginFollowUp(held(), attempt),
      whole(
        held(),
        { status: 'processing' },
        { attempts: [attempt], transfers: [transfer('uncaptured', 'capturing', 'usd', 1000)] },
      ),
    )
  }
  const waiting = asking({ status: 'requires_action', redirectUrl: URL })
  assert.throws(() => beginFollowUp(waiting, sent('capture')), /does not allow begin_capture/)
  assert.deepEqual(beginFollowUp(waiting, sent('cancel')).transfers, [])
  assert.throws(() => beginFollowUp(chargeOf(), sent('cancel')), /does not allow begin_cancel/)
})

test('a capture that the provider accepted, and a cancel, leave the charge as it is', () => {
  for (const kind of ['capture', 'cancel'] as const) {
    const attempt = sent(kind)
    const open = ended(attempt, PENDING, { providerReference: 'ref_2' })
    assert.deepEqual(conclude(following(), attempt, PENDING), whole(following(), {}, { attempts: [open] }))
  }
})

test('a capture books the captured amount, and releases the whole held amount', () => {
  const attempt = sent('capture')
  const outcome = { ...yes(400), reference: 'ref_3' }
  assert.deepEqual(
    conclude(following(), attempt, outcome),
    whole(
      following(),
      { status: 'succeeded', amountCaptured: 400, expiresAt: null },
      {
        attempts: [ended(attempt, outcome, { amount: 400, providerReference: 'ref_3' })],
        transfers: [
          transfer('provider:bank', 'merchant', 'usd', 400),
          transfer('capturing', 'authorized:bank', 'usd', 1000),
        ],
        event: 'payment.succeeded',
        counts: [['charges_succeeded', 1]],
      },
    ),
  )
  assert.throws(() => conclude(held(), attempt, outcome), /does not allow succeed/)
})

test('a cancel releases the held amount, or nothing if the customer had not acted', () => {
  const attempt = sent('cancel')
  const attempts = [ended(attempt, yes(1000), { providerReference: 'ref_1' })]
  const canceled = { status: 'canceled', expiresAt: null, redirectUrl: null } as const
  const event = 'payment.canceled'
  assert.deepEqual(
    conclude(following(), attempt, yes(1000)),
    whole(following(), canceled, {
      attempts,
      transfers: [transfer('capturing', 'authorized:bank', 'usd', 1000)],
      event,
    }),
  )
  const waiting = following({ redirectUrl: URL })
  assert.deepEqual(conclude(waiting, attempt, yes(1000)), whole(waiting, canceled, { attempts, event }))
  assert.throws(() => conclude(chargeOf(), attempt, yes(1000)), /does not allow cancel/)
})

test('a capture or a cancel that was not done leaves the charge as it was', () => {
  for (const [kind, event] of [
    ['capture', 'payment.capture_failed'],
    ['cancel', 'payment.cancel_failed'],
  ] as const)
    for (const outcome of [DECLINED, NOT_SENT]) {
      const attempt = sent(kind)
      const attempts = [ended(attempt, outcome)]
      assert.deepEqual(
        conclude(following(), attempt, outcome),
        whole(
          following(),
          { status: 'authorized' },
          { attempts, event, transfers: [transfer('capturing', 'uncaptured', 'usd', 1000)] },
        ),
      )
      const waiting = following({ redirectUrl: URL })
      assert.deepEqual(
        conclude(waiting, attempt, outcome),
        whole(waiting, { status: 'requires_action' }, { attempts, event }),
      )
      assert.throws(() => conclude(held(), attempt, outcome), /does not allow undo/)
    }
})

test('an expired authorization cancels the charge and releases the held amount', () => {
  const gone = {
    status: 'canceled',
    declineCode: 'authorization_expired',
    failureMessage: 'It has lapsed.',
    expiresAt: null,
    redirectUrl: null,
  } as const
  for (const kind of ['capture', 'cancel'] as const) {
    const attempt = sent(kind)
    const attempts = [ended(attempt, LAPSED)]
    const event = 'payment.canceled'
    assert.deepEqual(
      conclude(following(), attempt, LAPSED),
      whole(following(), gone, {
        attempts,
        event,
        transfers: [transfer('capturing', 'authorized:bank', 'usd', 1000)],
      }),
    )
    const waiting = following({ redirectUrl: URL })
    assert.deepEqual(conclude(waiting, attempt, LAPSED), whole(waiting, gone, { attempts, event }))
  }
  const authorization = { ...sent('authorize'), state: 'succeeded', dueAt: 90_000, token: 't' } as const
  assert.deepEqual(
    expireAuthorization(held(), authorization, 'It has lapsed.', 91_000),
    whole(held(), gone, {
      attempts: [{ ...authorization, dueAt: null, token: null, endedAt: 91_000 }],
      event: 'payment.canceled',
      transfers: [transfer('uncaptured', 'authorized:bank', 'usd', 1000)],
    }),
  )
  assert.throws(
    () => expireAuthorization(chargeOf(), authorization, 'It has lapsed.', 1),
    /does not allow cancel/,
  )
})

test('a customer who never came back ends a charge as failed; where the payment can still be made, it waits on', () => {
  const charge = following({ redirectUrl: URL })
  const attempt = sent('cancel', { idempotencyKey: charge.idempotencyKey })
  for (const outcome of [yes(1000), LAPSED])
    assert.deepEqual(
      conclude(charge, attempt, outcome),
      whole(
        charge,
        {
          status: 'failed',
          redirectUrl: null,
          declineCode: 'action_expired',
          failureMessage: 'The customer did not act in time; the payment was canceled.',
        },
        {
          attempts: [
            ended(attempt, outcome, { providerReference: outcome.kind === 'succeeded' ? 'ref_1' : null }),
          ],
          event: 'payment.failed',
          counts: [['charges_failed', 1]],
        },
      ),
    )
  for (const outcome of [DECLINED, NOT_SENT])
    assert.deepEqual(
      conclude(charge, attempt, outcome),
      whole(charge, { status: 'requires_action' }, { attempts: [ended(attempt, outcome)] }),
    )
  assert.throws(() => conclude(chargeOf(), attempt, yes(1000)), /does not allow fail/)
  assert.throws(() => conclude(chargeOf(), attempt, DECLINED), /does not allow undo/)
  assert.equal(isAbandonmentCancel(charge, attempt), true)
  assert.equal(isAbandonmentCancel(charge, sent('cancel')), false)
  assert.equal(isAbandonmentCancel(charge, { ...attempt, kind: 'capture' }), false)
})

test("a refund is no attempt of its charge's", () => {
  const attempt = sent('refund')
  assert.throws(() => conclude(chargeOf(), attempt, yes(1000)), {
    message: `the refund ${attempt.id} was taken for a charge's attempt`,
  })
})

test('two steps at once are one version, with the transfers and the counts of both', () => {
  const refund = { id: 're_1' } as Refund
  const first = whole(
    chargeOf(),
    {},
    {
      refund,
      transfers: [transfer('merchant', 'refunds:bank', 'usd', 5)],
      counts: [['refunds', 1]],
      event: 'refund.failed',
    },
  )
  const then = whole(
    first.charge,
    { status: 'refunded' },
    {
      transfers: [transfer('refunds:bank', 'provider:bank', 'usd', 5)],
      counts: [['charges_refunded', 1]],
      event: 'payment.refunded',
    },
  )
  const both = {
    ...then,
    charge: { ...then.charge, version: 2 },
    refund,
    transfers: [transfer('merchant', 'provider:bank', 'usd', 5)],
    counts: [
      ['refunds', 1],
      ['charges_refunded', 1],
    ],
  }
  assert.deepEqual(joinDecisions(first, then), both)
  const later = { id: 're_2' } as Refund
  assert.equal(joinDecisions(first, { ...then, refund: later }).refund, later)
})
