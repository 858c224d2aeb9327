import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ATTEMPT_KINDS,
  ATTEMPT_STATES,
  type AttemptState,
  applyOutcome,
  type Capabilities,
  classifyOutcome,
  decodeRoute,
  encodeRoute,
  type KnownOutcome,
  mayChange,
  newAttempt,
  nextLookupMs,
  nextQuietLookup,
  type Outcome,
  recoveryStep,
} from './attempt.ts'
import { CHARGE_STATUSES } from './charge.ts'

const HOUR = 3_600_000
const capable = (changes: Partial<Capabilities>): Capabilities => ({
  idempotencyWindowMs: 0,
  lookup: 'none',
  void: true,
  partialCapture: true,
  ...changes,
})
const open = {
  kind: 'capture',
  state: 'unknown',
  startedAt: 0,
  providerReference: null,
  lookups: 0,
} as const
const asked = {
  kind: 'authorize',
  amount: 100,
  currency: 'usd',
  providerReference: null,
  startedAt: 0,
} as const
const done = (amount: number, currency = 'usd'): Outcome => ({
  kind: 'succeeded',
  reference: 'r',
  amount,
  currency,
  expiresAt: null,
})

test('a provider whose "not found" is final gets a lookup, not a resend', () => {
  const final = capable({ lookup: 'final', idempotencyWindowMs: HOUR })
  for (const lookups of [0, 1]) assert.equal(recoveryStep(final, { ...open, lookups }, 1), 'lookup')
})

test('the same call is sent again only while the provider does it once', () => {
  const idempotent = capable({ idempotencyWindowMs: HOUR })
  for (const kind of ['capture', 'cancel', 'refund'] as const) {
    assert.equal(recoveryStep(idempotent, { ...open, kind }, HOUR - 1), 'resend')
    assert.equal(recoveryStep(idempotent, { ...open, kind }, HOUR), 'wait')
  }
})

test('a customer is charged by a repetition within ten minutes of the request, and never later', () => {
  const authorize = { ...open, kind: 'authorize', lookups: 1 } as const
  for (const lookup of ['none', 'eventual'] as const) {
    const idempotent = capable({ lookup, idempotencyWindowMs: 23 * HOUR })
    assert.equal(recoveryStep(idempotent, authorize, 600_000 - 1), 'resend')
    assert.equal(recoveryStep(idempotent, authorize, 600_000), lookup === 'none' ? 'wait' : 'lookup')
    const short = { ...idempotent, idempotencyWindowMs: 1_000 }
    assert.equal(recoveryStep(short, authorize, 1_000), lookup === 'none' ? 'wait' : 'lookup')
  }
})

test('where "not found" may change, a call is looked up and sent again in turn, the lookup first', () => {
  const vague = capable({ idempotencyWindowMs: HOUR, lookup: 'eventual' })
  for (const kind of ['authorize', 'refund'] as const) {
    const steps = [0, 1, 2, 3].map((lookups) => recoveryStep(vague, { ...open, kind, lookups }, 1))
    assert.deepEqual(steps, ['lookup', 'resend', 'lookup', 'resend'])
  }
  const late = [0, 1, 2, 3].map((lookups) => recoveryStep(vague, { ...open, lookups }, HOUR))
  assert.deepEqual(late, ['lookup', 'lookup', 'lookup', 'lookup'])
  assert.equal(recoveryStep(vague, { ...open, lookups: 1, providerReference: 'r' }, 1), 'lookup')
  assert.equal(recoveryStep(vague, { ...open, lookups: 1, state: 'pending' }, 1), 'lookup')
})

test('a call that the provider has accepted is never resent', () => {
  assert.equal(recoveryStep(capable({ idempotencyWindowMs: HOUR }), { ...open, state: 'pending' }, 1), 'wait')
})

test('a provider without lookup and idempotency is not called', () => {
  assert.equal(recoveryStep(capable({}), open, 1), 'wait')
})

