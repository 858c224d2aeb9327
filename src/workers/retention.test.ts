import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { charged, newId } from '../../test/kit/commits.ts'
import { tempDir } from '../../test/kit/folders.ts'
import {
  addedEndpoint,
  changedEndpoint,
  claimCursors,
  disabled,
  recorded,
  resultOf,
  T,
  tryOf,
} from '../../test/kit/webhooks.ts'
import type { Runtime } from '../ports/runtime.ts'
import { type Store, KEYLESS_SCOPE as scope } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { openSqliteStore } from '../storage/sqlite/store.ts'
import { type Retention, startRetention } from './retention.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2027, 5, 1, 12)
const OTHER = { accountId: 1, mode: 'live' } as const

async function opened(t: TestContext): Promise<Store> {
  const dir = tempDir()
  const store = await openSqliteStore({ file: join(dir.path, 'retention.db'), onFatal: assert.fail })
  t.after(async () => {
    await store.close()
    dir.remove()
  })
  return store
}

/** Runs the worker by these clocks, as the hours go by; returns what it logged in each run. */
async function runs(store: Store, retention: Retention, ...times: number[]): Promise<object[][]> {
  const logged: object[][] = times.map(() => [])
  let at = 0
  const note = (facts: object) => void logged[at]?.push(facts)
  const log = { info() {}, warn: note, error: note }
  const ended = Promise.withResolvers<void>()
  const runtime: Runtime = {
    ...nodeRuntime,
    after(ms, action) {
      if (ms === 0) return nodeRuntime.after(ms, action)
      // The loop waits for its next run.
      at++
      if (at < times.length) return nodeRuntime.after(0, action)
      ended.resolve()
      return { cancel() {} }
    },
  }
  const now = () => times[at] ?? NOW
  const loop = startRetention({ store, log, runtime, newId, now }, retention, { trusted: now })
  await ended.promise
  await loop.stop()
  return logged
}

const run = async (store: Store, retention: Retention, trusted = NOW) =>
  assert.deepEqual(await runs(store, retention, trusted), [[]])

/** Events of these ages in days, without the keys that would keep them. */
async function aged(store: Store, ...days: number[]): Promise<void> {
  for (const age of days) await charged(store, { scope, at: NOW - age * DAY })
  while ((await store.purgeIdempotency(Number.MAX_SAFE_INTEGER, 100)) > 0);
}

const kept = async (store: Store) =>
  (await store.events(scope, { after: 0, limit: 100 })).data.map(({ sequence }) => sequence)

test('events are kept for ever unless a retention is set, and then those of whole days past it are deleted', async (t) => {
  const store = await opened(t)
  await aged(store, 90, 31, 30.6, 30.4, 2)
  await run(store, { eventDays: 0, deliveryDays: 0 })
  assert.deepEqual(await kept(store), [1, 2, 3, 4, 5])
  await run(store, { eventDays: 31, deliveryDays: 0 })
  assert.deepEqual(await kept(store), [2, 3, 4, 5])
  // Half of the day is over.
  await run(store, { eventDays: 30, deliveryDays: 0 })
  assert.deepEqual(await kept(store), [4, 5])
})

test('a run of every hour of a day adds one audit entry, and none to accounts and modes without old events', async (t) => {
  const store = await opened(t)
  await aged(store, 90, 80, 2)
  for (let hour = 0; hour < 4; hour++)
    await run(store, { eventDays: 30, deliveryDays: 0 }, NOW + hour * 3_600_000)
  const entries = async (of: typeof scope) => (await store.auditEntries(of, { limit: 9 })).data
  assert.deepEqual(
    (await entries(scope)).map(({ action }) => action),
    ['events.purged'],
  )
  assert.deepEqual(await entries(OTHER), [])
})

test('delivered deliveries are deleted after their own retention, and those of deleted events with them', async (t) => {
  const store = await opened(t)
  const endpoint = await addedEndpoint(store, scope)
  await aged(store, 90, 80, 2)
  await claimCursors(store, { token: 'token' })
  const { data } = await store.events(scope, { after: 0, limit: 9 })
  const results = data.map((event) =>
    resultOf(event, endpoint.id, { try: tryOf({ at: event.createdAt + 40 * DAY }) }),
  )
  for (const result of results)
    await recorded(store, endpoint, 'token', { results: [result], at: result.try?.at ?? T, position: 3 })
  const shown = async () => (await store.webhookDeliveries(scope, { limit: 9 })).data.length
  await run(store, { eventDays: 0, deliveryDays: 0 })
  assert.equal(await shown(), 3)
  await run(store, { eventDays: 0, deliveryDays: 45 })
  assert.equal(await shown(), 2)
  await run(store, { eventDays: 30, deliveryDays: 0 })
  assert.deepEqual([await shown(), await kept(store)], [1, [3]])
})

test('a disabled endpoint keeps its events, and the log warns of it once a day until it is deleted', async (t) => {
  const store = await opened(t)
  const endpoint = await addedEndpoint(store, scope)
  await aged(store, 90, 80, 2)
  const off = await changedEndpoint(store, endpoint, disabled)
  const HOUR = 3_600_000
  const days = { eventDays: 30, deliveryDays: 0 }
  const warning = { account: scope.accountId, mode: scope.mode, endpoints: [endpoint.id] }
  const logged = await runs(store, days, NOW, NOW + HOUR, NOW + 2 * HOUR, NOW + DAY, NOW + DAY + HOUR)
  assert.deepEqual(logged, [[warning], [], [], [warning], []])
  assert.deepEqual(await kept(store), [1, 2, 3])
  await changedEndpoint(store, off, { deletedAt: NOW })
  await run(store, days)
  assert.deepEqual(await kept(store), [3])
})
