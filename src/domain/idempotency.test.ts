import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { canonicalJson, canonicalRequest, isIdempotencyKey, keyReused } from './idempotency.ts'

const NAME_WITH_BACKSLASH = /"(?:[^"\\]|\\[^\\])*\\\\(?:[^"\\]|\\.)*":/

/**
 * A parsed JSON value, because JSON writes -0 as 0. No name contains a backslash: V8's JSON.parse would give it to other
 * names later (see http/json-body), and MiniPay refuses such names.
 */
const json = fc
  .jsonValue({ maxDepth: 4 })
  .map((value) => JSON.stringify(value))
  .filter((text) => !NAME_WITH_BACKSLASH.test(text))
  .map((text): unknown => JSON.parse(text))

/** The same value with the keys of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, part]) => [key, reordered(part)]),
  )
}

test('the order of keys does not matter, at any depth', () => {
  fc.assert(fc.property(json, (value) => assert.equal(canonicalJson(reordered(value)), canonicalJson(value))))
})

test('the canonical text is JSON of the same value', () => {
  fc.assert(fc.property(json, (value) => assert.deepEqual(JSON.parse(canonicalJson(value)), value)))
})

test('different values differ, and equal values do not', () => {
  fc.assert(
    fc.property(json, json, (a, b) =>
      assert.equal(canonicalJson(a) === canonicalJson(b), isDeepStrictEqual(a, b)),
    ),
  )
  const pairs: [unknown, unknown][] = [
    [1, '1'],
    [null, 'null'],
    [[], {}],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: 1, b: 2 }, { 'a":1,"b': 2 }],
    [{ a: null }, {}],
    [['a,b'], ['a', 'b']],
  ]
  for (const [a, b] of pairs) assert.notEqual(canonicalJson(a), canonicalJson(b))
})

test('white space in the text that was sent does not matter', () => {
  const spaced = JSON.parse('{ "b" : [ 1 , 2 ],\n\t"a": {"d": 4, "c": 3} }')
  assert.equal(canonicalJson(spaced), '{"a":{"c":3,"d":4},"b":[1,2]}')
})

test('the same body on another operation is another request', () => {
  const body = { amount: 100 }
  assert.notEqual(
    canonicalRequest('POST /api/v1/charges', body),
    canonicalRequest('POST /api/v1/refunds', body),
  )
})

test('a key is 1 to 255 visible ASCII characters', () => {
  const visible = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 255,
  })
  fc.assert(fc.property(visible, (key) => assert.ok(isIdempotencyKey(key))))
  assert.ok(isIdempotencyKey('k'.repeat(255)))
  for (const key of ['', 'k'.repeat(256), 'two words', 'tab\t', 'line\n', 'nul\0', 'é', '\x7f', 'a, b'])
    assert.ok(!isIdempotencyKey(key), JSON.stringify(key))
})

test('one character outside that range anywhere spoils a key', () => {
  const outside = fc.oneof(fc.integer({ min: 0, max: 0x20 }), fc.integer({ min: 0x7f, max: 0xffff }))
  fc.assert(
    fc.property(outside, fc.nat({ max: 8 }), (code, at) => {
      const key = 'k'.repeat(at) + String.fromCharCode(code) + 'k'.repeat(8 - at)
      assert.ok(!isIdempotencyKey(key))
    }),
  )
})

const ENDING = { kind: 'created', objectId: 'txn_1', facts: null } as const

test('the same request may be replayed, another is rejected', () => {
  const record = { fingerprint: 'abc', surface: 'minipay', ending: ENDING } as const
  assert.equal(keyReused(record, record), undefined)
  const other = keyReused(record, { ...record, fingerprint: 'abd' })
  assert.partialDeepStrictEqual(other, { rejected: true, code: 'idempotency_key_reused' })
})

test('the canonical text is written in one way, for flat and nested objects alike', () => {
  for (const [value, text] of [
    [{}, '{}'],
    [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
    [{ a: 2, b: 1 }, '{"a":2,"b":1}'],
    [{ a: null }, '{"a":null}'],
    [{ b: { d: 1, c: [] }, a: {} }, '{"a":{},"b":{"c":[],"d":1}}'],
    [[], '[]'],
    [[{ b: 1, a: [null, 'x'] }], '[{"a":[null,"x"],"b":1}]'],
    [null, 'null'],
    ['"', '"\\""'],
    ['a text of more than ten', '"a text of more than ten"'],
    [{ b: 'a text of more than ten', a: [] }, '{"a":[],"b":"a text of more than ten"}'],
    [7, '7'],
    [{ '10': 1, '9': 2, a: 3 }, '{"10":1,"9":2,"a":3}'],
  ] as const)
    assert.equal(canonicalJson(value), text)
})

test('a key that is used again for another request is refused with a message', () => {
  const record = { fingerprint: 'a', surface: 'minipay', ending: ENDING } as const
  const rejection = keyReused(record, { ...record, fingerprint: 'b' })
  assert.match(rejection?.message ?? '', /already used .* Use a new key/)
})
