import assert from 'node:assert/strict'
import test from 'node:test'
import { beginCommit, committed, endCommit, START } from '../../test/kit/commits.ts'
import { tempDir } from '../../test/kit/folders.ts'
import { createContext } from '../app/context.ts'
import { whyUnavailable } from '../app/routing/available-provider.ts'
import { createHealth } from '../app/routing/health.ts'
import { createRouter } from '../app/routing/router.ts'
import type { LookupOutcome, RemoteProvider } from '../ports/provider.ts'
import { KEYLESS_SCOPE as scope } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { openSqliteStore } from '../storage/sqlite/store.ts'
import { startRecovery } from './recover.ts'

/** A provider whose lookups wait until the test responds. */
function silent(name: string, concurrency: number) {
  const asked = new Map<string, (answer: LookupOutcome) => void>()
  let onLookup = () => {}
  const never = () => Promise.reject(new Error('nothing is sent'))
  const provider: RemoteProvider = {
    ...({ remote: true, name, kind: 'silent', mode: 'test', deadlineMs: 60_000, concurrency } as const),
    capabilities: { idempotencyWindowMs: 0, lookup: 'final', void: true, partialCapture: true },
    ...{ authorize: never, capture: never, cancel: never, refund: never, dispute: never },
    lookup: ({ attemptId }) =>
      new Promise((resolve) => {
        asked.set(attemptId, resolve)
        onLookup()
      }),
    notification: async () => null,
    close: async () => {},
  }
  return {
    provider,
    asked,
    /** Resolves when the condition is true after a lookup. */
    until: (holds: () => boolean) =>
      new Promise<void>((resolve) => {
        onLookup = () => holds() && resolve()
        onLookup()
      }),
  }
}

test('attempts that wait, however many, hold up none that may have moved money, and no request', async (t) => {
  const dir = tempDir()
  const store = await openSqliteStore({
    file: `${dir.path}/minipay.db`,
    onGroup: () => {},
    onFatal: assert.ifError,
  })
  const { provider, asked, until } = silent('bank_a', 16)
  const quiet = () => {}
  const now = () => START + 36_000_000
  const runtime = { ...nodeRuntime, now }
  const health = createHealth(runtime.monotonic)
  const context = createContext({
    ...{ store, health, providers: new Map([['bank_a', provider]]) },
    router: createRouter({
      store,
      health,
      providers: () => ['bank_a'],
      now,
      runtime,
      loadConditions: assert.fail,
    }),
    log: { info: quiet, warn: quiet, error: quiet },
    ...{ onCall: quiet, onAlarm: quiet },
    ...{ idempotencyWaitMs: 0, providerWaitMs: 0, actionAgeMs: Number.POSITIVE_INFINITY },
    runtime,
  })
  const waiting = new Set<string>()
  for (let i = 0; i < 200; i++) {
    const begun = beginCommit({ scope })
    await committed(store, begun.commit)
    const pending = { kind: 'pending', reference: `p_${i}`, redirectUrl: null } as const
    await committed(store, endCommit(begun, pending, { scope }))
    waiting.add(begun.attempt.id)
  }
  const loop = startRecovery(context, provider)
  t.after(async () => {
    await loop.stop()
    for (const answer of asked.values()) answer({ kind: 'unknown', reason: 'the test is over' })
    await context.background.ended()
    await store.close()
    dir.remove()
  })
  await until(() => asked.size === 4)
  const lost: string[] = []
  for (let i = 0; i < 12; i++) {
    const begun = beginCommit({ scope, leaseUntil: 1 })
    await committed(store, begun.commit)
    lost.push(begun.attempt.id)
  }
  // All twelve, while the four lookups are still in progress.
  await until(() => lost.every((id) => asked.has(id)))
  assert.deepEqual([...asked.keys()].filter((id) => waiting.has(id)).length, 4)
  assert.equal(context.calls.inFlight('bank_a', 'recovery'), 16)
  assert.equal(whyUnavailable(context, provider, false), null, 'requests have all of their places')
  for (const id of lost) asked.get(id)?.({ kind: 'not_found' })
})
