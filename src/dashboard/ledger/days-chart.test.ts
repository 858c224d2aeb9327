import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LedgerDayView } from '../../api/minipay/ledger-schemas.ts'
import { chartDays, dayWords, MOST_DAYS } from './days-chart.ts'

const on = (day: string) => ({ day, debits: 1, credits: 2, currency: 'usd' }) as LedgerDayView

test('a chart has every day between the first and the last row, over the end of a month and the change of clocks', () => {
  const days = chartDays([on('2026-11-02'), on('2026-10-24')])
  assert.equal(days.length, 10)
  assert.deepEqual(
    days.filter(({ row }) => row).map(({ day }) => day),
    ['2026-10-24', '2026-11-02'],
  )
  assert.equal(days[8]?.day, '2026-11-01')
  assert.deepEqual(chartDays([]), [])
  assert.equal(chartDays([on('2026-11-02')]).length, 1)
})

test('a chart ends with the newest day, and leaves out those of long ago', () => {
  const days = chartDays([on('2026-11-02'), on('2019-01-01')])
  assert.deepEqual([days.length, days.at(-1)?.day], [MOST_DAYS, '2026-11-02'])
})

test('a day is the same in every zone', () => {
  assert.equal(dayWords('2026-11-27', 'short'), '27 Nov')
  assert.match(dayWords('2026-11-27'), /^27 Nov 2026$/)
  assert.equal(dayWords('<script>'), '<script>')
})
