import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Charge } from '../api/minipay/charge-schemas.ts'
import { columnsOf, csvLine, headerLine } from './csv.ts'
import { array, integer, nullable, object, string } from './schema.ts'

const columns = columnsOf(
  object({
    name: string(),
    amount: integer(),
    currency: nullable(string()),
    tags: array(string()),
    amount_left: nullable(integer()),
    amount_note: string(),
  }),
)
const line = (name: string, more: object = {}) =>
  csvLine(columns, {
    ...{ name, amount: 1, currency: 'usd', tags: [], amount_left: 0, amount_note: '' },
    ...more,
  })
const cell = (name: string) => line(name).slice(0, -',1,0.01,usd,[],0,0.00,\r\n'.length)

test('a list has a column for each field, in the order of its schema, and after each amount the same in major units', () => {
  assert.equal(
    headerLine(columns),
    'name,amount,amount_decimal,currency,tags,amount_left,amount_left_decimal,amount_note\r\n',
  )
  const names = columnsOf(Charge).map(({ name }) => name)
  assert.deepEqual(names.slice(0, 4), ['id', 'amount', 'amount_decimal', 'amount_captured'])
  assert.ok(names.includes('amount_refunded_decimal'))
})

test('amounts have the digits of their currency, however large they are', () => {
  const decimal = (amount: number | null, currency: string | null) =>
    line('a', { amount, currency }).split(',')[2]
  assert.equal(decimal(1241, 'usd'), '12.41')
  assert.equal(decimal(5, 'usd'), '0.05')
  assert.equal(decimal(-5, 'kwd'), '-0.005')
  assert.equal(decimal(31_500, 'jpy'), '31500')
  assert.equal(decimal(Number.MAX_SAFE_INTEGER, 'clf'), '900719925474.0991')
  assert.deepEqual([decimal(1, null), decimal(null, 'usd'), decimal(1, 'xxx')], ['', '', ''])
})

test('a cell with a comma, a quote or a line break is quoted, and no other', () => {
  assert.equal(cell('plain text: ü 日本'), 'plain text: ü 日本')
  assert.equal(cell('a,b'), '"a,b"')
  assert.equal(cell('a;=1+1'), '"a;=1+1"')
  assert.equal(cell('he said "no"'), '"he said ""no"""')
  assert.equal(cell('a\nb'), '"a\nb"')
  assert.equal(cell('a\rb'), '"a\rb"')
  assert.equal(line('a', { tags: ['x', 'y'] }).split('usd,')[1], '"[""x"",""y""]",0,0.00,\r\n')
  assert.equal(line('a', { amount_left: null, amount_note: null }), 'a,1,0.01,usd,[],,,\r\n')
})

test('a text that a spreadsheet would run as a formula begins with an apostrophe, and a negative amount does not', () => {
  for (const text of ['=1+1', '+49 30', '-1', '@SUM(A1)', ' =1+1', '\uFEFF=1', '＝1+1'])
    assert.equal(cell(text), `'${text}`)
  assert.equal(cell('\tx'), '"\'\tx"')
  assert.equal(cell('\r=1'), '"\'\r=1"')
  assert.equal(cell('=HYPERLINK("http://x","y")'), '"\'=HYPERLINK(""http://x"",""y"")"')
  assert.equal(line('a', { amount: -100 }).split(',')[1], '-100')
})
