import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Condition, Facts } from '../domain/routing/choose.ts'
import { compileCondition } from './cel.ts'

const FACTS: Facts = {
  seed: 'txn_1',
  amount: 2500,
  currency: 'eur',
  customer: 'cus_42',
  paymentMethod: 'tok_visa',
  metadata: { tier: 'gold', 'a b': 'spaced', constructor: 'mine' },
  time: Date.UTC(2026, 10, 23, 13, 5),
}

function compiled(text: string): Condition {
  const condition = compileCondition(text)
  assert.ok(!('message' in condition), `${text}: ${JSON.stringify(condition)}`)
  return condition
}
function refused(text: string) {
  const found = compileCondition(text)
  assert.ok('message' in found, `${text} was taken`)
  return found
}
const holds = (text: string, facts: Partial<Facts> = {}) => compiled(text).holds({ ...FACTS, ...facts })

test('a condition can ask about every fact of a charge', () => {
  for (const text of [
    "currency == 'eur' && amount < 100000",
    "customer.startsWith('cus_') && customer.endsWith('42') && customer.contains('_')",
    "payment_method == 'tok_visa'",
    "metadata.tier == 'gold' && metadata['a b'] == 'spaced'",
    "metadata.tier in ['gold', 'silver']",
    'time.getHours() == 13 && time.getMinutes() == 5 && time.getDayOfWeek() == 1 && time.getMonth() == 10',
    "time >= timestamp('2026-11-23T00:00:00Z') && time < timestamp('2026-11-24T00:00:00Z')",
    "time - timestamp('2026-11-23T13:00:00Z') < duration('10m')",
    "currency == 'usd' ? amount > 1 : amount > 2",
    'size(customer) == 6 && amount % 100 == 0 && double(amount) / 2.0 == 1250.0',
  ])
    assert.equal(holds(text), true, text)
})

test('the largest amount is compared exactly', () => {
  assert.equal(holds('amount == 9007199254740991', { amount: Number.MAX_SAFE_INTEGER }), true)
})

test('a charge without a payment method has an empty one', () => {
  assert.equal(holds("payment_method == ''", { paymentMethod: null }), true)
})

test('a condition can check in both ways whether metadata has a key', () => {
  assert.equal(holds("'tier' in metadata && has(metadata.tier)"), true)
  assert.equal(holds("'tier' in metadata || has(metadata.tier)", { metadata: {} }), false)
  assert.equal(holds("has(metadata.tier) && metadata.tier == 'gold'", { metadata: {} }), false)
})

test('a key that metadata lacks gives no answer, and what objects inherit is not there', () => {
  assert.throws(() => holds("metadata.tier == 'gold'", { metadata: {} }), { message: 'No such key: tier.' })
  assert.throws(() => holds("metadata.constructor == ''", { metadata: {} }))
  assert.equal(holds("'constructor' in metadata || has(metadata.toString)", { metadata: {} }), false)
  assert.equal(holds("metadata.constructor == 'mine'"), true)
})

test('an expression that fails on the facts gives no answer', () => {
  assert.throws(() => holds('amount / (amount - 2500) == 1'), { message: 'division by zero.' })
  assert.throws(() => holds('int(customer) == 1'), Error)
})

test('what does not parse is refused where it stops to make sense', () => {
  assert.deepEqual(refused('amount >').position, { line: 1, column: 9, offset: 8 })
  assert.deepEqual(refused("currency = 'eur'").position, { line: 1, column: 10, offset: 9 })
  for (const text of ["'", '(amount > 1', 'amount > 1 and true', '((((', '# amount', 'amount > 1;'])
    refused(text)
})

test('a variable that is not known is refused at its line and column, with those that are', () => {
  const { position, message } = refused("currency == 'eur' &&\n  amout > 3")
  assert.deepEqual(position, { line: 2, column: 3, offset: 23 })
  assert.match(message, /amout; there are amount, currency, customer, payment_method, metadata, time/)
})

test('types are checked before any charge comes', () => {
  for (const text of [
    "amount > 'x'",
    'metadata.tier == 3',
    'currency + 1 == 2',
    "time > '2026-11-23'",
    "true ? 1 : 'a'",
  ])
    refused(text)
  assert.match(refused('amount').message, /type int/)
  assert.match(refused('metadata.tier').message, /type string/)
  assert.match(refused('dyn(true)').message, /dyn/)
})

