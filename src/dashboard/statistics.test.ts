import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StatisticsRowView } from '../api/minipay/statistics-schemas.ts'
import { badgesOf } from './attention.ts'
import { itemsOf } from './screens/overview-attention.ts'
import { barsOf } from './screens/overview-data.ts'
import { amountOf, outcomesOf } from './statistics.ts'
import { newerWords } from './ui/table.ts'

const row = (changes: Partial<StatisticsRowView>): StatisticsRowView => ({
  start: '2026-11-23T12:00:00.000Z',
  ...{ provider: 'bank_a', currency: 'usd', kind: 'sale', status: 'succeeded', decline_code: null },
  ...{ attempts: 1, amount: 1, duration_p50_ms: null, duration_p95_ms: null },
  ...changes,
})

test('a pending attempt has no outcome yet, and one that was not sent has failed', () => {
  const statuses = ['succeeded', 'declined', 'not_sent', 'unknown', 'pending'] as const
  const rows = statuses.map((status, i) => row({ status, attempts: i + 1 }))
  assert.deepEqual(outcomesOf(rows), { attempts: 15, succeeded: 1, failed: 5, open: 9 })
})

test('amounts are summed with all their digits', () => {
  const large = (2n ** 64n) as unknown as number
  assert.equal(amountOf([row({ amount: large }), row({ amount: 3 }), row({ amount: null })]), 2n ** 64n + 3n)
})

test('a chart has a bar for each bucket, also without attempts, and counts payments alone', () => {
  const statistics = {
    ...{ from: '2026-11-23T11:00:00.000Z', to: '2026-11-23T14:00:00.000Z', bucket: 'hour' as const },
    data: [
      row({ attempts: 4 }),
      row({ attempts: 2, status: 'unknown', kind: 'authorize' }),
      row({ kind: 'refund', attempts: 9 }),
      row({ start: '2026-11-23T13:00:00.000Z', status: 'declined' }),
    ],
  }
  assert.deepEqual(
    barsOf(statistics, 'hour').map(({ values }) => values),
    [
      [0, 0, 0],
      [4, 2, 0],
      [0, 0, 1],
    ],
  )
})

const QUIET = {
  unresolved: { unknown: 0, pending: 3, overdue: 0, oldest_since: null },
  failed_deliveries: 0,
  webhook_endpoints: { disabled: 0, failing: 0 },
  disputes: { open: 0, needs_response: 0, due: 0, next_due_at: null },
  open_alarms: 0,
  open_breakers: [],
}

test('one of something is told in the singular', () => {
  const notes = (unknown: number) =>
    itemsOf({ ...QUIET, unresolved: { unknown, pending: 0, overdue: 0, oldest_since: null } }).map(
      ({ text, note }) => `${text}: ${note}`,
    )
  assert.deepEqual(notes(1), ['1 attempt with an unknown outcome: MiniPay looks it up'])
  assert.deepEqual(notes(2), ['2 attempts with an unknown outcome: MiniPay looks them up'])
  assert.equal(newerWords(1, false, 'entry'), '1 new entry')
  assert.equal(newerWords(2, false, 'entry'), '2 new entries')
  assert.equal(newerWords(2, false, 'day'), '2 new days')
  assert.equal(newerWords(50, true, 'open attempt'), '50+ new open attempts')
})

test('only what waits for a person is listed, and an unknown outcome is not called a failure', () => {
  assert.deepEqual(itemsOf(QUIET), [])
  assert.deepEqual(new Set(Object.values(badgesOf(QUIET))), new Set([0]))
  const breaker = { provider: 'bank_a', state: 'open' as const, retry_in_ms: 5 }
  const busy = {
    ...QUIET,
    unresolved: { unknown: 5, pending: 0, overdue: 2, oldest_since: '2026-11-23T12:00:00.000Z' },
    failed_deliveries: 1,
    disputes: { open: 3, needs_response: 1, due: 0, next_due_at: '2026-12-01T00:00:00.000Z' },
    open_breakers: [
      { ...breaker, calls: 'money' as const },
      { ...breaker, calls: 'lookups' as const },
    ],
  }
  const items = itemsOf(busy)
  assert.deepEqual(
    items.map(({ text }) => text),
    [
      '2 attempts unknown for too long',
      '3 attempts with an unknown outcome',
      '1 dispute needs a response',
      'bank_a gets no payments',
      'bank_a gets no lookups',
      '1 failed webhook delivery',
    ],
  )
  assert.deepEqual(
    items.slice(0, 2).map(({ tone }) => tone),
    ['warn', 'warn'],
  )
  assert.deepEqual(badgesOf(busy), {
    ...{ '/unresolved': 5, '/disputes': 1, '/webhooks': 1, '/alarms': 0, '/providers': 1 },
  })
})
