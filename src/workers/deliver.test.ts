import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { bench, history, holdingReceiver, scriptedClient, silent } from '../../test/kit/deliverer.ts'
import { startReceiver } from '../../test/kit/receiver.ts'
import { MAX_ATTEMPTS } from '../domain/delivery.ts'
import { createEgress } from '../net/egress.ts'
import type { Log } from '../ports/log.ts'
import { KEYLESS_SCOPE, type Store, StoreUnavailable } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { LEASE_MS } from './claim-deliveries.ts'
import { createWebhookClients } from './webhooks/client.ts'

const operator = createEgress()
const policy = { allowed: operator, local: false, ports: null }
const clientOf = (url: string, connections: number) =>
  createWebhookClients({ operator, policy, connections, runtime: nodeRuntime }).of({ id: 'default', url })

/** Runs everything that is due now. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a webhook has the transaction, its event and its delivery id', async (t) => {
  const { store, due, deliver, deliveries, settled, atEnd } = await bench(t)
  const receiver = await startReceiver()
  atEnd(receiver.close)
  const [charge] = await due(1)
  deliver(clientOf(receiver.url, 8))
  await settled.atLeast(1)
  const { id, amount, currency, customer, status } = charge!
  const [webhook] = receiver.received
  const [delivery] = await deliveries()
  const [event] = (await store.events(KEYLESS_SCOPE, { after: 0, limit: 1 })).data
  const body = JSON.parse(webhook?.body ?? '')
  assert.deepEqual(
    Object.entries(body).slice(0, 5),
    Object.entries({ id, amount, currency, customer, status }),
  )
  assert.deepEqual(
    [body.type, body.event_id, body.sequence, body.epoch, body.created_at],
    [event?.type, event?.id, 1, event?.epoch, '1970-01-01T00:00:00.001Z'],
  )
  assert.equal(webhook?.headers['x-webhook-event'], 'payment.succeeded')
  assert.equal(webhook?.headers['x-webhook-delivery'], delivery?.id)
  assert.equal(webhook?.headers['content-type'], 'application/json')
  assert.equal(webhook?.headers['webhook-signature'], undefined, 'no secret, no signature')
  assert.equal(delivery?.state, 'delivered')
})

test("a signed webhook passes the verification of Standard Webhooks' own library", async (t) => {
  const { due, deliver, settled, atEnd } = await bench(t)
  const receiver = await startReceiver()
  atEnd(receiver.close)
  const secret = randomBytes(32)
  await due(2)
  deliver(clientOf(receiver.url, 8), { secret })
  await settled.atLeast(2)
  const verifier = new Webhook(`whsec_${secret.toString('base64')}`)
  for (const { body, headers } of receiver.received)
    assert.deepEqual(verifier.verify(body, headers as Record<string, string>), JSON.parse(body))
  const [first] = receiver.received
  assert.throws(() => verifier.verify(`${first?.body} `, first?.headers as Record<string, string>))
  assert.notEqual(receiver.received[0]?.headers['webhook-id'], receiver.received[1]?.headers['webhook-id'])
})

test('no more than its concurrency are in flight to one target, and every webhook is sent once', async (t) => {
  const { due, deliver, settled, atEnd, deliveries } = await bench(t)
  const receiver = await holdingReceiver(atEnd)
  await due(20)
  deliver(clientOf(receiver.url, 20), { concurrency: 5 })
  await receiver.waitFor(5)
  for (let sent = 5; sent < 20; sent++) {
    assert.ok(receiver.held.length <= 5)
    receiver.answerOne()
    await settled.atLeast(sent - 4)
    // The worker claims once a quarter of its room is free: two responses bring at least one more webhook.
    if (sent % 2 === 0) await receiver.waitFor(sent - 1)
  }
  receiver.answerAll()
  await settled.atLeast(20)
  assert.equal(receiver.most(), 5)
  assert.equal(new Set(receiver.received.map(({ headers }) => headers['x-webhook-delivery'])).size, 20)
  assert.equal(receiver.received.length, 20)
  assert.ok((await deliveries()).every(({ state }) => state === 'delivered'))
})

test('no more than the overall limit are in flight over all targets, though they claim at once', async (t) => {
  const { due, deliver, settled, atEnd } = await bench(t)
  const receiver = await holdingReceiver(atEnd)
  await due(12, 'one')
  await due(12, 'two')
  const overall = { inFlight: 0, limit: 6 }
  const deliverers = ['one', 'two'].map((endpoint) =>
    deliver(clientOf(receiver.url, 12), { endpoint, overall, concurrency: 5 }),
  )
  await receiver.waitFor(5)
  receiver.answerOne()
  await settled.atLeast(1)
  await receiver.waitFor(6)
  assert.ok(receiver.most() <= 6, `${receiver.most()} at once`)
  receiver.answerAll()
  await settled.atLeast(24)
  assert.equal(receiver.received.length, 24)
  await Promise.all(deliverers.map((deliverer) => deliverer.stop(60_000)))
  assert.equal(overall.inFlight, 0)
})

test('a delivery that outlives its lease is claimed again, but never in flight twice', async (t) => {
  const { due, deliver, claims, settled, atEnd } = await bench(t)
  const receiver = await holdingReceiver(atEnd)
  let now = 1_000
  await due(1)
  const deliverer = deliver(clientOf(receiver.url, 8), { now: () => now })
  await receiver.waitFor(1)
  now += LEASE_MS + 1
  deliverer.wake()
  const again = async () => claims.all.filter(({ claimed }) => claimed.length === 1).length === 2
  for (let i = claims.all.length; !(await again()); i++) await claims.atLeast(i + 1)
  assert.equal(receiver.received.length, 1)
  receiver.answerOne()
  await settled.atLeast(1)
  assert.equal(settled.all[0]?.accepted, false, 'its token is stale by now')

  now += LEASE_MS + 1
  receiver.answerAll()
  deliverer.wake()
  await settled.atLeast(2)
  assert.equal(settled.all[1]?.accepted, true)
  assert.equal(receiver.received.length, 2)
})

test('a target that fails is tried six times, 1, 2, 4, 8 and 16 s apart', async (t) => {
  const { due, deliver, settled, atEnd, deliveries, store } = await bench(t)
  const receiver = await startReceiver((_webhook, response) => response.writeHead(500).end())
  atEnd(receiver.close)
  let now = 1_000
  await due(1)
  const deliverer = deliver(clientOf(receiver.url, 8), { now: () => now })
  const delays: number[] = []
  for (let attempt = 1; attempt <= 5; attempt++) {
    await settled.atLeast(attempt)
    const [delivery] = await deliveries()
    assert.deepEqual([delivery?.state, delivery?.attempts, delivery?.lastStatus], ['pending', attempt, 500])
    delays.push(Number(delivery?.nextAttemptAt) - now)
    now = Number(delivery?.nextAttemptAt)
    deliverer.wake()
  }
  await settled.atLeast(6)
  assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 16_000])
  assert.equal((await deliveries())[0]?.state, 'failed')
  assert.deepEqual(await store.deliveryTotals(), { pending: 0, delivered: 0, failed: 1, retries: 5 })
  assert.equal(receiver.received.length, 6)
})

test('a retry is sent when it is due, without a poll', async (t) => {
  const { due, deliver, settled, atEnd } = await bench(t)
  const statuses = [500, 429]
  const receiver = await startReceiver((_webhook, response) =>
    response.writeHead(statuses.shift() ?? 200).end(),
  )
  atEnd(receiver.close)
  await due(1)
  deliver(clientOf(receiver.url, 8), { pollMs: 3_600_000 })
  await settled.atLeast(3)
  const dues = settled.all.map(({ verdict }) => (verdict.state === 'pending' ? verdict.retryAt : undefined))
  assert.deepEqual(
    dues.map((at) => at !== undefined),
    [true, true, false],
  )
  for (const [i, { at }] of receiver.received.slice(1).entries())
    assert.ok(at >= (dues[i] ?? Number.NaN), 'and not before')
})

test('a redirect or another refusal fails at once, is logged, and loses no other delivery', async (t) => {
  const { due, deliver, settled, atEnd, deliveries } = await bench(t)
  const statuses = [302, 410, 200]
  const receiver = await startReceiver((_webhook, response) =>
    response.writeHead(statuses.shift() ?? 200, { location: 'http://127.0.0.1:1/' }).end(),
  )
  atEnd(receiver.close)
  await due(3)
  const warnings: [fields: { host?: string }, sentence: string][] = []
  const log: Log = { ...silent, warn: (...line) => warnings.push(line) }
  deliver(clientOf(receiver.url, 1), { concurrency: 1, log })
  await settled.atLeast(3)
  const states = (await deliveries()).map(({ state, lastStatus }) => [lastStatus, state]).sort()
  assert.deepEqual(states, [
    [200, 'delivered'],
    [302, 'failed'],
    [410, 'failed'],
  ])
  assert.equal(warnings.length, 2)
  for (const [fields, sentence] of warnings) {
    assert.equal(fields.host, new URL(receiver.url).host)
    assert.match(sentence, /minipay webhooks retry$/)
  }
  assert.equal(receiver.received.length, 3)
})

test('a delivery to a target that refuses connections is retried later, with the reason stored', async (t) => {
  const { due, deliver, settled, deliveries } = await bench(t)
  await due(1)
  // Nothing listens on the port of a closed receiver.
  const receiver = await startReceiver()
  await receiver.close()
  deliver(clientOf(receiver.url, 8), { now: () => 5_000 })
  await settled.atLeast(1)
  const [delivery] = await deliveries()
  assert.deepEqual([delivery?.state, delivery?.lastError], ['pending', 'connection refused'])
  assert.equal(delivery?.nextAttemptAt, 6_000)
})

test('a target that does not respond gets fewer webhooks at once, and more again when it responds', async (t) => {
  const { due, deliver, settled } = await bench(t)
  await due(100)
  const client = scriptedClient({ kind: 'no_answer', error: 'ECONNREFUSED' })
  let now = 1_000
  const deliverer = deliver(client, { concurrency: 32, now: () => now })
  await settled.atLeast(100)
  assert.equal(Math.max(...client.atOnce), 32)
  assert.equal(Math.max(...client.atOnce.slice(-30)), 4)

  client.attempt = { kind: 'response', status: 200 }
  const before = client.atOnce.length
  now += 60_000
  deliverer.wake()
  await settled.atLeast(200)
  const after = Math.max(...client.atOnce.slice(before))
  assert.ok(after > 16 && after <= 32, `${after}`)
})

test('a target that loses its slots while many fly is not looked at again until one of them ends', async (t) => {
  const { due, deliver, settled, atEnd } = await bench(t)
  const receiver = await holdingReceiver(atEnd)
  const FLYING = 32
  await due(FLYING + 1)
  const deliverer = deliver(clientOf(receiver.url, FLYING), { concurrency: FLYING })
  while (receiver.held.length < FLYING) await turn()
  // Four broken connections leave it four slots, and 28 webhooks are in flight.
  for (let i = 0; i < 4; i++) receiver.held.shift()?.destroy()
  await settled.atLeast(4)
  let looks = 0
  t.mock.method(performance, 'now', () => {
    if (++looks > 10_000) throw new Error('it looks without end')
    return 0
  })
  for (let i = 0; i < 100; i++) {
    if (i < 3) deliverer.wake()
    await turn()
  }
  assert.ok(looks < 50, `${looks} looks`)
  t.mock.restoreAll()
  receiver.answerAll()
  await settled.atLeast(FLYING + 1)
})

test('slow responses among quick ones release no claims: every webhook is claimed once', async (t) => {
  const { due, deliver, claims, settled } = await bench(t)
  await due(200)
  let sent = 0
  deliver({
    host: 'shop.example',
    async send() {
      await setTimeout(++sent % 20 === 0 ? 600 : 1)
      return { kind: 'response', status: 200 }
    },
    async destroy() {},
  })
  await settled.atLeast(200)
  assert.equal(claims.all.flatMap(({ claimed }) => claimed).length, 200)
})

test('a webhook whose body cannot be rendered fails by the usual schedule, with its reason, and holds up no other', async (t) => {
  const { due, deliver, settled, deliveries } = await bench(t)
  const [broken] = await due(1)
  await due(20)
  const client = scriptedClient({ kind: 'response', status: 200 })
  const body = ({ data }: { data: string }) => {
    if (data.includes(broken!.id)) throw new Error('Invalid time value')
    return data
  }
  const logged = history<object>()
  const log: Log = { ...silent, error: (fields) => logged.add(fields) }
  let now = 1_000
  const deliverer = deliver(client, { body, log, concurrency: 4, now: () => now })
  for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts++) {
    await settled.atLeast(20 + attempts)
    now += 60_000
    deliverer.wake()
  }
  const stored = await deliveries()
  const [failed] = stored.filter(({ state }) => state !== 'delivered')
  assert.deepEqual(
    [failed?.state, failed?.attempts, failed?.lastStatus, failed?.lastError],
    ['failed', MAX_ATTEMPTS, null, 'The body cannot be rendered: Invalid time value'],
  )
  assert.ok(stored.every((one) => one === failed || one.attempts === 1))
  assert.equal(client.atOnce.length, 20)
  assert.equal(logged.all.length, MAX_ATTEMPTS)
  assert.ok('delivery' in logged.all[0]! && logged.all[0].delivery === failed?.id)
})

test('a settlement that the store refuses is logged, and the webhook is sent again after its lease', async (t) => {
  const { watched, due, deliver, settled, deliveries } = await bench(t)
  await due(1)
  let refuse = true
  const store: Store = {
    ...watched,
    async settleDelivery(settlement) {
      if (!refuse) return watched.settleDelivery(settlement)
      refuse = false
      throw new Error('the disk is full')
    },
  }
  const logged = history<string>()
  const log: Log = { ...silent, warn: (_fields, sentence) => logged.add(sentence) }
  let now = 1_000
  const client = scriptedClient({ kind: 'response', status: 200 })
  const deliverer = deliver(client, { store, log, now: () => now })
  await logged.atLeast(1)
  assert.match(logged.all[0] ?? '', /could not be settled/)
  assert.equal((await deliveries())[0]?.state, 'pending')
  now += LEASE_MS + 1
  deliverer.wake()
  await settled.atLeast(1)
  assert.equal((await deliveries())[0]?.state, 'delivered')
})

test('a settlement that an outage prevents is stored after the outage, and no webhook is sent twice', async (t) => {
  const { watched, due, deliver, settled, deliveries } = await bench(t)
  await due(1)
  let outages = 2
  const store: Store = {
    ...watched,
    async settleDelivery(settlement) {
      if (outages-- > 0) throw new StoreUnavailable('connection', 'The server is starting.')
      return watched.settleDelivery(settlement)
    },
  }
  const client = scriptedClient({ kind: 'response', status: 200 })
  deliver(client, { store })
  await settled.atLeast(1)
  const [delivery] = await deliveries()
  assert.deepEqual([delivery?.state, delivery?.attempts], ['delivered', 1])
})

test('a stop waits for deliveries in flight', async (t) => {
  const { due, deliver, atEnd, deliveries, store } = await bench(t)
  const receiver = await holdingReceiver(atEnd)
  await due(3)
  const deliverer = deliver(clientOf(receiver.url, 8))
  await receiver.waitFor(3)
  const stopped = deliverer.stop(60_000)
  await due(1)
  deliverer.wake()
  receiver.answerAll()
  await stopped
  const states = (await deliveries()).map(({ state }) => state).sort()
  assert.deepEqual(states, ['delivered', 'delivered', 'delivered', 'pending'])
  assert.equal(receiver.received.length, 3, 'nothing new was begun')
  assert.equal((await store.deliveryTotals()).delivered, 3)
})

test('a stop cuts and releases what does not finish in time: due at once, no attempt counted', async (t) => {
  const { due, deliver, atEnd, deliveries, store } = await bench(t)
  const receiver = await holdingReceiver(atEnd)
  await due(3)
  const deliverer = deliver(clientOf(receiver.url, 8))
  await receiver.waitFor(3)
  await deliverer.stop(1)
  for (const { state, attempts } of await deliveries()) assert.deepEqual([state, attempts], ['pending', 0])
  const claim = { endpoint: 'default', limit: 10, now: Date.now(), leaseUntil: Date.now() + 1, token: 'next' }
  assert.equal((await store.claimDeliveries(claim)).length, 3)
})
