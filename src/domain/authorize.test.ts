/** How each outcome of an authorization changes a charge: the whole decision, with every field. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attemptOf, chargeOf, DECLINED, ended, made, whole, yes } from '../../test/kit/charges.ts'
import type { Attempt, KnownOutcome } from './attempt.ts'
import type { Charge, Refund } from './charge.ts'
import { transfer } from './ledger.ts'
import { beginCharge, callAgain, concludeCharge, decideCharge, failOver } from './lifecycle.ts'

const NOT_SENT = { kind: 'not_sent', reason: 'it is closed' } as const
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

test('a charge that begins has the requested fields, and no money has moved', () => {
  const command = {
    amount: 1000,
    currency: 'eur',
    customer: 'cus_7',
    capture: false,
    paymentMethod: 'tok_visa',
    description: 'A chair.',
    metadata: { order: '7' },
  }
  const attempt = sent('authorize')
  const charge: Charge = {
    ...command,
    id: 'txn_1',
    amountCaptured: 0,
    amountRefunded: 0,
    amountRefundPending: 0,
    amountDisputed: 0,
    status: 'processing',
    provider: 'bank',
    providerReference: null,
    declineCode: null,
    failureMessage: null,
    redirectUrl: null,
    expiresAt: null,
    cancelKey: null,
    idempotencyKey: 'key-txn_1',
    createdAt: 1_000,
    version: 0,
  }
  assert.deepEqual(
    beginCharge(command, 'bank', attempt, made('txn_1')),
    whole(charge, {}, { attempts: [attempt] }),
  )
  const outcome = { ...yes(1000), currency: 'eur', expiresAt: 90_000 }
  assert.deepEqual(decideCharge(command, 'bank', outcome, made('txn_1'), attempt).attempts, [
    ended(attempt, outcome, {
      providerReference: 'ref_1',
      resolvedBy: 'answer',
      endedAt: 1_000,
      lookups: 0,
      dueAt: 90_000,
    }),
  ])
  assert.deepEqual(decideCharge(command, 'bank', outcome, made('txn_1')).attempts, [])
})

test("captured money is owed to the merchant, with the provider's reference", () => {
  const attempt = sent('authorize')
  for (const charge of [asking(), asking({ status: 'requires_action', redirectUrl: URL })])
    assert.deepEqual(
      conclude(charge, attempt, yes(1000)),
      whole(
        charge,
        { status: 'succeeded', amountCaptured: 1000, providerReference: 'ref_1', redirectUrl: null },
        {
          attempts: [ended(attempt, yes(1000), { providerReference: 'ref_1' })],
          transfers: [transfer('provider:bank', 'merchant', 'usd', 1000)],
          event: 'payment.succeeded',
          counts: [['charges_succeeded', 1]],
        },
      ),
    )
})

test('held money can be captured until the authorization expires', () => {
  const attempt = sent('authorize')
  const outcome = { ...yes(1000), expiresAt: 90_000 }
  const charge = asking({ capture: false, status: 'requires_action', redirectUrl: URL })
  assert.deepEqual(
    conclude(charge, attempt, outcome),
    whole(
      charge,
      { status: 'authorized', providerReference: 'ref_1', redirectUrl: null, expiresAt: 90_000 },
      {
        attempts: [ended(attempt, outcome, { providerReference: 'ref_1', dueAt: 90_000 })],
        transfers: [transfer('authorized:bank', 'uncaptured', 'usd', 1000)],
        event: 'payment.authorized',
      },
    ),
  )
})

test('a charge that failed says why, and keeps a reference that it had', () => {
  const attempt = sent('authorize')
  for (const [outcome, had, providerReference, declineCode, failureMessage] of [
    [DECLINED, null, null, 'insufficient_funds', 'No funds.'],
    [DECLINED, 'ref_0', 'ref_0', 'insufficient_funds', 'No funds.'],
    [{ ...DECLINED, reference: 'ref_9' }, 'ref_0', 'ref_9', 'insufficient_funds', 'No funds.'],
    [NOT_SENT, 'ref_0', 'ref_0', 'provider_unavailable', 'It was not charged: it is closed.'],
  ] as const) {
    const charge = asking({ status: 'requires_action', redirectUrl: URL, providerReference: had })
    const reference = outcome.kind === 'declined' ? outcome.reference : null
    assert.deepEqual(
      conclude(charge, attempt, outcome),
      whole(
        charge,
        { status: 'failed', providerReference, redirectUrl: null, declineCode, failureMessage },
        {
          attempts: [ended(attempt, outcome, { providerReference: reference })],
          event: 'payment.failed',
          counts: [['charges_failed', 1]],
        },
      ),
    )
  }
})

test('a charge that the provider accepted waits; the event that its customer must act is stored once', () => {
  const attempt = sent('authorize')
  for (const [before, outcome, after, event] of [
    [{}, PENDING, { providerReference: 'ref_2' }, null],
    [{ providerReference: 'ref_0' }, { ...PENDING, reference: null }, {}, null],
    [
      { providerReference: 'ref_0' },
      { ...PENDING, redirectUrl: URL },
      { status: 'requires_action', providerReference: 'ref_2', redirectUrl: URL },
      'payment.requires_action',
    ],
    [
      { status: 'requires_action', redirectUrl: URL },
      { ...PENDING, redirectUrl: `${URL}/2` },
      { providerReference: 'ref_2', redirectUrl: `${URL}/2` },
      null,
    ],
    [
      { status: 'requires_action', redirectUrl: URL },
      PENDING,
      { status: 'processing', providerReference: 'ref_2', redirectUrl: null },
      null,
    ],
  ] as const) {
    const charge = asking(before)
    assert.deepEqual(
      conclude(charge, attempt, outcome),
      whole(charge, after, {
        attempts: [ended(attempt, outcome, { providerReference: outcome.reference })],
        event,
      }),
    )
  }
})

test('what has ended takes no outcome of an authorization any more', () => {
  for (const [outcome, transition] of [
    [yes(1000), 'succeed'],
    [DECLINED, 'fail'],
    [PENDING, 'pend'],
    [{ ...PENDING, redirectUrl: URL }, 'require_action'],
  ] as const)
    assert.throws(() => conclude(chargeOf(), sent('authorize'), outcome), {
      message: `txn_1 is succeeded, which does not allow ${transition}`,
    })
  assert.throws(() => conclude(held(), sent('authorize'), yes(1000)), /does not allow authorize/)
  assert.throws(() => failOver(chargeOf(), sent('authorize'), sent('authorize')), /does not allow pend/)
})

test('a failover keeps no field of the provider before', () => {
  const charge = asking({ status: 'requires_action', redirectUrl: URL, providerReference: 'ref_0' })
  const attempts = [sent('authorize'), sent('authorize', { provider: 'other' })] as const
  assert.deepEqual(
    failOver(charge, ...attempts),
    whole(
      charge,
      { status: 'processing', provider: 'other', providerReference: null, redirectUrl: null },
      { attempts },
    ),
  )
})

test('calling once more changes neither the charge nor the refund', () => {
  const attempts = [sent('refund'), sent('refund')] as const
  const refund = { id: 're_1' } as Refund
  const charge = chargeOf()
  assert.deepEqual(callAgain(charge, null, ...attempts), whole(charge, {}, { attempts }))
  assert.deepEqual(
    callAgain(charge, refund, ...attempts),
    whole(charge, {}, { attempts, refund, transactionId: 're_1' }),
  )
})
