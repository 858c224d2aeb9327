import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { isExceededBy } from '../../domain/velocity.ts'
import { VELOCITY_COUNTERS } from '../columns.ts'
import { selectList } from '../table.ts'
import { migrate, migrations } from './migrate.ts'

const SELECT = `SELECT ${selectList(VELOCITY_COUNTERS)} FROM velocity_counters`

test('the upgrade keeps what a counter of ten sub-windows has counted, for a tenth of the window longer', () => {
  const db = new Database(':memory:')
  const all = migrations()
  migrate(
    db,
    all.slice(
      0,
      all.findIndex(({ name }) => name.endsWith('_longer_windows.sql')),
    ),
  )
  db.exec(`INSERT INTO velocity_counters (account_id, live, counter, window_ms, newest, sums, ends_at)
    VALUES ((SELECT min(id) FROM accounts), 1, 'card', 60000, 100, '[1,0,0,0,0,0,0,0,0,4]', 660000)`)
  migrate(db)
  const counter = VELOCITY_COUNTERS.of(db.prepare(SELECT).get() as object)
  db.close()
  assert.deepEqual(counter, {
    ...{ counter: 'card', windowMs: 60_000, newest: 100, endsAt: 666_000 },
    sums: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 4],
  })
  const use = { ...counter, limit: 'cards', unit: 'charges', by: 1, max: 4 } as const
  assert.equal(isExceededBy(counter, use, 665_999), true)
  assert.equal(isExceededBy(counter, use, 666_000), false)
})
