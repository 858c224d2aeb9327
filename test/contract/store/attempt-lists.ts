import assert from 'node:assert/strict'
import { idFloor } from '../../../src/domain/id.ts'
import type { Scope } from '../../../src/ports/store.ts'
import {
  beginCommit,
  beginRefundCommit,
  committed,
  endCommit,
  NO,
  newId,
  type Open,
  rule,
  START,
  taken,
} from '../../kit/commits.ts'
import { sent, unknown } from './attempts.ts'

const T = START + 7_200_000

export function attemptLists(open: Open): void {
  rule(open, 'attempts are listed newest first, by charge and by state', async (store, { live, test }) => {
    const { charge, attempt: paid } = await taken(store, { scope: live })
    const refund = beginRefundCommit(charge, { scope: live })
    await committed(store, refund.commit)
    const later = await sent(store, { scope: live })
    await sent(store, { scope: test })
    const list = async (query: object) => {
      const { data, hasMore } = await store.attempts(live, { limit: 10, ...query })
      return [data.map((attempt) => attempt.id), hasMore]
    }
    const all = [later.id, refund.attempt.id, paid.id]
    assert.deepEqual(await list({}), [all, false])
    assert.deepEqual(await list({ limit: 2 }), [all.slice(0, 2), true])
    assert.deepEqual(await list({ limit: 2, startingAfter: all[1] }), [all.slice(2), false])
    assert.deepEqual(await list({ chargeId: charge.id }), [all.slice(1), false])
    assert.deepEqual(await list({ chargeId: charge.id, limit: 1 }), [all.slice(1, 2), true])
    assert.deepEqual(await list({ states: ['sending'] }), [all.slice(0, 2), false])
    assert.deepEqual(await list({ states: ['succeeded'] }), [all.slice(2), false])
    assert.deepEqual(await list({ states: ['sending'], chargeId: charge.id }), [[all[1]], false])
    assert.deepEqual(await list({ states: ['sending'], startingAfter: all[0] }), [[all[1]], false])
    assert.deepEqual((await store.attempts(live, { limit: 10, states: ['succeeded'] })).data, [paid])
  })

  rule(
    open,
    'attempts are listed by several states, provider, kind and age, in both orders, page by page',
    async (store, { live }) => {
      const old = await unknown(store, live, T)
      const { charge, attempt: paid } = await taken(store, { scope: live })
      const refund = beginRefundCommit(charge, { scope: live })
      await committed(store, refund.commit)
      const begun = beginCommit({ scope: live, provider: 'bank_b' })
      await committed(store, begun.commit)
      await committed(store, endCommit(begun, NO, { scope: live }))
      const young = await unknown(store, live, T + 10, 'bank_b')
      const list = async (query: object) => {
        const { data, hasMore } = await store.attempts(live, { limit: 10, ...query })
        return [data.map((attempt) => attempt.id), hasMore]
      }
      const open = ['sending', 'pending', 'unknown'] as const
      const [a, b, c, d, e] = [old.id, paid.id, refund.attempt.id, begun.attempt.id, young.id]
      assert.deepEqual(await list({ oldestFirst: true }), [[a, b, c, d, e], false])
      assert.deepEqual(await list({ states: open }), [[e, c, a], false])
      assert.deepEqual(await list({ states: open, limit: 2 }), [[e, c], true])
      assert.deepEqual(await list({ states: open, limit: 2, startingAfter: c }), [[a], false])
      assert.deepEqual(await list({ states: open, limit: 2, oldestFirst: true }), [[a, c], true])
      assert.deepEqual(await list({ states: open, oldestFirst: true, startingAfter: c }), [[e], false])
      assert.deepEqual(await list({ states: ['succeeded', 'declined'] }), [[d, b], false])
      assert.deepEqual(await list({ provider: 'bank_b' }), [[e, d], false])
      assert.deepEqual(await list({ provider: 'bank_b', states: ['declined', 'unknown'] }), [[e, d], false])
      assert.deepEqual(await list({ provider: 'bank_b', states: ['sending'] }), [[], false])
      assert.deepEqual(await list({ kind: 'refund' }), [[c], false])
      assert.deepEqual(await list({ states: ['unknown'], unknownBefore: T + 10 }), [[a], false])
      assert.deepEqual(await list({ createdFrom: paid.startedAt, createdUntil: young.startedAt }), [
        [d, c, b],
        false,
      ])
    },
  )

  rule(
    open,
    'the attempts of a charge are listed whether or not the first has the digits of the charge',
    async (store, { live, test }) => {
      const own = beginCommit({ scope: live })
      const begun = beginCommit({ scope: live })
      const attempt = { ...begun.attempt, id: newId('att') }
      const other = { ...begun, attempt, commit: { ...begun.commit, attempts: [attempt] } }
      assert.equal(own.attempt.id, own.charge.id.replace('txn_', 'att_'))
      assert.notEqual(other.attempt.id, other.charge.id.replace('txn_', 'att_'))
      for (const { commit, charge, attempt } of [own, other]) {
        await committed(store, commit)
        const ids = async (scope: Scope, query: object = {}) =>
          (await store.attempts(scope, { limit: 2, chargeId: charge.id, ...query })).data.map(({ id }) => id)
        assert.deepEqual(await ids(live), [attempt.id])
        assert.deepEqual(await ids(live, { states: ['sending', 'unknown'], kind: 'authorize' }), [attempt.id])
        assert.deepEqual(await ids(live, { states: ['unknown'] }), [])
        assert.deepEqual(await ids(live, { kind: 'refund' }), [])
        assert.deepEqual(await ids(live, { startingAfter: attempt.id }), [])
        assert.deepEqual(await ids(live, { endingBefore: idFloor('att', attempt.startedAt - 1) }), [
          attempt.id,
        ])
        assert.deepEqual(await ids(live, { createdFrom: attempt.startedAt + 1 }), [])
        assert.deepEqual(await ids(test), [])
      }
    },
  )

  rule(open, 'an attempt is found by its id alone, and says whose it is', async (store, scopes) => {
    for (const scope of [scopes.live, scopes.test, scopes.other]) {
      const attempt = await sent(store, { scope })
      assert.deepEqual(await store.attempt(attempt.id), { scope, attempt })
    }
    assert.equal(await store.attempt('att_nothing'), undefined)
  })
}
