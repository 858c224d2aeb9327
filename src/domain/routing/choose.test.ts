import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idFactory } from '../id.ts'
import {
  type Condition,
  type Facts,
  matchRules,
  type Rule,
  type RuleSet,
  type Targets,
  whyNotMatched,
} from './choose.ts'

const FACTS: Facts = {
  seed: 'txn_1',
  amount: 2500,
  currency: 'usd',
  customer: 'cus_42',
  paymentMethod: null,
  metadata: {},
  time: 0,
}
const list = (...providers: string[]): Targets => ({ kind: 'list', providers })
const split = (weights: Record<string, number>, sticky = false): Targets => ({
  kind: 'split',
  shares: Object.entries(weights).map(([provider, weight]) => ({ provider, weight })),
  sticky,
})

function rule(
  name: string,
  holds: (facts: Facts) => boolean,
  targets: Targets,
  failoverOn: string[] = [],
): Rule {
  const condition: Condition = { holds, whyNot: () => `${name} is false.`, constant: null, conjuncts: [name] }
  return { name, condition, targets, failoverOn }
}
const broken = () => {
  throw new Error('No such key: tier.')
}
const ruleSet = (rules: Rule[], targets: Targets = list('bank_a', 'bank_b')): RuleSet => ({
  rules,
  limits: [],
  fallback: { targets, failoverOn: [] },
})
const plan = (rules: RuleSet, facts: Partial<Facts> = {}) =>
  matchRules(rules, 3, { ...FACTS, ...facts }, (provider) => provider !== 'gone')
const firstOf = (targets: Targets, facts: Partial<Facts>) => plan(ruleSet([], targets), facts).providers[0]

test('the first rule whose condition holds decides', () => {
  const rules = ruleSet([
    rule('no', () => false, list('bank_a')),
    rule('yes', () => true, list('bank_b', 'bank_a'), ['processing_error']),
    rule('late', () => true, list('bank_c')),
  ])
  assert.deepEqual(plan(rules), {
    ruleSetVersion: 3,
    rule: 'yes',
    providers: ['bank_b', 'bank_a'],
    failoverOn: ['processing_error'],
    skipped: [],
    notes: [],
    limits: [],
  })
})

test('where no rule holds, the default decides', () => {
  const { rule: name, providers } = plan(ruleSet([rule('no', () => false, list('bank_c'))]))
  assert.deepEqual([name, providers], ['default', ['bank_a', 'bank_b']])
})

test('a condition that cannot be evaluated does not hold, and is noted', () => {
  const { rule: name, notes } = plan(ruleSet([rule('tiers', broken, list('bank_c'))]))
  assert.equal(name, 'default')
  assert.deepEqual(notes, ['The rule "tiers" could not be evaluated: No such key: tier.'])
})

test('a condition that fails without saying why does not hold either', () => {
  const silent = rule(
    'silent',
    () => {
      throw null
    },
    list('bank_c'),
  )
  assert.deepEqual(plan(ruleSet([silent])).notes, ['The rule "silent" could not be evaluated: It failed.'])
})

test('a provider that is no longer configured is skipped, and no provider is called when none is left', () => {
  const some = plan(ruleSet([], list('gone', 'bank_a')))
  assert.deepEqual(some.providers, ['bank_a'])
  assert.deepEqual(some.skipped, [{ provider: 'gone', reason: 'not configured' }])
  assert.deepEqual(plan(ruleSet([], list('gone'))).providers, [])
})

test('the reason why a rule does not match is a sentence, and a matching rule has none', () => {
  const why = (holds: Condition['holds']) => whyNotMatched(rule('one', holds, list('bank_a')), FACTS)
  assert.equal(
    why(() => false),
    'one is false.',
  )
  assert.equal(why(broken), 'No such key: tier.')
  assert.equal(
    why(() => true),
    undefined,
  )
})

test('a split gives each provider its share of the charges, within one in a hundred', () => {
  const newId = idFactory(
    () => 1_800_000_000_000,
    () => 12345678901234567890n,
  )
  const counts: Record<string, number> = { bank_a: 0, bank_b: 0, bank_c: 0 }
  const targets = split({ bank_a: 70, bank_b: 20, bank_c: 10 })
  const charges = 50_000
  for (let i = 0; i < charges; i++) {
    const first = firstOf(targets, { seed: newId('txn') }) as string
    counts[first] = (counts[first] as number) + 1
  }
  for (const [provider, share] of [
    ['bank_a', 0.7],
    ['bank_b', 0.2],
    ['bank_c', 0.1],
  ] as const)
    assert.ok(Math.abs((counts[provider] as number) / charges - share) < 0.01, JSON.stringify(counts))
})

test('a split tries the others after the drawn one, the heaviest first', () => {
  const targets = split({ bank_a: 10, bank_b: 20, bank_c: 70 })
  const byWeight = ['bank_c', 'bank_b', 'bank_a']
  const seen = new Set<string>()
  for (let i = 0; i < 200; i++) {
    const [first = '', ...others] = plan(ruleSet([], targets), { seed: `txn_${i}` }).providers
    seen.add(first)
    assert.deepEqual(
      others,
      byWeight.filter((provider) => provider !== first),
    )
  }
  assert.equal(seen.size, 3)
})

test('the same charge is always drawn the same, and charges of one customer are drawn apart', () => {
  const targets = split({ bank_a: 50, bank_b: 50 })
  const draws = Array.from({ length: 50 }, (_, i) => firstOf(targets, { seed: `txn_${i}` }))
  assert.deepEqual(
    draws,
    Array.from({ length: 50 }, (_, i) => firstOf(targets, { seed: `txn_${i}` })),
  )
  assert.equal(new Set(draws).size, 2)
})

test('a sticky split keeps a customer at one provider for every charge, and keeps its share of customers', () => {
  const targets = split({ bank_a: 80, bank_b: 20 }, true)
  let atA = 0
  for (let i = 0; i < 20_000; i++) {
    const customer = `cus_${i}`
    const first = firstOf(targets, { customer, seed: 'txn_1' })
    if (first === 'bank_a') atA++
    if (i < 100) assert.equal(firstOf(targets, { customer, seed: `txn_${i}`, amount: i }), first)
  }
  assert.ok(Math.abs(atA / 20_000 - 0.8) < 0.01, String(atA))
})

test('when a weight grows, customers move to that provider only, and none between the others', () => {
  const before = split({ bank_a: 50, bank_b: 30, bank_c: 20 }, true)
  const later = split({ bank_b: 30, bank_c: 60, bank_a: 50 }, true)
  for (let i = 0; i < 5_000; i++) {
    const [was, is] = [firstOf(before, { customer: `cus_${i}` }), firstOf(later, { customer: `cus_${i}` })]
    assert.ok(is === was || is === 'bank_c', `cus_${i} moved from ${was} to ${is}`)
  }
})

test('a draw is the same in every version: customers stay where they are', () => {
  const targets = split({ bank_a: 50, bank_b: 30, bank_c: 20 }, true)
  const drawn = Array.from({ length: 40 }, (_, i) => firstOf(targets, { customer: `cus_${i}` })?.slice(-1))
  assert.equal(drawn.join(''), 'aaccaccaacbaaabaababababaacabacbcbaaabab')
})
