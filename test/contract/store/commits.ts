import assert from 'node:assert/strict'
import { StoreUnavailable } from '../../../src/ports/store.ts'
import {
  chargeCommit,
  charged,
  committed,
  everything,
  type Open,
  recordOf,
  refundCommit,
  refunded,
  rule,
  tick,
} from '../../kit/commits.ts'

/** A commit stores all its rows at once. */
export function atomicCommits(open: Open): void {
  rule(
    open,
    'a charge makes its entries, balances, counters, event and key true',
    async (store, { live }) => {
      const commit = chargeCommit({ scope: live, amount: 700 })
      assert.deepEqual(await store.commit(commit), { kind: 'committed' })

      const { charge, key, event, at } = commit
      assert.deepEqual(await store.charge(live, charge.id), charge)
      assert.deepEqual(await store.idempotencyRecord(live, key.key), recordOf(commit))
      const { charges, events, entries, accounts, totals } = await everything(store, live)
      assert.deepEqual(charges, { data: [charge], hasMore: false })
      assert.deepEqual(events.data, [{ sequence: 1, createdAt: at, ...event, epoch: events.epoch.id }])
      assert.equal(events.epoch.firstSequence, 1)
      const line = { transactionId: charge.id, currency: 'usd', createdAt: at }
      assert.deepEqual(entries.data, [
        { ...line, sequence: 2, account: 'merchant', amount: -700 },
        { ...line, sequence: 1, account: 'provider:sandbox', amount: 700 },
      ])
      assert.deepEqual(accounts, [
        { account: 'merchant', currency: 'usd', balance: -700n },
        { account: 'provider:sandbox', currency: 'usd', balance: 700n },
      ])
      const none = { charges_failed: 0, charges_refunded: 0, refunds: 0 }
      assert.deepEqual(totals, [{ currency: 'usd', charges_succeeded: 1, ...none }])
    },
  )
}

/** So does a refund, which changes stored rows, and a decline, which moves no money. */
export function atomicChanges(open: Open): void {
  rule(
    open,
    'a refund changes its charge and the balances in the commit that makes it',
    async (store, { live }) => {
      const charge = await charged(store, { scope: live, amount: 1_000 })
      const first = await refunded(store, charge, { scope: live, amount: 300 })
      assert.deepEqual(await store.charge(live, charge.id), first.charge)
      assert.deepEqual(await store.refund(live, first.refund.id), first.refund)
      assert.equal(first.charge.status, 'partially_refunded')

      const second = await refunded(store, first.charge, { scope: live })
      assert.deepEqual(await store.charge(live, charge.id), second.charge)
      const { refunds, accounts, totals, events, entries } = await everything(store, live)
      assert.deepEqual(refunds.data, [second.refund, first.refund])
      assert.deepEqual(
        accounts.map((account) => account.balance),
        [0n, 0n],
      )
      assert.deepEqual(totals, [
        { currency: 'usd', charges_succeeded: 1, charges_failed: 0, charges_refunded: 1, refunds: 2 },
      ])
      assert.deepEqual(
        events.data.map((event) => event.type),
        ['payment.succeeded', 'payment.refunded', 'payment.refunded'],
      )
      assert.equal(entries.data.length, 6)
    },
  )

  rule(open, 'a declined charge is stored with its event and posts nothing', async (store, { live }) => {
    const charge = await charged(store, { scope: live, declined: true })
    const { charges, events, entries, accounts, totals } = await everything(store, live)
    assert.deepEqual(charges.data, [charge])
    assert.equal(events.data[0]?.type, 'payment.failed')
    assert.deepEqual([entries.data, accounts], [[], []])
    assert.equal(totals[0]?.charges_failed, 1)
  })
}

