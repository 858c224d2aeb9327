import assert from 'node:assert/strict'
import type { ProviderPause } from '../../../src/domain/routing/pause.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { type Open, rule, START } from '../../kit/commits.ts'

export const pauseOf = (changes: Partial<ProviderPause> = {}): ProviderPause => ({
  ...{
    provider: 'bank_a',
    allAccounts: false,
    reason: 'It books twice.',
    pausedBy: 'key_1',
    pausedAt: START,
  },
  ...changes,
})

export function pauses(open: Open): void {
  rule(
    open,
    'a pause is of its scope, and one for all accounts of every scope in its mode',
    async (store, { live, test, other }) => {
      const mine = pauseOf()
      const all = pauseOf({ provider: 'bank_b', allAccounts: true, pausedAt: START + 1 })
      assert.equal(await store.addProviderPause(other, mine, auditEntry(other)), true)
      assert.equal(await store.addProviderPause(live, all, auditEntry(live)), true)
      assert.deepEqual(await store.providerPauses(other), [mine, all])
      assert.deepEqual(await store.providerPauses(live), [all])
      assert.deepEqual(await store.providerPauses(test), [])
      const own = pauseOf({ provider: 'bank_b', pausedAt: START + 2 })
      assert.equal(await store.addProviderPause(live, own, auditEntry(live)), true, 'beside that for all')
      assert.deepEqual(await store.providerPauses(live), [all, own])
      assert.deepEqual(
        (await store.pauseTotals()).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
        [
          { provider: 'bank_a', allAccounts: false, pauses: 1 },
          { provider: 'bank_b', allAccounts: false, pauses: 1 },
          { provider: 'bank_b', allAccounts: true, pauses: 1 },
        ],
      )
    },
  )

  rule(
    open,
    'of several pauses of a provider at once one is stored, with the one entry of the audit log',
    async (store, { live }) => {
      const made = await Promise.all(
        Array.from({ length: 5 }, (_, i) =>
          store.addProviderPause(live, pauseOf({ reason: `reason ${i}` }), auditEntry(live)),
        ),
      )
      assert.equal(made.filter((done) => done).length, 1)
      const [stored, ...others] = await store.providerPauses(live)
      assert.deepEqual([stored?.reason, others], [`reason ${made.indexOf(true)}`, []])
      assert.equal((await store.auditEntries(live, { limit: 9 })).data.length, 1)
    },
  )

  rule(
    open,
    'a pause ends as it was read, once, and then the provider can be paused again',
    async (store, { live, other }) => {
      const pause = pauseOf()
      await store.addProviderPause(live, pause, auditEntry(live))
      const remove = (given: ProviderPause, scope = live) =>
        store.removeProviderPause(scope, given, auditEntry(scope))
      assert.equal(await remove(pause, other), false)
      assert.equal(await remove({ ...pause, allAccounts: true }), false)
      assert.equal(await remove({ ...pause, pausedAt: START + 1 }), false, 'another pause than was read')
      assert.deepEqual(await store.providerPauses(live), [pause])
      const ended = await Promise.all([remove(pause), remove(pause)])
      assert.deepEqual(ended.toSorted(), [false, true])
      assert.deepEqual(await store.providerPauses(live), [])
      assert.equal((await store.auditEntries(live, { limit: 9 })).data.length, 2)
      const again = pauseOf({ pausedAt: START + 9 })
      assert.equal(await store.addProviderPause(live, again, auditEntry(live)), true)
      assert.deepEqual(await store.providerPauses(live), [again])
    },
  )
}
