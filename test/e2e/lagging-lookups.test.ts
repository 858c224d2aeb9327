/**
 * A provider whose lookups lag behind its notifications: MiniPay loses no notification, and does not flood it with
 * lookups.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { type Config, readConfig, SETTINGS, type SettingKey } from '../../src/config.ts'
import type { Store } from '../../src/ports/store.ts'
import { type Serving, serve } from '../../src/serve.ts'
import {
  type Alarm,
  all,
  type Charge,
  type Client,
  client,
  type Dispute,
  type Page,
  type Refund,
  until,
} from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type Peer, startPeer } from '../kit/peer.ts'
import { onEngine } from '../kit/server.ts'
import { newSecret } from '../kit/simulator.ts'

const SECOND = 1_000
const LOOKS = [10 * SECOND, 70 * SECOND, 670 * SECOND, 4_270 * SECOND]

const dir = tempDir()
const secret = newSecret()
let peer: Peer
let server: Serving
let api: Client
/** How far MiniPay's clock is ahead, in ms. */
let ahead = 0
const now = () => Date.now() + ahead
/** What happens right after so many reads of an attempt. */
let between = { id: '', reads: 0, happens: async () => {} }
/** How many reads of a dispute come before it is stored by another look at it. */
let unseen = 0

/** What a lookup of a reference or a dispute answers; else it is as the call was answered. */
const lookups = new Map<string, object>()
/** What the next call of an operation answers instead of doing it. */
const instead = new Map<string, object>()
const answered = new Map<string, object>()

function answer(operation: string, body: Readonly<Record<string, unknown>>): object {
  const reference = String(body['dispute'] ?? body['reference'])
  if (operation === 'lookup') return lookups.get(reference) ?? answered.get(reference) ?? NOT_FOUND
  const { amount, currency } = body
  const expires_at = new Date(now() + 7 * 86_400_000).toISOString()
  const done = { status: 'succeeded', reference: `${operation}_${reference}`, amount, currency, expires_at }
  const said = instead.get(operation) ?? done
  instead.delete(operation)
  answered.set(reference, said)
  return said
}
const NOT_FOUND = { status: 'not_found' }
const LAPSED = { status: 'declined', decline_code: 'authorization_expired', message: 'It is gone.' }
const CAME_BACK = { status: 'declined', decline_code: 'processing_error', message: 'It came back.' }

before(async () => {
  peer = await startPeer(answer)
  const providers = join(dir.path, 'providers.json')
  const bank = { kind: 'http', mode: 'test', url: peer.url, secret, lookup: 'final' }
  writeFileSync(providers, JSON.stringify({ bank, other: { ...bank, url: `${peer.url}/other` } }))
  const config: Config = readConfig(Object.keys(SETTINGS) as SettingKey[], [], {
    PORT: '0',
    WEBHOOK_TARGET: '',
    MINIPAY_LOG_LEVEL: 'silent',
    MINIPAY_DATABASE: await onEngine(join(dir.path, 'minipay.db')),
    MINIPAY_PROVIDERS: providers,
  })
  const disputeByReference = (store: Store): Store['disputeByReference'] => {
    return async (...of) => (unseen-- > 0 ? undefined : store.disputeByReference(...of))
  }
  const attempt = (store: Store): Store['attempt'] => {
    return async (id) => {
      const found = await store.attempt(id)
      if (id === between.id && --between.reads === 0) await between.happens()
      return found
    }
  }
  server = await serve(config, assert.fail, {
    store: (store) => ({
      ...store,
      now,
      disputeByReference: disputeByReference(store),
      attempt: attempt(store),
      ...watched(store),
    }),
  })
  api = client(server.address)
})
after(async () => {
  await server?.close()
  await peer?.close()
  dir.remove()
})

/** Notifications that are being acted on. */
const claimed = new Set<string>()
function watched(store: Store): Pick<Store, 'claimNotifications' | 'settleNotification'> {
  return {
    async claimNotifications(claim) {
      const found = await store.claimNotifications(claim)
      for (const { id } of found) claimed.add(id)
      return found
    },
    async settleNotification(settlement) {
      const done = await store.settleNotification(settlement)
      claimed.delete(settlement.id)
      return done
    },
  }
}

