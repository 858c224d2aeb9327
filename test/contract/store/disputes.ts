import assert from 'node:assert/strict'
import type { Charge, Dispute } from '../../../src/domain/charge.ts'
import { decideDispute } from '../../../src/domain/dispute.ts'
import type { Commit, Scope, Store } from '../../../src/ports/store.ts'
import { commitOf, committed, newId, type Open, rule, START, taken, tick } from '../../kit/commits.ts'

export function disputeOf(
  charge: Charge,
  amount: number,
  providerReference = `dsp_of_${charge.id}`,
): Dispute {
  return {
    id: newId('dp'),
    chargeId: charge.id,
    provider: charge.provider,
    providerReference,
    amount,
    currency: charge.currency,
    amountBooked: amount,
    customer: charge.customer,
    status: 'open',
    reason: 'not received',
    evidenceDueAt: START + 86_400_000,
    closedAt: null,
    createdAt: tick(),
  }
}

/** The step that opens a dispute, or takes the stored `before` to its next position. */
export function disputeCommit(
  scope: Scope,
  charge: Charge,
  dispute: Dispute,
  before: Dispute | null = null,
): Commit {
  const amountBooked = dispute.status === 'won' ? 0 : dispute.amount
  const decision = decideDispute(charge, before, { ...dispute, amountBooked })
  if (!decision) throw new Error('the dispute does not change')
  return commitOf(decision, { scope }, null, tick())
}

/** Commits an open dispute of `amount`, and returns it with its charge after it. */
export async function disputed(store: Store, scope: Scope, charge: Charge, amount: number) {
  const dispute = disputeOf(charge, amount)
  const commit = disputeCommit(scope, charge, dispute)
  await committed(store, commit)
  return { charge: commit.charge, dispute }
}

export function disputes(open: Open): void {
  rule(
    open,
    'a dispute sets its money aside with its charge, its event and its entries',
    async (store, { live: scope }) => {
      const { charge: before } = await taken(store, { scope, amount: 900 })
      const { charge, dispute } = await disputed(store, scope, before, 400)
      assert.deepEqual(await store.dispute(scope, dispute.id), dispute)
      assert.deepEqual(await store.charge(scope, charge.id), charge)
      assert.equal(charge.amountDisputed, 400)
      const { data } = await store.ledgerEntries(scope, { limit: 9, transactionId: dispute.id })
      assert.deepEqual(
        data.map((entry) => [entry.account, entry.amount]),
        [
          ['disputes:bank_a', -400],
          ['merchant', 400],
        ],
      )
      const events = await store.events(scope, { after: 0, limit: 9, types: ['dispute.opened'] })
      assert.equal(events.data.length, 1)
    },
  )

  rule(
    open,
    'a dispute whose currency changes is stored as its provider says it',
    async (store, { live: scope }) => {
      const first = await disputed(store, scope, (await taken(store, { scope, amount: 900 })).charge, 400)
      const other = { ...first.dispute, currency: 'eur', amount: 500, reason: 'fraudulent' }
      const decision = decideDispute(first.charge, first.dispute, other)
      await committed(store, commitOf(decision ?? assert.fail(), { scope }, null, tick()))
      assert.deepEqual(await store.dispute(scope, first.dispute.id), other)
    },
  )

  rule(open, 'a dispute that is decided is changed, not stored twice', async (store, { live: scope }) => {
    const first = await disputed(store, scope, (await taken(store, { scope, amount: 900 })).charge, 400)
    const won = { ...first.dispute, status: 'won', amountBooked: 0 } as const
    const commit = disputeCommit(scope, first.charge, won, first.dispute)
    await committed(store, commit)
    assert.deepEqual((await store.disputes(scope, { limit: 9 })).data, [won])
    assert.equal((await store.charge(scope, commit.charge.id))?.amountDisputed, 0)
    const balances = (await store.ledgerAccounts(scope)).map((account) => account.balance)
    assert.deepEqual(balances, [0n, -900n, 900n])
  })

  rule(
    open,
    'open disputes with a deadline are listed the soonest first, page by page, until a time',
    async (store, { live, test }) => {
      const due = async (scope: Scope, evidenceDueAt: number | null, status: Dispute['status'] = 'open') => {
        const { charge } = await taken(store, { scope, amount: 900 })
        const opened = { ...disputeOf(charge, 400), evidenceDueAt }
        const commit = disputeCommit(scope, charge, opened)
        await committed(store, commit)
        if (status !== 'open')
          await committed(
            store,
            disputeCommit(scope, commit.charge, { ...opened, status, closedAt: tick() }, opened),
          )
        return opened.id
      }
      const [c, a, b] = [await due(live, 3_000), await due(live, 1_000), await due(live, 1_000)]
      await due(live, 500, 'lost')
      await due(live, null)
      const other = await due(test, 2_000)
      const list = async (query: object) => {
        const { data, hasMore } = await store.dueDisputes(live, { limit: 9, dueBefore: 9_999, ...query })
        return [data.map(({ id }) => id), hasMore]
      }
      assert.deepEqual(await list({}), [[a, b, c], false])
      assert.deepEqual(await list({ dueBefore: 3_000 }), [[a, b], false])
      assert.deepEqual(await list({ limit: 1 }), [[a], true])
      assert.deepEqual(await list({ limit: 2, startingAfter: a }), [[b, c], false])
      assert.deepEqual(await list({ startingAfter: c }), [[], false])
      const { data } = await store.dueDisputes(test, { limit: 9, dueBefore: 9_999 })
      assert.deepEqual(
        data.map(({ id, evidenceDueAt }) => [id, evidenceDueAt]),
        [[other, 2_000]],
      )
    },
  )

  rule(
    open,
    'disputes are listed newest first, by charge, and found by their reference, in their scope',
    async (store, { live, test }) => {
      const made: Dispute[] = []
      const { charge } = await taken(store, { scope: live })
      const { charge: other } = await taken(store, { scope: live })
      let current = charge
      for (const amount of [1, 2]) {
        const dispute = disputeOf(current, amount, `dsp_${amount}`)
        const commit = disputeCommit(live, current, dispute)
        await committed(store, commit)
        current = commit.charge
        made.unshift(dispute)
      }
      made.unshift((await disputed(store, live, other, 3)).dispute)
      const list = async (query: object) => {
        const { data, hasMore } = await store.disputes(live, { limit: 10, ...query })
        return [data.map((dispute) => dispute.id), hasMore]
      }
      const [third, second, first] = made.map((dispute) => dispute.id)
      assert.deepEqual(await list({ status: 'open', limit: 2 }), [[third, second], true])
      assert.deepEqual(await list({ status: 'lost' }), [[], false])
      assert.deepEqual(await list({}), [[third, second, first], false])
      assert.deepEqual(await list({ limit: 1, startingAfter: third }), [[second], true])
      assert.deepEqual(await list({ chargeId: charge.id }), [[second, first], false])
      assert.deepEqual(await store.disputeByReference(live, 'bank_a', 'dsp_2'), made[1])
      assert.equal(await store.disputeByReference(live, 'bank_b', 'dsp_2'), undefined)
      assert.equal(await store.disputeByReference(test, 'bank_a', 'dsp_2'), undefined)
      assert.equal(await store.dispute(test, third!), undefined)
      assert.deepEqual((await store.disputes(test, { limit: 9 })).data, [])
    },
  )
}
