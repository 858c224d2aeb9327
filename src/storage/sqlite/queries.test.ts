import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../../test/harness.ts'
import { DEFAULT_SCOPE } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { migrate } from './migrate.ts'
import { openWriter } from './open.ts'
import { createQueries } from './queries.ts'

/** Runs `use` with queries that note every text they prepare, and answers those texts. */
function prepared(use: (queries: ReturnType<typeof createQueries>, db: Connection) => void): string[] {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'a.db'))
  migrate(db)
  const texts: string[] = []
  const watched = new Proxy(db, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (name !== 'prepare') return typeof value === 'function' ? value.bind(target) : value
      return (text: string) => {
        texts.push(text)
        return target.prepare(text)
      }
    },
  })
  use(createQueries(watched), db)
  const plans = texts.map((text) => {
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...Array(text.split('?').length - 1).fill(1))
    return rows.map((row) => (row as { detail: string }).detail).join('; ')
  })
  db.close()
  folder.remove()
  return plans
}

const id = `txn_${'0'.repeat(26)}`
const pages = [{}, { startingAfter: id }, { endingBefore: id }, { createdFrom: 1, createdUntil: 2 }]

const charges = [
  [{}, 'PRIMARY KEY'],
  [{ customer: 'c' }, 'charges_by_customer'],
  [{ customer: 'c', status: 'failed', currency: 'usd' }, 'charges_by_customer'],
  [{ status: 'failed' }, 'charges_by_status'],
  [{ status: 'refunded', currency: 'usd' }, 'charges_by_status'],
  [{ status: 'succeeded' }, 'PRIMARY KEY'],
  [{ status: 'succeeded', currency: 'usd' }, 'charges_by_currency'],
  [{ currency: 'usd' }, 'charges_by_currency'],
] as const
for (const [filters, index] of charges)
  test(`charges by ${Object.keys(filters).join(', ') || 'nothing'} are found by ${index}, and not sorted`, () => {
    for (const page of pages)
      for (const plan of prepared((q) => q.charges(DEFAULT_SCOPE, { limit: 20, ...page, ...filters }))) {
        assert.ok(plan.includes(index), plan)
        assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/)
      }
  })

const refunds = [
  [{}, 'PRIMARY KEY'],
  [{ transactionId: id, customer: 'c' }, 'refunds_by_transaction'],
  [{ customer: 'c', status: 'refunded' }, 'refunds_by_customer'],
  [{ status: 'refunded' }, 'refunds_by_status'],
  [{ currency: 'usd' }, 'refunds_by_currency'],
] as const
for (const [filters, index] of refunds)
  test(`refunds by ${Object.keys(filters).join(', ') || 'nothing'} are found by ${index}, and not sorted`, () => {
    for (const page of pages)
      for (const plan of prepared((q) => q.refunds(DEFAULT_SCOPE, { limit: 20, ...page, ...filters }))) {
        assert.ok(plan.includes(index), plan)
        assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/)
      }
  })

test('events of a rare type, entries of a transaction and failed deliveries are found by an index', () => {
  const plans = prepared((q) => {
    q.events(DEFAULT_SCOPE, { after: 0, limit: 20 })
    q.events(DEFAULT_SCOPE, { after: 0, limit: 20, type: 'payment.failed' })
    q.ledgerEntries(DEFAULT_SCOPE, { limit: 20, transactionId: id })
    q.ledgerEntries(DEFAULT_SCOPE, { limit: 20, account: 'merchant' })
    q.deliveries(DEFAULT_SCOPE, { limit: 20, state: 'failed' })
    q.idempotencyRecord(DEFAULT_SCOPE, 'key')
  })
  for (const plan of plans) assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/, plan)
  for (const index of ['events_by_type', 'ledger_entries_by_transaction', 'deliveries_failed'])
    assert.ok(
      plans.some((plan) => plan.includes(index)),
      `${index} in ${plans.join('\n')}`,
    )
})
