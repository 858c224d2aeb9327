import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leakFinder, scrubber } from './scrub.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const API_KEY = 'key_4f9a/1b+2c'
const scrub = scrubber([SECRET, API_KEY])

test('a secret is cut in every way in which it may be written', () => {
  const basic = Buffer.from(`${API_KEY}:`).toString('base64')
  for (const form of [SECRET, SECRET.slice(6), API_KEY, encodeURIComponent(API_KEY), `Basic ${basic}`]) {
    const clean = scrub(`before ${form} after`)
    assert.match(clean, /^before .*\[cut\].* after$/, form)
    for (const secret of [SECRET.slice(6), API_KEY]) assert.ok(!clean.includes(secret))
  }
})

test("what looks like a key is cut, though it is none of this provider's", () => {
  const other = `whsec_${Buffer.alloc(24, 1).toString('base64')}`
  const stripe = ['sk', 'live', 'abcdefghijklmnop'].join('_')
  for (const key of [other, stripe, stripe.replace('sk', 'rk'), 'Bearer abcdef0123456789xyz'])
    assert.equal(scrub(`with ${key}.`).replace(/\.$/, ''), 'with [cut]', key)
})

test('a card number is cut however it is written, with the rest left as it is', () => {
  for (const card of [
    '4242424242424242',
    '4242 4242 4242 4242',
    '4242-4242-4242-4242',
    '4242.4242.4242.4242',
  ])
    assert.doesNotMatch(scrub(`card ${card} declined`), /4242.4242|42424242/, card)
  assert.equal(scrub('card 4242 4242 4242 4242 declined'), 'card [cut] declined')
})

test('ordinary words, amounts and identifiers stay as they are', () => {
  for (const text of [
    'The card has insufficient funds.',
    'Request req_7f3a99 of 2026-11-23T12:00:00Z: 2500 usd',
    'Basic cards are not taken.',
    'Zu wenig Guthaben – 残高不足',
  ])
    assert.equal(scrub(text), text)
})

test('a text becomes one line of at most 200 characters without control characters', () => {
  assert.equal(scrub('a\r\n\tb\u0000c\u202ed\u2028e'), 'a b c d e')
  assert.equal(scrub('x'.repeat(10_000)).length, 200)
  assert.ok(scrub(`${'x'.repeat(199)}😀`).isWellFormed())
})

test('no part of a secret is left where a text is cut', () => {
  for (let before = 100; before < 200; before++) {
    const clean = scrub(`${'x'.repeat(before)}${API_KEY}`)
    assert.ok(!clean.includes(API_KEY.slice(0, 5)), clean)
  }
})

test('digits that become a card number by the cut do not come through', () => {
  const seventeen = '42424242424242425'
  assert.equal(scrub(`${'x '.repeat(92)}${seventeen}`).includes('4242424242424242'), false)
})

test('without secrets nothing but keys and cards is cut', () => {
  assert.equal(scrubber([])('all is well'), 'all is well')
  assert.equal(scrubber([''])('all is well'), 'all is well')
})

test('a reference that holds a secret is noticed, and many digits alone are not one', () => {
  const leaks = leakFinder([SECRET])
  assert.ok(leaks(`ref-${SECRET}`) && leaks(SECRET.slice(6)))
  assert.ok(!leaks('4242424242424242') && !leaks(''))
})

test('a text of a megabyte is scrubbed in linear time', () => {
  // With a quadratic search each of these takes minutes.
  for (const part of ['4 ', 'whsec_', 'Bearer ', '4242 4242 ', 'sk_live_', '٠'])
    assert.ok(scrub(part.repeat(1024 * 128)).length <= 200)
})

test('of a text of any length little is looked at, and no part of a secret at the end of it stays', () => {
  // All but the secret is cut as a key, so that its part would come to the front.
  const key = `whsec_${'a'.repeat(4_096 - 'whsec_'.length - 10)}`
  assert.doesNotMatch(scrub(`${key} ${SECRET}`), new RegExp(SECRET.slice(6, 12)))
  assert.equal(scrub(`${'x'.repeat(5_000_000)}`).length, 200)
})
