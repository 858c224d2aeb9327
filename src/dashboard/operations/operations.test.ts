import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderToString } from 'preact-render-to-string'
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import type { StatisticsRowView } from '../../api/minipay/statistics-schemas.ts'
import { dueIn, response } from './attempt-cells.ts'
import { deadlineOf } from './deadline.ts'
import { wordsOf } from './lookups.ts'
import { hoursOf } from './strip.ts'

const NOW = Date.parse('2026-11-27T12:30:00Z')

test('a deadline says how soon it is, and is urgent from two days on', () => {
  const of = (at: string) => Object.values(deadlineOf(at, NOW))
  assert.deepEqual(of('2026-12-11T12:00:00Z'), ['in 13 days', 'quiet'])
  assert.deepEqual(of('2026-11-29T12:30:00Z'), ['in 2 days', 'quiet'])
  assert.deepEqual(of('2026-11-29T12:29:59Z'), ['in 1 d 23 h', 'warn'])
  assert.deepEqual(of('2026-11-27T14:35:20Z'), ['in 2 h 5 min', 'warn'])
  assert.deepEqual(of('2026-11-27T12:30:05Z'), ['in 5.0 s', 'warn'])
  assert.deepEqual(of('2026-11-27T12:30:00Z'), ['due now', 'bad'])
  assert.deepEqual(of('2026-11-24T12:00:00Z'), ['past due for 3 days', 'bad'])
})

test('the strip has the last 24 hours; a decline is a response, and unknown is no failure', () => {
  const row = (start: string, status: string, attempts: number) =>
    ({ start, status, attempts }) as StatisticsRowView
  const hours = hoursOf(
    [
      row('2026-11-27T12:00:00.000Z', 'succeeded', 3),
      row('2026-11-27T12:00:00.000Z', 'declined', 2),
      row('2026-11-27T12:00:00.000Z', 'unknown', 1),
      row('2026-11-26T13:00:00.000Z', 'not_sent', 4),
      row('2026-11-26T12:00:00.000Z', 'succeeded', 9),
    ],
    NOW,
  )
  assert.equal(hours.length, 24)
  const { start: _, ...last } = hours[23] as (typeof hours)[number]
  assert.deepEqual(last, { good: 5, unknown: 1, failed: 0 })
  assert.deepEqual([hours[0]?.failed, hours[0]?.good], [4, 0])
})

test('an unknown outcome is never called a failure', () => {
  const words = (outcome: string, reason: string | null = null) =>
    wordsOf({ attempt: {} as never, outcome, reason })
  assert.equal(words('unknown', 'no response'), 'Looked up just now: still unknown, no response')
  assert.equal(words('unknown'), 'Looked up just now: still unknown')
  assert.equal(words('not_sent'), 'Looked up just now: the provider definitely did not do it')
})

test('markup in what a provider said last is text', () => {
  const attempt = { id: 'att_1', status: 'unknown', reason: '<img src=x onerror="alert(1)"> & more' }
  const html = renderToString(response(attempt as AttemptView))
  assert.match(html, /&lt;img src=x onerror=&quot;alert\(1\)&quot;(>|&gt;) &amp; more/)
  assert.doesNotMatch(html, /<img/)
})

test('a lookup whose time has passed is due, not of the past', () => {
  const at = '2026-11-27T21:00:00Z'
  const after = (seconds: number) => dueIn(at, Date.parse(at) + seconds * 1_000)
  assert.deepEqual([after(-30), after(0), after(125)], ['in 30 s', 'due now', 'due now'])
})
