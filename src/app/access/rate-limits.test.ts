import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRateLimits } from './rate-limits.ts'

function at(perSecond: number) {
  let time = 1_000
  const limits = createRateLimits(perSecond, { monotonic: () => time })
  /** How many of this many requests at once the key may make. */
  const request = (keyId: string, own: number | null, count: number) =>
    Array.from({ length: count }, () => limits.request(keyId, own)).filter(
      (taken) => taken?.allowed !== false,
    ).length
  const fail = (address: string, count: number) =>
    Array.from({ length: count }, () => limits.failure(address)).filter(({ allowed }) => allowed).length
  return { ...limits, fail, requests: request, wait: (ms: number) => (time += ms) }
}

test('a key has the limit of all keys unless it has its own; 0 is none', () => {
  const limits = at(5)
  assert.equal(limits.requests('key_a', null, 8), 5)
  assert.equal(limits.requests('key_b', 2, 8), 2)
  assert.equal(limits.requests('key_c', 7, 8), 7)
  assert.equal(limits.requests('key_d', 0, 8), 8)
  assert.equal(at(0).requests('key_a', null, 1_000), 1_000)
  assert.equal(at(0).requests('key_a', 3, 8), 3)
  assert.equal(at(0).request('key_a', null), undefined)
})

test('keys do not share a limit, and each gets its tokens back', () => {
  const limits = at(2)
  assert.equal(limits.requests('key_a', null, 9), 2)
  assert.equal(limits.requests('key_b', null, 9), 2)
  limits.wait(500)
  assert.equal(limits.requests('key_a', null, 9), 1)
  limits.wait(10_000)
  assert.equal(limits.requests('key_a', null, 9), 2)
})

test('an address may fail ten times at once, and then once a second', () => {
  const limits = at(0)
  assert.equal(limits.isBlocked('203.0.113.1'), false)
  assert.equal(limits.fail('203.0.113.1', 30), 10)
  assert.equal(limits.isBlocked('203.0.113.1'), true)
  assert.equal(limits.isBlocked('203.0.113.2'), false)
  limits.wait(1_000)
  assert.equal(limits.isBlocked('203.0.113.1'), false)
  assert.equal(limits.fail('203.0.113.1', 5), 1)
  limits.wait(60_000)
  assert.equal(limits.fail('203.0.113.1', 30), 10)
})

test('a key signs in twenty times at once, and then every ten seconds, and others as they like', () => {
  const limits = at(0)
  const signIns = (keyId: string) =>
    Array.from({ length: 50 }, () => limits.signIn(keyId)).filter(({ allowed }) => allowed).length
  assert.equal(signIns('key_a'), 20)
  assert.equal(limits.signIn('key_a').retryAfterS, 10)
  assert.equal(signIns('key_b'), 20)
  limits.wait(10_000)
  assert.equal(signIns('key_a'), 1)
})

test('a node makes twenty look-ups for blocked addresses at once, and twenty a second', () => {
  const limits = at(0)
  const taken = () => Array.from({ length: 100 }, limits.takeLookUp).filter(Boolean).length
  assert.equal(taken(), 20)
  limits.wait(500)
  assert.equal(taken(), 10)
  limits.wait(60_000)
  assert.equal(taken(), 20)
})

test('the addresses of one /64 of IPv6 count as one, and mapped IPv4 ones each for itself', () => {
  const limits = at(0)
  for (let i = 0; i < 10; i++) assert.equal(limits.fail(`2001:db8:1:2::${i}`, 1), 1)
  assert.equal(limits.fail('2001:db8:1:2:ffff::1', 1), 0)
  assert.equal(limits.isBlocked('2001:0db8:0001:0002::9'), true)
  assert.equal(limits.fail('2001:db8:1:3::1', 1), 1)
  assert.equal(limits.fail('::ffff:203.0.113.1', 30), 10)
  assert.equal(limits.fail('::ffff:203.0.113.2', 30), 10)
})

test('only the buckets of the latest ten thousand addresses are kept', () => {
  const limits = at(0)
  for (let i = 0; i < 15_000; i++) limits.fail(`10.0.${i >> 8}.${i & 255}`, 10)
  assert.equal(limits.isBlocked('10.0.0.0'), false)
  assert.equal(limits.isBlocked(`10.0.${4_999 >> 8}.${4_999 & 255}`), false)
  assert.equal(limits.isBlocked(`10.0.${5_000 >> 8}.${5_000 & 255}`), true)
})
