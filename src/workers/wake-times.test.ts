import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { manualRuntime } from '../runtime/manual.ts'
import { wakeTimes } from './wake-times.ts'

/** A runtime whose time the test moves, and the times when it was woken. */
function woken(t: TestContext) {
  const runtime = manualRuntime({ now: 1_000_000 })
  const at: number[] = []
  const times = wakeTimes(() => at.push(runtime.now()), runtime.now, runtime)
  t.after(() => times.stop())
  return { at, times, pass: runtime.advance }
}

test('the wake times wake at each time, in any order in which they were added', async (t) => {
  const { at, times, pass } = woken(t)
  for (const time of [1_004_000, 1_001_000, 1_002_000]) times.add(time)
  await pass(999)
  assert.deepEqual(at, [])
  for (let i = 0; i < 5; i++) await pass(1_000)
  assert.equal(at.length, 3)
  for (const [i, time] of [1_001_000, 1_002_000, 1_004_000].entries())
    assert.ok(at[i] !== undefined && at[i] >= time && at[i] < time + 1_000)
})

test('many times within a few ms wake once, and none too early', async (t) => {
  const { at, times, pass } = woken(t)
  for (let ms = 1; ms <= 10; ms++) times.add(1_000_500 + ms)
  await pass(509)
  assert.deepEqual(at, [])
  await pass(1)
  assert.deepEqual(at, [1_000_510])
  await pass(10_000)
  assert.equal(at.length, 1)
})

test('a time that is past wakes soon', async (t) => {
  const { at, times, pass } = woken(t)
  times.add(5)
  await pass(1)
  assert.equal(at.length, 1)
})

test('a time weeks ahead does not wake before', async (t) => {
  const { at, times, pass } = woken(t)
  times.add(1_000_000 + 40 * 86_400_000)
  await pass(86_400_000)
  assert.deepEqual(at, [])
})

test('no more than a bounded number of times is kept, the nearest ones', async (t) => {
  const { at, times, pass } = woken(t)
  for (let i = 20_000; i >= 1; i--) times.add(1_000_000 + i * 10)
  for (let i = 0; i < 30_000; i++) await pass(10)
  assert.equal(at.length, 10_000)
  assert.equal(at.at(-1), 1_100_000)
})

test('after a stop the wake times wake no more', async (t) => {
  const { at, times, pass } = woken(t)
  times.add(1_000_100)
  times.stop()
  times.add(1_000_200)
  await pass(1_000)
  assert.deepEqual(at, [])
})
