import assert from 'node:assert/strict'
import type { Charge } from '../../../src/domain/charge.ts'
import { concludeRefund, reverseRefund } from '../../../src/domain/refund.ts'
import type { Commit, Scope } from '../../../src/ports/store.ts'
import {
  beginCommit,
  beginRefundCommit,
  chargeCommit,
  charged,
  commitOf,
  committed,
  endCommit,
  everything,
  followUpCommit,
  NO,
  type Open,
  recordOf,
  rule,
  START,
  succeeded,
  taken,
  tick,
} from '../../kit/commits.ts'
import { marked } from './clock.ts'

/** A charge in steps: it begins, its provider is called, and the outcome follows. */
export function steps(open: Open): void {
  rule(
    open,
    'a charge that is begun is stored with its attempt and its key, without an event',
    async (store, { live }) => {
      const { commit, charge, attempt } = beginCommit({ scope: live, key: 'asked' })
      await committed(store, commit)
      assert.deepEqual(await store.charge(live, charge.id), charge)
      const { attempts, events, entries, totals, attemptTotals } = await everything(store, live)
      assert.deepEqual(attempts.data, [attempt])
      assert.equal(attemptTotals.byState.sending, 1)
      assert.deepEqual([events.data, entries.data, totals], [[], [], []])
      assert.deepEqual(await store.idempotencyRecord(live, 'asked'), recordOf(commit))
      assert.deepEqual(await store.commit(beginCommit({ scope: live, key: 'asked' }).commit), {
        kind: 'key_exists',
        record: recordOf(commit),
      })
    },
  )

  rule(
    open,
    'the end of an attempt changes it, its charge, the ledger and the record of its key, at once',
    async (store, { live: scope }) => {
      const begun = beginCommit({ scope, key: 'asked', amount: 700 })
      await committed(store, begun.commit)
      const ended = endCommit(begun, succeeded(begun.attempt, 'pay_1'), { scope })
      await committed(store, ended)
      assert.deepEqual(await store.charge(scope, begun.charge.id), ended.charge)
      const { attempts, events, accounts, totals, attemptTotals } = await everything(store, scope)
      assert.deepEqual(attempts.data, ended.attempts)
      assert.deepEqual([attemptTotals.byState.sending, attemptTotals.byState.succeeded], [0, 1])
      assert.deepEqual(
        events.data.map((event) => [event.sequence, event.type]),
        [[1, 'payment.succeeded']],
      )
      assert.deepEqual(
        accounts.map(({ account, balance }) => [account, balance]),
        [
          ['merchant', -700n],
          ['provider:bank_a', 700n],
        ],
      )
      assert.equal(totals[0]?.charges_succeeded, 1)
      const ending = { kind: 'created', objectId: begun.charge.id, facts: null }
      const record = { ...recordOf(begun.commit), ending, event: ended.event!.data }
      assert.deepEqual(await store.idempotencyRecord(scope, 'asked'), record)
    },
  )

  rule(
    open,
    'a charge is authorized and captured in part: what was held is released',
    async (store, { live: scope }) => {
      const { charge } = await taken(store, { scope, amount: 1_000, capture: false })
      assert.equal(charge.status, 'authorized')
      const begun = followUpCommit('capture', charge, { scope, amount: 400 })
      await committed(store, begun.commit)
      const ended = endCommit(begun, succeeded(begun.attempt, 'cap_1'), { scope })
      await committed(store, ended)
      const stored = await store.charge(scope, charge.id)
      assert.deepEqual(stored, ended.charge)
      assert.deepEqual([stored?.status, stored?.amountCaptured], ['succeeded', 400])
      const balances = (await store.ledgerAccounts(scope)).filter(({ balance }) => balance !== 0n)
      assert.deepEqual(
        balances.map(({ account, balance }) => [account, balance]),
        [
          ['merchant', -400n],
          ['provider:bank_a', 400n],
        ],
      )
    },
  )
}

const ACCEPTED = { kind: 'accepted', objectId: 'txn_1', facts: null } as const
const DECLINED = { kind: 'declined', objectId: 'txn_1', facts: '{"refusal":{}}' } as const
const DONE = { kind: 'done', objectId: 're_1', facts: '{"refund":{}}' } as const

