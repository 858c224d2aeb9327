import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KEYLESS_SCOPE as SCOPE, type Scope } from '../../ports/store.ts'
import { manualRuntime } from '../../runtime/manual.ts'
import { createEventBell } from './bell.ts'

const OTHER: Scope = { ...SCOPE, mode: 'live' }

test('a ring wakes everyone who waits for its scope, and no one else', async () => {
  const runtime = manualRuntime()
  const bell = createEventBell(runtime)
  const first = bell.next(SCOPE, 1_000)
  const second = bell.next(SCOPE, 2_000)
  const other = bell.next(OTHER, 3_000)
  bell.ring(SCOPE)
  assert.deepEqual(await Promise.all([first, second]), [true, true])
  assert.equal(runtime.pending, 1)
  await runtime.advance(3_000)
  assert.equal(await other, false)
})

test('a ring for every scope wakes everyone', async () => {
  const bell = createEventBell(manualRuntime())
  const woken = [bell.next(SCOPE, 1_000), bell.next(OTHER, 1_000)]
  bell.ringAll()
  assert.deepEqual(await Promise.all(woken), [true, true])
})

test('a wait ends without a ring when its time is over', async () => {
  const runtime = manualRuntime()
  const wait = createEventBell(runtime).next(SCOPE, 1_000)
  let ended: boolean | undefined
  void wait.then((rung) => {
    ended = rung
  })
  await runtime.advance(999)
  assert.equal(ended, undefined)
  await runtime.advance(1)
  assert.equal(ended, false)
})

test('a signal ends a wait, also one that was aborted before, and leaves no timer', async () => {
  const runtime = manualRuntime()
  const bell = createEventBell(runtime)
  const stopping = new AbortController()
  const wait = bell.next(SCOPE, 60_000, stopping.signal)
  stopping.abort()
  assert.equal(await wait, false)
  assert.equal(await bell.next(SCOPE, 60_000, stopping.signal), false)
  assert.equal(runtime.pending, 0)
})

test('a ring before a wait does not end it', async () => {
  const runtime = manualRuntime()
  const bell = createEventBell(runtime)
  bell.ring(SCOPE)
  const wait = bell.next(SCOPE, 1_000)
  await runtime.advance(1_000)
  assert.equal(await wait, false)
})

test('one who is woken and waits again is woken once a ring', async () => {
  const bell = createEventBell(manualRuntime())
  let rings = 0
  const listen = async () => {
    while (rings < 2 && (await bell.next(SCOPE, 1_000))) rings++
  }
  const listening = listen()
  bell.ring(SCOPE)
  await new Promise(setImmediate)
  assert.equal(rings, 1)
  bell.ring(SCOPE)
  await listening
})

test('a listener gets the scope of each ring, null for every scope, and nothing after its end', () => {
  const bell = createEventBell(manualRuntime())
  const heard: (Scope | null)[] = []
  const listener = (scope: Scope | null) => void heard.push(scope)
  const off = bell.on(listener)
  const offTwin = bell.on(listener)
  bell.ring(SCOPE)
  offTwin()
  bell.ringAll()
  off()
  off()
  bell.ring(OTHER)
  assert.deepEqual(heard, [SCOPE, SCOPE, null])
})
