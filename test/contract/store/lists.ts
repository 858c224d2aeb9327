import assert from 'node:assert/strict'
import { applyOutcome } from '../../../src/domain/attempt.ts'
import type { Charge } from '../../../src/domain/charge.ts'
import { failOver } from '../../../src/domain/lifecycle.ts'
import type { ChargeQuery, Page, PageQuery, Scope, Store } from '../../../src/ports/store.ts'
import {
  type Begun,
  beginCommit,
  beginRefundCommit,
  charged,
  commitOf,
  committed,
  endCommit,
  followUpCommit,
  newId,
  type Open,
  refunded,
  rule,
  START,
  taken,
  tick,
} from '../../kit/commits.ts'

/** The ids of a page, and whether there are more. */
function ids({ data, hasMore }: Page<{ id: string }>): [string[], boolean] {
  return [data.map((item) => item.id), hasMore]
}

/** `count` charges, the newest first, as lists give them. */
async function newestFirst(store: Store, scope: Scope, count: number): Promise<Charge[]> {
  const charges: Charge[] = []
  for (let i = 0; i < count; i++) charges.unshift(await charged(store, { scope }))
  return charges
}

export function pages(open: Open): void {
  rule(
    open,
    'charges are listed newest first, and hasMore is true if there is a further page',
    async (store, { live }) => {
      const all = (await newestFirst(store, live, 5)).map((charge) => charge.id)
      const list = async (query: PageQuery) => ids(await store.charges(live, query))
      assert.deepEqual(await list({ limit: 5 }), [all, false])
      assert.deepEqual(await list({ limit: 4 }), [all.slice(0, 4), true])
      assert.deepEqual(await list({ limit: 2, startingAfter: all[1]! }), [all.slice(2, 4), true])
      assert.deepEqual(await list({ limit: 2, startingAfter: all[2]! }), [all.slice(3), false])
      assert.deepEqual(await list({ limit: 2, startingAfter: all[4]! }), [[], false])
    },
  )

  rule(open, 'a page before a cursor is the one next to it, newest first too', async (store, { live }) => {
    const all = (await newestFirst(store, live, 5)).map((charge) => charge.id)
    const list = async (query: PageQuery) => ids(await store.charges(live, query))
    assert.deepEqual(await list({ limit: 2, endingBefore: all[4]! }), [all.slice(2, 4), true])
    assert.deepEqual(await list({ limit: 2, endingBefore: all[2]! }), [all.slice(0, 2), false])
    assert.deepEqual(await list({ limit: 2, endingBefore: all[0]! }), [[], false])
  })

  rule(open, 'refunds are listed and paged as charges are', async (store, { live }) => {
    const all: string[] = []
    let charge = await charged(store, { scope: live })
    for (let i = 0; i < 3; i++) {
      const made = await refunded(store, charge, { scope: live, amount: 10 })
      charge = made.charge
      all.unshift(made.refund.id)
    }
    assert.deepEqual(ids(await store.refunds(live, { limit: 2 })), [all.slice(0, 2), true])
    assert.deepEqual(ids(await store.refunds(live, { limit: 2, startingAfter: all[1]! })), [[all[2]], false])
    assert.deepEqual(ids(await store.refunds(live, { limit: 1, endingBefore: all[2]! })), [[all[1]], true])
  })
}