test('what could take long is refused: regular expressions, loops, and what builds on itself', () => {
  for (const [text, name] of [
    ["amount > 1 && currency.matches('(a+)+$')", 'matches'],
    ['[1, 2].all(x, x > 1)', 'all'],
    ["metadata.exists(k, k == 'a')", 'exists'],
    ["cel.bind(a, customer + customer, a == 'x')", 'bind'],
    ["customer.split('') == ['a']", 'split'],
    ["['a'].map(x, x + x) == ['aa']", 'map'],
  ] as const)
    assert.match(refused(text).message, new RegExp(`^${name}\\(\\) is not for conditions`), text)
  assert.equal(refused("amount > 1 && currency.matches('a')").position.offset, 14)
})

test('a time zone is refused: time is in UTC', () => {
  assert.match(refused("time.getHours('Europe/Berlin') < 9").message, /UTC/)
})

test('a condition that is too deep or too large is refused', () => {
  refused(`${'('.repeat(60)}amount${')'.repeat(60)} > 1`)
  refused(`amount in [${'1,'.repeat(300)}1]`)
  refused(
    Array.from({ length: 90 }, (_, i) => `amount==${i}`)
      .join('||')
      .repeat(2),
  )
})

test('a condition that asks about nothing is known to be constant, and one that fails is never true', () => {
  assert.equal(compiled('true').constant, true)
  assert.equal(compiled('1 + 1 == 2 || false').constant, true)
  assert.equal(compiled("'a' == 'b'").constant, false)
  assert.equal(compiled('1 / 0 == 1').constant, false)
  assert.equal(compiled('amount == amount').constant, null)
})

test('the parts of a condition are the same however they are written', () => {
  assert.deepEqual(compiled('amount<5&&(currency=="eur" && has(metadata.x))').conjuncts, [
    'amount < 5',
    'currency == "eur"',
    'has(metadata.x)',
  ])
  assert.deepEqual(compiled("currency  ==\n'eur'").conjuncts, compiled('(currency == "eur")').conjuncts)
})

test('a condition says which part does not hold', () => {
  assert.equal(compiled("currency == 'eur' && amount < 100").whyNot(FACTS), 'amount < 100 is false.')
  assert.equal(
    compiled("currency == 'eur' && metadata.plan == 'x'").whyNot(FACTS),
    'metadata.plan == "x": No such key: plan.',
  )
})

test('whatever is written becomes a condition that answers or throws an error, or is refused at a place within it', () => {
  const word = fc.constantFrom(
    ...[
      'amount',
      'currency',
      'metadata',
      'time',
      '.tier',
      "['a']",
      "'x'",
      '1',
      '2.5',
      'true',
      'null',
      '==',
      '<',
      '&&',
    ],
    ...[
      '||',
      '!',
      '-',
      '+',
      '%',
      '/',
      '?',
      ':',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      ',',
      ' in ',
      '.size()',
      '.getHours()',
    ],
    ...[
      'has(metadata.x)',
      'timestamp(',
      'duration(',
      '\\n',
      '"',
      'b"',
      "r'",
      '.matches(',
      '.map(x, x)',
      '0x',
      '1u',
    ],
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
        fc.string(),
      ),
      (text) => {
        const condition = compileCondition(text)
        if ('message' in condition) {
          assert.ok(condition.position.offset >= 0 && condition.position.offset <= text.length, text)
          return
        }
        try {
          assert.equal(typeof condition.holds(FACTS), 'boolean')
        } catch (error) {
          assert.match((error as Error).message, /^[^\n]+\.$/)
        }
        assert.equal(typeof condition.whyNot(FACTS), 'string')
      },
    ),
    { numRuns: 2_000 },
  )
})

test('the longest chains of every operator are taken or refused, and never overflow', () => {
  for (const [head, part, tail] of [
    ['', '!', 'true'],
    ['', '-', '1 == 1'],
    ['', '(', ''],
    ['metadata', '.a', " == 'x'"],
    ['', 'true&&', 'true'],
    ['', 'true?true:', 'true'],
    ['', '[', ''],
  ] as const)
    compileCondition(head + part.repeat(Math.floor((1000 - head.length - tail.length) / part.length)) + tail)
})
