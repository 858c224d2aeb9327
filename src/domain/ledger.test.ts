import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  assertBalanced,
  chargePostings,
  direct,
  isBalanced,
  type Posting,
  transfer,
  transfers,
} from './ledger.ts'
import { MAX_AMOUNT } from './money.ts'

const currency = fc.constantFrom('usd', 'eur', 'jpy', 'kwd')
const amount = fc.integer({ min: 1, max: MAX_AMOUNT })
/** What a refund posts in one step: a charge in reverse. */
const refundPostings = (provider: string, currency: string, amount: number) =>
  transfer('merchant', `provider:${provider}`, currency, amount)
const transaction = fc
  .record({ make: fc.constantFrom(chargePostings, refundPostings), currency, amount })
  .map(({ make, currency, amount }) => make('sandbox', currency, amount))

/** Sums by account and currency: what the ledger's balances would be. */
function balances(postings: readonly Posting[]): Map<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { account, currency, amount } of postings) {
    const name = `${account} ${currency}`
    sums.set(name, (sums.get(name) ?? 0n) + BigInt(amount))
  }
  return sums
}

test('the postings of any sequence of charges and refunds balance, each alone and all together', () => {
  fc.assert(
    fc.property(fc.array(transaction, { minLength: 1, maxLength: 50 }), (transactions) => {
      for (const postings of transactions) assert.ok(isBalanced(postings))
      assert.ok(isBalanced(transactions.flat()))
    }),
  )
})

test('a charge makes the provider hold and the merchant be owed exactly its amount', () => {
  fc.assert(
    fc.property(currency, amount, (currency, amount) => {
      const sums = balances(chargePostings('sandbox', currency, amount))
      assert.equal(sums.get(`provider:sandbox ${currency}`), BigInt(amount))
      assert.equal(sums.get(`merchant ${currency}`), -BigInt(amount))
    }),
  )
})

test('a refund of everything takes the charge back to zero in every account', () => {
  fc.assert(
    fc.property(currency, amount, (currency, amount) => {
      const both = [
        ...chargePostings('sandbox', currency, amount),
        ...refundPostings('sandbox', currency, amount),
      ]
      for (const sum of balances(both).values()) assert.equal(sum, 0n)
    }),
  )
})

test('postings that were tampered with do not balance', () => {
  const tampered = fc
    .record({ postings: transaction, index: fc.nat({ max: 1 }), other: amount, otherCurrency: currency })
    .chain(({ postings, index, other, otherCurrency }) => {
      const posting = postings[index] as Posting
      const replaced = (change: Partial<Posting>) => postings.with(index, { ...posting, ...change })
      return fc.constantFrom(
        replaced({ amount: other === posting.amount ? -other : other }),
        replaced({ amount: 0 }),
        replaced({ amount: 0.5 }),
        replaced({ amount: Number.NaN }),
        replaced({ currency: otherCurrency === posting.currency ? 'gbp' : otherCurrency }),
        postings.toSpliced(index, 1),
        [...postings, posting],
        [],
      )
    })
  fc.assert(
    fc.property(tampered, (postings) => {
      assert.equal(isBalanced(postings), false)
      assert.throws(() => assertBalanced(postings), /do not balance/)
    }),
  )
})

test('amounts of several currencies never make up for each other', () => {
  assert.equal(
    isBalanced([
      { account: 'provider:sandbox', currency: 'usd', amount: 100 },
      { account: 'merchant', currency: 'eur', amount: -100 },
    ]),
    false,
  )
})

test('sums past 2^53 are exact: one unit too much is seen', () => {
  const postings: Posting[] = [
    { account: 'provider:sandbox', currency: 'usd', amount: MAX_AMOUNT },
    { account: 'provider:sandbox', currency: 'usd', amount: MAX_AMOUNT },
    { account: 'provider:sandbox', currency: 'usd', amount: 1 },
    { account: 'merchant', currency: 'usd', amount: -MAX_AMOUNT },
    { account: 'merchant', currency: 'usd', amount: -MAX_AMOUNT },
  ]
  assert.equal(isBalanced(postings), false)
  assert.equal(isBalanced([...postings, { account: 'merchant', currency: 'usd', amount: -1 }]), true)
})