export function filteredLists(open: Open): void {
  rule(
    open,
    'charges are found by customer, status, currency and time, and by several at once',
    async (store, { live }) => {
      const scope = live
      const a = await charged(store, { scope, customer: 'cus_a' })
      const b = await charged(store, { scope, customer: 'cus_b', currency: 'eur' })
      const c = await charged(store, { scope, customer: 'cus_a', currency: 'eur', declined: true })
      const d = await charged(store, { scope, customer: 'cus_a', currency: 'eur' })
      await refunded(store, d, { scope, amount: 1 })
      const list = async (query: object) => ids(await store.charges(live, { limit: 10, ...query }))[0]
      assert.deepEqual(await list({ customer: 'cus_a' }), [d.id, c.id, a.id])
      assert.deepEqual(await list({ currency: 'eur' }), [d.id, c.id, b.id])
      assert.deepEqual(await list({ status: 'failed' }), [c.id])
      assert.deepEqual(await list({ status: 'partially_refunded' }), [d.id])
      assert.deepEqual(await list({ status: 'succeeded' }), [b.id, a.id])
      assert.deepEqual(await list({ status: 'refunded' }), [])
      assert.deepEqual(await list({ customer: 'cus_a', currency: 'eur' }), [d.id, c.id])
      assert.deepEqual(await list({ customer: 'cus_a', startingAfter: d.id, limit: 1 }), [c.id])
      assert.deepEqual(await list({ customer: 'cus_a', endingBefore: a.id, limit: 1 }), [c.id])
      assert.deepEqual(await list({ customer: 'cus_' }), [])
      assert.deepEqual(await list({ createdFrom: b.createdAt }), [d.id, c.id, b.id])
      assert.deepEqual(await list({ createdUntil: c.createdAt }), [b.id, a.id])
      assert.deepEqual(await list({ createdFrom: b.createdAt, createdUntil: c.createdAt }), [b.id])
      assert.deepEqual(await list({ createdFrom: d.createdAt + 60_000 }), [])
    },
  )

  rule(
    open,
    'charges are found by several statuses, provider, decline code and amount, alone and together',
    async (store, { live }) => {
      const scope = live
      const a = await charged(store, { scope, amount: 100 })
      const b = await charged(store, { scope, amount: 200, declined: true })
      const { charge: c } = await taken(store, { scope, amount: 300, customer: 'cus_a' })
      const d = await charged(store, { scope, amount: 400 })
      await refunded(store, d, { scope, amount: 1 })
      const e = await charged(store, { scope, amount: 500 })
      await refunded(store, e, { scope })
      const list = async (query: object) => ids(await store.charges(live, { limit: 10, ...query }))
      const found = async (query: object) => (await list(query))[0]
      assert.deepEqual(await found({ status: ['failed', 'refunded'] }), [e.id, b.id])
      assert.deepEqual(await found({ status: ['failed'] }), [b.id])
      assert.deepEqual(await found({ status: ['succeeded', 'failed'] }), [c.id, b.id, a.id])
      assert.deepEqual(await list({ status: ['partially_refunded', 'failed', 'refunded'], limit: 2 }), [
        [e.id, d.id],
        true,
      ])
      assert.deepEqual(await list({ status: ['failed', 'refunded'], limit: 2, startingAfter: e.id }), [
        [b.id],
        false,
      ])
      assert.deepEqual(await list({ status: ['failed', 'refunded'], limit: 1, endingBefore: a.id }), [
        [b.id],
        true,
      ])
      assert.deepEqual(await found({ provider: 'bank_a' }), [c.id])
      assert.deepEqual(await found({ provider: 'bank' }), [])
      assert.deepEqual(await found({ declineCode: b.declineCode }), [b.id])
      assert.deepEqual(await found({ declineCode: b.declineCode, status: 'succeeded' }), [])
      assert.deepEqual(await found({ declineCode: 'no_such_code' }), [])
      assert.deepEqual(await found({ amountFrom: 300 }), [e.id, d.id, c.id])
      assert.deepEqual(await found({ amountTo: 200 }), [b.id, a.id])
      assert.deepEqual(
        await found({ amountFrom: 200, amountTo: 400, status: ['failed', 'partially_refunded'] }),
        [d.id, b.id],
      )
      assert.deepEqual(
        await found({ amountFrom: 200, customer: 'cus_a', provider: 'bank_a', currency: 'usd' }),
        [c.id],
      )
    },
  )

  rule(
    open,
    'charges that are processing are listed by their ids, however far their calls are, and no other ones',
    async (store, { live, test }) => {
      const scope = live
      const begin = async () => {
        const begun = beginCommit({ scope })
        await committed(store, begun.commit)
        return begun
      }
      const postpone = ({ attempt: { id, token } }: Begun) =>
        store.postponeAttempt({
          ...{ id, token: token ?? '', state: 'unknown', reason: null, lookups: 0 },
          ...{ unknownSince: START, dueAt: START },
        })
      const sending = await begin()
      const [unknown, waits, failedOver] = [await begin(), await begin(), await begin()]
      await postpone(unknown)
      const pending = { kind: 'pending', reference: 'pay_1', redirectUrl: null } as const
      await committed(store, endCommit(waits, pending, { scope }))
      const { attempt, charge } = failedOver
      const ended = applyOutcome(attempt, { kind: 'not_sent', reason: 'It is closed.' }, 'answer', tick())
      const next = { ...attempt, id: newId('att'), provider: 'bank_b' }
      await committed(store, commitOf(failOver(charge, ended, next), { scope }, null, tick()))
      const { charge: held } = await taken(store, { scope, capture: false })
      await committed(store, followUpCommit('capture', held, { scope }).commit)
      const { charge: paid } = await taken(store, { scope })
      const refund = beginRefundCommit(paid, { scope })
      await committed(store, refund.commit)
      await postpone(refund)
      await charged(store, { scope, declined: true })
      await committed(store, beginCommit({ scope: test }).commit)
      const last = await begin()

      const all = [sending, unknown, waits, failedOver, { charge: held }, last].map((one) => one.charge.id)
      const queries = [
        { status: 'processing' },
        { status: ['processing', 'canceled'], currency: 'usd' },
      ] as const
      for (const query of queries)
        for (const limit of [1, 2, 5, 6]) {
          const found: string[] = []
          for (let more = true; more; ) {
            const startingAfter = found.at(-1)
            const [page, hasMore] = ids(
              await store.charges(live, { ...query, limit, ...(startingAfter && { startingAfter }) }),
            )
            found.push(...page)
            more = hasMore
          }
          assert.deepEqual(found, all.toReversed())
          const before = await store.charges(live, { ...query, limit, endingBefore: all[0] as string })
          assert.deepEqual(
            before.data.map(({ id }) => id),
            all.slice(1, limit + 1).toReversed(),
          )
        }
      assert.deepEqual(ids(await store.charges(test, { status: 'processing', limit: 9 }))[0].length, 1)
    },
  )

  rule(
    open,
    'a search without an index ends after so many rows, and the next page begins there: none is missed, none comes twice',
    async (store, { live }) => {
      const scope = live
      const made: Charge[] = []
      for (let i = 0; i < 30; i++)
        made.unshift(
          await charged(store, { scope, amount: i % 10 === 3 ? 7 : 100 + i, declined: i % 2 === 1 }),
        )
      const wanted = made.filter(({ amount }) => amount === 7).map(({ id }) => id)
      const queries: Omit<ChargeQuery, 'limit'>[] = [
        {},
        { status: ['failed', 'succeeded'] },
        { status: ['failed', 'refunded'] },
        { status: ['processing', 'failed', 'succeeded'] },
        { currency: 'usd' },
      ]
      for (const query of queries)
        for (const limit of [1, 2, 10])
          for (const backwards of [false, true]) {
            const found: string[] = []
            let cursor = backwards ? 'txn_' : undefined
            for (let pages = 0; ; pages++) {
              assert.ok(pages < 40)
              const at =
                cursor === undefined ? {} : { [backwards ? 'endingBefore' : 'startingAfter']: cursor }
              const page = await store.charges(live, { ...query, amountTo: 7, limit, most: 8, ...at })
              const list = page.data.map(({ id }) => id)
              if (backwards) found.unshift(...list)
              else found.push(...list)
              if (!page.hasMore) break
              cursor = page.next ?? (backwards ? list[0] : list.at(-1))
              assert.ok(cursor !== undefined)
            }
            assert.deepEqual(found, wanted, JSON.stringify({ query, limit, backwards }))
          }
    },
  )

  rule(open, 'refunds are found by several statuses, decline code and amount', async (store, { live }) => {
    const scope = live
    const charge = await charged(store, { scope })
    const part = await refunded(store, charge, { scope, amount: 1 })
    const rest = await refunded(store, part.charge, { scope, amount: 2 })
    const list = async (query: object) => ids(await store.refunds(live, { limit: 10, ...query }))[0]
    assert.deepEqual(await list({ status: ['partially_refunded', 'failed'] }), [
      rest.refund.id,
      part.refund.id,
    ])
    assert.deepEqual(await list({ status: ['failed', 'refunded'] }), [])
    assert.deepEqual(await list({ amountFrom: 2 }), [rest.refund.id])
    assert.deepEqual(await list({ amountTo: 1, chargeId: charge.id }), [part.refund.id])
    assert.deepEqual(await list({ declineCode: 'insufficient_funds' }), [])
  })

  rule(open, 'refunds are found by transaction, customer, status and currency', async (store, { live }) => {
    const scope = live
    const euro = await charged(store, { scope, customer: 'cus_a', currency: 'eur' })
    const dollar = await charged(store, { scope, customer: 'cus_b' })
    const part = await refunded(store, euro, { scope, amount: 1 })
    const whole = await refunded(store, dollar, { scope })
    const list = async (query: object) => ids(await store.refunds(live, { limit: 10, ...query }))[0]
    assert.deepEqual(await list({}), [whole.refund.id, part.refund.id])
    assert.deepEqual(await list({ chargeId: euro.id }), [part.refund.id])
    assert.deepEqual(await list({ customer: 'cus_b' }), [whole.refund.id])
    assert.deepEqual(await list({ status: 'refunded' }), [whole.refund.id])
    assert.deepEqual(await list({ currency: 'eur' }), [part.refund.id])
    assert.deepEqual(await list({ createdFrom: whole.refund.createdAt }), [whole.refund.id])
    assert.deepEqual(await list({ createdUntil: whole.refund.createdAt }), [part.refund.id])
  })
}

