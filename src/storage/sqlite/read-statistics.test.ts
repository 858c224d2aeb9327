import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { folderOf } from '../../../test/kit/folders.ts'
import { migrate } from './migrate.ts'
import { openWriter } from './open.ts'
import { ATTENTION, STATISTICS } from './read-statistics.ts'

test('statistics read a range of their primary key, and attention reads counters and indexes without sorting', (t) => {
  const db = openWriter(join(folderOf(t), 'plans.db'))
  migrate(db)
  const planOf = (text: string) =>
    db
      .prepare(`EXPLAIN QUERY PLAN ${text.replace(/\?\d+/g, '1')}`)
      .all()
      .map((row) => (row as { detail: string }).detail)
  const [search] = planOf(STATISTICS)
  const range = 'account_id=? AND live=? AND hour>? AND hour<?'
  assert.equal(search, `SEARCH hourly_statistics USING PRIMARY KEY (${range})`)
  const plan = planOf(ATTENTION)
  for (const index of ['attempts_by_state', 'webhook_endpoints_listed', 'disputes_by_status', 'disputes_due'])
    assert.ok(plan.join().includes(index), plan.join('\n'))
  // The results of subqueries have names of their own.
  const scans = plan.filter((step) => /SCAN(?! CONSTANT)|TEMP B-TREE/.test(step))
  assert.deepEqual(scans.map((step) => step.replace('SCAN ', '')).sort(), [
    'eldest',
    'oldest',
    'open',
    'open',
    'open',
  ])
  db.close()
})