export function changedEndings(open: Open): void {
  rule(
    open,
    'facts that an event does not have are stored with the key, with an event and without',
    async (store, { live: scope }) => {
      const begun = beginCommit({ scope, key: 'asked' })
      await committed(store, begun.commit)
      const pending = { kind: 'pending', reference: null, redirectUrl: null } as const
      const waits = endCommit(begun, pending, { scope, ended: { key: 'asked', ending: ACCEPTED } })
      assert.equal(waits.event, null)
      await committed(store, waits)
      const stored = async () => (await store.idempotencyRecord(scope, 'asked'))?.ending
      assert.deepEqual(await stored(), ACCEPTED)
      const [attempt] = waits.attempts
      const next = { charge: waits.charge, attempt: attempt! }
      await committed(store, endCommit(next, NO, { scope, ended: { key: 'asked', ending: DECLINED } }))
      assert.deepEqual(await stored(), DECLINED)
    },
  )

  rule(open, 'a charge keeps the key of a requested cancel until it is removed', async (store, { live }) => {
    const { commit, charge } = beginCommit({ scope: live })
    await committed(store, commit)
    assert.equal((await store.charge(live, charge.id))?.cancelKey, null)
    const asked = changed(live, charge, { cancelKey: 'cancel-1' })
    await committed(store, asked)
    assert.deepEqual(await store.charge(live, charge.id), asked.charge)
    const gone = changed(live, asked.charge, { cancelKey: null })
    await committed(store, gone)
    assert.deepEqual(await store.charge(live, charge.id), gone.charge)
  })

  rule(
    open,
    'one commit ends the requests of several keys, and leaves those that are not there',
    async (store, { live }) => {
      const first = beginCommit({ scope: live, key: 'first' })
      await committed(store, first.commit)
      await committed(store, beginCommit({ scope: live, key: 'second' }).commit)
      const ended = endCommit(first, NO, { scope: live, ended: { key: 'first', ending: DECLINED } })
      await committed(store, {
        ...ended,
        otherEnded: [
          { key: 'second', ending: DONE },
          { key: 'third', ending: DONE },
        ],
      })
      const stored = async (key: string) => (await store.idempotencyRecord(live, key))?.ending
      assert.deepEqual([await stored('first'), await stored('second')], [DECLINED, DONE])
      assert.equal(await stored('third'), undefined)
    },
  )

  rule(
    open,
    'the ending of a key that was purged, or is of another scope, changes no key',
    async (store, { live, test }) => {
      const begun = beginCommit({ scope: live, key: 'asked', at: START })
      await committed(store, { ...begun.commit, key: { ...begun.commit.key!, ending: DONE } })
      const mark = await marked(store)
      await charged(store, { scope: test, key: 'asked' })
      const before = await store.idempotencyRecord(test, 'asked')
      assert.equal(await store.purgeIdempotency(mark, 10), 1)
      const ended = { key: 'asked', ending: ACCEPTED }
      await committed(store, endCommit(begun, succeeded(begun.attempt, 'pay'), { scope: live, ended }))
      assert.equal(await store.idempotencyRecord(live, 'asked'), undefined)
      assert.deepEqual(await store.idempotencyRecord(test, 'asked'), before)
    },
  )
}

/** A step on `charge` that changes only the given fields. */
export function changed(scope: Scope, charge: Charge, changes: Partial<Charge>): Commit {
  const next = { ...charge, ...changes, version: charge.version + 1 }
  const decision = {
    ...{
      charge: next,
      previous: {},
      previousRefund: null,
      previousDispute: null,
      refund: null,
      dispute: null,
      attempts: [],
      alarms: [],
      transactionId: charge.id,
    },
    ...{ transfers: [], event: null, counts: [] },
  }
  return commitOf(decision, { scope }, null, tick())
}

