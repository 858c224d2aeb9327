import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Capabilities, judged, nextLookMs, type Outcome, recoveryStep } from './attempt.ts'

const HOUR = 3_600_000
const capable = (changes: Partial<Capabilities>): Capabilities => ({
  idempotencyWindowMs: 0,
  lookup: 'none',
  void: true,
  partialCapture: true,
  ...changes,
})
const open = { state: 'unknown', startedAt: 0, providerReference: null } as const
const asked = { kind: 'authorize', amount: 100, currency: 'usd' } as const
const done = (amount: number, currency = 'usd'): Outcome => ({
  kind: 'succeeded',
  reference: 'r',
  amount,
  currency,
  expiresAt: null,
})

test('a provider that promises its "not found" is asked, not sent to again', () => {
  assert.equal(recoveryStep(capable({ lookup: 'final', idempotencyWindowMs: HOUR }), open, 1), 'lookup')
})

test('the same call is sent again only while the provider does it once', () => {
  const idempotent = capable({ idempotencyWindowMs: HOUR })
  assert.equal(recoveryStep(idempotent, open, HOUR - 1), 'resend')
  assert.equal(recoveryStep(idempotent, open, HOUR), 'wait')
  assert.equal(recoveryStep({ ...idempotent, lookup: 'eventual' }, open, HOUR), 'lookup')
  assert.equal(
    recoveryStep({ ...idempotent, lookup: 'eventual' }, { ...open, providerReference: 'r' }, 1),
    'lookup',
  )
})

test('what the provider has accepted is never sent again', () => {
  assert.equal(recoveryStep(capable({ idempotencyWindowMs: HOUR }), { ...open, state: 'pending' }, 1), 'wait')
})

test('a provider that can tell nothing is not asked', () => {
  assert.equal(recoveryStep(capable({}), open, 1), 'wait')
})

test('another amount or currency than asked is never believed, and raises an alarm', () => {
  for (const answer of [done(99), done(101), done(100, 'eur')]) {
    const { outcome, alarm } = judged(asked, { lookup: 'final' }, 'send', answer)
    assert.equal(outcome.kind, 'unknown')
    assert.equal(alarm, 'amount_mismatch')
  }
  assert.deepEqual(judged(asked, { lookup: 'final' }, 'send', done(100)).outcome, done(100))
})

test('only the call itself can tell that it was not sent', () => {
  const refused: Outcome = { kind: 'not_sent', reason: 'refused' }
  assert.equal(judged(asked, { lookup: 'final' }, 'send', refused).outcome.kind, 'not_sent')
  assert.equal(judged(asked, { lookup: 'final' }, 'resend', refused).outcome.kind, 'unknown')
  assert.equal(judged(asked, { lookup: 'final' }, 'lookup', refused).outcome.kind, 'unknown')
})

test('"not found" ends an attempt only where the provider promises it for good', () => {
  const judge = (lookup: Capabilities['lookup']) =>
    judged(asked, { lookup }, 'lookup', { kind: 'not_found' }).outcome.kind
  assert.equal(judge('final'), 'not_sent')
  assert.equal(judge('eventual'), 'unknown')
})

test('looks come later each time, up to a minute, or ten while the provider has it', () => {
  const waits = [0, 1, 2, 7, 50].map((lookups) => nextLookMs('unknown', lookups))
  assert.deepEqual(waits, [500, 1_000, 2_000, 60_000, 60_000])
  assert.equal(nextLookMs('pending', 50), 600_000)
})
