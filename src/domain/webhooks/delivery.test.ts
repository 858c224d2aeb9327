import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { holdsCardNumber } from '../cards/card-numbers.ts'
import { idTime, isId } from '../id.ts'
import { deliveryIdOf } from './delivery.ts'

const sha256 = (text: string) => hash('sha256', text, 'hex')
const EVENT = 'evt_01jzqtsnwz000h3n8k6d5x7vqe'

test('the delivery of an event to an endpoint always has the same id', () => {
  const id = deliveryIdOf('default', EVENT, sha256)
  assert.equal(id, 'dlv_01jzqtsnwz1wpy6sthn63n4y76')
  assert.equal(deliveryIdOf('default', EVENT, sha256), id)
})

test('the id of a delivery is well formed and has the time of its event', () => {
  const id = deliveryIdOf('we_01jzqtsnwz000h3n8k6d5x7vqe', EVENT, sha256)
  assert.equal(isId('dlv', id), true)
  assert.equal(idTime(id), idTime(EVENT))
})

test('another event and another endpoint have other ids', () => {
  const ids = [
    deliveryIdOf('default', EVENT, sha256),
    deliveryIdOf('we_1', EVENT, sha256),
    deliveryIdOf('default', EVENT.replace('vqe', 'vqf'), sha256),
  ]
  assert.equal(new Set(ids).size, ids.length)
})

test('an id that looked like a card number is made again', () => {
  // The first hash gives the digits 4111111111111111 in base32.
  const digits = [...'4111111111111111'].reduce((bits, digit) => (bits << 5n) | BigInt(digit), 0n)
  const card = digits.toString(16).padStart(20, '0')
  const asked: string[] = []
  const id = deliveryIdOf('default', EVENT, (text) => {
    asked.push(text)
    return asked.length === 1 ? card : sha256(text)
  })
  assert.equal(holdsCardNumber('dlv_01jzqtsnwz4111111111111111'), true)
  assert.deepEqual(asked, [`default ${EVENT}`, `default ${EVENT} 1`])
  assert.equal(holdsCardNumber(id), false)
})