/** The bank tells of something. */
async function notify(about: string, reference: string): Promise<void> {
  const id = randomUUID()
  const at = new Date(now())
  const text = JSON.stringify({ id, about, reference })
  const { status } = await call(server.address, 'POST', '/providers/bank/notifications', text, {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, text),
  })
  assert.equal(status, 200)
}

const isLookupOf = (reference: string) => (each: Peer['asked'][number]) =>
  each.operation === 'lookup' && (each.body['dispute'] ?? each.body['reference']) === reference
const looksAt = (reference: string) => peer.asked.filter(isLookupOf(reference)).length
/** Resolves when it was looked up so often, and all that is known of it is stored. */
const looked = (reference: string, times: number) =>
  until(
    async () => [looksAt(reference), claimed.size] as const,
    ([count, busy]) => count >= times && busy === 0,
  )
const attemptOf = async (id: string, kind: string) =>
  (await api.attempts(id)).find((attempt) => attempt.kind === kind)!
const charge = async (id: string) => (await api.get<Charge>(`/api/v1/charges/${id}`)).body
const refund = async (id: string) => (await api.get<Refund>(`/api/v1/refunds/${id}`)).body

test('a refund that came back is found although two lookups lag, and its money can be refunded again', async () => {
  const { id } = await api.charge()
  const { refund_id } = await api.refund(id)
  const attempt = await attemptOf(id, 'refund')
  await notify('refund', attempt.provider_reference ?? '')
  await looked(attempt.id, 1)
  ahead += 10 * SECOND
  await looked(attempt.id, 2)
  assert.equal((await refund(refund_id)).status, 'refunded')
  lookups.set(attempt.id, CAME_BACK)
  ahead += 60 * SECOND
  await until(
    () => refund(refund_id),
    ({ status }) => status === 'failed',
  )
  assert.equal((await charge(id)).amount_refunded, 0)
  assert.equal((await api.refund(id)).status, 'refunded')
})

test('an authorization that lapsed is found although its lookup lags', async () => {
  const { id, provider_reference } = await api.charge({ capture: false })
  const attempt = await attemptOf(id, 'authorize')
  await notify('payment', provider_reference ?? '')
  await looked(attempt.id, 1)
  assert.equal((await charge(id)).status, 'authorized')
  lookups.set(attempt.id, LAPSED)
  ahead += 10 * SECOND
  await until(
    () => charge(id),
    ({ status }) => status === 'canceled',
  )
})

test("a dispute's end is found although its lookup lags", async () => {
  const { id, provider_reference } = await api.charge()
  const dispute = { dispute: 'dp_1', payment: provider_reference, amount: 2500, currency: 'usd' }
  lookups.set('dp_1', { ...dispute, status: 'open' })
  await notify('dispute', 'dp_1')
  const disputes = async () =>
    (await api.get<Page<Dispute>>(`/api/v1/disputes?transaction_id=${id}`)).body.data
  await until(disputes, ([one]) => one?.status === 'open')
  await notify('dispute', 'dp_1')
  await looked('dp_1', 2)
  lookups.set('dp_1', { ...dispute, status: 'lost' })
  ahead += 10 * SECOND
  await until(disputes, ([one]) => one?.status === 'lost')
})

test('two looks at a new dispute that name two payments at the same moment store it once', async () => {
  const [first, second] = [await api.charge(), await api.charge()]
  const says = (payment: string | null) => ({
    status: 'open',
    dispute: 'dp_2',
    payment,
    ...{ amount: 500, currency: 'usd' },
  })
  lookups.set('dp_2', says(first.provider_reference))
  await notify('dispute', 'dp_2')
  const disputes = async (id: string) =>
    (await api.get<Page<Dispute>>(`/api/v1/disputes?transaction_id=${id}`)).body.data
  await until(
    () => disputes(first.id),
    ({ length }) => length === 1,
  )
  lookups.set('dp_2', says(second.provider_reference))
  unseen = 2
  await notify('dispute', 'dp_2')
  await until(
    () => alarmsOf(second.id),
    ({ length }) => length === 1,
  )
  assert.equal((await disputes(first.id)).length, 1)
  assert.deepEqual(await disputes(second.id), [])
  assert.equal(looksAt('dp_2'), 2)
})

