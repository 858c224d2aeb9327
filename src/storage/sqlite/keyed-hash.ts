/**
 * HalfSipHash-2-4 of a text within a scope (https://github.com/veorq/SipHash). Its key is random in each database, so
 * that a client cannot choose texts with equal hashes. In JavaScript it takes a fifth of the time of SHA-256.
 */

/** Two random words of 32 bits. */
export type HashKey = { readonly low: number; readonly high: number }

/** Bits of a hash: SQLite stores an integer of 48 bits with its sign in six bytes. */
export const HASH_BITS = 47
const HIGH_BITS = 2 ** (HASH_BITS - 32) - 1

/** The words to hash; longer texts make it grow. */
let words = new Int32Array(256)

/** A safe integer of 47 bits, from 0. Half a character counts as U+FFFD, as which SQLite's driver stores it. */
export function hashOf(key: HashKey, accountId: number, live: number, given: string): number {
  const text = given.toWellFormed()
  const { length } = text
  const count = 2 + ((length + 1) >> 1)
  if (count > words.length) words = new Int32Array(2 * count)
  words[0] = accountId
  words[1] = (length << 1) | live
  let at = 2
  let i = 0
  for (; i + 1 < length; i += 2) words[at++] = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16)
  if (i < length) words[at++] = text.charCodeAt(i)
  const [low, high] = hashWords(key, words, count)
  return (high & HIGH_BITS) * 2 ** 32 + low
}

/** The two words of the hash, unsigned. One loop with local variables: V8 keeps those in registers. */
export function hashWords(key: HashKey, message: Int32Array, count: number): readonly [number, number] {
  let v0 = key.low | 0
  let v1 = key.high ^ 0xee
  let v2 = 0x6c796765 ^ key.low
  let v3 = 0x74656462 ^ key.high
  let low = 0
  // After the words comes their length in bytes; then twice four rounds make the two words of the result.
  for (let i = 0; i <= count + 2; i++) {
    const word = i < count ? (message[i] as number) : i === count ? count << 26 : 0
    if (i === count + 1) v2 ^= 0xee
    else if (i === count + 2) {
      low = (v1 ^ v3) >>> 0
      v1 ^= 0xdd
    }
    v3 ^= word
    for (let round = i > count ? 4 : 2; round > 0; round--) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    v0 ^= word
  }
  return [low, (v1 ^ v3) >>> 0]
}
