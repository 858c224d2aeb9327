import assert from 'node:assert/strict'
import test from 'node:test'
import { HASH_BITS, hashOf, hashWords } from './keyed-hash.ts'

const key = { low: 0x03020100, high: 0x07060504 }

test("the hash is HalfSipHash-2-4, by the reference implementation's vectors", () => {
  // vectors.h of https://github.com/veorq/SipHash: the bytes 0, 1, 2 …, as many as there are.
  const message = Int32Array.of(0x03020100)
  const hex = (words: readonly number[]) => {
    const bytes = Buffer.alloc(8)
    words.forEach((word, i) => void bytes.writeUInt32LE(word, 4 * i))
    return bytes.toString('hex')
  }
  assert.equal(hex(hashWords(key, message, 0)), '218d1f59b9b83cc8')
  assert.equal(hex(hashWords(key, message, 1)), 'd5e78a175be52ea1')
})

test('a hash depends on the account, the mode, every character, the length and the key', () => {
  const texts = ['', '\0', '\0\0', 'a', 'b', 'ab', 'ba', 'a\0', 'é', '💶', 'x'.repeat(600), 'x'.repeat(601)]
  const hashes = texts.flatMap((text) => [
    hashOf(key, 1, 0, text),
    hashOf(key, 1, 1, text),
    hashOf(key, 2, 0, text),
    hashOf({ ...key, low: 1 }, 1, 0, text),
    hashOf({ ...key, high: 1 }, 1, 0, text),
  ])
  assert.equal(new Set(hashes).size, hashes.length)
  for (const hash of hashes) assert.ok(Number.isSafeInteger(hash) && hash >= 0 && hash < 2 ** HASH_BITS)
})
