import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Condition, matchRules, whyNotLimited } from './choose.ts'
import { limitDecline, MAX_LIMITS, usesOf } from './limits.ts'
import { type CompileCondition, checkRuleSet, conditionsIn, readRuleSet } from './rule-set.ts'

/** `bad` is an error, `yes` and `no` are constants, `broken` cannot be evaluated, and `large` is true from 1000. */
const compile: CompileCondition = (text) => {
  if (text === 'bad') return { position: { line: 1, column: 3, offset: 2 }, message: 'It is bad.' }
  const holds: Condition['holds'] = ({ amount }) => {
    if (text === 'broken') throw new Error('No such key: tier.')
    return text === 'large' ? amount >= 1000 : text === 'yes'
  }
  const constant = text === 'yes' ? true : text === 'no' ? false : null
  return { holds, whyNot: () => `${text} is false.`, constant, conjuncts: [text] }
}
const DEFAULT = { providers: ['bank'] }
const CARDS = { name: 'cards', per: 'payment_method', window_s: 3600, max_charges: 10 }

function read(...limits: unknown[]) {
  return readRuleSet({ limits, default: DEFAULT }, compile)
}
/** The problems of a limit, by their path. */
function problems(...limits: unknown[]): Record<string, string> {
  const { ruleSet, problems: found } = read(...limits)
  const all = found.length > 0 ? found : checkRuleSet(ruleSet, ['bank'])
  return Object.fromEntries(all.map(({ path, message }) => [path, message]))
}
const paths = (...limits: unknown[]) => Object.keys(problems(...limits))

const FACTS = {
  seed: 'txn_1',
  amount: 700,
  currency: 'usd',
  customer: 'cus_1',
  paymentMethod: 'tok_1' as string | null,
  metadata: {},
  time: 0,
}

test('a good limit is read as it is', () => {
  const [cards, money] = read(CARDS, {
    name: 'money',
    per: 'customer',
    window_s: 1,
    max_amount: { USD: 100_000, jpy: 5 },
    when: 'large',
  }).ruleSet.limits
  assert.deepEqual(cards, {
    ...{ name: 'cards', per: 'payment_method', windowMs: 3_600_000 },
    ...{ maxCharges: 10, maxAmounts: null, condition: null },
  })
  assert.deepEqual([money?.windowMs, money?.maxCharges], [1_000, null])
  assert.deepEqual(
    [...(money?.maxAmounts ?? [])],
    [
      ['usd', 100_000],
      ['jpy', 5],
    ],
  )
  assert.deepEqual(money?.condition?.conjuncts, ['large'])
  assert.deepEqual(paths(CARDS), [])
  assert.deepEqual(readRuleSet({ default: DEFAULT }, compile).ruleSet.limits, [])
})

test('a limit with unknown fields, without a name, a subject, a window or a maximum is refused', () => {
  assert.deepEqual(paths({ ...CARDS, max: 3 }), ['limits[0].max'])
  assert.deepEqual(paths({}), [...['limits[0].name', 'limits[0].per', 'limits[0].window_s', 'limits[0]']])
  const { max_charges: _, ...none } = CARDS
  assert.match(problems(none)['limits[0]'] ?? '', /^It needs max_charges/)
  assert.deepEqual(paths('cards'), ['limits[0]'])
  assert.deepEqual(Object.keys(problemsOf({ limits: {}, default: DEFAULT })), ['limits'])
})

function problemsOf(document: unknown): Record<string, string> {
  return Object.fromEntries(
    readRuleSet(document, compile).problems.map(({ path, message }) => [path, message]),
  )
}

test('a window is one second to thirty days, and a maximum is a whole number from 1', () => {
  for (const window_s of [1, 2_592_000]) assert.deepEqual(paths({ ...CARDS, window_s }), [])
  for (const window_s of [0, 2_592_001, 1.5, '60', null])
    assert.deepEqual(paths({ ...CARDS, window_s }), ['limits[0].window_s'], String(window_s))
  assert.deepEqual(paths({ ...CARDS, max_charges: 1_000_000_000 }), [])
  for (const max_charges of [0, -1, 1.5, 1_000_000_001, '10', null])
    assert.deepEqual(paths({ ...CARDS, max_charges }), ['limits[0].max_charges'], String(max_charges))
  for (const per of ['card', '', null, 1]) assert.deepEqual(paths({ ...CARDS, per }), ['limits[0].per'])
})

