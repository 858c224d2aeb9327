/**
 * A response of a provider is committed without a read: the writes assume that its charge and its attempt are as the first
 * commit left them. When they are not, nothing of them is stored, and the group is committed as any other.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../../src/ports/store.ts'
import {
  beginCommit,
  beginRefundCommit,
  chargeCommit,
  committed,
  endCommit,
  everything,
  NO,
  succeeded,
  tick,
} from '../../kit/commits.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { closeAndVerify, databases, openStores } from './postgres-support.ts'

const scope = LIVE_SCOPE
const postgres = databases()

const answer = (begun: ReturnType<typeof beginCommit>, reference: string) =>
  endCommit(begun, succeeded(begun.attempt, reference), { scope, by: 'answer' })

test('charges, refunds and their responses in one group are all stored, and the books agree', async (t) => {
  const url = await postgres.database(t)
  const [store] = (await openStores(t, url, 1)) as [Store]
  const begun = Array.from({ length: 20 }, () => beginCommit({ scope }))
  await Promise.all(begun.map(({ commit }) => committed(store, commit)))
  const responses = begun.map((one, i) => answer(one, `ref-${i}`))
  const made = chargeCommit({ scope })
  await Promise.all([made, ...responses].map((commit) => committed(store, commit)))
  const refunds = responses.map(({ charge }) => beginRefundCommit(charge, { scope, amount: 10 }))
  await Promise.all(refunds.map(({ commit }) => committed(store, commit)))
  await Promise.all(
    refunds.map((one, i) =>
      committed(
        store,
        endCommit(one, i % 2 === 0 ? succeeded(one.attempt, `back-${i}`) : NO, { scope, by: 'answer' }),
      ),
    ),
  )
  const { byState } = await store.attemptTotals(0)
  assert.deepEqual([byState.sending, byState.succeeded, byState.declined], [0, 30, 10])
  await closeAndVerify(t, url)
})

test('a response that comes after its attempt was put off ends it, and every count is right', async (t) => {
  const url = await postgres.database(t)
  const [store] = (await openStores(t, url, 1)) as [Store]
  const late = beginCommit({ scope })
  const prompt = beginCommit({ scope })
  await Promise.all([late, prompt].map(({ commit }) => committed(store, commit)))
  const { id } = late.attempt
  const postponed = await store.postponeAttempt({
    ...{ id, token: 'of the sender', state: 'unknown', reason: 'late', lookups: 0 },
    ...{ unknownSince: tick(), dueAt: tick() },
  })
  assert.ok(postponed)
  await Promise.all([answer(late, 'ref-1'), answer(prompt, 'ref-2')].map((each) => committed(store, each)))
  const { byState } = await store.attemptTotals(0)
  assert.deepEqual([byState.sending, byState.unknown, byState.succeeded], [0, 0, 2])
  await closeAndVerify(t, url)
})

test('of two responses of one call, at two nodes at once, one is stored and the other conflicts', async (t) => {
  const url = await postgres.database(t)
  const nodes = (await openStores(t, url, 2)) as [Store, Store]
  for (let i = 0; i < 20; i++) {
    const begun = beginCommit({ scope })
    await committed(nodes[0], begun.commit)
    const results = await Promise.all(nodes.map((node) => node.commit(answer(begun, `ref-${i}`))))
    assert.deepEqual(results.map(({ kind }) => kind).sort(), ['committed', 'version_conflict'])
  }
  await closeAndVerify(t, url)
})

test('a response to a charge that changed meanwhile is a conflict, and changes nothing', async (t) => {
  const url = await postgres.database(t)
  const [store] = (await openStores(t, url, 1)) as [Store]
  const begun = beginCommit({ scope })
  await committed(store, begun.commit)
  await committed(store, answer(begun, 'ref-1'))
  const before = await everything(store, scope)
  assert.equal((await store.commit(answer(begun, 'ref-2'))).kind, 'version_conflict')
  assert.deepEqual(await everything(store, scope), before)
  await closeAndVerify(t, url)
})

test('a response with the reference of another attempt is refused alone, and the others of its group are stored', async (t) => {
  const url = await postgres.database(t)
  const [store] = (await openStores(t, url, 1)) as [Store]
  const begun = Array.from({ length: 6 }, () => beginCommit({ scope }))
  await Promise.all(begun.map(({ commit }) => committed(store, commit)))
  await committed(store, answer(begun[0] as (typeof begun)[0], 'ref-0'))
  const results = await Promise.all(
    begun.slice(1).map((one, i) => store.commit(answer(one, i === 2 ? 'ref-0' : `ref-${i + 1}`))),
  )
  assert.deepEqual(
    results.map(({ kind }) => kind),
    ['committed', 'committed', 'reference_taken', 'committed', 'committed'],
  )
  await closeAndVerify(t, url)
})

test('of two refunds that read the charge at one version, one begins and the other conflicts', async (t) => {
  const url = await postgres.database(t)
  const [store] = (await openStores(t, url, 1)) as [Store]
  const made = chargeCommit({ scope })
  await committed(store, made)
  const both = [
    beginRefundCommit(made.charge, { scope, amount: 600 }),
    beginRefundCommit(made.charge, { scope, amount: 600 }),
  ]
  const results = await Promise.all(both.map(({ commit }) => store.commit(commit)))
  assert.deepEqual(results.map(({ kind }) => kind).sort(), ['committed', 'version_conflict'])
  await closeAndVerify(t, url)
})
