import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { drawsFrom } from '../../test/kit/draws.ts'
import { holdsCardNumber } from './cards/card-numbers.ts'
import {
  encodeBits,
  encodeHex,
  encodeTime,
  idFactory,
  idFloor,
  idTime,
  isId,
  madeAt,
  STEP_MS,
  twinId,
} from './id.ts'

/** A fixed stream of bits that look random, so that a failure can be repeated. */
function bits(): () => bigint {
  let state = 0x9e3779b97f4a7c15n
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 80n) - 1n)
    return state
  }
}

const MAX_TIME_MS = 2 ** 48 - 1
const times = fc.integer({ min: 1, max: MAX_TIME_MS })

test('ids sort in the order they were made, even if the clock steps back or stops', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 200 }), (clock) => {
      let tick = 0
      const newId = idFactory(() => clock[tick++] as number, bits())
      const ids = clock.map(() => newId('txn'))
      assert.deepEqual(ids, ids.toSorted())
      assert.equal(new Set(ids).size, ids.length)
    }),
  )
})

test('more ids in one millisecond than its counter holds still sort, and none repeats', () => {
  const newId = idFactory(() => 1_700_000_000_000, bits())
  const ids = Array.from({ length: 3 * 32_768 + 5 }, () => newId('evt'))
  assert.equal(new Set(ids).size, ids.length)
  for (let i = 1; i < ids.length; i++) assert.ok((ids[i - 1] as string) < (ids[i] as string), `id ${i}`)
})

test('the clock may step back in the middle of a full millisecond', () => {
  let now = 1_700_000_000_000
  const newId = idFactory(() => now, bits())
  const ids = Array.from({ length: 40_000 }, () => newId('re'))
  now -= 60_000
  ids.push(...Array.from({ length: 40_000 }, () => newId('re')))
  now += 120_000
  ids.push(newId('re'))
  assert.equal(new Set(ids).size, ids.length)
  for (let i = 1; i < ids.length; i++) assert.ok((ids[i - 1] as string) < (ids[i] as string), `id ${i}`)
})

test('every id is well-formed for its own prefix, and for no other', () => {
  fc.assert(
    fc.property(times, fc.bigInt({ min: 0n, max: 2n ** 80n - 1n }), (now, random) => {
      const id = idFactory(
        () => now,
        () => random,
      )('txn')
      assert.ok(isId('txn', id))
      assert.ok(!isId('re', id) && !isId('evt', id) && !isId('dlv', id) && !isId('req', id))
    }),
  )
})

test('an id that is not well-formed is none', () => {
  const id = 'txn_01kasw5v8g000ne3r5yx2tb4qd'
  assert.ok(isId('txn', id))
  for (const wrong of [
    '',
    'txn_',
    id.slice(0, -1),
    `${id}0`,
    id.toUpperCase(),
    id.replace('k', 'l'),
    ` ${id}`,
  ])
    assert.ok(!isId('txn', wrong), wrong)
  assert.ok(!isId('txn', `${id}\n`))
})

test('the time of an id is the time it was made, and times sort as their digits do', () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      assert.equal(idTime(idFactory(() => a, bits())('txn')), a)
      assert.equal(encodeTime(a) < encodeTime(b), a < b)
    }),
  )
})

test('the floor of a time parts the ids made before it from those made at or after it', () => {
  fc.assert(
    fc.property(times, times, (madeAt, floorAt) => {
      const id = idFactory(() => madeAt, bits())('txn')
      assert.equal(id >= idFloor('txn', floorAt), madeAt >= floorAt)
      assert.ok(isId('txn', idFloor('txn', floorAt)))
    }),
  )
})

test('ids of one millisecond share its time and their random end, and count up between the two', () => {
  const newId = idFactory(() => 1_700_000_000_000, bits())
  const ids = Array.from({ length: 1_026 }, () => newId('txn'))
  const at = (i: number) => (ids[i] as string).slice('txn_'.length)
  const [head, tail] = [encodeTime(1_700_000_000_000), at(0).slice(13)]
  assert.deepEqual(
    [0, 1, 31, 32, 1_023, 1_024, 1_025].map(at),
    ['000', '001', '00z', '010', '0zz', '100', '101'].map((count) => head + count + tail),
  )
})

