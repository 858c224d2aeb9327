/**
 * Customers who never return from a provider's page: MiniPay cancels their payment when its time is over, and the
 * charge fails.
 */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { raiseAlarm, statementAbout } from '../../src/app/alarms/raise-alarm.ts'
import { recoverAttempt } from '../../src/app/attempts/recover-attempt.ts'
import { type Context, createContext } from '../../src/app/context.ts'
import { createCharge } from '../../src/app/payments/create-charge.ts'
import { createHealth } from '../../src/app/routing/health.ts'
import { createRouter } from '../../src/app/routing/router.ts'
import type { RemoteProvider } from '../../src/ports/provider.ts'
import { type Store, KEYLESS_SCOPE as scope } from '../../src/ports/store.ts'
import { createHttpProvider } from '../../src/providers/http.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { secretKey } from '../../src/signing.ts'
import { openSqliteStore } from '../../src/storage/sqlite/store.ts'
import { assertSound } from '../kit/audit.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type Simulator, startSimulator } from '../kit/simulator.ts'

const HOUR = 3_600_000
let dir: TempDir
let bank: Simulator
let store: Store
/** How far MiniPay's clock is ahead of the bank's, in ms. */
let ahead = 0
const now = () => Date.now() + ahead

before(async () => {
  dir = tempDir()
  bank = await startSimulator(`${dir.path}/bank.db`)
  store = await openSqliteStore({
    file: `${dir.path}/minipay.db`,
    onGroup: () => {},
    onFatal: assert.ifError,
  })
})
after(async () => {
  await store?.close()
  await assertSound(`${dir.path}/minipay.db`)
  await bank?.stop()
  dir.remove()
})
beforeEach(() => {
  ahead = 0
})

/** MiniPay with the bank as its provider, by a name of its own, and a charge whose customer was sent away. */
async function away(
  change: (provider: RemoteProvider) => Partial<RemoteProvider> = () => ({}),
  lookup: 'final' | 'eventual' = 'final',
) {
  const name = `bank_${randomUUID().slice(0, 8).replaceAll('-', '_')}`
  const capabilities = { idempotencyWindowMs: 23 * HOUR, lookup, void: true, partialCapture: true }
  const real = createHttpProvider(name, {
    mode: 'test',
    url: new URL(bank.url),
    secret: { text: bank.secret, key: secretKey(bank.secret) ?? assert.fail() },
    deadlineMs: 5_000,
    concurrency: 8,
    capabilities,
  })
  const provider = { ...real, ...change(real) }
  const quiet = () => {}
  const runtime = { ...nodeRuntime, now }
  const health = createHealth(now)
  const router = createRouter({
    store,
    providers: () => [name],
    health,
    now,
    runtime,
    loadConditions: assert.fail,
  })
  const context = createContext({
    ...{ store, router, health, providers: new Map([[name, provider]]) },
    log: { info: quiet, warn: quiet, error: quiet },
    ...{ onCall: quiet, onAlarm: quiet },
    ...{ idempotencyWaitMs: 0, providerWaitMs: 5_000, actionAgeMs: 24 * HOUR },
    runtime,
  })
  const order = { amount: 2500, currency: 'usd', customer: 'cus_42', capture: true }
  const nothing = { paymentMethod: 'tok_requires_action', description: null, metadata: {} }
  const asked = `{"amount":2500,"currency":"usd","customer":"cus_42","payment_method":"tok_requires_action"}`
  const request = {
    scope,
    key: randomUUID(),
    fingerprint: `POST /api/v1/charges ${asked}`,
    surface: 'minipay',
  } as const
  const pay = () => createCharge(context, request, { ...order, ...nothing })
  const answer = await pay()
  assert.ok('about' in answer && answer.about === 'charge')
  const { id, status, providerReference } = answer.object
  assert.equal(status, 'requires_action')
  return { context, name, id, payment: String(providerReference), pay }
}

/** Looks at all that is due at a provider, until nothing is under way. */
async function look(context: Context, name: string): Promise<void> {
  const claim = { provider: name, limit: 10, now: now(), leaseUntil: now() + 10_000, token: randomUUID() }
  for (const due of await store.claimAttempts(claim)) await recoverAttempt(context, due)
  await context.background.ended()
}
const charge = async (id: string) => (await store.charge(scope, id)) ?? assert.fail()
const story = async (chargeId: string) =>
  (await store.attempts(scope, { limit: 100, chargeId })).data
    .toReversed()
    .map(({ kind, state, declineCode }) => [kind, state, declineCode])
const stated = async (id: string) =>
  (await bank.statement()).payments.find(({ transaction_id }) => transaction_id === id)
const approve = (payment: string) =>
  fetch(`${bank.url}/confirm/${payment}`, {
    method: 'POST',
    body: new URLSearchParams({ approve: 'true' }),
  })

