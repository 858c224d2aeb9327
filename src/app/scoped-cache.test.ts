import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Scope } from '../ports/store.ts'
import { createScopedCache } from './scoped-cache.ts'

const scope = (accountId: number): Scope => ({ accountId, mode: 'live' })
const ONE = scope(1)

type Load = { readonly scope: Scope; readonly before: string | undefined } & PromiseWithResolvers<string>

/** A cache whose clock and loads the test controls. */
function setUp(maxScopes?: number) {
  const clock = { now: 1_000_000 }
  const loads: Load[] = []
  const cache = createScopedCache<string>({
    load(of, before) {
      const load = { scope: of, before, ...Promise.withResolvers<string>() }
      loads.push(load)
      return load.promise
    },
    now: () => clock.now,
    ...(maxScopes !== undefined && { maxScopes }),
  })
  /** Gets a value, and ends the load that this starts. */
  async function load(value: string, of = ONE) {
    const got = cache.get(of)
    loads.at(-1)?.resolve(value)
    assert.equal(await got, value)
  }
  return { cache, clock, loads, load }
}

test('a value is there at once for a second, and is then read again with the former value at hand', async () => {
  const { cache, clock, loads, load } = setUp()
  await load('a')
  clock.now += 999
  assert.equal(cache.get(ONE), 'a')
  clock.now += 1
  await load('b')
  assert.equal(cache.get(ONE), 'b')
  assert.deepEqual(
    loads.map(({ before }) => before),
    [undefined, 'a'],
  )
})

test("a value's second begins with its read, not with the end of the load", async () => {
  const { cache, clock, loads } = setUp()
  const got = cache.get(ONE)
  clock.now += 1_000
  loads[0]?.resolve('a')
  await got
  assert.ok(cache.get(ONE) instanceof Promise)
})

test('a clock that is set back makes a value stale', async () => {
  const { cache, clock, load } = setUp()
  await load('a')
  clock.now -= 1_000
  assert.ok(cache.get(ONE) instanceof Promise)
})

test('all who wait for one scope share one load, and scopes do not share', async () => {
  const { cache, loads } = setUp()
  const all = [cache.get(ONE), cache.get(ONE), cache.get({ accountId: 1, mode: 'test' })]
  assert.equal(loads.length, 2)
  loads[0]?.resolve('live')
  loads[1]?.resolve('test')
  assert.deepEqual(await Promise.all(all), ['live', 'live', 'test'])
})

test('a failed load rejects for all who wait for it, and is not kept', async () => {
  const { cache, loads, load } = setUp()
  const all = [cache.get(ONE), cache.get(ONE)]
  loads[0]?.reject(new Error('unavailable'))
  for (const got of all) await assert.rejects(async () => got, /unavailable/)
  await load('a')
  assert.equal(cache.get(ONE), 'a')
})

test('a write is visible at once, also during a load that began before it and ends after it', async () => {
  const { cache, loads, load } = setUp()
  await load('before')
  cache.forget(ONE)
  const early = cache.get(ONE)
  cache.forget(ONE)
  const late = cache.get(ONE)
  assert.equal(loads.length, 3, 'the write did not wait for the load that began before it')
  loads[2]?.resolve('after')
  assert.equal(await late, 'after')
  loads[1]?.resolve('before')
  assert.equal(await early, 'before')
  assert.equal(cache.get(ONE), 'after')
})

test('the number of scopes is bounded: the one that was loaded longest ago is dropped', async () => {
  const { cache, clock, load } = setUp(2)
  await load('a', scope(1))
  await load('b', scope(2))
  clock.now += 1_000
  await load('A', scope(1))
  await load('c', scope(3))
  assert.equal(cache.get(scope(1)), 'A')
  assert.equal(cache.get(scope(3)), 'c')
  assert.ok(cache.get(scope(2)) instanceof Promise)
})
