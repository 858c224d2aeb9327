/** The state of an attempt after each outcome, and the classification of each response. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attemptOf, DECLINED, ended, yes } from '../../test/kit/charges.ts'
import {
  ATTEMPT_KINDS,
  ATTEMPT_STATES,
  type Attempt,
  type AttemptState,
  applyOutcome,
  classifyOutcome,
  isOpen,
  isWithin,
  type KnownOutcome,
  mayChange,
  newAttempt,
  nextQuietLookup,
  type Outcome,
  RESOLVERS,
} from './attempt.ts'

const HOUR = 3_600_000
const PENDING = { kind: 'pending', reference: 'ref_1', redirectUrl: null } as const
const NOT_SENT = { kind: 'not_sent', reason: 'it is closed' } as const

test('an attempt is open while it is sent, pending or unknown, and ended by every other state', () => {
  const states = Object.keys(ATTEMPT_STATES) as AttemptState[]
  assert.deepEqual(
    states.filter((state) => isOpen({ state })),
    ['sending', 'pending', 'unknown'],
  )
})

test('a new attempt is being sent, and is looked at when its lease ends', () => {
  const about = {
    id: 'att_1',
    chargeId: 'txn_1',
    refundId: 're_1',
    kind: 'refund',
    provider: 'bank',
    amount: 300,
    currency: 'usd',
    route: null,
    idempotencyKey: 'key',
  } as const
  assert.deepEqual(newAttempt({ ...about, now: 7, leaseUntil: 9, token: 't' }), {
    ...about,
    state: 'sending',
    providerReference: null,
    declineCode: null,
    reason: null,
    resolvedBy: null,
    startedAt: 7,
    endedAt: null,
    lookups: 0,
    unknownSince: null,
    dueAt: 9,
    token: 't',
  })
})

test('a span begins at its first moment and ends before its last', () => {
  assert.deepEqual(
    [99, 100, 104, 105].map((now) => isWithin(100, 5, now)),
    [false, true, true, false],
  )
  assert.equal(isWithin(100, 0, 100), false)
})

test('an attempt that ended says how, by what and when, and is looked at no more', () => {
  for (const kind of ATTEMPT_KINDS)
    for (const by of RESOLVERS)
      for (const [outcome, providerReference] of [
        [yes(1000), 'ref_1'],
        [DECLINED, 'ref_0'],
        [{ ...DECLINED, reference: 'ref_9' }, 'ref_9'],
        [NOT_SENT, 'ref_0'],
      ] as const) {
        const attempt: Attempt = {
          ...attemptOf(kind, 1000),
          state: 'unknown',
          providerReference: 'ref_0',
          unknownSince: 3_000,
          lookups: 4,
        }
        assert.deepEqual(
          applyOutcome(attempt, outcome, by, 5_000),
          ended(attempt, outcome, {
            providerReference,
            unknownSince: null,
            resolvedBy: by,
            lookups: by === 'answer' ? 4 : 5,
          }),
        )
      }
})

test('an attempt that was accepted stays open, and is looked at again the later the more often it was', () => {
  const attempt: Attempt = { ...attemptOf('capture', 1000), lookups: 2, unknownSince: 3_000 }
  const later = (lookups: number, dueAt: number, providerReference: string | null) => ({
    ...attempt,
    state: 'pending',
    providerReference,
    lookups,
    unknownSince: null,
    dueAt,
    token: null,
  })
  assert.deepEqual(applyOutcome(attempt, PENDING, 'answer', 5_000), later(2, 7_000, 'ref_1'))
  assert.deepEqual(
    applyOutcome(attempt, { ...PENDING, reference: null }, 'notification', 5_000),
    later(3, 9_000, null),
  )
})

test('a pending attempt is looked at every ten minutes at last', () => {
  const attempt: Attempt = { ...attemptOf('capture', 1000), lookups: 50 }
  assert.equal(applyOutcome(attempt, PENDING, 'lookup', 5_000).dueAt, 605_000)
})

test('a succeeded attempt has the amount that moved, and a cancel moves nothing', () => {
  for (const kind of ATTEMPT_KINDS)
    assert.equal(
      applyOutcome(attemptOf(kind, 1000), yes(400), 'hand', 1).amount,
      kind === 'cancel' ? 1000 : 400,
      kind,
    )
  for (const outcome of [DECLINED, NOT_SENT, PENDING])
    assert.equal(applyOutcome(attemptOf('capture', 1000), outcome, 'hand', 1).amount, 1000)
})

test('only an authorization that lapses is looked at when it does', () => {
  const outcome = { ...yes(1000), expiresAt: 90_000 }
  for (const kind of ATTEMPT_KINDS)
    assert.equal(
      applyOutcome(attemptOf(kind, 1000), outcome, 'answer', 1).dueAt,
      kind === 'authorize' ? 90_000 : null,
      kind,
    )
})

test("the reason for an unknown outcome stays part of the attempt's reason", () => {
  const story = (reason: string | null, outcome: KnownOutcome) =>
    applyOutcome({ ...attemptOf('capture', 1000), reason }, outcome, 'lookup', 1).reason
  for (const outcome of [yes(1000), PENDING]) {
    assert.equal(story(null, outcome), null)
    assert.equal(story('It timed out.', outcome), 'It timed out.')
  }
  for (const [outcome, said] of [
    [DECLINED, 'No funds.'],
    [NOT_SENT, 'it is closed'],
  ] as const) {
    assert.equal(story(null, outcome), said)
    assert.equal(story(said, outcome), said)
    assert.equal(story('It timed out.', outcome), `It timed out.; ${said}`)
  }
})

test('an open attempt cannot change its end, which it does not have', () => {
  for (const state of ['sending', 'pending', 'unknown'] as const)
    assert.equal(mayChange({ kind: 'refund', state }, { status: 'authorized' }), false)
})

test('a look that is due now is not due again', () => {
  assert.equal(nextQuietLookup(0, 10_000), 70_000)
  assert.equal(nextQuietLookup(0, 4_269_999), 4_270_000)
  assert.equal(nextQuietLookup(0, 4_270_000), null)
})

const asked = {
  kind: 'capture',
  amount: 1000,
  currency: 'usd',
  providerReference: null,
  startedAt: 0,
} as const
const GONE = { kind: 'not_found' } as const
const believed = (outcome: Outcome) => ({ outcome, alarm: null })
const doubted = (reason: string, alarm: string | null = null) => ({
  outcome: { kind: 'unknown', reason },
  alarm,
})

test('"not found" counts as far as the provider promises, for 23 hours', () => {
  const judge = (lookup: 'none' | 'eventual' | 'final', now: number) =>
    classifyOutcome(asked, { lookup }, 'lookup', GONE, now)
  const never = believed({ kind: 'not_sent', reason: 'the provider never got the call' })
  const yet = doubted('the provider does not find it yet')
  assert.deepEqual(judge('final', 0), never)
  assert.deepEqual(judge('final', 23 * HOUR - 1), never)
  assert.deepEqual(judge('final', 23 * HOUR), yet)
  for (const lookup of ['none', 'eventual'] as const) assert.deepEqual(judge(lookup, 0), yet)
})

test('that a call which was accepted is not found is a contradiction', () => {
  for (const lookup of ['none', 'eventual', 'final'] as const)
    assert.deepEqual(
      classifyOutcome({ ...asked, providerReference: 'ref_1' }, { lookup }, 'lookup', GONE, 1),
      doubted('the provider had accepted it, but does not find it now', 'contradiction'),
    )
})

test('that a call was turned away is believed of that call alone, and a refusal of its repetition too', () => {
  const refused = { ...NOT_SENT, refused: true } as const
  for (const [how, answer, is] of [
    ['send', NOT_SENT, believed(NOT_SENT)],
    ['send', refused, believed(refused)],
    ['resend', NOT_SENT, doubted('it is closed')],
    ['resend', refused, believed(refused)],
    ['lookup', NOT_SENT, doubted('it is closed')],
    ['lookup', refused, doubted('it is closed')],
  ] as const)
    assert.deepEqual(classifyOutcome(asked, { lookup: 'final' }, how, answer, 1), is, how)
})

test('an amount or a currency that differs from the request is in doubt, except for a cancel, which moves none', () => {
  for (const [amount, currency, said] of [
    [999, 'usd', '9.99 USD'],
    [1001, 'usd', '10.01 USD'],
    [1000, 'eur', '10.00 EUR'],
    [1000, 'jpy', '1000 JPY'],
    [1000, 'zzz', '1000 minor units of zzz'],
  ] as const) {
    const answer = { ...yes(amount), currency }
    for (const kind of ['authorize', 'capture', 'refund'] as const)
      assert.deepEqual(
        classifyOutcome({ ...asked, kind }, { lookup: 'final' }, 'send', answer, 1),
        doubted(`requested 10.00 USD, the provider reports ${said}`, 'amount_mismatch'),
      )
    assert.deepEqual(
      classifyOutcome({ ...asked, kind: 'cancel' }, { lookup: 'final' }, 'send', answer, 1),
      believed(answer),
    )
  }
})

test('a response about an accepted call counts like one about any other call', () => {
  const accepted = { ...asked, providerReference: 'ref_1' }
  for (const how of ['send', 'resend', 'lookup'] as const)
    for (const answer of [yes(1000), DECLINED, PENDING])
      assert.deepEqual(classifyOutcome(accepted, { lookup: 'final' }, how, answer, 1), believed(answer))
})

test('every other response counts unchanged', () => {
  for (const kind of ATTEMPT_KINDS)
    for (const answer of [
      yes(1000),
      DECLINED,
      PENDING,
      { ...PENDING, reference: null },
      { kind: 'unknown', reason: 'It timed out.' } as const,
    ])
      for (const paid of [undefined, null, 'ref_0'])
        assert.deepEqual(
          classifyOutcome({ ...asked, kind }, { lookup: 'none' }, 'lookup', answer, 1, paid),
          believed(answer),
        )
})

test("a refund by its payment's name is doubted, also for another amount", () => {
  for (const answer of [yes(1000), yes(999), PENDING])
    assert.deepEqual(
      classifyOutcome({ ...asked, kind: 'refund' }, { lookup: 'none' }, 'send', answer, 1, 'ref_1'),
      doubted('the provider gave the refund the reference of its payment, ref_1', 'reference_reused'),
    )
})