test('an expiry that is notified while a capture is in progress is found when the capture has ended', async () => {
  const { id, provider_reference } = await api.charge({ capture: false })
  const attempt = await attemptOf(id, 'authorize')
  instead.set('capture', { status: 'pending' })
  const { status } = await api.post(`/api/v1/charges/${id}/capture`, {})
  assert.equal(status, 202)
  const capture = await attemptOf(id, 'capture')
  lookups.set(attempt.id, LAPSED)
  await notify('payment', provider_reference ?? '')
  await looked(capture.id, 1)
  assert.equal((await charge(id)).status, 'processing')
  lookups.set(capture.id, { ...CAME_BACK, decline_code: 'processing_error' })
  ahead += 5 * SECOND
  await until(
    () => charge(id),
    ({ status }) => status === 'canceled',
  )
})

test('a cancel that was wished is done after all when the provider took what had seemed to fail', async () => {
  instead.set('authorize', { status: 'pending' })
  const order = { amount: 2500, currency: 'usd', customer: 'cus_42' }
  const made = await api.post<Charge>('/api/v1/charges', order)
  const cancel = () =>
    api.post<Charge>(`/api/v1/charges/${made.body.id}/cancel`, {}, { 'idempotency-key': 'wish-1' })
  assert.deepEqual([made.status, (await cancel()).status], [202, 202])
  const { id, amount, currency } = await attemptOf(made.body.id, 'authorize')
  const becomes = (wanted: Charge['status']) =>
    until(
      () => charge(made.body.id),
      ({ status }) => status === wanted,
    )
  lookups.set(id, CAME_BACK)
  await notify('attempt', id)
  await becomes('failed')
  lookups.set(id, { status: 'succeeded', reference: `authorize_${id}`, amount, currency })
  await notify('attempt', id)
  await becomes('succeeded')
  ahead += 5 * SECOND
  await becomes('refunded')
  assert.deepEqual([(await cancel()).status, (await cancel()).body.amount_refunded], [200, 2500])
})

test('an object without news is looked up four more times, once for all its notifications, and then no more', async () => {
  const { id } = await api.charge()
  await api.refund(id)
  const attempt = await attemptOf(id, 'refund')
  for (let i = 1; i <= 3; i++) {
    await notify('refund', attempt.provider_reference ?? '')
    await looked(attempt.id, i)
  }
  const start = ahead
  for (const [i, look] of LOOKS.entries()) {
    // All three are due by then.
    ahead = start + look + SECOND
    await looked(attempt.id, 4 + i)
    await settled()
    assert.equal(looksAt(attempt.id), 4 + i)
  }
  ahead += 86_400 * SECOND
  await settled()
  assert.equal(looksAt(attempt.id), 7)
})

test('a stream of notifications of payments that were taken costs one lookup each', async () => {
  const made = await Promise.all(Array.from({ length: 20 }, () => api.charge()))
  const attempts = await Promise.all(made.map(({ id }) => attemptOf(id, 'authorize')))
  for (const { provider_reference } of made) await notify('payment', provider_reference ?? '')
  await Promise.all(attempts.map((attempt) => looked(attempt.id, 1)))
  for (const look of LOOKS) {
    ahead += look
    await settled()
  }
  assert.deepEqual(
    attempts.map((attempt) => looksAt(attempt.id)),
    attempts.map(() => 1),
  )
})