test('another amount or currency than requested is never booked, and raises an alarm', () => {
  for (const answer of [done(99), done(101), done(100, 'eur')]) {
    const { outcome, alarm } = classifyOutcome(asked, { lookup: 'final' }, 'send', answer, 1)
    assert.equal(outcome.kind, 'unknown')
    assert.equal(alarm, 'amount_mismatch')
  }
  assert.deepEqual(classifyOutcome(asked, { lookup: 'final' }, 'send', done(100), 1).outcome, done(100))
})

test('a refund has a reference of its own: that of its payment is not believed, and is no name for its decline', () => {
  const refund = { ...asked, kind: 'refund' } as const
  const judge = (attempt: typeof refund | typeof asked, answer: Outcome, how: 'send' | 'lookup' = 'send') =>
    classifyOutcome(attempt, { lookup: 'final' }, how, answer, 1, 'r')
  const later: Outcome = { kind: 'pending', reference: 'r', redirectUrl: null }
  for (const how of ['send', 'lookup'] as const)
    for (const answer of [done(100), later]) {
      const { outcome, alarm } = judge(refund, answer, how)
      assert.deepEqual([outcome.kind, alarm], ['unknown', 'reference_reused'])
    }
  const no: Outcome = { kind: 'declined', declineCode: 'do_not_honor', message: 'No.', reference: 'r' }
  assert.deepEqual(judge(refund, no), { outcome: { ...no, reference: null }, alarm: null })
  assert.equal(judge(refund, { ...later, reference: null }).outcome.kind, 'pending')
  assert.equal(judge(refund, { ...done(100), reference: 'r2' } as Outcome).outcome.kind, 'succeeded')
  for (const kind of ['authorize', 'capture', 'cancel'] as const)
    assert.equal(
      classifyOutcome({ ...asked, kind }, { lookup: 'final' }, 'send', done(100), 1, 'r').alarm,
      null,
    )
})

test('only the call itself can show that it was not sent', () => {
  const refused: Outcome = { kind: 'not_sent', reason: 'turned away' }
  assert.equal(classifyOutcome(asked, { lookup: 'final' }, 'send', refused, 1).outcome.kind, 'not_sent')
  assert.equal(classifyOutcome(asked, { lookup: 'final' }, 'resend', refused, 1).outcome.kind, 'unknown')
  assert.equal(classifyOutcome(asked, { lookup: 'final' }, 'lookup', refused, 1).outcome.kind, 'unknown')
})

test('a resend that the provider checked and refuses was not done before, with any kind of lookup', () => {
  const refused: Outcome = { kind: 'not_sent', reason: 'refused', refused: true }
  for (const lookup of ['none', 'eventual', 'final'] as const) {
    assert.deepEqual(classifyOutcome(asked, { lookup }, 'resend', refused, 1).outcome, refused)
    assert.equal(classifyOutcome(asked, { lookup }, 'lookup', refused, 1).outcome.kind, 'unknown')
  }
})

test('a lookup that finds the call decides, also where "not found" may change', () => {
  const no: Outcome = { kind: 'declined', declineCode: 'do_not_honor', message: 'No.', reference: null }
  for (const answer of [done(100), no])
    assert.deepEqual(classifyOutcome(asked, { lookup: 'eventual' }, 'lookup', answer, 1).outcome, answer)
})

test('"not found" ends an attempt only where the provider promises it for good', () => {
  const judge = (lookup: Capabilities['lookup']) =>
    classifyOutcome(asked, { lookup }, 'lookup', { kind: 'not_found' }, 1).outcome.kind
  assert.equal(judge('final'), 'not_sent')
  assert.equal(judge('eventual'), 'unknown')
})

test('"not found" is believed of a call of late only, and never of one that was accepted', () => {
  const gone = { kind: 'not_found' } as const
  const judge = (attempt: typeof asked | { providerReference: string }, now: number) =>
    classifyOutcome({ ...asked, ...attempt }, { lookup: 'final' }, 'lookup', gone, now)
  assert.equal(judge(asked, 22 * HOUR).outcome.kind, 'not_sent')
  assert.equal(judge(asked, 24 * HOUR).outcome.kind, 'unknown')
  assert.equal(judge(asked, -1).outcome.kind, 'unknown', 'a clock that was set back proves nothing')
  const accepted = judge({ providerReference: 'pay_1' }, 1)
  assert.deepEqual([accepted.outcome.kind, accepted.alarm], ['unknown', 'contradiction'])
})

