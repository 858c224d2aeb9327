import assert from 'node:assert/strict'
import { test } from 'node:test'
import { broughtId } from './request-id.ts'

test('an id of 1 to 128 letters, digits, dots, dashes and underscores is accepted', () => {
  for (const id of ['a', 'req_1', '0af7651916cd43dd8448eb211c80319c', 'x'.repeat(128), 'A.b-c_9'])
    assert.equal(broughtId(id), id)
})

test('any other text, a card number and a secret are not', () => {
  for (const id of [
    undefined,
    '',
    'x'.repeat(129),
    'a b',
    'a\nb',
    'a, b',
    '"a"',
    'é',
    '4111111111111111',
    'order-4111-1111-1111-1111',
    'mp_live_abc',
    'x.sk_live_abc',
    'whsec_abc',
    ['a', 'b'],
  ])
    assert.equal(broughtId(id), undefined, String(id))
})