/** If the state that a commit was decided on has changed, none of its rows is stored. */
export function refusedCommits(open: Open): void {
  rule(
    open,
    'a key that exists answers its record and writes nothing, not even a ledger account',
    async (store, { live }) => {
      const first = chargeCommit({ scope: live, key: 'once' })
      await committed(store, first)
      const before = await everything(store, live)
      const again = chargeCommit({ scope: live, key: 'once', currency: 'eur' })
      assert.deepEqual(await store.commit(again), { kind: 'key_exists', record: recordOf(first) })
      assert.deepEqual(await everything(store, live), before)
      assert.equal(await store.charge(live, again.charge.id), undefined)
    },
  )

  rule(open, 'a refund decided on an older version conflicts and writes nothing', async (store, { live }) => {
    const charge = await charged(store, { scope: live })
    const stale = refundCommit(charge, { scope: live, key: 'stale' })
    await refunded(store, charge, { scope: live, amount: 10 })
    const before = await everything(store, live)
    assert.deepEqual(await store.commit(stale), { kind: 'version_conflict' })
    assert.deepEqual(await everything(store, live), before)
    assert.equal(await store.idempotencyRecord(live, 'stale'), undefined)
  })

  rule(
    open,
    'a refund of a charge that is not there conflicts and writes nothing',
    async (store, { live }) => {
      const { charge } = chargeCommit({ scope: live })
      assert.deepEqual(await store.commit(refundCommit(charge, { scope: live })), {
        kind: 'version_conflict',
      })
      assert.deepEqual((await everything(store, live)).events.data, [])
    },
  )

  rule(
    open,
    'a transfer without a positive amount, or within one account, is refused by the store too, and nothing is written',
    async (store, { live }) => {
      const commit = chargeCommit({ scope: live })
      const before = await everything(store, live)
      const [transfer] = commit.transfers
      for (const change of [{ amount: 0 }, { amount: -1 }, { credit: transfer!.debit }])
        await assert.rejects(store.commit({ ...commit, transfers: [{ ...transfer!, ...change }] }))
      assert.deepEqual(await everything(store, live), before)
      assert.equal(await store.idempotencyRecord(live, commit.key.key), undefined)
    },
  )
}

/** The transfers of a commit. */
export function bookedTransfers(open: Open): void {
  rule(
    open,
    'a transfer is booked in its own currency, whatever that of the charge',
    async (store, { live }) => {
      const commit = chargeCommit({ scope: live, amount: 700 })
      const [transfer] = commit.transfers
      const fee = { ...transfer!, currency: 'eur', amount: 30 }
      await committed(store, { ...commit, transfers: [transfer!, fee] })
      const { accounts, entries } = await everything(store, live)
      assert.deepEqual(accounts, [
        { account: 'merchant', currency: 'eur', balance: -30n },
        { account: 'merchant', currency: 'usd', balance: -700n },
        { account: 'provider:sandbox', currency: 'eur', balance: 30n },
        { account: 'provider:sandbox', currency: 'usd', balance: 700n },
      ])
      const line = { transactionId: commit.charge.id, createdAt: commit.at }
      assert.deepEqual(entries.data, [
        { ...line, sequence: 4, account: 'merchant', currency: 'eur', amount: -30 },
        { ...line, sequence: 3, account: 'provider:sandbox', currency: 'eur', amount: 30 },
        { ...line, sequence: 2, account: 'merchant', currency: 'usd', amount: -700 },
        { ...line, sequence: 1, account: 'provider:sandbox', currency: 'usd', amount: 700 },
      ])
    },
  )
}