export function eventLists(open: Open): void {
  rule(open, 'events follow a sequence, oldest first', async (store, { live }) => {
    const charge = await charged(store, { scope: live })
    await refunded(store, charge, { scope: live, amount: 1 })
    await charged(store, { scope: live })
    const list = async (query: { after: number; limit: number }) => {
      const { data, hasMore } = await store.events(live, query)
      return [data.map((event) => event.sequence), hasMore]
    }
    assert.deepEqual(await list({ after: 0, limit: 2 }), [[1, 2], true])
    assert.deepEqual(await list({ after: 2, limit: 2 }), [[3], false])
    assert.deepEqual(await list({ after: 3, limit: 2 }), [[], false])
  })
}

export function ledgerLists(open: Open): void {
  rule(
    open,
    'entries are listed newest first, by transaction, account and currency',
    async (store, { live }) => {
      const euro = await charged(store, { scope: live, currency: 'eur' })
      const dollar = await charged(store, { scope: live })
      const { refund } = await refunded(store, dollar, { scope: live, amount: 5 })
      const list = async (query: object) => {
        const { data, hasMore } = await store.ledgerEntries(live, { limit: 10, ...query })
        return [data.map((entry) => entry.sequence), hasMore]
      }
      assert.deepEqual(await list({}), [[6, 5, 4, 3, 2, 1], false])
      assert.deepEqual(await list({ limit: 2 }), [[6, 5], true])
      assert.deepEqual(await list({ limit: 2, before: 3 }), [[2, 1], false])
      assert.deepEqual(await list({ transactionId: euro.id }), [[2, 1], false])
      assert.deepEqual(await list({ transactionId: refund.id }), [[6, 5], false])
      assert.deepEqual(await list({ account: 'merchant' }), [[5, 4, 2], false])
      assert.deepEqual(await list({ account: 'merchant', currency: 'usd' }), [[5, 4], false])
      assert.deepEqual(await list({ currency: 'eur' }), [[2, 1], false])
    },
  )

  rule(
    open,
    'a page of entries before any number has exactly the newest before it',
    async (store, { live }) => {
      let charge = await charged(store, { scope: live, amount: 90 })
      await charged(store, { scope: live, currency: 'eur' })
      for (let i = 0; i < 3; i++) ({ charge } = await refunded(store, charge, { scope: live, amount: 5 + i }))
      const { data: all } = await store.ledgerEntries(live, { limit: 99 })
      assert.deepEqual(
        all.map(({ sequence }) => sequence),
        [10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
      )
      for (const [field, value] of [
        ['account', undefined],
        ['account', 'merchant'],
        ['account', 'provider:sandbox'],
        ['currency', 'usd'],
        ['transactionId', charge.id],
      ] as const)
        for (const limit of [1, 2, 3])
          for (let before = 1; before <= 11; before++) {
            const found = all.filter(
              (entry) => entry.sequence < before && (value === undefined || entry[field] === value),
            )
            const query = value === undefined ? { limit, before } : { limit, before, [field]: value }
            const expected = { data: found.slice(0, limit), hasMore: found.length > limit }
            assert.deepEqual(await store.ledgerEntries(live, query), expected, JSON.stringify(query))
          }
    },
  )

  rule(open, 'sums of different currencies never meet', async (store, { live }) => {
    await charged(store, { scope: live, amount: 3, currency: 'eur' })
    await charged(store, { scope: live, amount: 5, currency: 'usd' })
    const accounts = await store.ledgerAccounts(live)
    assert.deepEqual(
      accounts.map((account) => [account.account, account.currency, account.balance]),
      [
        ['merchant', 'eur', -3n],
        ['merchant', 'usd', -5n],
        ['provider:sandbox', 'eur', 3n],
        ['provider:sandbox', 'usd', 5n],
      ],
    )
    const totals = await store.currencyTotals(live)
    assert.deepEqual(
      totals.map((total) => [total.currency, total.charges_succeeded]),
      [
        ['eur', 1],
        ['usd', 1],
      ],
    )
  })
}
