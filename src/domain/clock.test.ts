import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type KeptClock,
  MOST_PASSED_MS,
  nowForId,
  RESTART_MS,
  readClock,
  STEADY_MS,
  startClock,
  untilTrusted,
} from './clock.ts'
import { STEP_MS } from './id.ts'

const NOW = Date.UTC(2027, 0, 1)
const DAY = 86_400_000
const KEPT: KeptClock = {
  observedMs: 5 * DAY,
  wallMs: NOW,
  trustedMs: NOW,
  steadyFromMs: 0,
  movedMs: 0,
}

/** Reads a clock once a second; `wall` is its time after that many ms. */
function run(from: KeptClock, ms: number, wall: (passedMs: number) => number): KeptClock {
  let clock = from
  let anchor = from
  for (let passed = 1_000; passed <= ms; passed += 1_000) {
    const read = readClock(clock, anchor, wall(passed), 1_000)
    clock = read.clock
    if (read.movedMs !== 0) anchor = clock
  }
  return clock
}

test('a clock that runs is believed, and the time that passes is observed', () => {
  const after = run(KEPT, 60_000, (passed) => NOW + passed)
  assert.deepEqual(after, {
    ...KEPT,
    observedMs: KEPT.observedMs + 60_000,
    wallMs: NOW + 60_000,
    trustedMs: NOW + 60_000,
  })
  assert.equal(untilTrusted(after), 0)
})

test('a month ahead for a minute moves neither observed nor trusted time, and both go on when it is over', () => {
  const wall = (passed: number) => NOW + passed + (passed > 60_000 && passed <= 120_000 ? 30 * DAY : 0)
  for (const ms of [90_000, 120_000, 180_000]) {
    const clock = run(KEPT, ms, wall)
    assert.equal(clock.observedMs, KEPT.observedMs + ms)
    assert.equal(clock.trustedMs, NOW + ms)
    assert.notEqual(clock.movedMs, 0)
  }
})

test('trusted time is that of the clock again after a day without a step, and not before', () => {
  const stepped = readClock(KEPT, KEPT, NOW + 30 * DAY, 1_000)
  assert.equal(stepped.movedMs, 30 * DAY - 1_000)
  const wall = (passed: number) => NOW + 30 * DAY + passed
  const before = run(stepped.clock, STEADY_MS - 1_000, wall)
  assert.equal(before.trustedMs, NOW + STEADY_MS)
  assert.equal(untilTrusted(before), 1_000)
  assert.notEqual(before.movedMs, 0)
  const after = run(stepped.clock, STEADY_MS, wall)
  assert.equal(after.trustedMs, after.wallMs)
  assert.equal(after.movedMs, 0)
})

test('neither a fast clock nor one that runs backwards moves trusted time faster than it is observed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -1e14, max: 1e14 }), fc.integer({ min: -5, max: 1e9 })), {
        maxLength: 40,
      }),
      (readings) => {
        let clock: KeptClock = { ...KEPT, steadyFromMs: KEPT.observedMs }
        let anchor = clock
        for (const [wall, passed] of readings) {
          const read = readClock(clock, anchor, wall, passed)
          const observed = read.clock.observedMs - clock.observedMs
          assert.ok(observed >= 0 && observed <= MOST_PASSED_MS)
          const isSteady = read.clock.observedMs - read.clock.steadyFromMs >= STEADY_MS
          if (!isSteady) assert.ok(read.clock.trustedMs - clock.trustedMs <= observed)
          assert.ok(read.clock.trustedMs <= wall)
          clock = read.clock
          if (read.movedMs !== 0) anchor = clock
        }
      },
    ),
  )
  const fast = run(KEPT, 3_600_000, (passed) => NOW + 5 * passed)
  assert.ok(fast.trustedMs <= NOW + 3_600_000 + STEP_MS)
})

test('a process that was stopped for long has not seen the time pass', () => {
  const { clock, movedMs } = readClock(KEPT, KEPT, NOW + DAY, DAY)
  assert.equal(clock.observedMs, KEPT.observedMs + MOST_PASSED_MS)
  assert.equal(movedMs, DAY - MOST_PASSED_MS)
})

test('a clock that is corrected a little, again and again, is not one that was set', () => {
  const clock = run(KEPT, 3_600_000, (passed) => NOW + passed + (passed % 7_000) - 3_000)
  assert.equal(clock.movedMs, 0)
  assert.equal(clock.trustedMs, clock.wallMs)
})

test('a start soon after the end continues; a later one has to earn its trust', () => {
  for (const stop of [-STEP_MS, 0, 1_000, RESTART_MS]) {
    const { clock, movedMs } = startClock(KEPT, NOW, NOW + stop)
    assert.equal(movedMs, 0)
    assert.equal(clock.steadyFromMs, KEPT.steadyFromMs)
    assert.equal(clock.trustedMs, NOW + stop)
    assert.equal(clock.observedMs, KEPT.observedMs)
  }
  const { clock, movedMs } = startClock(KEPT, NOW, NOW + RESTART_MS + 1)
  assert.deepEqual([movedMs, clock.movedMs, clock.trustedMs], [RESTART_MS + 1, 0, NOW])
  assert.equal(clock.steadyFromMs, KEPT.observedMs)
})

test('a person hears of a start in 2100, of one in 1969, and of one long after the newest row', () => {
  const wild = [Date.UTC(2100, 0, 1), Date.UTC(1969, 0, 1), NOW - 3_600_000, NOW + 32 * DAY]
  for (const wall of wild)
    for (const kept of [KEPT, null]) {
      const { clock } = startClock(kept, NOW, wall)
      assert.equal(clock.movedMs, wall - NOW)
      assert.ok(clock.trustedMs <= Math.min(wall, NOW))
    }
  assert.ok(startClock(null, null, Date.UTC(1969, 0, 1)).clock.movedMs < 0)
  assert.equal(startClock(null, null, NOW).movedMs, 0)
  assert.equal(startClock(null, NOW, NOW + 2 * DAY).clock.movedMs, 0)
})

test('an age is the time that passed, without the steps of the clock', () => {
  const steps = [
    { fromId: 100, movedMs: 1_000 },
    { fromId: 200, movedMs: -400 },
  ]
  assert.equal(nowForId(99, 5_000, steps), 4_400)
  assert.equal(nowForId(100, 5_000, steps), 5_400)
  assert.equal(nowForId(200, 5_000, steps), 5_000)
})
