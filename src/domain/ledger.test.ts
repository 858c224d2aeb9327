import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chargeTransfer, isTransfer, joinTransfers, type Transfer, transfer, transfersFor } from './ledger.ts'
import { MAX_AMOUNT } from './money.ts'

const currency = fc.constantFrom('usd', 'eur', 'jpy', 'kwd')
const amount = fc.integer({ min: 1, max: MAX_AMOUNT })
/** A refund in one step: the reverse of a charge. */
const refundTransfer = (provider: string, currency: string, amount: number) =>
  transfer('merchant', `provider:${provider}`, currency, amount)
const anyTransfer = fc
  .record({ make: fc.constantFrom(chargeTransfer, refundTransfer), currency, amount })
  .map(({ make, currency, amount }) => make('sandbox', currency, amount))

/** Sums by account and currency: the expected balances of the ledger. */
function balances(transfers: readonly Transfer[]): Map<string, bigint> {
  const sums = new Map<string, bigint>()
  const add = (name: string, change: bigint) => sums.set(name, (sums.get(name) ?? 0n) + change)
  for (const { debit, credit, currency, amount } of transfers) {
    add(`${debit} ${currency}`, BigInt(amount))
    add(`${credit} ${currency}`, -BigInt(amount))
  }
  return sums
}

test('the balances of any sequence of charges and refunds sum to zero in each currency', () => {
  fc.assert(
    fc.property(fc.array(anyTransfer, { minLength: 1, maxLength: 50 }), (transfers) => {
      for (const currency of ['usd', 'eur', 'jpy', 'kwd']) {
        const own = [...balances(transfers)].filter(([name]) => name.endsWith(currency))
        assert.equal(
          own.reduce((sum, [, balance]) => sum + balance, 0n),
          0n,
        )
      }
    }),
  )
})

test('a charge makes the provider hold and the merchant be owed exactly its amount', () => {
  fc.assert(
    fc.property(currency, amount, (currency, amount) => {
      const sums = balances([chargeTransfer('sandbox', currency, amount)])
      assert.equal(sums.get(`provider:sandbox ${currency}`), BigInt(amount))
      assert.equal(sums.get(`merchant ${currency}`), -BigInt(amount))
    }),
  )
})

test('a refund of everything takes the charge back to zero in every account', () => {
  fc.assert(
    fc.property(currency, amount, (currency, amount) => {
      const both = [chargeTransfer('sandbox', currency, amount), refundTransfer('sandbox', currency, amount)]
      for (const sum of balances(both).values()) assert.equal(sum, 0n)
    }),
  )
})

test('a transfer has a positive amount in whole minor units and two different accounts', () => {
  const broken = fc
    .record({ whole: anyTransfer, less: fc.integer({ max: 0 }) })
    .chain(({ whole, less }) =>
      fc.constantFrom<Transfer>(
        { ...whole, amount: less },
        { ...whole, amount: 0.5 },
        { ...whole, amount: Number.NaN },
        { ...whole, amount: 2 ** 53 },
        { ...whole, credit: whole.debit },
      ),
    )
  fc.assert(
    fc.property(broken, (broken) => {
      const { debit, credit, currency, amount } = broken
      assert.equal(isTransfer(broken), false)
      assert.throws(() => transfer(debit, credit, currency, amount), /^Error: not a transfer: \{"debit":/)
    }),
  )
  fc.assert(fc.property(anyTransfer, (whole) => assert.equal(isTransfer(whole), true)))
})

const moved = (
  debit: 'merchant' | 'uncaptured' | 'capturing' | `provider:${string}`,
  credit: typeof debit,
  amount: number,
) => transfer(debit, credit, 'usd', amount)

test('money that only passes through an account goes straight to where it goes', () => {
  assert.deepEqual(
    joinTransfers([moved('merchant', 'capturing', 5)], [moved('capturing', 'provider:a', 5)]),
    [moved('merchant', 'provider:a', 5)],
  )
})

test('money that goes back to where it came from leaves no trace', () => {
  assert.deepEqual(
    joinTransfers([moved('uncaptured', 'capturing', 5)], [moved('capturing', 'uncaptured', 5)]),
    [],
  )
})

test('only the same amount from the same account moves on; everything else stays as it was', () => {
  for (const then of [
    moved('capturing', 'provider:a', 4),
    moved('uncaptured', 'provider:a', 5),
    moved('provider:a', 'capturing', 5),
    transfer('capturing', 'provider:a', 'eur', 5),
  ])
    assert.deepEqual(joinTransfers([moved('merchant', 'capturing', 5)], [then]), [
      moved('merchant', 'capturing', 5),
      then,
    ])
  assert.deepEqual(joinTransfers([], [moved('merchant', 'capturing', 5)]), [
    moved('merchant', 'capturing', 5),
  ])
  assert.deepEqual(joinTransfers([moved('merchant', 'capturing', 5)], []), [
    moved('merchant', 'capturing', 5),
  ])
})

test('of several steps each finds its own continuation, and what has none is kept in order', () => {
  const first = [moved('merchant', 'capturing', 5), moved('merchant', 'uncaptured', 7)]
  const then = [
    moved('provider:b', 'merchant', 9),
    moved('uncaptured', 'provider:a', 7),
    moved('capturing', 'provider:a', 5),
  ]
  assert.deepEqual(joinTransfers(first, then), [
    moved('merchant', 'provider:a', 5),
    moved('merchant', 'provider:a', 7),
    moved('provider:b', 'merchant', 9),
  ])
})

test('changes of accounts become as few transfers as there can be, each of a debit and a credit', () => {
  const changes = (...entries: [Transfer['debit'], number][]) => transfersFor('usd', new Map(entries))
  assert.deepEqual(changes(), [])
  assert.deepEqual(changes(['merchant', 0], ['capturing', 0]), [])
  assert.deepEqual(changes(['merchant', 5], ['capturing', -5]), [moved('merchant', 'capturing', 5)])
  assert.deepEqual(changes(['merchant', -5], ['capturing', 5]), [moved('capturing', 'merchant', 5)])
  assert.deepEqual(changes(['merchant', 7], ['provider:a', -5], ['provider:b', -2]), [
    moved('merchant', 'provider:a', 5),
    moved('merchant', 'provider:b', 2),
  ])
  assert.deepEqual(changes(['provider:a', 5], ['merchant', -7], ['provider:b', 2]), [
    moved('provider:a', 'merchant', 5),
    moved('provider:b', 'merchant', 2),
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
    assert.throws(() => transfersFor('usd', new Map(entries)), {
      message: `changes do not balance: ${told}`,
    })
})
