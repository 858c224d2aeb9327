import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasManyDigits } from './plain-digits.ts'

const pieces = fc.array(
  fc.constantFrom('4', '04', '400', '4000', ' ', '-', '"', '{', '@', '[', '`', 'a', 'z', 'A', 'Z'),
  {
    maxLength: 30,
  },
)

test('twelve digits without a letter between them are many, and other characters beside them change nothing', () => {
  fc.assert(
    fc.property(pieces, (parts) => {
      const text = parts.join('')
      const many = /\d(?:[^A-Za-z0-9]*\d){11}/.test(text)
      assert.equal(hasManyDigits(text), many)
      assert.equal(hasManyDigits(`${text} é`), many)
      assert.equal(hasManyDigits(`é ${text}`), many)
    }),
    { numRuns: 2_000 },
  )
})

test('digits of other scripts count like plain ones', () => {
  assert.equal(hasManyDigits('4111 1111 111\u0661'), true)
  assert.equal(hasManyDigits('\uff14\uff11\uff11\uff11 1111 1111'), true)
  assert.equal(hasManyDigits('4111 1111 111 é'), false)
  assert.equal(hasManyDigits('4111 111 é 1 1111'), false)
})
