import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { holdsCardNumber } from './card-numbers.ts'

/** Published test numbers of the card schemes: no account is behind any of them. */
const TEST_NUMBERS = [
  '4222222222222',
  '30569309025904',
  '378282246310005',
  '4242424242424242',
  '5555555555554444',
  '6011111111111117',
  '6304000000000000000',
]

for (const number of TEST_NUMBERS)
  test(`a test number of ${number.length} digits is a card number: ${number.slice(0, 4)}…`, () => {
    assert.equal(holdsCardNumber(number), true)
  })

test('spaces and dashes between the digits do not hide a card number', () => {
  for (const text of [
    '4242 4242 4242 4242',
    '4242-4242-4242-4242',
    '4242 - 4242 - 4242 - 4242',
    '4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2',
    '3782 822463 10005',
  ])
    assert.equal(holdsCardNumber(text), true, text)
})

test('a sentence around it does not hide a card number, nor do other digits beside it', () => {
  for (const text of [
    'my card is 4242424242424242, thanks',
    'card:4242 4242 4242 4242.',
    'order 12 4242 4242 4242 4242',
    '4242 4242 4242 4242 12/34 123',
    '4242 4242 4242 4242 123',
    '"4242424242424242"',
    '(4242424242424242)',
    '1234567890123 and then 4242424242424242',
  ])
    assert.equal(holdsCardNumber(text), true, text)
})

test('one wrong digit fails the Luhn check, so it is not a card number', () => {
  const number = '4242424242424242'
  for (let place = 0; place < number.length; place++) {
    const digit = (Number(number[place]) + 1) % 10
    const text = number.slice(0, place) + digit + number.slice(place + 1)
    assert.equal(holdsCardNumber(text), false, `place ${place}`)
  }
})

test('12 digits are too few for a card number, and 20 are too many', () => {
  assert.equal(holdsCardNumber('000000000000'), false)
  assert.equal(holdsCardNumber('00000000000000000000'), false)
})

test("digits glued to letters are a card number when they have a large network's form", () => {
  for (const text of [
    'txn_4242424242424242',
    '4242424242424242abc',
    'order-4242424242424242',
    'B4242424242424242^DOE/JANE^2512',
    'x378282246310005',
  ])
    assert.equal(holdsCardNumber(text), true, text)
})

test('other digits glued to letters are an identifier, and so is a long hexadecimal word', () => {
  for (const text of [
    'cus_1700000000008',
    'user1700000000008',
    'order-30569309025904',
    'ab-4222222222222',
    'da39a3ee4242424242424242afd80709',
  ])
    assert.equal(holdsCardNumber(text), false, text)
})

test('spaces and dashes of any kind, and full-width digits, do not hide a card number', () => {
  for (const text of [
    '4242\u00a04242\u00a04242\u00a04242',
    '4242\u20134242\u20134242\u20134242',
    '4242\t4242\n4242 4242',
    '\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12',
  ])
    assert.equal(holdsCardNumber(text), true, text)
})

test('times, phone numbers and amounts are not card numbers', () => {
  for (const text of [
    '2026-11-23T12:00:00.000Z',
    '+49 30 1234567',
    '9007199254740991',
    '2026-11-23 12:00:00',
  ])
    assert.equal(holdsCardNumber(text), false, text)
})

test('none of 2,000 random UUIDs is taken for a card number', () => {
  for (let i = 0; i < 2_000; i++) {
    const uuid = randomUUID()
    assert.equal(holdsCardNumber(uuid), false, uuid)
  }
})

test('long text that almost is a card number is searched once, not again from every digit', () => {
  // With a quadratic search each of these takes minutes.
  const times = 120_000
  for (const text of ['1'.repeat(times), '1-'.repeat(times), '1-a'.repeat(times), '1 - '.repeat(12)])
    assert.equal(holdsCardNumber(`${text}x`), false)
  assert.equal(holdsCardNumber(`${'7 '.repeat(times)}4242 4242 4242 4242`), true)
})
