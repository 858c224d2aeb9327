import assert from 'node:assert/strict'
import test from 'node:test'
import { MAX_BALANCE } from '../domain/money.ts'
import { countUse } from '../domain/velocity.ts'
import { type Guarded, type Refusal, refusalOf, type Stored } from './guards.ts'

const use = { limit: 'cards', counter: 'of a card', windowMs: 1_000, unit: 'charges', by: 1, max: 1 } as const
const commit: Guarded = {
  at: 1_000,
  version: 3,
  lease: { attemptId: 'att_1', token: 'mine' },
  transfers: [{ debit: 'provider:bank', credit: 'merchant', currency: 'usd', amount: 100 }],
  attempts: [{ id: 'att_1', provider: 'bank', kind: 'authorize', providerReference: 'ref' }],
  limits: [use],
}
const record = {} as NonNullable<ReturnType<Stored['record']>>
/** Stored rows that let the commit pass. */
const free: Stored = {
  version: () => 2,
  token: () => 'mine',
  balance: () => 0n,
  holder: () => undefined,
  counter: () => undefined,
  record: () => undefined,
}
/** One of each, in the order of the guards, with its refusal. */
const BAD: readonly [Partial<Stored>, Refusal][] = [
  [{ version: () => 3 }, { kind: 'version_conflict' }],
  [{ token: () => 'of another' }, { kind: 'lease_lost' }],
  [{ balance: () => MAX_BALANCE }, { kind: 'balance_limit' }],
  [{ holder: () => 'att_2' }, { kind: 'reference_taken', attemptId: 'att_2' }],
  [{ counter: () => countUse(undefined, use, 1_000) }, { kind: 'limit_exceeded', limit: 'cards' }],
  [{ record: () => record }, { kind: 'key_exists', record }],
]

test('a commit is refused by the first guard that fails, in their order', () => {
  for (const [i, [, refusal]] of BAD.entries()) {
    const stored = Object.assign({}, free, ...BAD.slice(i).map(([bad]) => bad)) as Stored
    assert.deepEqual(refusalOf(commit, stored), refusal)
  }
  assert.equal(refusalOf(commit, free), undefined)
})

test('after a failed guard, no further row is read', () => {
  const order = Object.keys(free) as (keyof Stored)[]
  for (const [i, [bad]] of BAD.entries()) {
    const read: string[] = []
    const noting = Object.fromEntries(
      Object.entries({ ...free, ...bad }).map(([name, find]) => [
        name,
        (...args: never[]) => {
          if (read.at(-1) !== name) read.push(name)
          return (find as (...args: never[]) => unknown)(...args)
        },
      ]),
    ) as Stored
    refusalOf(commit, noting)
    assert.deepEqual(read, order.slice(0, i + 1))
  }
})

test('a new charge has no version to compare, and an attempt keeps its own reference', () => {
  const stored = { ...free, version: () => undefined, holder: () => 'att_1' }
  assert.equal(refusalOf({ ...commit, version: 1 }, stored), undefined)
  assert.equal(refusalOf({ ...commit, version: 2 }, stored)?.kind, 'version_conflict')
})

test('a capture may have the reference of its authorization', () => {
  const [attempt] = commit.attempts
  const capture = { ...attempt, kind: 'capture', id: 'att_2' } as Guarded['attempts'][number]
  assert.equal(refusalOf({ ...commit, attempts: [capture] }, { ...free, holder: () => 'att_1' }), undefined)
})

test('the transfers of a commit count together against the limit of a balance', () => {
  const room = { ...free, balance: () => MAX_BALANCE - 150n }
  assert.equal(refusalOf(commit, room), undefined)
  const twice = [...commit.transfers, ...commit.transfers]
  assert.equal(refusalOf({ ...commit, transfers: twice }, room)?.kind, 'balance_limit')
  const back = { debit: 'merchant', credit: 'provider:bank', currency: 'usd', amount: 100 } as const
  assert.equal(refusalOf({ ...commit, transfers: [back, ...commit.transfers] }, room), undefined)
  const other = commit.transfers.map((transfer) => ({ ...transfer, currency: 'eur' }))
  assert.equal(refusalOf({ ...commit, transfers: [...commit.transfers, ...other] }, room), undefined)
})

test('a transfer of zero is a bug', () => {
  const nothing = commit.transfers.map((transfer) => ({ ...transfer, amount: 0 }))
  assert.throws(() => refusalOf({ ...commit, transfers: nothing }, free), /not a transfer/)
})
