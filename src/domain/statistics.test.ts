import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type CallFacts,
  countedCall,
  countedCharge,
  DURATION_BOUNDS_MS,
  DURATION_BUCKETS,
  durationOf,
  HOUR_MS,
} from './statistics.ts'

const AT = 1_000 * HOUR_MS

const SUCCEEDED: CallFacts = {
  kind: 'authorize',
  provider: 'bank_a',
  currency: 'usd',
  state: 'succeeded',
  amount: 2_500,
  declineCode: null,
  resolvedBy: 'answer',
  startedAt: AT + 10,
  endedAt: AT + 190,
}

test('an attempt is counted in the hour in which it began, and an authorization that takes the money is a sale', () => {
  const place = { hour: 1_000, provider: 'bank_a', currency: 'usd', state: 'succeeded', declineCode: '' }
  assert.deepEqual(countedCall(SUCCEEDED, true), { ...place, kind: 'sale', amount: 2_500, bucket: 4 })
  assert.equal(countedCall(SUCCEEDED, false)?.kind, 'authorize')
  for (const kind of ['capture', 'cancel', 'refund'] as const)
    assert.equal(countedCall({ ...SUCCEEDED, kind }, true)?.kind, kind)
  assert.equal(countedCall({ ...SUCCEEDED, startedAt: AT - 1 }, true)?.hour, 999)
})

test('an attempt that is being sent is not counted', () => {
  assert.equal(countedCall({ ...SUCCEEDED, state: 'sending', endedAt: null }, true), null)
})

test('only the response of the call itself gives a duration, and none that is negative or longer than two minutes', () => {
  const bucket = (facts: Partial<CallFacts>) => countedCall({ ...SUCCEEDED, ...facts }, true)?.bucket
  assert.equal(bucket({ resolvedBy: 'lookup' }), null)
  assert.equal(bucket({ state: 'pending', resolvedBy: null, endedAt: null }), null)
  assert.equal(bucket({ endedAt: AT }), null)
  assert.equal(bucket({ endedAt: AT + 10 + 120_001 }), null)
  assert.equal(bucket({ endedAt: AT + 10 + 120_000 }), DURATION_BUCKETS - 1)
  for (const [i, bound] of DURATION_BOUNDS_MS.entries())
    assert.deepEqual([bucket({ endedAt: AT + 10 + bound }), bucket({ endedAt: AT + 11 + bound })], [i, i + 1])
})

test('a charge that was decided at once keeps its place when it is refunded later', () => {
  const charge = { amount: 5, currency: 'eur', capture: true, provider: 'sandbox', createdAt: AT } as const
  const taken = countedCharge({ ...charge, status: 'succeeded', declineCode: null })
  assert.deepEqual([taken.kind, taken.state, taken.hour], ['sale', 'succeeded', 1_000])
  assert.deepEqual(countedCharge({ ...charge, status: 'refunded', declineCode: null }), taken)
  const failed = countedCharge({ ...charge, status: 'failed', declineCode: 'expired_card' })
  assert.deepEqual([failed.state, failed.declineCode], ['declined', 'expired_card'])
})

test('a duration lies in the bucket that holds its share of the calls', () => {
  const calls = fc.array(fc.nat(1_000), { minLength: DURATION_BUCKETS, maxLength: DURATION_BUCKETS })
  fc.assert(
    fc.property(calls, fc.constantFrom(0.5, 0.95, 0.99), (buckets, share) => {
      const all = buckets.reduce((sum, each) => sum + each, 0)
      const ms = durationOf(buckets, share)
      if (all === 0) return assert.equal(ms, null)
      const upTo = (i: number) => buckets.slice(0, i + 1).reduce((sum, each) => sum + each, 0)
      const bucket = buckets.findIndex((each, i) => each > 0 && upTo(i) >= share * all)
      const from = DURATION_BOUNDS_MS[bucket - 1] ?? 0
      const to = DURATION_BOUNDS_MS[bucket] ?? from
      assert.ok(ms !== null && ms >= from && ms <= to, `${ms} in ${from} to ${to}`)
    }),
  )
  assert.equal(durationOf([0, 10, 10, ...Array(10).fill(0)], 0.5), 50)
  assert.equal(durationOf([...Array(12).fill(0), 3], 0.5), 10_000)
})