test('a customer who never came back is given up after the time that is set, and not before', async () => {
  const { context, name, id, pay } = await away()
  ahead = 24 * HOUR - 60_000
  await look(context, name)
  assert.equal((await charge(id)).status, 'requires_action')
  ahead = 25 * HOUR
  assert.equal(await store.pendingSince(now() - 24 * HOUR), 1)
  await look(context, name)
  const { status, declineCode, failureMessage, redirectUrl } = await charge(id)
  assert.deepEqual([status, declineCode, redirectUrl], ['failed', 'action_expired', null])
  assert.match(failureMessage ?? '', /did not act in time/)
  assert.equal((await stated(id))?.status, 'canceled')
  assert.deepEqual(await story(id), [
    ['authorize', 'declined', 'action_expired'],
    ['cancel', 'succeeded', null],
  ])
  const { data } = await store.events(scope, { after: 0, limit: 100 })
  const types = data.filter((event) => JSON.parse(event.data).charge.id === id).map(({ type }) => type)
  assert.deepEqual(types, ['payment.requires_action', 'payment.failed'])
  const again = await pay()
  assert.ok('kind' in again && again.kind === 'declined' && again.replayed)
  assert.equal(again.refusal?.declineCode, 'action_expired')
  assert.equal(await store.pendingSince(now()), 0)
  ahead = 50 * HOUR
  await look(context, name)
  assert.equal((await story(id)).length, 2)
})

test('a customer who has paid meanwhile is found so, and nothing is canceled', async () => {
  let cancels = 0
  const { context, name, id, payment } = await away(({ cancel }) => ({
    cancel: (...call) => {
      cancels++
      return cancel(...call)
    },
  }))
  await approve(payment)
  ahead = 25 * HOUR
  await look(context, name)
  assert.deepEqual([(await charge(id)).status, cancels], ['succeeded', 0])
})

test('a customer who pays while the payment is being canceled is booked', async () => {
  const { context, name, id, payment } = await away(({ cancel }) => ({
    cancel: async (...call) => {
      await approve(payment)
      return cancel(...call)
    },
  }))
  ahead = 25 * HOUR
  await look(context, name)
  assert.equal((await charge(id)).status, 'requires_action')
  ahead += 1_000
  await look(context, name)
  const { status, amountCaptured } = await charge(id)
  assert.deepEqual([status, amountCaptured, (await stated(id))?.captured], ['succeeded', 2500, 2500])
  const alarms = await store.alarms(scope, { limit: 10, chargeId: id })
  assert.deepEqual(alarms.data, [], 'nobody contradicted anybody')
})

test('a cancel whose answer is lost is looked up, and the charge fails once', async () => {
  const { context, name, id } = await away()
  await bank.arm('cancel', 'cut_after')
  ahead = 25 * HOUR
  await look(context, name)
  assert.equal((await charge(id)).status, 'processing')
  ahead += 1_000
  await look(context, name)
  const { status, declineCode } = await charge(id)
  assert.deepEqual(
    [status, declineCode, (await stated(id))?.status],
    ['failed', 'action_expired', 'canceled'],
  )
})

test('where the provider cannot void, the charge waits for its word and is counted', async () => {
  const { context, name, id, payment } = await away(({ capabilities }) => ({
    capabilities: { ...capabilities, void: false },
  }))
  for (ahead of [25 * HOUR, 50 * HOUR]) {
    await look(context, name)
    assert.equal((await charge(id)).status, 'requires_action')
    assert.equal(await store.pendingSince(now() - 24 * HOUR), 1)
  }
  await approve(payment)
  ahead = 51 * HOUR
  await look(context, name)
  assert.equal((await charge(id)).status, 'succeeded')
})

test('a provider that refuses to cancel decides: MiniPay does not repeat the cancel for ever', async () => {
  const { context, name, id, payment } = await away(() => ({
    cancel: async () => ({
      kind: 'declined',
      declineCode: 'processing_error',
      message: 'No.',
      reference: null,
    }),
  }))
  for (let i = 0; i < 6; i++) {
    ahead = (25 + i) * HOUR
    await look(context, name)
  }
  assert.deepEqual(
    (await story(id)).map(([kind]) => kind),
    ['authorize', 'cancel', 'cancel', 'cancel'],
  )
  assert.equal((await charge(id)).status, 'requires_action')
  await approve(payment)
  ahead = 40 * HOUR
  await look(context, name)
  assert.equal((await charge(id)).status, 'succeeded')
})

test('while the charge is in doubt a person decides, and nothing is canceled', async () => {
  const { context, name, id } = await away()
  const [attempt] = (await store.attempts(scope, { limit: 1, chargeId: id })).data
  assert.ok(attempt)
  const said = { kind: 'unknown', reason: 'requested 2500 usd, the provider says 5 usd' } as const
  await raiseAlarm(context, scope, id, statementAbout(attempt, 'amount_mismatch', said, said.reason))
  ahead = 25 * HOUR
  await look(context, name)
  assert.deepEqual(await story(id), [['authorize', 'pending', null]])
})
