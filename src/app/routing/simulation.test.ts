import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Charge } from '../../domain/charge.ts'
import { type Facts, matchRules, type Plan, type RuleSet } from '../../domain/routing/choose.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'
import { evaluateInSlices, MAX_SAMPLES, replayCharges } from './simulation.ts'

const charges = Array.from(
  { length: 50 },
  (_, i) =>
    ({
      ...{ id: `txn_${50 - i}`, amount: 50 - i, currency: 'eur', customer: 'cus', provider: 'bank_a' },
      ...{ metadata: {}, paymentMethod: null, createdAt: 50 - i },
    }) as Charge,
)
const ruleSet = {
  rules: [],
  limits: [],
  fallback: { targets: { kind: 'list', providers: [] }, failoverOn: [] },
} as const

const route = (rule: string, providers: string[], failoverOn: string[] = []): Plan => ({
  ...{ ruleSetVersion: null, rule, providers, failoverOn, skipped: [], notes: [], limits: [] },
})
const replay = (last: number, plan: (facts: Facts) => Plan, stored?: (facts: Facts) => Plan) => {
  const store = { charges: async () => ({ data: charges.slice(0, last), hasMore: false }) }
  return replayCharges(store, KEYLESS_SCOPE, last, ruleSet, { plan, stored }, () => undefined)
}

test('a draft is compared with the stored rules, and charges with the same route are no samples', async () => {
  const { changed, rerouted, samples } = await replay(
    6,
    ({ amount }) => (amount % 2 === 0 ? route('even', ['bank_b', 'bank_a']) : route('default', ['bank_b'])),
    () => route('default', ['bank_b']),
  )
  assert.deepEqual([changed, rerouted], [6, 3])
  assert.deepEqual(
    samples.map(({ charge: { id }, route, stored }) => [id, route, stored]),
    ['txn_50', 'txn_48', 'txn_46'].map((id) => [
      id,
      { rule: 'even', provider: 'bank_b' },
      { rule: 'default', provider: 'bank_b' },
    ]),
  )
})

test('a draft that fails over after other declines routes in another way, and one with other names does not', async () => {
  const stored = () => route('eu', ['bank_a'])
  assert.equal((await replay(1, () => route('eu', ['bank_a'], ['do_not_honor']), stored)).rerouted, 1)
  assert.equal((await replay(1, () => route('europe', ['bank_a']), stored)).rerouted, 0)
})

test('samples of the stored rules are charges that went to another provider, at most twenty of them', async () => {
  const all = await replay(50, () => route('eu', []))
  assert.deepEqual([all.changed, all.rerouted, all.samples.length], [50, 0, MAX_SAMPLES])
  assert.equal(all.samples[0]?.route.provider, 'none')
  const none = await replay(50, () => route('eu', ['bank_a']))
  assert.deepEqual([none.changed, none.samples], [0, []])
})

test('other work gets its turn after each condition, each is evaluated once, and the plan is the same', async () => {
  let evaluated = 0
  const rule = (name: string, result: boolean | Error) => ({
    ...{ name, per: 'customer', failoverOn: [], targets: { kind: 'list', providers: [name] } },
    condition: {
      holds() {
        evaluated++
        if (result instanceof Error) throw result
        return result
      },
      ...{ whyNot: () => '', constant: null, conjuncts: [] },
    },
  })
  const rules = [rule('a', false), rule('b', new Error('No such key.')), rule('c', true), rule('d', true)]
  const limits = [rule('e', false), rule('f', true), { ...rule('g', true), condition: null }]
  const both = { ...ruleSet, rules, limits } as unknown as RuleSet
  const facts: Facts = {
    ...{ seed: 's', amount: 1, currency: 'eur', customer: 'cus' },
    ...{ paymentMethod: null, metadata: {}, time: 0 },
  }
  const expected = matchRules(both, 1, facts, () => true)
  evaluated = 0
  let pauses = 0
  const known = await evaluateInSlices(both, facts, () => {
    pauses++
    return undefined
  })
  const found = matchRules(both, 1, facts, () => true, known)
  assert.deepEqual(found, expected)
  assert.deepEqual([found.rule, found.limits.length, found.notes.length], ['c', 2, 1])
  assert.deepEqual([pauses, evaluated], [5, 5])
})
