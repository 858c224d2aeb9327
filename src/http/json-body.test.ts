import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { ENDPOINTS } from '../api/endpoints.ts'
import { PARAMETER_WORDS } from '../api/minipay/parameters.ts'
import type { Refusal } from './errors.ts'
import { MAX_SEARCHED, parseJsonBody } from './json-body.ts'
import type { Schema } from './schema.ts'

const parse = (text: string | Buffer) => parseJsonBody(Buffer.from(text), PARAMETER_WORDS)

function refused(text: string | Buffer): Refusal {
  const parsed = parse(text)
  assert.ok('code' in parsed, `${String(text).slice(0, 60)} was taken`)
  return parsed
}

test('JSON of strings, integers, booleans and null is parsed as JSON.parse does', () => {
  const safe = fc.jsonValue({ maxDepth: 4, noUnicodeString: false }).filter((value) => {
    const text = JSON.stringify(value)
    return !/\\u|\\\\(?:[^"\\]|\\.)*":|__proto__|\d[.eE]|\d(?:[^\p{L}\d]*\d){11}/u.test(text)
  })
  fc.assert(
    fc.property(safe, (value) => {
      const text = JSON.stringify(value)
      assert.deepEqual(parse(text), { value: JSON.parse(text) })
    }),
  )
})

test('a name with a backslash is refused before it spoils the names that are parsed after it', () => {
  for (const name of [
    '\\\\',
    'a\\\\\\\\',
    '\\\\\\"',
    'a\\\\b',
    '\\u005c',
    '\\u005C"',
    '\\\\u0041',
    '\\n\\u005cn',
  ])
    for (const text of [`{"p":1,"${name}":2}`, `{"p":["\\\\"],"${name}" : 2}`, `[{"${name}":{"q":1}}]`])
      assert.equal(refused(text).code, 'invalid_json', text)
  for (const value of [
    { p: 1, '"': 2 },
    { p: '\\', q: '\\":' },
    { p: 1, '"x': 2 },
    { p: 1, '\bx': '\\b' },
  ])
    assert.deepEqual(parse(JSON.stringify(value)), { value })
})

test('of many bodies with escapes in names, each is refused or has the names that were written', () => {
  const parts = fc.constantFrom(
    ...['\\"', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '\\\\', '\\u0041', '\\u005c', '\\u005C', '\\u0022'],
    ...['a', 'b', 'n', 'u', '/', '005c', 'é'],
  )
  const name = fc.array(parts, { minLength: 1, maxLength: 4 }).map((some) => some.join(''))
  // A string that is not a name is parsed correctly.
  const decoded = (written: string): string => JSON.parse(`"${written}"`)
  const names = fc.uniqueArray(name, { minLength: 1, maxLength: 4, selector: decoded })
  fc.assert(
    fc.property(names, (written) => {
      const parsed = parse(`{"p":0,${written.map((one, i) => `"${one}":${i}`).join()}}`)
      const expected = written.map(decoded)
      assert.equal(
        'code' in parsed,
        expected.some((one) => one.includes('\\')),
      )
      if ('value' in parsed) assert.deepEqual(Object.keys(parsed.value as object), ['p', ...expected])
    }),
    { numRuns: 5_000 },
  )
})

test('escapes of plain characters, emoji pairs included, are taken', () => {
  assert.deepEqual(parse('{"a":"\\u0041\\ud83d\\ude00\\u00e9"}'), { value: { a: 'A😀é' } })
})

test('a number with a fraction or an exponent is refused, even when it is a whole number', () => {
  for (const number of ['1e3', '1E3', '1e+3', '1000.0', '0.5', '-1.5', '1e-7'])
    assert.deepEqual(
      [refused(`{"amount":${number}}`).code, refused(`{"amount":${number}}`).param],
      ['amount_invalid', 'amount'],
      number,
    )
  assert.equal(refused('{"other":1e3}').code, 'parameter_invalid')
})

test('digits with a dot or an e inside a string are just text', () => {
  assert.deepEqual(parse('{"customer":"v1.5 2e3"}'), { value: { customer: 'v1.5 2e3' } })
})

test('a NUL or a lone surrogate in a string or a key is refused', () => {
  for (const escaped of ['\\u0000', '\\ud800', '\\udc00', '\\ud800\\ud800', '\\uD800x']) {
    assert.deepEqual(
      [refused(`{"a":"${escaped}"}`).code, refused(`{"a":"${escaped}"}`).param],
      ['parameter_invalid', 'a'],
    )
    assert.equal(refused(`{"${escaped}":"a"}`).code, 'parameter_unknown')
  }
})

test('a __proto__ key is refused at every depth, however it is written, and changes no prototype', () => {
  for (const text of [
    '{"__proto__":{"polluted":1}}',
    '{"a":{"__proto__":1}}',
    '[{"__proto__":null}]',
    '{"\\u005f_proto__":{"polluted":1}}',
  ])
    assert.equal(refused(text).code, 'parameter_unknown', text)
  assert.equal('polluted' in {}, false)
})

test('bytes that are not UTF-8 are refused', () => {
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]])
    assert.equal(refused(Buffer.from([0x22, ...bytes, 0x22])).code, 'invalid_json')
})