export function changedColumns(open: Open): void {
  rule(open, 'every change of a step to a charge is stored', async (store, { live: scope }) => {
    const begun = beginCommit({ scope })
    await committed(store, begun.commit)
    const commit = changed(scope, begun.charge, {
      ...{
        status: 'requires_action',
        provider: 'bank_b',
        providerReference: 'pay',
        redirectUrl: 'https://a.example/',
      },
      ...{ amountCaptured: 500, amountRefunded: 1, amountRefundPending: 2, amountDisputed: 3 },
      ...{ declineCode: 'do_not_honor', failureMessage: 'No.', expiresAt: 12_345 },
    })
    await committed(store, commit)
    assert.deepEqual(await store.charge(scope, begun.charge.id), commit.charge)
    assert.deepEqual((await store.charges(scope, { limit: 1 })).data, [commit.charge])
    const { providerReference, redirectUrl, declineCode, failureMessage, expiresAt } = begun.charge
    const back = { providerReference, redirectUrl, declineCode, failureMessage, expiresAt }
    const undone = changed(scope, commit.charge, { ...back, status: 'processing' })
    await committed(store, undone)
    assert.deepEqual(await store.charge(scope, begun.charge.id), undone.charge)
  })

  rule(open, 'a refund that fails is changed, and its money is back', async (store, { live: scope }) => {
    const { charge } = await taken(store, { scope, amount: 500 })
    const begun = beginRefundCommit(charge, { scope, amount: 200 })
    await committed(store, begun.commit)
    assert.deepEqual(await store.refund(scope, begun.refund.id), begun.refund)
    assert.equal((await store.charge(scope, charge.id))?.amountRefundPending, 200)
    const balances = async () =>
      Object.fromEntries((await store.ledgerAccounts(scope)).map((a) => [a.account, a.balance]))
    const reserved = { merchant: -300n, 'provider:bank_a': 500n, 'refunds:bank_a': -200n }
    assert.deepEqual(await balances(), reserved)

    const ended = endCommit(begun, NO, { scope })
    await committed(store, ended)
    assert.deepEqual(await store.refund(scope, begun.refund.id), ended.refund)
    assert.deepEqual([ended.refund?.status, ended.refund?.declineCode], ['failed', NO.declineCode])
    assert.deepEqual(await balances(), { merchant: -500n, 'provider:bank_a': 500n, 'refunds:bank_a': 0n })
    assert.deepEqual((await store.refunds(scope, { limit: 9, status: 'failed' })).data, [ended.refund])
    assert.equal((await store.currencyTotals(scope))[0]?.refunds, 0)
  })

  rule(open, 'what is counted down is counted no more', async (store, { live: scope }) => {
    const { charge } = await taken(store, { scope, amount: 500 })
    const begun = beginRefundCommit(charge, { scope })
    await committed(store, begun.commit)
    const { attempt, refund } = begun
    const paid = concludeRefund(begun.charge, refund, attempt, succeeded(attempt, 'back'), 'answer', tick())
    await committed(store, commitOf(paid, { scope }, null, tick()))
    const counts = async () => {
      const [totals] = await store.currencyTotals(scope)
      return [totals?.charges_succeeded, totals?.charges_refunded, totals?.refunds]
    }
    assert.deepEqual(await store.refund(scope, refund.id), paid.refund)
    assert.deepEqual(await counts(), [1, 1, 1])
    const undone = reverseRefund(paid.charge, paid.refund!, paid.attempts[0]!, NO, 'notification', tick())
    await committed(store, commitOf(undone, { scope }, null, tick()))
    assert.deepEqual(await counts(), [1, 0, 0])
    assert.equal((await store.refund(scope, refund.id))?.status, 'failed')
  })
}

/** A commit whose transfers together would take a balance past 64 bits, although none of them alone would. */
function tooMuch(commit: Commit): Commit {
  const [transfer] = chargeCommit({ scope: commit.scope, amount: Number.MAX_SAFE_INTEGER }).transfers
  return { ...commit, transfers: Array(1_025).fill(transfer!) }
}

export function refusedSteps(open: Open): void {
  rule(
    open,
    'a step decided on an older version conflicts, and the attempt stays as it was',
    async (store, { live: scope }) => {
      const begun = beginCommit({ scope })
      await committed(store, begun.commit)
      const first = endCommit(begun, succeeded(begun.attempt, 'pay'), { scope })
      const second = endCommit(begun, NO, { scope })
      const results = await Promise.all([store.commit(first), store.commit(second)])
      assert.deepEqual(results, [{ kind: 'committed' }, { kind: 'version_conflict' }])
      assert.deepEqual((await store.attempt(begun.attempt.id))?.attempt, first.attempts[0])
      assert.deepEqual((await everything(store, scope)).events.data.length, 1)
    },
  )

  rule(
    open,
    'a commit is refused for its version first, then a balance, then a reference, then its key',
    async (store, { live: scope }) => {
      const { attempt } = await taken(store, { scope })
      const begun = beginCommit({ scope, key: 'taken' })
      await committed(store, begun.commit)
      const { key } = begun.commit
      const step = {
        ...endCommit(begun, succeeded(begun.attempt, attempt.providerReference!), { scope }),
        key,
      }
      const stale = { ...step, charge: { ...step.charge, version: 3 } }
      const before = await everything(store, scope)
      const kinds: string[] = []
      for (const commit of [tooMuch(stale), tooMuch(step), step, { ...step, attempts: [] }])
        kinds.push((await store.commit(commit)).kind)
      assert.deepEqual(kinds, ['version_conflict', 'balance_limit', 'reference_taken', 'key_exists'])
      assert.deepEqual(await everything(store, scope), before)
    },
  )

  rule(open, 'an attempt of another scope is not changed', async (store, { live, test }) => {
    const begun = beginCommit({ scope: live })
    await committed(store, begun.commit)
    const mine = chargeCommit({ scope: test })
    await assert.rejects(store.commit({ ...mine, attempts: [{ ...begun.attempt, state: 'declined' }] }))
    assert.deepEqual(await store.attempt(begun.attempt.id), { scope: live, attempt: begun.attempt })
    assert.equal(await store.charge(test, mine.charge.id), undefined)
  })
}
