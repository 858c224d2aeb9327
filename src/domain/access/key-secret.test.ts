import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { hintOf, keySecret, modeOfSecret, SECRET_BYTES } from './key-secret.ts'

const CHARACTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-. é'

const bytes = fc.uint8Array({ minLength: SECRET_BYTES, maxLength: SECRET_BYTES })
const secrets = fc
  .tuple(fc.constantFrom('test', 'live'), bytes)
  .map(([mode, drawn]) => keySecret(mode as 'test' | 'live', drawn))

test('a secret has its mode, 192 random bits and a checksum in a fixed form', () => {
  fc.assert(
    fc.property(fc.constantFrom('test', 'live'), bytes, (mode, drawn) => {
      const secret = keySecret(mode as 'test' | 'live', drawn)
      const [, digits = '', check = ''] =
        /^mp_(?:test|live)_([0-9A-Za-z]{33})([0-9A-Za-z]{6})$/.exec(secret) ?? []
      assert.equal(modeOfSecret(secret), mode)
      assert.equal(numberOf(digits), BigInt(`0x${Buffer.from(drawn).toString('hex')}`))
      assert.equal(numberOf(check), BigInt(crc32(secret.slice(0, -6))))
    }),
  )
})

function numberOf(digits: string): bigint {
  return [...digits].reduce((number, digit) => number * 62n + BigInt(CHARACTERS.indexOf(digit)), 0n)
}

test('every typing error in one character is refused', () => {
  fc.assert(
    fc.property(secrets, (secret) => {
      for (let i = 0; i < secret.length; i++)
        for (const other of CHARACTERS) {
          const typed = secret.slice(0, i) + other + secret.slice(i + 1)
          if (typed !== secret) assert.equal(modeOfSecret(typed), undefined, typed)
        }
    }),
    { numRuns: 20 },
  )
})

test('every exchange of two characters is refused', () => {
  fc.assert(
    fc.property(secrets, (secret) => {
      for (let i = 0; i < secret.length; i++)
        for (let j = i + 1; j < secret.length; j++) {
          if (secret[i] === secret[j]) continue
          const typed = [...secret]
          typed[i] = secret[j] as string
          typed[j] = secret[i] as string
          assert.equal(modeOfSecret(typed.join('')), undefined, typed.join(''))
        }
    }),
    { numRuns: 50 },
  )
})

test('a character too few or too many is refused, as is any other text', () => {
  fc.assert(
    fc.property(secrets, (secret) => {
      for (let i = 0; i < secret.length; i++) {
        assert.equal(modeOfSecret(secret.slice(0, i) + secret.slice(i + 1)), undefined)
        assert.equal(modeOfSecret(`${secret.slice(0, i)}0${secret.slice(i)}`), undefined)
      }
      assert.equal(modeOfSecret(`${secret}0`), undefined)
    }),
    { numRuns: 20 },
  )
  const secret = keySecret('live', new Uint8Array(SECRET_BYTES))
  for (const text of [
    '',
    'mp_live_',
    `${secret}\n`,
    ` ${secret}`,
    secret.toUpperCase(),
    secret.replace('live', 'test'),
  ])
    assert.equal(modeOfSecret(text), undefined, JSON.stringify(text))
})

test('the hint shows the prefix and the last four characters', () => {
  const secret = keySecret('live', new Uint8Array(SECRET_BYTES).fill(7))
  assert.equal(hintOf(secret), `mp_live_…${secret.slice(-4)}`)
})