test('amounts are by currency, each once, in minor units', () => {
  const money = (max_amount: unknown) => ({ ...CARDS, max_amount })
  assert.deepEqual(paths(money({ usd: Number.MAX_SAFE_INTEGER })), [])
  for (const wrong of [{}, [], [1], null, 5, 'usd'])
    assert.deepEqual(paths(money(wrong)), ['limits[0].max_amount'], JSON.stringify(wrong))
  assert.deepEqual(paths(money({ usd: 0, eur: 2 ** 53, dollars: 1, xxx: 1, 'a b': 1 })), [
    ...['limits[0].max_amount.usd', 'limits[0].max_amount.eur', 'limits[0].max_amount.dollars'],
    ...['limits[0].max_amount.xxx', 'limits[0].max_amount'],
  ])
  assert.deepEqual(paths(money({ usd: 1, USD: 2 })), ['limits[0].max_amount.USD'])
})

test('names are unique, there are at most twenty limits, and a condition must be possible', () => {
  assert.equal(problems(CARDS, CARDS)['limits[1].name'], 'limits[0] has this name already.')
  const many = Array.from({ length: MAX_LIMITS + 1 }, (_, i) => ({ ...CARDS, name: `limit ${i}` }))
  assert.deepEqual(paths(...many), ['limits'])
  assert.deepEqual(paths(...many.slice(1)), [])
  assert.equal(problems({ ...CARDS, when: 'bad' })['limits[0].when'], 'It is bad.')
  assert.match(problems({ ...CARDS, when: 'no' })['limits[0].when'] ?? '', /never true/)
  for (const when of ['', 7, null, 'x'.repeat(1001)])
    assert.deepEqual(paths({ ...CARDS, when }), ['limits[0].when'])
})

test('the conditions of limits are compiled ahead, as those of rules are', () => {
  const rules = [{ name: 'a', when: 'of a rule', providers: ['bank'] }]
  const limits = [{ ...CARDS, when: 'of a limit' }, CARDS, { ...CARDS, when: 'x'.repeat(1001) }]
  assert.deepEqual(conditionsIn({ rules, limits, default: DEFAULT }), ['of a rule', 'of a limit'])
  const many = Array.from({ length: MAX_LIMITS + 1 }, () => ({ when: 'yes' }))
  assert.deepEqual(conditionsIn({ limits: many }), [])
})

test('a limit applies if its condition is true, or cannot be evaluated', () => {
  const applied = (when: string, facts = FACTS) => {
    const { ruleSet } = read({ ...CARDS, when })
    return [
      matchRules(ruleSet, 1, facts, () => true).limits.length === 1,
      whyNotLimited(ruleSet.limits[0]!, facts),
    ]
  }
  assert.deepEqual(applied('yes'), [true, undefined])
  assert.deepEqual(applied('broken'), [true, undefined])
  assert.deepEqual(applied('large'), [false, 'large is false.'])
  assert.deepEqual(applied('large', { ...FACTS, amount: 1000 }), [true, undefined])
  const without = { ...FACTS, paymentMethod: null }
  assert.deepEqual(applied('yes', without), [true, 'The charge has no payment method.'])
  assert.deepEqual(matchRules(read().ruleSet, 1, FACTS, () => true).limits, [])
})

test('a charge adds one to the number of charges, and its amount to the amount in its currency', () => {
  const both = { name: 'both', per: 'customer', window_s: 60, max_charges: 3, max_amount: { usd: 900 } }
  const { limits } = read(CARDS, both, { ...both, name: 'all', per: 'account' }).ruleSet
  const uses = (facts: Partial<typeof FACTS>) =>
    usesOf(limits, { ...FACTS, ...facts }, (text) => text).map(
      ({ limit, counter, unit, by, max }) => `${limit} ${unit} ${by}/${max} ${counter}`,
    )
  assert.deepEqual(uses({}), [
    'cards charges 1/10 ["cards","payment_method",3600000,null,"tok_1"]',
    'both charges 1/3 ["both","customer",60000,null,"cus_1"]',
    'both amount 700/900 ["both","customer",60000,"usd","cus_1"]',
    'all charges 1/3 ["all","account",60000,null,""]',
    'all amount 700/900 ["all","account",60000,"usd",""]',
  ])
  assert.deepEqual(uses({ paymentMethod: null, currency: 'eur' }), [
    'both charges 1/3 ["both","customer",60000,null,"cus_1"]',
    'all charges 1/3 ["all","account",60000,null,""]',
  ])
})