test('text that is not JSON is refused', () => {
  for (const text of [
    '',
    ' ',
    '{',
    '{"a":}',
    "{'a':1}",
    '{"a":1,}',
    'NaN',
    '{"a":01}',
    '{"a":1}{"b":2}',
    '{"a":"\\u00"}',
    '\ufeff{}',
  ])
    assert.equal(refused(text).code, 'invalid_json', text)
})

test('a nest deeper than any body we know is refused or left to the schema, and never overflows the stack', () => {
  const deep = (text: string) => '{"a":'.repeat(40_000) + text + '}'.repeat(40_000)
  assert.equal(refused(deep('1e3')).code, 'invalid_json')
  assert.equal(refused('['.repeat(250_000)).code, 'invalid_json')
  assert.ok('value' in parse(deep('1')))
})

test('a body of escaped quotes that never ends is refused without searching it again and again', () => {
  // With a quadratic search this takes a minute.
  assert.equal(refused(`"\\u0041${'\\"'.repeat(120_000)}`).code, 'invalid_json')
})

test('a card number is refused in a value, a key and behind escapes; its whole path is named, and it is not repeated', () => {
  const card = '4242424242424242'
  const hidden = [...card].map((digit) => `\\u003${digit}`).join('')
  for (const [text, param] of [
    [`{"customer":"${card}"}`, 'customer'],
    [`{"metadata":{"note":"pay with 4242 4242-4242 4242 now"}}`, 'metadata.note'],
    [`{"source":{"number":"${card}"}}`, 'source.number'],
    [`{"items":[{"name":"a"},{"name":"b","notes":["${card}"]}]}`, 'items[1].notes[0]'],
    [`{"metadata":{"${card}":"x"}}`, undefined],
    [`{"customer":"${hidden}"}`, 'customer'],
    [`["${card}"]`, '[0]'],
    [`{"4242":{"4242":{"4242":{"4242":"${card}"}}}}`, undefined],
    [`"${card}"`, undefined],
  ] as const) {
    const rejection = refused(text)
    assert.deepEqual([rejection.code, rejection.param], ['card_number_refused', param], text)
    assert.doesNotMatch(JSON.stringify(rejection), /4242/)
  }
})

test('an integer is an amount, never a card number', () => {
  for (const number of ['4242424242424242', '5555555555554444', '4000000000006'])
    assert.deepEqual(parse(`{"amount":${number}}`), { value: { amount: Number(number) } })
})

test('the whole path is named of a number in another form, and of a lone surrogate', () => {
  assert.equal(refused('{"a":{"b":[1,1e3]}}').param, 'a.b[1]')
  assert.deepEqual(
    [refused('{"a":{"amount":1e3}}').code, refused('{"a":{"amount":1e3}}').param],
    ['amount_invalid', 'a.amount'],
  )
  assert.equal(refused('{"a":{"b":"\\ud800"}}').param, 'a.b')
})

test('none of 2,000 random UUIDs in a customer and in metadata is refused', () => {
  for (let i = 0; i < 2_000; i++) {
    const body = { customer: randomUUID(), metadata: { [randomUUID()]: randomUUID() } }
    assert.deepEqual(parse(JSON.stringify(body)), { value: body })
  }
})

test('a body of more values than any request has is refused before they are walked', () => {
  const list = (count: number) => `{"a":[${Array(count).fill('1').join()}]}`
  assert.ok('value' in parse(list(11_999)))
  assert.match(refused(list(12_001)).message, /more than 12000 values/)
  // Commas within a string separate nothing.
  assert.ok('value' in parse(`{"a":"${','.repeat(20_000)}"}`))
})

test('no card is looked for in a string that is too long for every parameter', () => {
  const card = '4242 4242 4242 4242 '
  assert.equal(refused(`{"a":"${card.repeat(100)}"}`).code, 'card_number_refused')
  assert.ok('value' in parse(`{"a":"${card.repeat(101)}"}`))
})

test('the number that is not plain is found among strings that look like numbers', () => {
  assert.deepEqual(parse('{"a":"1.5","b\\"1e5":"x","c":true,"d":-7}'), {
    value: { a: '1.5', 'b"1e5': 'x', c: true, d: -7 },
  })
  assert.equal(refused('{"a":"\\\\","amount":1.5}').param, 'amount')
  const many = refused(`{"a":[${Array(5_000).fill('0.5').join()}]}`)
  assert.deepEqual([many.code, many.param], ['parameter_invalid', undefined])
})

/** The strings of a schema, each with its path. */
function stringsOf(schema: Schema, path: string): [path: string, schema: Schema][] {
  if (schema['type'] === 'string') return [[path, schema]]
  return Object.entries(schema).flatMap(([name, part]) =>
    typeof part === 'object' && part !== null ? stringsOf(part as Schema, `${path}.${name}`) : [],
  )
}

test('every string that a body may hold is short enough to be searched for cards', () => {
  const strings = ENDPOINTS.flatMap(({ url, body }) => (body ? stringsOf(body, url) : []))
  assert.ok(strings.length > 10)
  for (const [path, { maxLength, enum: values, pattern }] of strings) {
    // An id is looked up and never stored; the others are bounded by what they may be, and checked by the rule set's reader.
    if (
      values !== undefined ||
      pattern !== undefined ||
      /transaction_id|failover_on|created|starting_after|\.time$/.test(path)
    )
      continue
    // A character may take two code units.
    assert.ok(typeof maxLength === 'number' && 2 * maxLength <= MAX_SEARCHED, path)
  }
})
