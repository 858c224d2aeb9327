import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeptClock } from '../domain/clock.ts'
import { encodeTime, idFactory, idTime, madeAt } from '../domain/id.ts'
import type { StoredClock } from '../ports/store-clock.ts'
import { openClock } from './clock.ts'

const NOW = Date.UTC(2027, 0, 1)
const DAY = 86_400_000

/** A store's clock in memory, for as many nodes as the test has. */
function memory(newest: StoredClock['newest'] = []) {
  const kept: { clock: KeptClock | null; setBackMs: number; marks: [number, number][] } = {
    clock: null,
    setBackMs: 0,
    marks: [],
  }
  return {
    kept,
    clock: async () => ({ kept: kept.clock, setBackMs: kept.setBackMs, newest }),
    async keepClock(clock: KeptClock, seenMs: number | null) {
      if ((kept.clock?.observedMs ?? null) !== seenMs) return false
      kept.clock = clock
      return true
    },
    async setBack(ms: number) {
      kept.setBackMs = Math.max(kept.setBackMs, ms)
    },
    async addMark(observedMs: number, wallMs: number) {
      kept.marks.push([observedMs, wallMs])
    },
  }
}

/** A node whose clocks the test sets. */
async function node(store: ReturnType<typeof memory>, off = 0) {
  const time = { passed: 1_000, off }
  const said: string[] = []
  const say = (_: object, sentence: string) => void said.push(sentence)
  const clock = await openClock({
    store: { ...store, now: () => NOW + Math.floor(time.passed) + time.off },
    log: { info() {}, warn: say, error: say },
    passed: () => time.passed,
  })
  const newId = idFactory(clock.now, () => 5n, clock.idFloor)
  return {
    clock,
    said,
    time,
    newId: () => newId('txn'),
    /** Lets time pass, and compares the clock once a second. */
    pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 1_000) {
        time.passed += 1_000
        clock.look()
      }
    },
  }
}

test('the first reading after a step sees it, logs it once, and reports it to the watch', async () => {
  const { clock, said, time, pass } = await node(memory())
  const steps: number[] = []
  clock.onStep((movedMs) => steps.push(movedMs))
  pass(5_000)
  time.off = 30 * DAY
  assert.equal(clock.now(), NOW + 6_000 + 30 * DAY)
  assert.deepEqual(steps, [30 * DAY])
  assert.equal(clock.trusted(), NOW + 6_000)
  assert.equal(clock.leasesHold(20_000), false)
  pass(20_000)
  assert.equal(clock.leasesHold(20_000), false)
  pass(1_000)
  assert.equal(clock.leasesHold(20_000), true)
  assert.equal(said.length, 1)
  assert.equal(clock.warning()?.movedMs, 30 * DAY)
  time.off = 0
  clock.look()
  assert.deepEqual(steps, [30 * DAY, -30 * DAY])
  assert.equal(clock.leasesHold(20_000), true, 'a clock that was set back ends no lease early')
})

test('ages are those of the time that passed, though the clock was set since, ahead or back', async () => {
  const { clock, time, pass, newId } = await node(memory())
  const before = newId()
  const ageOf = (id: string, startedAt: number) => clock.nowFor(id) - startedAt
  const startedAt = clock.now()
  pass(60_000)
  time.off = -2 * DAY
  assert.equal(ageOf(before, startedAt), 60_000)
  const after = newId()
  const then = clock.now()
  pass(5_000)
  assert.equal(ageOf(before, startedAt), 65_000)
  assert.equal(ageOf(after, then), 5_000)
  time.off = 30 * DAY
  assert.equal(ageOf(before, startedAt), 65_000)
  assert.equal(ageOf(after, then), 5_000)
})

test('the latest time does not go back with the clock, also if it is set back while no process runs', async () => {
  const store = memory()
  const { clock, time, pass } = await node(store)
  pass(60_000)
  const latest = clock.now()
  await clock.keep()
  time.off = -DAY
  assert.equal(clock.now(), latest - DAY)
  assert.ok(clock.latest() >= latest)
  assert.ok((await node(store, -DAY)).clock.latest() >= latest)
})

test('ids keep their order over steps, restarts and nodes, and what they name has the time of the clock', async () => {
  const store = memory()
  const first = await node(store)
  const ids: string[] = []
  const make = ({ newId, clock }: Pick<typeof first, 'newId' | 'clock'>) => {
    const id = newId()
    const at = madeAt(id, clock.now())
    ids.push(id)
    return at
  }
  assert.equal(make(first), NOW + 1_000)
  first.time.off = 70 * 365 * DAY
  assert.equal(make(first), NOW + 1_000 + first.time.off)
  first.time.off = 0
  first.pass(1_000)
  assert.equal(make(first), NOW + 2_000)
  await first.clock.keep()
  assert.ok(store.kept.setBackMs >= idTime(ids[2] as string) - NOW - 2_000)
  const newest = [{ id: ids[2] as string, createdAt: NOW + 2_000 }]
  const second = await node({ ...memory(newest), kept: store.kept })
  second.time.passed += 5_000
  make(second)
  assert.deepEqual(ids, ids.toSorted())
  assert.equal(new Set(ids).size, ids.length)
})

test('a start finds out how far ids are ahead, also of a process that died before it could keep it', async () => {
  const ahead = `txn_${encodeTime(NOW + 30 * DAY)}${'0'.repeat(16)}`
  const store = memory([{ id: ahead, createdAt: NOW }])
  await node(store)
  assert.ok(store.kept.setBackMs >= 30 * DAY - 1_000)
})

test('observed time is kept once, however many nodes observe it, and continues after a restart', async () => {
  const store = memory()
  const nodes = [await node(store), await node(store)]
  for (let minute = 0; minute < 30; minute++)
    for (const each of nodes) {
      each.pass(60_000)
      await each.clock.keep()
    }
  const observed = store.kept.clock?.observedMs ?? 0
  assert.ok(observed <= 30 * 60_000 && observed >= 29 * 60_000, String(observed))
  const marks = store.kept.marks.map(([at]) => at)
  assert.ok(marks.length >= 3 && marks.every((at) => at <= observed), marks.join())
  for (let i = 1; i < marks.length; i++) assert.ok((marks[i] as number) >= (marks[i - 1] as number))
  const next = await node(store, 365 * DAY)
  assert.equal(next.clock.observed(), observed)
  assert.notEqual(next.clock.warning(), null)
})

test('a fraction of a millisecond that looks leave over is not lost', async () => {
  const { clock, time } = await node(memory())
  const before = clock.observed()
  for (let i = 0; i < 1_000; i++) {
    time.passed += 0.7
    clock.look()
  }
  assert.ok(Math.abs(clock.observed() - before - 700) <= 1)
})
