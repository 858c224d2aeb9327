import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logOf } from '../../../test/kit/event-log.ts'
import { KEYLESS_SCOPE as scope } from '../../ports/store.ts'
import { manualRuntime } from '../../runtime/manual.ts'
import type { Batch, Followed } from './paced.ts'

const FOLLOWED: Followed = { scope, filter: {}, everyMs: 1_000, newest: 10 }

type Log = ReturnType<typeof logOf>

/** Follows from a sequence, and collects what is yielded. */
function collect({ context }: Log, { after = 0, ...own }: Partial<Followed> & { after?: number } = {}) {
  const batches: Batch[] = []
  let [turns, failure] = [0, undefined as unknown]
  const stopping = new AbortController()
  const ended = (async () => {
    for await (const batch of context.pacedEvents.follow({ ...FOLLOWED, ...own }, after, stopping.signal)) {
      turns++
      if (batch) batches.push(batch)
    }
  })().catch((error: unknown) => {
    failure = error
  })
  return {
    batches,
    seen: () => batches.flatMap(({ events }) => events.map(({ sequence }) => sequence)),
    turns: () => turns,
    failure: () => failure,
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('while there are few events, each comes at once, and none twice', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  for (let i = 0; i < 5; i++) log.add()
  const follower = collect(log, { after: 3 })
  await runtime.advance(0)
  assert.deepEqual(follower.seen(), [4, 5])
  await runtime.advance(3_000)
  for (let i = 6; i <= 30; i++) {
    log.add()
    await runtime.advance(50)
    assert.equal(follower.seen().at(-1), i, 'within 50 ms')
    await runtime.advance(150)
  }
  assert.deepEqual(follower.seen(), numbers(4, 30))
  assert.ok(follower.batches.every(({ hasSkipped }) => !hasSkipped))
  await follower.stop()
  assert.equal(runtime.pending, 0)
})

test('of many events the newest come once in an interval, behind the sequences that were skipped', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const follower = collect(log)
  await runtime.advance(100)
  for (let ms = 0; ms < 10_000; ms++) {
    log.add()
    await runtime.advance(1)
  }
  await runtime.advance(2_000)
  let last = 0
  for (const { after, through, events, hasSkipped } of follower.batches) {
    assert.equal(after, last)
    assert.equal(events.at(-1)?.sequence, through)
    assert.equal(hasSkipped, events[0]?.sequence !== after + 1)
    last = through
  }
  assert.equal(last, 10_000, 'the newest event of all has come')
  // Ten whole intervals, and those that the first and the last event cut.
  assert.ok(
    follower.seen().length <= 120 && follower.batches.length <= 30,
    `${follower.seen().length} events`,
  )
  await follower.stop()
})

test('a burst that fits into the next interval is late, and whole', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const follower = collect(log)
  await runtime.advance(100)
  for (let i = 0; i < 8; i++) log.add()
  await runtime.advance(100)
  for (let i = 0; i < 9; i++) log.add()
  await runtime.advance(100)
  assert.deepEqual(follower.seen(), numbers(1, 8))
  await runtime.advance(900)
  assert.deepEqual(follower.seen(), numbers(1, 17))
  await follower.stop()
})

test('all who follow the same share each read, and their waits cost one timer', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const followers = Array.from({ length: 50 }, () => collect(log))
  await runtime.advance(100)
  assert.equal(runtime.pending, 1)
  const before = log.reads()
  for (let ms = 0; ms < 2_000; ms++) {
    log.add()
    await runtime.advance(1)
  }
  assert.ok(log.reads() - before <= 8, `${log.reads() - before} reads`)
  const [first] = followers
  for (const { batches } of followers) {
    assert.ok(batches.length >= 2)
    for (const [i, batch] of batches.entries()) assert.equal(batch.events, first?.batches[i]?.events)
  }
  await Promise.all(followers.map(({ stop }) => stop()))
  assert.equal(runtime.pending, 0)
})

test('one who joins late, is ahead, or reads slowly gets the newest that it lacks, and continues with the others', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const first = collect(log)
  await runtime.advance(100)
  for (let i = 0; i < 30; i++) log.add()
  await runtime.advance(2_000)
  assert.deepEqual(first.seen(), numbers(21, 30))
  const far = collect(log, { after: 5 })
  const near = collect(log, { after: 25 })
  const ahead = collect(log, { after: 33 })
  await runtime.advance(0)
  assert.deepEqual([far.seen(), far.batches[0]?.hasSkipped], [numbers(21, 30), true])
  assert.deepEqual([near.seen(), near.batches[0]?.hasSkipped], [numbers(26, 30), false])
  for (let i = 0; i < 5; i++) log.add()
  await runtime.advance(1_000)
  for (const follower of [first, far, near]) assert.equal(follower.seen().at(-1), 35)
  assert.deepEqual(ahead.seen(), [34, 35])
  await Promise.all([first, far, near, ahead].map(({ stop }) => stop()))
})

test('a filter counts what fits, moves past the rest, and does not read it again', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const follower = collect(log, { filter: { types: ['payment.refunded'] }, newest: 2 })
  await runtime.advance(100)
  for (let i = 0; i < 20; i++) log.add('payment.succeeded')
  await runtime.advance(1_000)
  assert.deepEqual(follower.seen(), [])
  log.add('payment.refunded')
  for (let i = 0; i < 20; i++) log.add('payment.succeeded')
  await runtime.advance(1_000)
  const batch = follower.batches.at(-1)
  assert.deepEqual([batch?.after, batch?.through, batch?.hasSkipped], [20, 41, false])
  assert.deepEqual(follower.seen(), [21])
  const none = collect(log, { filter: { types: [] } })
  await runtime.advance(3_000)
  assert.deepEqual(none.seen(), [])
  await Promise.all([follower.stop(), none.stop()])
})

test('an event whose ring was lost comes within a second, and a silent follower has its turns', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const follower = collect(log, { everyMs: 60_000, newest: 1 })
  await runtime.advance(100)
  log.addSilently()
  await runtime.advance(1_000)
  assert.deepEqual(follower.seen(), [1])
  const before = follower.turns()
  // Its interval lasts a minute, and it still has its turns.
  log.add()
  await runtime.advance(20_000)
  assert.deepEqual(follower.seen(), [1])
  assert.ok(follower.turns() - before >= 18, `${follower.turns() - before} turns`)
  await follower.stop()
  assert.equal(runtime.pending, 0)
})

test('a read that fails ends every follower, and the next one begins anew', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const followers = [collect(log), collect(log)]
  await runtime.advance(100)
  log.failNext()
  log.add()
  await runtime.advance(100)
  for (const { failure } of followers) assert.match(String(failure()), /away/)
  assert.equal(runtime.pending, 0)
  const next = collect(log)
  await runtime.advance(100)
  assert.deepEqual(next.seen(), [1])
  await next.stop()
})
