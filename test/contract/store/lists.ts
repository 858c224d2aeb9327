import assert from 'node:assert/strict'
import type { Charge } from '../../../src/domain/charge.ts'
import type { Page, PageQuery, Scope, Store } from '../../../src/ports/store.ts'
import { charged, type Open, refunded, rule } from '../../kit/commits.ts'

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
