import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import { bytesKept } from '../../../test/kit/garbage.ts'
import type { CountedCall } from '../../domain/statistics.ts'
import { ledgerCache } from './ledger-cache.ts'
import { migrate, migrations } from './migrate.ts'

test('what a group of commits sums is collected with the young objects after the group', async () => {
  const db = new Database(':memory:')
  migrate(db, migrations())
  const cache = ledgerCache(db)
  const call: CountedCall = {
    hour: 1,
    provider: 'sandbox',
    currency: 'usd',
    kind: 'sale',
    state: 'succeeded',
    declineCode: '',
    amount: 100,
    bucket: null,
  }
  const groups = 5_000
  let group = 0
  const kept = await bytesKept(() => {
    for (let i = 0; i < groups; i++) {
      const account = cache.account(1, 0, 'cash', 'usd')
      cache.chain.add(1, 0, 'events', `evt_${++group}`, group)
      cache.count(1, 0, 'charges_succeeded', 'usd', 1)
      cache.move(1, 0, null, call)
      cache.post(account, 100)
      cache.flush()
    }
  })
  db.close()
  assert.ok(kept / groups < 100, `${kept / groups} bytes of each group`)
})
