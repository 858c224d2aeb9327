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
const EVENT_PURGES = 'g'
const ONE_ROW = ['CONSTANT', 'epochs', 'clock', 'numbers']

type Step = { readonly id: number; readonly parent: number; readonly detail: string }

/** The steps that SQLite repeats for each row of another table: of correlated queries, and of what they consist of. */
function repeated(plan: readonly Step[]): readonly Step[] {
  const isRepeated = ({ parent }: Step): boolean => {
    const step = plan.find(({ id }) => id === parent)
    return step !== undefined && (step.detail.startsWith('CORRELATED') || isRepeated(step))
  }
  return plan.filter(isRepeated)
}

/** Without statistics, SQLite takes the first columns of a primary key before an index with one column more. */
function readsScope({ detail }: Step): boolean {
  const [verb, table = ''] = detail.split(' ')
  if (table === EVENT_PURGES || ONE_ROW.includes(table)) return false
  // A covering index by scope and number gives `max(seq)` at its end.
  if (/^SEARCH e USING COVERING INDEX /.test(detail)) return false
  return verb === 'SCAN' || /\(account_id=\? AND live=\?\)$/.test(detail)
}

test('no check of verify reads all rows of a scope, or more, for each row of another table', (t) => {
  const db = openWriter(join(folderOf(t), 'test.db'))
  migrate(db)
  const plans = [...CHECKS, ...STATISTICS, ...FIRSTS].map(({ sql }) =>
    db.prepare<[], Step>(`EXPLAIN QUERY PLAN ${sql}`).all(),
  )
  db.close()
  assert.ok(plans.flat().length > 100, String(plans.flat().length))
  const joined = plans.flat().filter(({ detail }) => /\(account_id=\? AND live=\?\) LEFT-JOIN/.test(detail))
  const slow = [
    ...joined.filter(({ detail }) => !/^SEARCH [gp] /.test(detail)),
    ...plans.flatMap(repeated).filter(readsScope),
  ]
  assert.deepEqual(
    slow.map(({ detail }) => detail),
    [],
  )
})