test('no transaction is posted for an amount of zero', () => {
  assert.throws(() => chargePostings('sandbox', 'usd', 0))
  assert.throws(() => transfer('merchant', 'provider:sandbox', 'usd', 0))
})

const moved = (
  debit: 'merchant' | 'uncaptured' | 'capturing' | `provider:${string}`,
  credit: typeof debit,
  amount: number,
) => transfer(debit, credit, 'usd', amount)

test('money that only passes through an account goes straight to where it goes', () => {
  assert.deepEqual(
    direct(moved('merchant', 'capturing', 5), moved('capturing', 'provider:a', 5)),
    moved('merchant', 'provider:a', 5),
  )
})

test('money that goes back to where it came from leaves no trace', () => {
  assert.deepEqual(direct(moved('uncaptured', 'capturing', 5), moved('capturing', 'uncaptured', 5)), [])
})

test('only the same amount from the same account moves on; everything else stays as it was', () => {
  for (const then of [
    moved('capturing', 'provider:a', 4),
    moved('uncaptured', 'provider:a', 5),
    moved('provider:a', 'capturing', 5),
  ])
    assert.deepEqual(direct(moved('merchant', 'capturing', 5), then), [
      ...moved('merchant', 'capturing', 5),
      ...then,
    ])
  assert.deepEqual(direct([], moved('merchant', 'capturing', 5)), moved('merchant', 'capturing', 5))
  assert.deepEqual(direct(moved('merchant', 'capturing', 5), []), moved('merchant', 'capturing', 5))
})

test('of several steps each finds its own continuation, and what has none is kept in order', () => {
  const first = [...moved('merchant', 'capturing', 5), ...moved('merchant', 'uncaptured', 7)]
  const then = [
    ...moved('provider:b', 'merchant', 9),
    ...moved('uncaptured', 'provider:a', 7),
    ...moved('capturing', 'provider:a', 5),
  ]
  assert.deepEqual(direct(first, then), [
    ...moved('merchant', 'provider:a', 5),
    ...moved('merchant', 'provider:a', 7),
    ...moved('provider:b', 'merchant', 9),
  ])
})

test('one currency that balances does not make up for one that does not', () => {
  const half: Posting = { account: 'merchant', currency: 'eur', amount: 1 }
  assert.equal(isBalanced([...moved('merchant', 'capturing', 5), half]), false)
  assert.equal(isBalanced([half, ...moved('merchant', 'capturing', 5)]), false)
})

test('amounts of one account in three postings are summed, not subtracted', () => {
  const postings = [3, 4, -7].map((amount): Posting => ({ account: 'merchant', currency: 'usd', amount }))
  assert.equal(isBalanced(postings), true)
})

test('changes of accounts become as few transfers as there can be, each of a debit and a credit', () => {
  const changes = (...entries: [Posting['account'], number][]) => transfers('usd', new Map(entries))
  assert.deepEqual(changes(), [])
  assert.deepEqual(changes(['merchant', 0], ['capturing', 0]), [])
  assert.deepEqual(changes(['merchant', 5], ['capturing', -5]), moved('merchant', 'capturing', 5))
  assert.deepEqual(changes(['merchant', -5], ['capturing', 5]), moved('capturing', 'merchant', 5))
  assert.deepEqual(changes(['merchant', 7], ['provider:a', -5], ['provider:b', -2]), [
    ...moved('merchant', 'provider:a', 5),
    ...moved('merchant', 'provider:b', 2),
  ])
  assert.deepEqual(changes(['provider:a', 5], ['merchant', -7], ['provider:b', 2]), [
    ...moved('provider:a', 'merchant', 5),
    ...moved('provider:b', 'merchant', 2),
  ])
})

test('changes that do not sum to zero are a fault of ours, which names them', () => {
  for (const [entries, told] of [
    [[['merchant', 5]], 'merchant,5'],
    [[['merchant', -5]], 'merchant,-5'],
    [
      [
        ['merchant', 5],
        ['capturing', -4],
      ],
      'merchant,5,capturing,-4',
    ],
  ] as const)
    assert.throws(() => transfers('usd', new Map(entries)), {
      message: `changes do not balance: ${told}`,
    })
})
