/** Two nodes on one database: the request waits at one of them, and both look for attempts that ended unknown. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContext } from '../../src/app/context.ts'
import { createCharge } from '../../src/app/payments/create-charge.ts'
import { createHealth } from '../../src/app/routing/health.ts'
import { createRouter } from '../../src/app/routing/router.ts'
import { type Store, KEYLESS_SCOPE as scope } from '../../src/ports/store.ts'
import { createHttpProvider } from '../../src/providers/http.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { secretKey } from '../../src/signing.ts'
import { openSqliteStore } from '../../src/storage/sqlite/store.ts'
import { startRecovery } from '../../src/workers/recover.ts'
import { tempDir } from '../kit/folders.ts'
import { type StandIn, startStandIn } from '../kit/stand-in.ts'

/** A node of its own health, requests and connections. */
function nodeOf(store: Store, { at }: StandIn) {
  const provider = createHttpProvider('bank', {
    mode: 'test',
    url: new URL(at.url),
    secret: { text: at.secret, key: secretKey(at.secret) ?? assert.fail() },
    deadlineMs: 5_000,
    concurrency: 8,
    capabilities: { idempotencyWindowMs: 1_000, lookup: 'final', void: true, partialCapture: true },
  })
  const quiet = () => {}
  const health = createHealth(nodeRuntime.monotonic)
  const router = createRouter({
    store,
    providers: () => ['bank'],
    health,
    now: Date.now,
    runtime: nodeRuntime,
    loadConditions: assert.fail,
  })
  const context = createContext({
    ...{ store, router, health, providers: new Map([['bank', provider]]) },
    log: { info: quiet, warn: quiet, error: quiet },
    runtime: nodeRuntime,
    ...{ onCall: quiet, onAlarm: quiet },
    ...{ idempotencyWaitMs: 0, providerWaitMs: 10_000, actionAgeMs: 86_400_000 },
  })
  return { context, provider }
}

test('a call that never came is made once more whichever node looks for unknown attempts', async () => {
  const dir = tempDir()
  const store = await openSqliteStore({
    file: `${dir.path}/minipay.db`,
    onGroup: () => {},
    onFatal: assert.ifError,
  })
  const standIn = await startStandIn()
  const [mine, other] = [nodeOf(store, standIn), nodeOf(store, standIn)]
  const loop = startRecovery(other.context, other.provider)
  try {
    for (let i = 0; i < 3; i++) standIn.next('authorize', { done: false, instead: 'cut' }, {})
    for (let i = 0; i < 3; i++) {
      const order = { amount: 2500, currency: 'usd', customer: 'cus_42', capture: true }
      const nothing = { paymentMethod: null, description: null, metadata: {} }
      const request = { scope, key: `order ${i}`, fingerprint: 'f', surface: 'minipay' } as const
      const answer = await createCharge(mine.context, request, { ...order, ...nothing })
      assert.equal('kind' in answer && answer.kind, 'created', JSON.stringify(answer))
    }
    assert.equal(standIn.done.size, 3)
  } finally {
    await loop.stop()
    for (const { context, provider } of [mine, other]) {
      await context.background.ended()
      await provider.close()
    }
    await store.close()
    await standIn.close()
    dir.remove()
  }
})
