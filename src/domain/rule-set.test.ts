import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CompileCondition, checkRuleSet, readRuleSet } from './rule-set.ts'

const PROVIDERS = ['bank_a', 'bank_b']
const DEFAULT = { providers: ['bank_a'] }

/** A language of `&&` alone, in which `bad` is an error and `yes` and `no` are constants. */
const compile: CompileCondition = (text) =>
  text === 'bad'
    ? { position: { line: 1, column: 3, offset: 2 }, message: 'It is bad.' }
    : {
        holds: () => text === 'yes',
        whyNot: () => '',
        constant: text === 'yes' ? true : text === 'no' ? false : null,
        conjuncts: text.split('&&'),
      }

/** The paths of what is wrong with a document, each with its message. */
function problems(document: unknown): Record<string, string> {
  const read = readRuleSet(document, compile)
  const found = read.problems.length > 0 ? read.problems : checkRuleSet(read.ruleSet, PROVIDERS)
  return Object.fromEntries(found.map(({ path, message }) => [path, message]))
}
const paths = (document: unknown) => Object.keys(problems(document))
const withRules = (...rules: object[]) => ({ rules, default: DEFAULT })
const rule = (name: string, when: string, rest: object = { providers: ['bank_a'] }) => ({
  name,
  when,
  ...rest,
})

test('a good document is read as it is', () => {
  const document = {
    rules: [
      rule('eu', 'a', {
        providers: ['bank_a', 'bank_b'],
        failover_on: ['processing_error', 'their.own-code'],
      }),
      rule('gold', 'b', {
        split: [
          { provider: 'bank_a', weight: 80 },
          { provider: 'bank_b', weight: 20 },
        ],
        sticky: true,
      }),
    ],
    default: { split: [{ provider: 'bank_b', weight: 1 }], failover_on: [] },
  }
  assert.deepEqual(problems(document), {})
  const { rules, fallback } = readRuleSet(document, compile).ruleSet
  assert.deepEqual(rules[0]?.failoverOn, ['processing_error', 'their.own-code'])
  assert.deepEqual(rules[1]?.targets, {
    kind: 'split',
    sticky: true,
    shares: [
      { provider: 'bank_a', weight: 80 },
      { provider: 'bank_b', weight: 20 },
    ],
  })
  assert.deepEqual(fallback.targets, {
    kind: 'split',
    sticky: false,
    shares: [{ provider: 'bank_b', weight: 1 }],
  })
  assert.deepEqual(problems({ default: DEFAULT }), {})
})

test('what is not an object, has no default, or has fields that are not known is refused', () => {
  for (const document of [null, [], 'rules', 7]) assert.ok(paths(document).includes(''), String(document))
  assert.deepEqual(paths({ rules: [] }), ['default'])
  assert.deepEqual(paths({ default: DEFAULT, rulez: [] }), ['rulez'])
  assert.deepEqual(paths(withRules(rule('x', 'a', { providers: ['bank_a'], weight: 3 }))), [
    'rules[0].weight',
  ])
  assert.deepEqual(paths({ default: DEFAULT, 'a b': 1 }), [''])
})

test('a field of the wrong type or length is refused at its path, and all of them at once', () => {
  const found = paths({
    rules: [
      { name: '', when: 'a', providers: ['bank_a'] },
      { name: 'n'.repeat(65), when: 'b'.repeat(1001), providers: ['bank_a'] },
      { when: 7, providers: 'bank_a' },
      rule('x', 'c', { providers: [], failover_on: 'lost_card' }),
      rule('y', 'd', { providers: ['a provider'], failover_on: ['not a code'] }),
      'rule',
    ],
    default: { providers: Array.from({ length: 21 }, (_, i) => `bank_${i}`) },
  })
  assert.deepEqual(found, [
    'rules[0].name',
    'rules[1].name',
    'rules[1].when',
    'rules[2].name',
    'rules[2].when',
    'rules[2].providers',
    'rules[3].failover_on',
    'rules[3].providers',
    'rules[4].failover_on[0]',
    'rules[4].providers[0]',
    'rules[5]',
    'default.providers',
  ])
})