test('after a failover the first provider is not looked up while the next one works', async () => {
  const document = { default: { providers: ['bank', 'other'], failover_on: ['processing_error'] } }
  assert.equal((await api.put('/api/v1/routing', { document })).status, 200)
  instead.set('authorize', CAME_BACK)
  instead.set('other/authorize', { status: 'pending' })
  const { status, body } = await api.post<Charge>('/api/v1/charges', {
    ...{ amount: 2500, currency: 'usd', customer: 'cus_42' },
  })
  assert.equal(status, 202)
  const [first, second] = await api.attempts(body.id)
  assert.deepEqual([first?.provider, second?.provider], ['bank', 'other'])
  lookups.set(second!.id, NOT_FOUND)
  await notify('attempt', first!.id)
  await settled()
  assert.equal((await charge(body.id)).status, 'processing')
  assert.equal(looksAt(second!.id), 0)
})

test('a provider that took what it had declined raises an alarm at once, although the next call is in progress', async () => {
  const document = { default: { providers: ['bank', 'other'], failover_on: ['processing_error'] } }
  assert.equal((await api.put('/api/v1/routing', { document })).status, 200)
  instead.set('authorize', CAME_BACK)
  instead.set('other/authorize', { status: 'pending' })
  const order = { amount: 2500, currency: 'usd', customer: 'cus_42' }
  const { body } = await api.post<Charge>('/api/v1/charges', order)
  const [first] = await api.attempts(body.id)
  lookups.set(first!.id, { status: 'succeeded', reference: 'late', amount: 2500, currency: 'usd' })
  await notify('attempt', first!.id)
  const [alarm] = await until(
    () => alarmsOf(body.id),
    ({ length }) => length > 0,
  )
  assert.deepEqual([alarm?.kind, alarm?.attempt_id, alarm?.said], ['contradiction', first!.id, 'succeeded'])
  assert.equal((await charge(body.id)).status, 'processing')
})

test('a cancel that its provider says was never done is an alarm, unless the hold is over all the same', async () => {
  const canceled = async () => {
    const { id } = await api.charge({ capture: false })
    assert.equal((await api.post(`/api/v1/charges/${id}/cancel`, {})).status, 200)
    return attemptOf(id, 'cancel')
  }
  const [over, held] = [await canceled(), await canceled()]
  lookups.set(over.id, LAPSED)
  lookups.set(held.id, CAME_BACK)
  await notify('attempt', over.id)
  await notify('attempt', held.id)
  const [alarm] = await until(
    () => alarmsOf(held.transaction_id),
    ({ length }) => length > 0,
  )
  assert.deepEqual([alarm?.kind, alarm?.attempt_id, alarm?.said], ['contradiction', held.id, 'declined'])
  await settled()
  assert.deepEqual(await alarmsOf(over.transaction_id), [])
})

const alarmsOf = (id: string) => all<Alarm>(api, `/api/v1/alarms?transaction_id=${id}`)

test('an attempt that ends while it is read is not concluded a second time', async () => {
  const { id } = await api.charge({ capture: false })
  instead.set('cancel', { status: 'pending' })
  assert.equal((await api.post(`/api/v1/charges/${id}/cancel`, {})).status, 202)
  const cancel = await attemptOf(id, 'cancel')
  lookups.set(cancel.id, { status: 'succeeded', reference: 'can', amount: 2500, currency: 'usd' })
  between = {
    id: cancel.id,
    reads: 3,
    async happens() {
      const { status } = await api.post(`/api/v1/attempts/${cancel.id}/resolve`, { outcome: 'succeeded' })
      assert.equal(status, 200)
    },
  }
  await notify('attempt', cancel.id)
  await looked(cancel.id, 2)
  await settled()
  ahead += 5 * SECOND
  await settled()
  assert.equal(looksAt(cancel.id), 2)
  assert.equal((await charge(id)).status, 'canceled')
})

/** Everything that is due now was acted on: a notification that is sent now is, and its attempt is asked about last. */
async function settled(): Promise<void> {
  for (const _ of [1, 2]) {
    const { id, provider_reference } = await api.charge()
    await notify('payment', provider_reference ?? '')
    await looked((await attemptOf(id, 'authorize')).id, 1)
  }
}