test('the time is written in ten digits of base 32, the random bits in the last thirteen', () => {
  assert.equal(encodeTime(0), '0000000000')
  assert.equal(encodeTime(31), '000000000z')
  assert.equal(encodeTime(32), '0000000010')
  assert.equal(encodeTime(MAX_TIME_MS), '7zzzzzzzzz')
  const newId = idFactory(
    () => 1,
    () => (1n << 80n) + 0x1fn + (0xen << 60n),
  )
  assert.equal(newId('re'), 're_0000000001000e00000000000z')
  assert.equal(idFloor('re', 1), 're_00000000010000000000000000')
})

test('a millisecond that is full continues in the next one', () => {
  const newId = idFactory(() => 5, bits())
  const times = Array.from({ length: 32_770 }, () => idTime(newId('evt')))
  assert.deepEqual(times.slice(-4), [5, 5, 6, 6])
})

test('ids of any clock are well-formed, random and in order: before 1970, after 48 bits, and set back', () => {
  const clock = fc.integer({ min: -(2 ** 49), max: 2 ** 53 - 1 })
  fc.assert(
    fc.property(fc.array(clock, { minLength: 2, maxLength: 60 }), (times) => {
      let tick = 0
      const newId = idFactory(() => times[tick++] as number, bits())
      const ids = times.map(() => newId('txn'))
      for (const id of ids) assert.ok(isId('txn', id), id)
      assert.deepEqual(ids, ids.toSorted())
      const tails = ids.map((id) => id.slice(-13))
      for (let i = 1; i < ids.length; i++)
        if (times[i] !== times[i - 1]) assert.notEqual(tails[i], tails[i - 1])
    }),
  )
})

test('the first id of a process is random at any reading of its clock', () => {
  for (const now of [-1, 0, 1, -(2 ** 50), 2 ** 48, 2 ** 53 - 1]) {
    const ids = [1n, 2n].map((random) =>
      idFactory(
        () => now,
        () => random,
      )('att'),
    )
    assert.ok(ids.every((id) => isId('att', id)))
    assert.notEqual(ids[0], ids[1])
  }
})

test('no id begins before the floor, and those after it keep their order', () => {
  const newId = idFactory(
    () => 10,
    bits(),
    () => 1_000,
  )
  const ids = [newId('txn'), newId('txn')]
  assert.deepEqual(ids.map(idTime), [1_000, 1_000])
  assert.deepEqual(ids, ids.toSorted())
})

test('what an id names was made at its time, or when the clock says that it is earlier', () => {
  const id = idFloor('txn', 1_000_000)
  assert.equal(madeAt(id, 1_000_003), 1_000_000)
  assert.equal(madeAt(id, 1_000_000 - STEP_MS), 1_000_000)
  assert.equal(madeAt(id, 1_000_000 - STEP_MS - 1), 1_000_000 - STEP_MS - 1)
  assert.equal(madeAt(id, -5), -5)
})

test('no id looks like a card number, so that MiniPay accepts all of its own ids', () => {
  const draw = drawsFrom(1)
  /** Random bits whose base32 digits are all decimal. */
  const decimal = () =>
    Array.from({ length: 16 }).reduce<bigint>((bits) => bits * 32n + BigInt(draw.between(0, 9)), 0n)
  let now = Date.UTC(2026, 10, 26)
  const newId = idFactory(() => ++now, decimal)
  const ids = Array.from({ length: 5_000 }, () => newId('txn'))
  assert.deepEqual(ids.filter(holdsCardNumber), [])
  assert.deepEqual(ids, ids.toSorted())
  const sameMs = idFactory(() => now, decimal)
  const many = Array.from({ length: 5_000 }, () => sameMs('txn'))
  assert.deepEqual(many.filter(holdsCardNumber), [])
  assert.equal(new Set(many).size, many.length)
})

test('a twin has the digits and the time of the other id', () => {
  const id = idFactory(() => 1_000, bits())('txn')
  const twin = twinId('att', id)
  assert.ok(isId('att', twin))
  assert.equal(twin.slice(4), id.slice(4))
  assert.equal(idTime(twin), 1_000)
})

test('hexadecimal digits become the same digits as their bits', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 80n) - 1n }), (number) => {
      const hex = number.toString(16).padStart(20, '0')
      assert.equal(encodeHex(hex), encodeBits(number))
      assert.equal(encodeHex(`${hex}abcdef`), encodeBits(number))
    }),
  )
})
