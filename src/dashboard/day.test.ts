import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startOfDay } from './day.ts'

test('a day begins in UTC or in the zone of the reader, and may have 25 hours', (t) => {
  const { TZ } = process.env
  process.env['TZ'] = 'Europe/Berlin'
  t.after(() => {
    if (TZ === undefined) delete process.env['TZ']
    else process.env['TZ'] = TZ
  })
  assert.equal(startOfDay('2026-10-25', true), '2026-10-25T00:00:00.000Z')
  assert.equal(startOfDay('2026-10-31', true, 1), '2026-11-01T00:00:00.000Z')
  // Clocks go back in the night to this day's end.
  assert.equal(startOfDay('2026-10-25', false), '2026-10-24T22:00:00.000Z')
  assert.equal(startOfDay('2026-10-25', false, 1), '2026-10-25T23:00:00.000Z')
  for (const text of [null, '', 'today', '2026-1-1', '2026-01-01T00:00'])
    assert.equal(startOfDay(text, true), undefined)
})