/** Commits that arrive at once may share a transaction and its disk sync. */
export function concurrentCommits(open: Open): void {
  rule(open, 'of many refunds decided on one version exactly one commits', async (store, { live }) => {
    const charge = await charged(store, { scope: live, amount: 500 })
    const commits = Array.from({ length: 30 }, () => refundCommit(charge, { scope: live }))
    const results = await Promise.all(commits.map((commit) => store.commit(commit)))
    const kinds = results.map((result) => result.kind).sort()
    assert.deepEqual(kinds, ['committed', ...Array(29).fill('version_conflict')])
    const { refunds, accounts } = await everything(store, live)
    const winner = commits[results.findIndex((result) => result.kind === 'committed')]
    assert.deepEqual(refunds.data, [winner?.refund])
    assert.deepEqual(
      accounts.map((account) => account.balance),
      [0n, 0n],
    )
  })

  rule(
    open,
    'of many charges with one key exactly one commits, and the others get its record',
    async (store, { live }) => {
      const commits = Array.from({ length: 30 }, () => chargeCommit({ scope: live, key: 'one' }))
      const results = await Promise.all(commits.map((commit) => store.commit(commit)))
      const winners = commits.filter((_, i) => results[i]?.kind === 'committed')
      assert.equal(winners.length, 1)
      for (const result of results)
        if (result.kind !== 'committed')
          assert.deepEqual(result, { kind: 'key_exists', record: recordOf(winners[0]!) })
      assert.deepEqual((await everything(store, live)).charges.data, [winners[0]?.charge])
    },
  )
}

/** A failed commit does not affect the others of its group. */
export function sharedGroups(open: Open): void {
  rule(
    open,
    'a commit that breaks a rule of the database fails alone, not those beside it',
    async (store, { live }) => {
      const good = [chargeCommit({ scope: live }), chargeCommit({ scope: live })]
      const one = chargeCommit({ scope: live, key: 'one' })
      const sameId = { ...chargeCommit({ scope: live, key: 'two' }), charge: one.charge }
      const [before, first, second, after] = await Promise.allSettled(
        [good[0]!, one, sameId, good[1]!].map((commit) => store.commit(commit)),
      )
      assert.deepEqual([before?.status, after?.status], ['fulfilled', 'fulfilled'])
      const failed = [first, second].filter((result) => result?.status === 'rejected')
      assert.equal(failed.length, 1)
      assert.ok(!(failed[0]?.reason instanceof StoreUnavailable), 'it is no fault of the database')

      const { charges, events, entries } = await everything(store, live)
      assert.deepEqual([charges.data.length, events.data.length, entries.data.length], [3, 3, 6])
      const keys = await Promise.all(['one', 'two'].map((key) => store.idempotencyRecord(live, key)))
      assert.equal(keys.filter((record) => record !== undefined).length, 1)
    },
  )
}

export function eventNumbers(open: Open): void {
  rule(
    open,
    'events are numbered without gaps in each scope, and no smaller number appears later',
    async (store, { live, test }) => {
      const total = 200
      const commits = Array.from({ length: total }, () => [
        chargeCommit({ scope: live }),
        chargeCommit({ scope: test }),
      ]).flat()
      const writing = Promise.all(commits.map((commit) => store.commit(commit)))
      const seen: number[] = []
      while (seen.length < total) {
        const { data } = await store.events(live, { after: seen.at(-1) ?? 0, limit: 7 })
        seen.push(...data.map((event) => event.sequence))
        await new Promise((resolve) => setImmediate(resolve))
      }
      await writing
      const counted = Array.from({ length: total }, (_, i) => i + 1)
      assert.deepEqual(seen, counted)
      const other = await store.events(test, { after: 0, limit: total + 1 })
      assert.deepEqual(
        other.data.map((event) => event.sequence),
        counted,
      )
      const entries = await store.ledgerEntries(live, { limit: 3 * total })
      assert.equal(entries.data.length, 2 * total)
      assert.equal(entries.data[0]?.sequence, 2 * total)
    },
  )

  rule(open, 'a refused commit leaves no gap in the events', async (store, { live }) => {
    const charge = await charged(store, { scope: live, key: 'taken' })
    await refunded(store, charge, { scope: live, amount: 1 })
    await Promise.allSettled(
      [
        chargeCommit({ scope: live, key: 'taken' }),
        refundCommit(charge, { scope: live }),
        { ...chargeCommit({ scope: live }), charge },
        chargeCommit({ scope: live, at: tick() }),
      ].map((commit) => store.commit(commit)),
    )
    const { events } = await everything(store, live)
    assert.deepEqual(
      events.data.map((event) => event.sequence),
      [1, 2, 3],
    )
  })
}
