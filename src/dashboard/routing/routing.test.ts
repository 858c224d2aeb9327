import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDocument } from './document-places.ts'
import { withExample } from './example-rule.ts'
import { changesIn, diffLines } from './line-diff.ts'
import { conditionInWords, failoverInWords, limitInWords, targetsInWords } from './rule-words.ts'

const TEXT = `{
  "rules": [
    { "name": "a\\u0041", "when": "amount > 1 &&\\n amout < 3",
      "providers": ["bank_a", "bank_b"] }
  ],
  "default": { "providers": ["bank_a"] }
}`

const placed = (text: string, path: string, offset?: number) => {
  const read = readDocument(text)
  assert.ok('value' in read, JSON.stringify(read))
  const { line, column, offset: at } = read.placeOf(path, offset)
  return { line, column, next: text.slice(at, at + 6) }
}

test('an example rule is added to any set of rules, under a name that is free, and to nothing else', () => {
  const rules = (document: unknown) => JSON.parse(withExample(document) ?? assert.fail()).rules
  const before = { name: 'example', when: 'amount > 1', providers: ['a'] }
  const added = rules({ rules: [before], default: { split: [{ provider: 'a' }, { provider: 'b' }] } })
  assert.deepEqual(added, [before, { ...added[1], name: 'example 2', providers: ['b', 'a'] }])
  for (const typed of [
    undefined,
    null,
    1,
    [],
    {},
    { rules: 1, default: {} },
    { rules: [null], default: {} },
    { rules: [] },
  ])
    assert.equal(withExample(typed), undefined, JSON.stringify(typed))
})

test('each part of a document has its place, and a missing one that of the part around it', () => {
  assert.deepEqual(placed(TEXT, 'rules[0].providers[1]'), { line: 4, column: 31, next: '"bank_' })
  assert.deepEqual(placed(TEXT, 'default.failover_on[2]'), { line: 6, column: 14, next: '{ "pro' })
  assert.deepEqual(placed(TEXT, 'limits[0].name'), { line: 1, column: 1, next: '{\n  "r' })
  assert.deepEqual(placed(TEXT, ''), { line: 1, column: 1, next: '{\n  "r' })
  assert.deepEqual(placed(TEXT, 'a strange path].'), { line: 1, column: 1, next: '{\n  "r' })
})

test('a position in a condition is found in the typed text, where an escape is one character', () => {
  assert.deepEqual(placed(TEXT, 'rules[0].when', 15), { line: 3, column: 51, next: 'amout ' })
  assert.equal(placed(TEXT, 'rules[0].name', 1).next, '\\u0041')
})

test('the first mistake of a text that is no JSON has its place and a sentence', () => {
  for (const [text, line, column, says] of [
    ['', 1, 1, /ends here/],
    ['{\n "rules": [1,]\n}', 2, 14, /^A value is expected/],
    ['{ "a": 1\n "b": 2 }', 2, 2, /^A , or } is expected/],
    ['{ "a" 1 }', 1, 7, /^A : is expected/],
    ["{ 'a': 1 }", 1, 3, /^A name in "/],
    [`{ "a": 'x' }`, 1, 8, /in place of '/],
    ['{ "a": "x }', 1, 8, /no end/],
    ['{} {}', 1, 4, /ends before/],
    ['[1', 1, 3, /^A , or ] is/],
    ['['.repeat(500), 1, 201, /nested too deeply/],
    ['01', 1, 2, /ends before/],
  ] as const) {
    const read = readDocument(text)
    assert.ok('message' in read, text)
    assert.match(read.message, says)
    assert.deepEqual([read.place.line, read.place.column], [line, column], text)
  }
})

test('what the reader accepts is what JSON.parse accepts, also at 256 KiB', () => {
  const rules = Array.from({ length: 2_600 }, (_, i) => ({
    name: `r${i}`,
    when: `amount == ${i}`,
    providers: ['bank_a'],
    n: -1.5e3,
  }))
  const text = JSON.stringify({ rules, default: { providers: ['é💳\n'] } }, null, 1)
  assert.ok(text.length > 256 * 1024)
  const read = readDocument(text)
  assert.ok('value' in read)
  assert.deepEqual(read.value, JSON.parse(text))
  assert.equal(text.slice(read.placeOf('rules[2599].when').offset).slice(0, 17), '"amount == 2599",')
})

test('a diff has the removed and the added lines, and applying it gives the new text', () => {
  const diff = diffLines('a\nb\nc\nd', 'a\nx\nc\nd\ne')
  assert.deepEqual(
    diff.map(({ kind, text }) => `${kind} ${text}`),
    ['same a', 'removed b', 'added x', 'same c', 'same d', 'added e'],
  )
  const long = Array.from({ length: 5_000 }, (_, i) => `line ${i}`)
  const changed = long.map((line, i) => (i % 2 === 0 ? `${line}!` : line))
  const replaced = diffLines(long.join('\n'), changed.join('\n'))
  const rebuilt = replaced.filter(({ kind }) => kind !== 'removed').map(({ text }) => text)
  assert.deepEqual(rebuilt, changed)
  assert.deepEqual(changesIn(diffLines('a', 'a')), [])
  const few = changesIn(diffLines(long.join('\n'), [...long.slice(0, 100), ...long.slice(101)].join('\n')), 1)
  assert.deepEqual(
    few.map((line) => (line.kind === 'gap' ? line.lines : line.text)),
    [99, 'line 99', 'line 100', 'line 101', 4_898],
  )
})

test('rules and limits are said in words, and conditions that are too hard are left as they are', () => {
  assert.equal(targetsInWords({ providers: ['bank_b', 'bank_a'] }), 'bank_b, then bank_a')
  const split = [
    { provider: 'bank_a', weight: 80 },
    { provider: 'bank_b', weight: 20 },
  ]
  assert.equal(
    targetsInWords({ split, sticky: true }),
    '80% bank_a, 20% bank_b; a customer stays at one provider',
  )
  assert.equal(failoverInWords({ failover_on: [] }), undefined)
  assert.match(failoverInWords({ failover_on: ['a', 'b'] }) ?? '', /^After the decline a or b,/)
  const limit = {
    name: 'l',
    per: 'customer',
    window_s: 3600,
    max_charges: 10,
    max_amount: { jpy: 5000, kwd: 1 },
  } as const
  assert.equal(
    limitInWords(limit),
    'At most 10 payments and 5,000 JPY and 0.001 KWD in an hour for each customer',
  )
  for (const [condition, words] of [
    ["currency == 'eur' && amount < 100000", 'currency is EUR and amount is less than 1,000.00 EUR'],
    ["currency == 'jpy' && amount >= 100000", 'currency is JPY and amount is at least 100,000 JPY'],
    ['amount > 9007199', 'amount is more than 9,007,199 minor units'],
    ["has(metadata.tier) && metadata.tier == 'gold'", 'metadata tier is “gold”'],
    ['has(metadata.tier)', 'there is metadata tier'],
    ["currency in ['eur', 'usd']", undefined],
    ["currency == 'eur' || amount < 3", undefined],
    ["amount == 'x'", undefined],
    ["customer < 'x'", undefined],
  ] as const)
    assert.equal(conditionInWords(condition), words, condition)
})
