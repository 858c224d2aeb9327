import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BUILT_IN, type CompileCondition, checkRuleSet, readRuleSet } from './rule-set.ts'

const PROVIDERS = ['bank_a', 'bank_b']
const DEFAULT = { providers: ['bank_a'] }

/** A language of only `&&`, in which `bad` is an error and `yes` and `no` are constants. */
const compile: CompileCondition = (text) =>
  text === 'bad'
    ? { position: { line: 1, column: 3, offset: 2 }, message: 'It is bad.' }
    : {
        holds: () => text === 'yes',
        whyNot: () => '',
        constant: text === 'yes' ? true : text === 'no' ? false : null,
        conjuncts: text.split('&&'),
      }

/** The paths of a document's problems, each with its message. */
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

test('a document that is not an object, has no default, or has unknown fields is refused', () => {
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

test('a hundred rules are accepted, one more is not', () => {
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

const ONE = { provider: 'bank_a', weight: 1 }
const RULE_FIELDS = 'name, when, providers, split, sticky, failover_on'
const EITHER = 'It needs either providers, a list in order, or split, a list of weights.'
const textOf = (most: number) => `This must be a string of 1 to ${most} characters.`

/** Every possible problem of a document, once, and its sentence. */
const SENTENCES: readonly (readonly [document: unknown, path: string, message: string])[] = [
  [null, '', 'This must be an object with rules, limits, default.'],
  [{ rules: [] }, 'default', 'The default is missing.'],
  [{ default: 7 }, 'default', 'This must be an object with providers, split, sticky, failover_on.'],
  [{ default: DEFAULT, more: 1 }, 'more', 'There is no such field here; there are rules, limits, default.'],
  [
    withRules(rule('x', 'a', { providers: ['bank_a'], more: 1 })),
    'rules[0].more',
    'There is no such field here; there are name, when, providers, split, sticky, failover_on.',
  ],
  [{ default: DEFAULT, 'a b': 1 }, '', 'There is no such field here; there are rules, limits, default.'],
  [{ default: DEFAULT, 'b!': 1 }, '', 'There is no such field here; there are rules, limits, default.'],
  [{ default: DEFAULT, '!b': 1 }, '', 'There is no such field here; there are rules, limits, default.'],
  [{ rules: 7, default: DEFAULT }, 'rules', 'This must be a list of 0 to 100.'],
  [withRules('rule' as never), 'rules[0]', `This must be an object with ${RULE_FIELDS}.`],
  [withRules([] as never), 'rules[0]', `This must be an object with ${RULE_FIELDS}.`],
  [withRules({ when: 'a', ...DEFAULT }), 'rules[0].name', 'This is missing.'],
  [withRules({ name: 7, when: 'a', ...DEFAULT }), 'rules[0].name', textOf(64)],
  [withRules(rule(' \t', 'a')), 'rules[0].name', textOf(64)],
  [withRules(rule('n'.repeat(65), 'a')), 'rules[0].name', textOf(64)],
  [withRules(rule('default', 'a')), 'rules[0].name', 'The name "default" is reserved for the default.'],
  [withRules(rule('x', 'a'), rule('x', 'b')), 'rules[1].name', 'rules[0] has this name already.'],
  [withRules({ name: 'x', ...DEFAULT }), 'rules[0].when', 'This is missing.'],
  [withRules(rule('x', 'b'.repeat(1001))), 'rules[0].when', textOf(1000)],
  [withRules(rule('x', 'bad')), 'rules[0].when', 'It is bad.'],
  [withRules(rule('x', 'no')), 'rules[0].when', 'This is never true: no charge can reach the rule.'],
  [
    withRules(rule('x', 'a'), rule('y', 'yes'), rule('z', 'b')),
    'rules[2].when',
    'No charge can reach the rule: rules[1] is always true.',
  ],
  [
    withRules(rule('x', 'c'), rule('y', 'a&&b'), rule('z', 'b&&a')),
    'rules[2].when',
    'No charge can reach the rule: whenever this is true, rules[1] is true before it.',
  ],
  [{ default: {} }, 'default', EITHER],
  [{ default: { ...DEFAULT, split: [ONE] } }, 'default', EITHER],
  [{ default: { split: [ONE], sticky: 'yes' } }, 'default.sticky', 'This must be true or false.'],
  [{ default: { split: [ONE], sticky: null } }, 'default.sticky', 'This must be true or false.'],
  [{ default: { ...DEFAULT, sticky: false } }, 'default.sticky', 'Only a split can be sticky.'],
  [{ default: { providers: [] } }, 'default.providers', 'This must be a list of 1 to 20.'],
  [{ default: { providers: ['a b'] } }, 'default.providers[0]', 'This must be the name of a provider.'],
  [{ default: { providers: [7] } }, 'default.providers[0]', 'This must be the name of a provider.'],
  [
    { default: { providers: ['bank_b', 'bank_a', 'bank_b'] } },
    'default.providers[2]',
    'default.providers[0] is the same already.',
  ],
  [
    { default: { providers: ['bank_a', 'bank_z'] } },
    'default.providers[1]',
    'No provider "bank_z" is configured. Configured: bank_a, bank_b.',
  ],
  [
    { default: { split: [ONE, { provider: 'bank_z', weight: 2 }] } },
    'default.split[1].provider',
    'No provider "bank_z" is configured. Configured: bank_a, bank_b.',
  ],
  [{ default: { split: [] } }, 'default.split', 'This must be a list of 1 to 20.'],
  [{ default: { split: [7] } }, 'default.split[0]', 'This must be an object with provider, weight.'],
  [
    { default: { split: [{ weight: 1 }] } },
    'default.split[0].provider',
    'This must be the name of a provider.',
  ],
  [
    { default: { split: [{ provider: 'bank_a', weight: 0 }] } },
    'default.split[0].weight',
    'This must be a whole number from 1 to 1000000.',
  ],
  [
    { default: { split: [{ provider: 'bank_a', weight: 1, share: 1 }] } },
    'default.split[0].share',
    'There is no such field here; there are provider, weight.',
  ],
  [{ default: { split: [ONE, ONE] } }, 'default.split[1]', 'default.split[0] is the same already.'],
  [{ default: { ...DEFAULT, failover_on: 'x' } }, 'default.failover_on', 'This must be a list of 0 to 50.'],
  [
    { default: { ...DEFAULT, failover_on: ['a code'] } },
    'default.failover_on[0]',
    'This must be a decline code, such as insufficient_funds.',
  ],
  [
    { default: { ...DEFAULT, failover_on: [7] } },
    'default.failover_on[0]',
    'This must be a decline code, such as insufficient_funds.',
  ],
  [
    { default: { ...DEFAULT, failover_on: ['do_not_honor', 'lost_card'] } },
    'default.failover_on[1]',
    'lost_card is a hard decline, after which MiniPay never fails over.',
  ],
]
for (const [document, path, message] of SENTENCES)
  test(`the only problem of ${JSON.stringify(document).slice(0, 100)} is reported at "${path}"`, () => {
    const read = readRuleSet(document, compile)
    const found = read.problems.length > 0 ? read.problems : checkRuleSet(read.ruleSet, PROVIDERS)
    const position = message === 'It is bad.' ? { line: 1, column: 3, offset: 2 } : null
    const start = /reach/.test(message) ? { line: 1, column: 1, offset: 0 } : position
    assert.deepEqual(found, [{ path, position: start, message }])
  })

test('what has a problem is left out of the rule set, and all else is in it', () => {
  const { ruleSet, problems } = readRuleSet(
    {
      rules: [
        rule('kept', 'a', { split: [ONE, 'x', { provider: 'bank_b', weight: 0 }] }),
        { when: 'a', ...DEFAULT },
        rule('x', 'bad'),
        { name: 'y', ...DEFAULT },
        7,
      ],
    },
    compile,
  )
  assert.equal(problems.length, 7)
  assert.deepEqual(
    ruleSet.rules.map(({ name, targets, failoverOn }) => ({ name, targets, failoverOn })),
    [
      {
        name: 'kept',
        targets: { kind: 'split', shares: [ONE, { provider: 'bank_b', weight: 1 }], sticky: false },
        failoverOn: [],
      },
    ],
  )
  assert.deepEqual(ruleSet.fallback, { targets: { kind: 'list', providers: [] }, failoverOn: [] })
  assert.deepEqual(readRuleSet(null, compile).ruleSet, { rules: [], limits: [], fallback: ruleSet.fallback })
})

test('the largest allowed document is accepted', () => {
  const providers = Array.from({ length: 20 }, (_, i) => `${i}${'p'.repeat(62)}`.padEnd(64, '-'))
  const codes = Array.from({ length: 50 }, (_, i) => `${i}`.padEnd(64, '.'))
  const name = 'n'.repeat(64)
  const split = providers.map((provider) => ({ provider, weight: 1_000_000 }))
  const { ruleSet, problems } = readRuleSet(
    { rules: [rule(name, 'c'.repeat(1000), { split, failover_on: codes })], default: { providers } },
    compile,
  )
  assert.deepEqual(problems, [])
  assert.deepEqual(ruleSet.rules[0]?.targets, { kind: 'split', shares: split, sticky: false })
  assert.deepEqual(ruleSet.rules[0]?.failoverOn, codes)
  assert.deepEqual(ruleSet.fallback, { targets: { kind: 'list', providers }, failoverOn: [] })
  assert.deepEqual(checkRuleSet(ruleSet, providers), [])
})

test('a name of a provider or a code is plain from its first character to its last, and at most 64 long', () => {
  for (const wrong of ['', '-a', '_a', ' a', 'a ', 'a\n', 'a/b', 'ä', 'a'.repeat(65)]) {
    assert.deepEqual(paths({ default: { providers: [wrong] } }), ['default.providers[0]'], wrong)
    assert.deepEqual(
      paths({ default: { ...DEFAULT, failover_on: [wrong] } }),
      ['default.failover_on[0]'],
      wrong,
    )
  }
  for (const good of ['a', '7', 'A-_z', 'a'.repeat(64)]) {
    assert.deepEqual(readRuleSet({ default: { providers: [good] } }, compile).problems, [], good)
    assert.deepEqual(problems({ default: { ...DEFAULT, failover_on: [good] } }), {}, good)
  }
  assert.deepEqual(paths({ default: { providers: ['a.b'] } }), ['default.providers[0]'])
  assert.deepEqual(problems({ default: { ...DEFAULT, failover_on: ['a.b:c'] } }), {})
})

test('the built-in rules are written as a document that is null', () => {
  assert.equal(JSON.parse(BUILT_IN), null)
})