test('a decline by a limit names it', () => {
  assert.deepEqual(limitDecline('cards'), {
    kind: 'declined',
    declineCode: 'velocity_limit_exceeded',
    message: 'The velocity limit "cards" was exceeded.',
    reference: null,
  })
})

const MISSING = 'This is missing.'
const upTo = (most: number) => `This must be a whole number from 1 to ${most}.`

/** A limit with one problem, and its sentence. */
const WRONG: readonly [limit: object, path: string, message: string][] = [
  [{ ...CARDS, name: undefined }, 'name', MISSING],
  [{ ...CARDS, name: 'x'.repeat(65) }, 'name', 'This must be a string of 1 to 64 characters.'],
  [{ ...CARDS, per: 'card' }, 'per', 'This must be one of customer, payment_method, account.'],
  [{ ...CARDS, window_s: undefined }, 'window_s', MISSING],
  [{ ...CARDS, window_s: 0 }, 'window_s', upTo(2_592_000)],
  [{ ...CARDS, max_charges: 0 }, 'max_charges', upTo(1_000_000_000)],
  [
    { ...CARDS, max_amount: {} },
    'max_amount',
    'This must be an object with an amount for at least one currency.',
  ],
  [{ ...CARDS, max_amount: { usd: 0 } }, 'max_amount.usd', upTo(Number.MAX_SAFE_INTEGER)],
  [
    { ...CARDS, max_amount: { abc: 1 } },
    'max_amount.abc',
    'This is not an ISO 4217 currency code with a minor unit, such as usd.',
  ],
  [{ ...CARDS, max_amount: { usd: 1, Usd: 1 } }, 'max_amount.Usd', 'This currency is there already.'],
  [{ ...CARDS, when: 'bad' }, 'when', 'It is bad.'],
  [{ ...CARDS, when: 7 }, 'when', 'This must be a string of 1 to 1000 characters.'],
]

for (const [limit, path, message] of WRONG)
  test(`the only problem of ${JSON.stringify(limit).slice(0, 120)} is reported at ${path}`, () => {
    const { ruleSet, problems: found } = read(limit, { ...CARDS, name: 'kept' })
    assert.deepEqual(
      found.map((problem) => [problem.path, problem.message]),
      [[`limits[0].${path}`, message]],
    )
    // The others are read. One with a wrong amount is there, too: its document is refused.
    if (!path.startsWith('max_amount'))
      assert.deepEqual(
        ruleSet.limits.map(({ name }) => name),
        ['kept'],
      )
  })

test('a limit whose condition is always true is allowed, and one that is no object is left out', () => {
  assert.deepEqual(paths({ ...CARDS, when: 'yes' }), [])
  assert.deepEqual(
    read('cards', CARDS).ruleSet.limits.map(({ name }) => name),
    ['cards'],
  )
  // `whyNotLimited` asks for a payment method only where one is counted.
  const [customer] = read({ ...CARDS, per: 'customer' }).ruleSet.limits
  assert.equal(whyNotLimited(customer!, { ...FACTS, paymentMethod: null }), undefined)
})

test('a limit of an amount alone needs no number of charges, and counts none', () => {
  const money = { name: 'money', per: 'customer', window_s: 60, max_amount: { usd: 900 } }
  assert.deepEqual(paths(money), [])
  const uses = usesOf(read(money).ruleSet.limits, FACTS, (text) => text)
  assert.deepEqual(
    uses.map(({ unit, by, max }) => [unit, by, max]),
    [['amount', 700, 900]],
  )
  assert.equal(
    problems(CARDS, { ...CARDS, name: 'another' }, CARDS)['limits[2].name'],
    'limits[0] has this name already.',
  )
})
