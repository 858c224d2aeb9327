import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { chargeCommit, charged, committed } from '../../test/kit/commits.ts'
import { tempDir } from '../../test/kit/folders.ts'
import { type Store, KEYLESS_SCOPE as scope } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { openSqliteStore } from '../storage/sqlite/store.ts'
import { startPurge } from './purge.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2027, 0, 1)

/** A store that reports when a purge has run. */
async function watched(t: { after(step: () => unknown): void }) {
  const dir = tempDir()
  const store = await openSqliteStore({ file: join(dir.path, 'purge.db'), onFatal: assert.fail })
  t.after(async () => {
    await store.close()
    dir.remove()
  })
  let ran = Promise.withResolvers<void>()
  const watching: Store = {
    ...store,
    async markAt(observedMs) {
      const mark = await store.markAt(observedMs)
      if (!mark) ran.resolve()
      return mark
    },
    async purgeNotifications(before, limit) {
      const count = await store.purgeNotifications(before, limit)
      ran.resolve()
      return count
    },
  }
  return {
    store,
    watching,
    async next() {
      await ran.promise
      ran = Promise.withResolvers<void>()
    },
  }
}

test('keys are forgotten once so much time was observed, and at no time that a clock says', async (t) => {
  const { store, watching, next } = await watched(t)
  const time = { now: NOW, observed: 0 }
  const isKept = async (key: string) => (await store.idempotencyRecord(scope, key)) !== undefined
  await charged(store, { scope, key: 'old', at: NOW })
  await charged(store, { scope, key: 'of-a-later-time', at: NOW + 90 * 365 * 24 * HOUR })
  await store.addMark(0, NOW)
  await charged(store, { scope, key: 'of-an-earlier-time', at: 0 })
  await charged(store, { scope, key: 'new', at: NOW })
  const log = { info() {}, warn() {}, error() {} }
  const loop = startPurge({ store: watching, log, runtime: nodeRuntime }, HOUR, {
    now: () => time.now,
    trusted: () => time.now,
    observed: () => time.observed,
  })
  t.after(loop.stop)
  await next()
  for (const now of [NOW, NOW + 1_000 * HOUR, -HOUR, Date.UTC(2100, 0, 1)]) {
    time.now = now
    loop.wake()
    await next()
    for (const key of ['old', 'of-a-later-time', 'of-an-earlier-time', 'new'])
      assert.ok(await isKept(key), key)
  }
  time.now = NOW
  time.observed = HOUR + 120_000
  loop.wake()
  await next()
  assert.deepEqual(await Promise.all(['old', 'of-a-later-time', 'of-an-earlier-time', 'new'].map(isKept)), [
    false,
    false,
    true,
    true,
  ])
})

test('counters of limits are deleted a minute after they count no more, by the time that is trusted', async (t) => {
  const { store, watching, next } = await watched(t)
  const limits = [
    { limit: 'cards', counter: 'card', windowMs: 1_000, unit: 'charges', by: 1, max: 1 } as const,
  ]
  await committed(store, { ...chargeCommit({ scope, at: NOW }), limits })
  const time = { trusted: NOW + 61_099 }
  const log = { info() {}, warn() {}, error() {} }
  const loop = startPurge({ store: watching, log, runtime: nodeRuntime }, HOUR, {
    now: () => NOW + HOUR,
    trusted: () => time.trusted,
    observed: () => 0,
  })
  t.after(loop.stop)
  await next()
  assert.equal((await store.velocityCounters(scope, ['card'])).length, 1)
  time.trusted++
  loop.wake()
  await next()
  assert.deepEqual(await store.velocityCounters(scope, ['card']), [])
})
