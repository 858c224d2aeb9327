import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import { storyOf } from './story.ts'

const ROUTE = {
  version: 3,
  rule: 'euros',
  skipped: [],
  next: [],
  failover_on: ['processing_error'],
  notes: [],
  again: null,
}
const attemptOf = (more: Partial<AttemptView>): AttemptView => ({
  ...{ id: 'att_1', transaction_id: 'txn_1', refund_id: null, kind: 'authorize', provider: 'bank_a' },
  ...{ status: 'succeeded', amount: 1961, currency: 'gbp', route: ROUTE, provider_reference: null },
  ...{ decline_code: null, reason: null, resolved_by: 'answer', lookups: 0, unknown_since: null },
  ...{ started_at: '2026-11-26T11:36:40.897Z', ended_at: null, duration_ms: 412, next_lookup_at: null },
  ...more,
})
const CHARGE = { status: 'succeeded', redirect_url: null, capture: true, cancel_requested: false } as const
const told = (
  attempts: Partial<AttemptView>[],
  charge: Partial<typeof CHARGE> | { status: 'requires_action'; redirect_url: string } = {},
) =>
  storyOf(
    attempts.map((attempt, i) => attemptOf({ id: `att_${i}`, ...attempt })),
    { ...CHARGE, ...charge },
  )

test('a decline says why the next provider was called, or was not', () => {
  const declined = { status: 'declined', decline_code: 'processing_error', reason: 'Try later.' } as const
  const [first] = told([declined, { provider: 'bank_b' }])
  assert.equal(
    first?.sentence,
    'Declined: Processing error. “Try later.” The rule fails over after this code, so MiniPay called bank_b.',
  )
  assert.equal(first?.rule, 'euros (version 3)')
  assert.match(told([declined])[0]?.sentence ?? '', /No further provider was left to call\.$/)
  const final = told([{ ...declined, decline_code: 'lost_card', reason: null }])
  assert.equal(final[0]?.sentence, 'Declined: Lost card. The rule does not fail over after this code.')
})

test('an attempt that was not sent says that the next call was safe, or repeats the same call', () => {
  const lost = { status: 'not_sent', reason: 'ECONNREFUSED' } as const
  assert.equal(
    told([lost, { provider: 'bank_b' }])[0]?.sentence,
    'The provider definitely did not do it: the connection was refused. It was safe to call bank_b next.',
  )
  const again = told([lost, { route: { ...ROUTE, again: 'att_0' } }])
  assert.match(again[0]?.sentence ?? '', /So MiniPay made the same call once more\.$/)
  assert.deepEqual(again[1]?.notes, ['Repeats the call of att_0, which never reached the provider.'])
})

test('an unknown outcome is never called a failure, and says what may follow', () => {
  const [chapter] = told([
    {
      status: 'unknown',
      reason: 'no response in time',
      lookups: 2,
      duration_ms: null,
      route: { ...ROUTE, next: ['bank_b', 'bank_c'] },
    },
  ])
  assert.equal(
    chapter?.sentence,
    'The outcome is not known yet: no response in time. Money may have moved, so MiniPay calls no other provider.',
  )
  assert.deepEqual(chapter?.notes, [
    'If it was definitely not done, bank_b, then bank_c may follow.',
    'MiniPay has tried 2 lookups so far.',
  ])
  assert.doesNotMatch(JSON.stringify(chapter), /fail(?!over)/i)
})

test('an outcome says how it became known, and who was passed over', () => {
  const skipped = [{ provider: 'bank_a', reason: 'circuit breaker open' }]
  const [chapter] = told([
    {
      provider: 'bank_b',
      resolved_by: 'lookup',
      reason: 'ECONNRESET',
      lookups: 2,
      duration_ms: 6_180,
      route: { ...ROUTE, skipped, version: null },
    },
  ])
  assert.equal(chapter?.rule, 'euros')
  assert.deepEqual(chapter?.notes, [
    'Passed over: bank_a (circuit breaker open).',
    'No response at first: the connection was cut.',
    'Found out by a lookup after 2 tries, 6.1 s after the call.',
  ])
  assert.deepEqual(told([{ resolved_by: 'hand' }])[0]?.notes, ['A person recorded this outcome.'])
})

test('captures, cancels and refunds are named, with the amount that moved', () => {
  const chapters = told([
    {},
    { kind: 'capture', route: null, amount: 1000 },
    { kind: 'refund', route: null, amount: 5, currency: 'jpy' },
    { kind: 'cancel', route: null },
  ])
  assert.deepEqual(
    chapters.map(({ operation }) => operation),
    [undefined, 'Capture of 10.00 GBP', 'Refund of 5 JPY', 'Cancel'],
  )
  assert.equal(chapters[2]?.sentence, 'The provider paid it back.')
})

test('a payment that waits for its customer says so', () => {
  const [chapter] = told([{ status: 'pending' }], {
    status: 'requires_action',
    redirect_url: 'https://bank.example',
  })
  assert.equal(chapter?.sentence, 'The customer has to confirm the payment at the provider.')
})
