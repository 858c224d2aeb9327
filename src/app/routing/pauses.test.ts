import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import type { ProviderPause } from '../../domain/routing/pause.ts'
import { KEYLESS_SCOPE, StoreUnavailable } from '../../ports/store.ts'
import { createPauses } from './pauses.ts'

const PAUSE = { provider: 'bank_a', allAccounts: false, reason: 'r', pausedBy: 'k', pausedAt: 1 }

/** Two nodes that share a table and a clock. */
function nodes() {
  const shared = { now: 0, reads: 0, table: [] as ProviderPause[], down: false }
  const store = {
    async providerPauses() {
      shared.reads++
      if (shared.down) throw new StoreUnavailable('busy', 'down')
      return shared.table
    },
  }
  const node = () => createPauses(store, () => shared.now)
  return { shared, mine: node(), other: node() }
}

test('a pause counts at once on its own node, and within a second on another', async () => {
  const { shared, mine, other } = nodes()
  for (const node of [mine, other]) assert.deepEqual([...(await node.of(LIVE_SCOPE))], [])
  shared.table = [PAUSE]
  mine.forget()
  assert.deepEqual([...(await mine.of(LIVE_SCOPE))], ['bank_a'])
  shared.now = 999
  assert.deepEqual([...(await other.of(LIVE_SCOPE))], [], 'still what it read')
  shared.now = 1_000
  assert.deepEqual([...(await other.of(LIVE_SCOPE))], ['bank_a'])
})

test('the pauses of a scope are read once a second, and between that without waiting', async () => {
  const { shared, mine } = nodes()
  await mine.of(LIVE_SCOPE)
  for (let i = 0; i < 100; i++) assert.ok(!(mine.of(LIVE_SCOPE) instanceof Promise))
  assert.equal(shared.reads, 1)
  await mine.of(KEYLESS_SCOPE)
  assert.equal(shared.reads, 2)
})

test('while the database is unavailable and the pauses are old, no charge begins that may be paused', async () => {
  const { shared, mine } = nodes()
  await mine.of(LIVE_SCOPE)
  shared.down = true
  assert.ok(!(mine.of(LIVE_SCOPE) instanceof Promise))
  shared.now = 2_000
  await assert.rejects(async () => mine.of(LIVE_SCOPE), StoreUnavailable)
  shared.down = false
  assert.deepEqual([...(await mine.of(LIVE_SCOPE))], [])
})
