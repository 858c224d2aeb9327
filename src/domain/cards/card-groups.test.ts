/** Characters that may be between the groups of a card number, and characters that make it another number. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grouped } from '../../../test/card-samples.ts'
import { cutCardNumbers, holdsCardNumber } from './card-numbers.ts'

const CARD = '4111111111111111'
/** This many digits, so that the text is examined; no card begins with them. */
const DIGITS = '000000000000'
const sized = (sizes: readonly number[], gap: string) =>
  sizes
    .map((size, i) => {
      const from = sizes.slice(0, i).reduce((sum, before) => sum + before, 0)
      return CARD.slice(from, from + size)
    })
    .join(gap)

test('a letter or a numeral of any script between digits separates them; other characters do not', () => {
  for (const letter of ['A', 'Z', 'a', 'z', 'é', 'я', '中', '½', 'Ⅷ', '𐐀'])
    assert.equal(holdsCardNumber(`${grouped(CARD, 4, letter)} ${DIGITS}`), false, letter)
  for (const mark of ['@', '[', '`', '{', '€', '°', '😀'])
    assert.equal(holdsCardNumber(`${grouped(CARD, 4, mark)} ${DIGITS}`), true, mark)
  for (const letter of ['A', 'é']) assert.equal(holdsCardNumber(`${DIGITS}${letter}${CARD}`), true, letter)
})

test('between the groups of an issuer, or between single digits, up to three characters of any kind may be', () => {
  for (const gap of ['€', '€€', '€€€']) {
    assert.equal(holdsCardNumber(grouped(CARD, 4, gap)), true, gap)
    assert.equal(holdsCardNumber(grouped(CARD, 1, gap)), true, gap)
  }
  assert.equal(holdsCardNumber(grouped(CARD, 4, '€€€€')), false)
  assert.equal(holdsCardNumber(grouped(CARD, 4, '  €€€  ')), true)
  for (const sizes of [
    [1, 4, 6, 5],
    [4, 6, 5, 1],
    [8, 8],
    [4, 4, 8],
    [1, 1, 14],
    [4, 1, 1, 1, 1, 8],
  ])
    assert.equal(holdsCardNumber(sized(sizes, '€')), false, sizes.join())
})

test('between groups of any size spaces, dashes or one mark throughout may be, and no others', () => {
  for (const gap of [' ', '-', ' - ', '\t', '.', ' . ', '/', '_', '|', '\\', '*', '~', ':'])
    assert.equal(holdsCardNumber(sized([8, 8], gap)), true, JSON.stringify(gap))
  for (const gap of ['€ ', ' €', '€-', '-€', '€.', '.€', '..', '. .', '€'])
    assert.equal(holdsCardNumber(sized([8, 8], gap)), false, JSON.stringify(gap))
  assert.equal(holdsCardNumber('41111.111111/11111'), false, 'two marks')
})

test("a card number after a telephone number's country code is part of it, unless other characters are between", () => {
  const old = '4222222222222'
  assert.equal(holdsCardNumber(old), true)
  for (const text of [`+1 ${old}`, `+1 (${old}`, `+1. ${old}`, `+1${old}`, `+12 ${old}`])
    assert.equal(holdsCardNumber(text), false, text)
  for (const text of [`+${old}`, `x+${old}`, `12 +${old}`, `+49 (0) ${old}`])
    assert.equal(holdsCardNumber(text), false, text)
  for (const text of [
    ...[`+1€ ${old}`, `+1 €${old}`, `1 ${old}`, `+123 ${old}`, `+1, ${old}`],
    ...[`12+${old}`, `+123 ${old} (0)`, grouped(CARD, 4, ' +')],
  ])
    assert.equal(holdsCardNumber(text), true, text)
})

test('the place of a card on the third track is that of its number, and its format is kept', () => {
  assert.equal(cutCardNumbers(`a ;01${CARD}=1 b`, '#'), 'a ;01#=1 b')
  assert.equal(cutCardNumbers(`${CARD}x${CARD} ${CARD}`, '#'), '#x# #')
})

test('a parcel number of USPS in fours is no card with four digits before it, unless its groups are parted by more', () => {
  const parcel = (gap: string, first = '7008') => [first, ...grouped(CARD, 4, ' ').split(' ')].join(gap)
  for (const gap of [' ', '  ', '\t', '\u00a0'])
    assert.equal(holdsCardNumber(parcel(gap)), false, JSON.stringify(gap))
  for (const gap of ['-', '.', ' - ']) assert.equal(holdsCardNumber(parcel(gap)), true, gap)
  assert.equal(holdsCardNumber(parcel(' ').replace(' ', '-')), true, 'blanks but for one')
  assert.equal(holdsCardNumber(parcel(' ', '7009')), true, 'another check digit')
})

test('an amount, a visitor, an order number and an IMEI in their groups are no cards; the same digits in others are', () => {
  for (const [honest, others] of [
    ['4,222,222,222,222', ['4222 222222222', '4-222222-222222']],
    ['41111111111111.11', ['41111111111111-11', '4111111111111.111', '41111111111111 1 1']],
    ['411111111.1700000005', ['411111111-1700000005', '41111111.11700000005']],
    ['601-1111111-1111105', ['6011-111111-1111105']],
    ['123-3056930-9025904', ['3056930-9025904', '1234-3056930-9025904', '12-3056930-9025904']],
    ['30-569309-025904', ['30569309-025904', '30-56930902-5904', '305-69309-025904']],
  ] as const) {
    assert.equal(holdsCardNumber(honest), false, honest)
    for (const other of others) assert.equal(holdsCardNumber(other), true, other)
  }
  assert.equal(holdsCardNumber('41111111 1111€1111'), false)
  assert.equal(holdsCardNumber('4111€1111€1111€€€€1111'), false)
})