test('a clock that was set back does not make an old call look fresh', () => {
  const idempotent = capable({ idempotencyWindowMs: HOUR })
  assert.equal(recoveryStep(idempotent, { ...open, startedAt: 10 * HOUR }, 9 * HOUR), 'wait')
})

test('each look at a pending attempt puts the next one further off', () => {
  const accepted: KnownOutcome = { kind: 'pending', reference: 'r', redirectUrl: null }
  const first = newAttempt({
    id: 'att_1',
    chargeId: 'txn_1',
    refundId: null,
    kind: 'authorize',
    provider: 'bank',
    amount: 100,
    currency: 'usd',
    route: null,
    idempotencyKey: 'key',
    now: 0,
    leaseUntil: 1,
    token: 't',
  })
  let attempt = applyOutcome(first, accepted, 'answer', 0)
  const waits = [attempt.dueAt]
  for (let i = 0; i < 3; i++) {
    attempt = applyOutcome(attempt, accepted, 'lookup', 0)
    waits.push(attempt.dueAt)
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000])
})

test('lookups come later each time, up to half a minute, or ten minutes while the attempt is pending', () => {
  const waits = [0, 1, 2, 7, 50].map((lookups) => nextLookupMs('unknown', lookups))
  assert.deepEqual(waits, [500, 1_000, 2_000, 30_000, 30_000])
  assert.equal(nextLookupMs('pending', 50), 600_000)
})

test('only attempts that may still change are looked up again: a refund, a held authorization, and a call that was definitely not done', () => {
  const worth = ATTEMPT_KINDS.flatMap((kind) =>
    (Object.keys(ATTEMPT_STATES) as AttemptState[]).flatMap((state) =>
      CHARGE_STATUSES.filter((status) => mayChange({ kind, state }, { status })).map(
        (status) => `${kind} ${state} ${status}`,
      ),
    ),
  )
  const anyStatus = (kind: string, state: string) =>
    CHARGE_STATUSES.map((status) => `${kind} ${state} ${status}`)
  assert.deepEqual(
    worth.sort(),
    [
      ...['succeeded', 'declined', 'not_sent'].flatMap((state) => anyStatus('refund', state)),
      ...['authorize', 'capture', 'cancel'].flatMap((kind) => anyStatus(kind, 'not_sent')),
      'authorize succeeded authorized',
    ].sort(),
  )
})

test('a provider that reports nothing new is looked up after 10 s, then 1 min, 10 min and 1 h later, and then no more', () => {
  const looks: number[] = []
  for (let at: number | null = 1_000; at !== null && looks.length < 9; at = nextQuietLookup(1_000, at))
    looks.push(at - 1_000)
  assert.deepEqual(looks, [0, 10_000, 70_000, 670_000, 4_270_000])
  assert.equal(nextQuietLookup(0, 9_999), 10_000)
})

test('a route is stored without its empty parts, and read from either form', () => {
  const usual = { ruleSetVersion: null, rule: 'default', next: [], skipped: [], failoverOn: [] }
  assert.equal(encodeRoute({ ...usual, notes: [] }), '{"rule":"default"}')
  assert.deepEqual(decodeRoute('{"rule":"default"}'), usual)
  assert.deepEqual(decodeRoute(JSON.stringify({ ...usual, notes: [] })), { ...usual, notes: [] })
  const full = { ...usual, ruleSetVersion: 2, next: ['bank_b'], failoverOn: ['do_not_honor'], again: 'att_1' }
  assert.equal(
    encodeRoute(full),
    '{"ruleSetVersion":2,"rule":"default","next":["bank_b"],"failoverOn":["do_not_honor"],"again":"att_1"}',
  )
  assert.deepEqual(decodeRoute(encodeRoute(full)), full)
})
