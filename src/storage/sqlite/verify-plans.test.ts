import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { folderOf } from '../../../test/kit/folders.ts'
import { STATISTICS } from '../verify/statistics.ts'
import { CHECKS } from '../verify-checks.ts'
import { migrate } from './migrate.ts'
import { openWriter } from './open.ts'
import { FIRSTS } from './verify-firsts.ts'

/** Has one row for each scope. */
const EVENT_PURGES = ['g', 'p']

test('no check of verify reads all rows of a scope for each row of another table', (t) => {
  const db = openWriter(join(folderOf(t), 'test.db'))
  migrate(db)
  const plans = [...CHECKS, ...STATISTICS, ...FIRSTS].flatMap(({ sql }) =>
    db
      .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => detail),
  )
  db.close()
  assert.ok(plans.length > 100, String(plans.length))
  // Without statistics, SQLite takes the first columns of a primary key before an index with one column more.
  const joined = plans.filter((detail) => /\(account_id=\? AND live=\?\) LEFT-JOIN/.test(detail))
  assert.deepEqual(
    joined.filter((detail) => !EVENT_PURGES.includes(detail.split(' ')[1] as string)),
    [],
  )
})
