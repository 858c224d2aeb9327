import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logOf } from '../../../test/kit/event-log.ts'
import { KEYLESS_SCOPE as SCOPE } from '../../ports/store.ts'
import { manualRuntime } from '../../runtime/manual.ts'
import { awaitEvents, followEvents } from './follow.ts'

/** Follows from a sequence, and collects what is yielded. */
function collect(log: ReturnType<typeof logOf>, after: number, signal: AbortSignal) {
  const seen: number[] = []
  const ended = (async () => {
    for await (const events of followEvents(log.context, SCOPE, after, signal))
      seen.push(...events.map(({ sequence }) => sequence))
  })()
  return { seen, ended }
}

test('a follower gets what is stored already, what is stored later, and each event once', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  for (let i = 0; i < 150; i++) log.add()
  const stopping = new AbortController()
  const { seen, ended } = collect(log, 10, stopping.signal)
  await runtime.advance(0)
  assert.equal(seen.length, 140)
  log.add()
  await runtime.advance(20)
  // A restored database begins with a much greater number.
  log.add('payment.succeeded', 1_795_792_261_500_000)
  await runtime.advance(20)
  log.addSilently()
  await runtime.advance(1_000)
  assert.deepEqual(seen.slice(140), [151, 1_795_792_261_500_000, 1_795_792_261_500_001])
  assert.deepEqual(
    seen,
    [...new Set(seen)].sort((a, b) => a - b),
  )
  stopping.abort()
  await runtime.advance(0)
  await ended
})

test('an event that is stored while the log is read is not missed', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const stopping = new AbortController()
  const { seen, ended } = collect(log, 0, stopping.signal)
  // The read has begun, and has not found it.
  log.add()
  await runtime.advance(20)
  assert.deepEqual(seen, [1])
  stopping.abort()
  await runtime.advance(0)
  await ended
})

test('many commits and many followers share few reads', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const stopping = new AbortController()
  const followers = Array.from({ length: 50 }, () => collect(log, 0, stopping.signal))
  await runtime.advance(0)
  const before = log.reads()
  for (let i = 0; i < 100; i++) {
    log.add()
    await runtime.advance(1)
  }
  await runtime.advance(20)
  for (const { seen } of followers) assert.equal(seen.length, 100)
  assert.ok(log.reads() - before <= 10, `${log.reads() - before} reads`)
  stopping.abort()
  await runtime.advance(0)
  await Promise.all(followers.map(({ ended }) => ended))
})

test('a long poll returns at once what there is, and does not begin to wait', async () => {
  const log = logOf(manualRuntime())
  log.add()
  const begin = () => assert.fail('it waits')
  const { page, waited } = await awaitEvents(
    log.context,
    SCOPE,
    { after: 0, limit: 9 },
    { waitMs: 1_000, begin },
  )
  assert.deepEqual([page.data.map(({ sequence }) => sequence), waited], [[1], false])
})

test('a long poll returns as soon as an event fits, and not for others', async () => {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const query = { after: 0, limit: 9, types: ['payment.refunded'] as const }
  let result: number[] | undefined
  const begin = () => new AbortController().signal
  void awaitEvents(log.context, SCOPE, query, { waitMs: 60_000, begin }).then(({ page }) => {
    result = page.data.map(({ sequence }) => sequence)
  })
  await runtime.advance(5_000)
  log.add('payment.succeeded')
  await runtime.advance(5_000)
  assert.equal(result, undefined)
  log.add('payment.refunded')
  await runtime.advance(0)
  assert.deepEqual(result, [2])
  assert.equal(runtime.pending, 0)
})

test('a long poll returns an empty page when its time is over, or when it must end', async () => {
  for (const end of ['time', 'signal'] as const) {
    const runtime = manualRuntime()
    const log = logOf(runtime)
    const ending = new AbortController()
    let length: number | undefined
    void awaitEvents(
      log.context,
      SCOPE,
      { after: 7, limit: 9 },
      { waitMs: 3_000, begin: () => ending.signal },
    ).then(({ page }) => {
      length = page.data.length
    })
    await runtime.advance(2_999)
    assert.equal(length, undefined)
    if (end === 'signal') ending.abort()
    await runtime.advance(end === 'time' ? 1 : 0)
    assert.equal(length, 0)
    assert.equal(runtime.pending, 0)
  }
})