test('a condition that does not compile is refused with its position in the expression', () => {
  const read = readRuleSet(withRules(rule('a', 'x'), rule('b', 'bad')), compile)
  assert.deepEqual(read.problems, [
    { path: 'rules[1].when', position: { line: 1, column: 3, offset: 2 }, message: 'It is bad.' },
  ])
})

test('a hundred rules are taken, one more is not', () => {
  const rules = Array.from({ length: 100 }, (_, i) => rule(`r${i}`, `c${i}`))
  assert.deepEqual(problems(withRules(...rules)), {})
  assert.deepEqual(paths(withRules(...rules, rule('more', 'm'))), ['rules'])
})

test('a rule has a list or a split, not both and not neither', () => {
  const share = { provider: 'bank_a', weight: 1 }
  assert.deepEqual(paths(withRules(rule('x', 'a', {}))), ['rules[0]'])
  assert.deepEqual(paths(withRules(rule('x', 'a', { providers: ['bank_a'], split: [share] }))), ['rules[0]'])
  assert.deepEqual(paths({ default: {} }), ['default'])
})

test('only a split can be sticky', () => {
  assert.deepEqual(paths(withRules(rule('x', 'a', { providers: ['bank_a'], sticky: true }))), [
    'rules[0].sticky',
  ])
})

test('a weight is a positive whole number', () => {
  for (const weight of [0, -1, 1.5, '80', null, undefined, 1_000_001])
    assert.deepEqual(paths(withRules(rule('x', 'a', { split: [{ provider: 'bank_a', weight }] }))), [
      'rules[0].split[0].weight',
    ])
})

test('a provider or a code that is there twice is refused at the second', () => {
  const twice = { providers: ['bank_a', 'bank_a'], failover_on: ['processing_error', 'processing_error'] }
  assert.deepEqual(paths(withRules(rule('x', 'a', twice))), [
    'rules[0].failover_on[1]',
    'rules[0].providers[1]',
  ])
  const split = [
    { provider: 'bank_a', weight: 1 },
    { provider: 'bank_a', weight: 2 },
  ]
  assert.deepEqual(paths(withRules(rule('x', 'a', { split }))), ['rules[0].split[1]'])
})

test('a provider that is not configured is refused, in lists, splits and the default', () => {
  const document = {
    rules: [
      rule('x', 'a', { providers: ['bank_a', 'bank_z'] }),
      rule('y', 'b', { split: [{ provider: 'bank_y', weight: 1 }] }),
    ],
    default: { providers: ['bank_x'] },
  }
  assert.deepEqual(paths(document), [
    'rules[0].providers[1]',
    'rules[1].split[0].provider',
    'default.providers[0]',
  ])
  assert.match(problems(document)['default.providers[0]'] as string, /"bank_x".*bank_a, bank_b/)
})

test('a hard decline is never failed over after', () => {
  const document = withRules(
    rule('x', 'a', { providers: ['bank_a'], failover_on: ['processing_error', 'stolen_card'] }),
  )
  assert.deepEqual(paths(document), ['rules[0].failover_on[1]'])
})

test('a name is used once, and never that of the default', () => {
  assert.deepEqual(paths(withRules(rule('x', 'a'), rule('x', 'b'))), ['rules[1].name'])
  assert.deepEqual(paths(withRules(rule('default', 'a'))), ['rules[0].name'])
})

test('a rule that no charge can reach is refused at its condition', () => {
  assert.deepEqual(paths(withRules(rule('x', 'yes'), rule('y', 'a'))), ['rules[1].when'])
  assert.deepEqual(paths(withRules(rule('x', 'no'), rule('y', 'a'))), ['rules[0].when'])
  assert.deepEqual(paths(withRules(rule('x', 'a'), rule('y', 'b'), rule('z', 'a'))), ['rules[2].when'])
  assert.deepEqual(paths(withRules(rule('x', 'a&&b'), rule('y', 'b&&c&&a'))), ['rules[1].when'])
})

test('a narrower rule before a wider one, and a last one that is always true, can be reached', () => {
  assert.deepEqual(problems(withRules(rule('x', 'a&&b'), rule('y', 'a'), rule('z', 'yes'))), {})
})
