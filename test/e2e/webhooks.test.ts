import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import { Webhook } from 'standardwebhooks'
import {
  type Charge,
  type Client,
  client,
  type Delivery,
  type ErrorAnswer,
  eventsAfter,
  type MetricsAnswer,
  type Page,
  until,
} from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type ReceivedWebhook, type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

let dir: TempDir
let receiver: Receiver
let server: RunningServer
let api: Client

/** Answers that a test has put off, by customer. */
const held = new Map<string, ServerResponse[]>()
const flying = new Map<string, number>()
let mostFlying = 0

/** The customer of the charge says how its webhooks are answered. */
function answer(webhook: ReceivedWebhook, response: ServerResponse): void {
  const id = String(webhook.headers['x-webhook-delivery'])
  flying.set(id, (flying.get(id) ?? 0) + 1)
  mostFlying = Math.max(mostFlying, flying.get(id) ?? 0)
  response.once('close', () => flying.set(id, (flying.get(id) ?? 1) - 1))
  const { customer } = JSON.parse(webhook.body) as Charge
  const [kind, detail, after] = customer.split(':')
  if (kind === 'hold') held.set(customer, [...(held.get(customer) ?? []), response])
  else if (kind === 'cut') response.destroy()
  else if (kind === 'status') {
    response.statusCode = Number(detail)
    if (response.statusCode === 302) response.setHeader('location', receiver.url)
    if (after !== undefined) response.setHeader('retry-after', after)
    response.end()
  } else response.end('ok')
}

before(async () => {
  dir = tempDir()
  receiver = await startReceiver(answer)
  server = await startServer(`${dir.path}/minipay.db`, {
    WEBHOOK_TARGET: receiver.url,
    MINIPAY_WEBHOOK_SECRET: SECRET,
  })
  api = client(server.url)
})
after(async () => {
  await receiver?.close()
  await server?.stop()
  dir?.remove()
})

const deliveries = async () =>
  (await api.get<Page<Delivery>>('/api/v1/webhook_deliveries?limit=100')).body.data
const received = (id: string) =>
  receiver.received.filter((webhook) => webhook.headers['x-webhook-delivery'] === id)

/** The newest delivery of a charge that was just made, once it satisfies the condition. */
async function deliveryOf(charge: Charge, condition: (delivery: Delivery) => boolean): Promise<Delivery> {
  const sequence = (await eventsAfter(api)).find(({ data }) => data.id === charge.id)?.sequence
  const find = async () => (await deliveries()).find((d) => d.event_sequence === sequence)
  const found = await until(find, (delivery) => delivery !== undefined && condition(delivery))
  return found as Delivery
}
const settled = (delivery: Delivery) => delivery.status !== 'pending'

/** Resolves when that many of a customer's webhooks have come and were put off. */
const heldBy = (customer: string, count: number) =>
  until(
    async () => held.get(customer)?.length ?? 0,
    (found) => found >= count,
  )

describe('a delivery', () => {
  test('a webhook is a POST with the original headers, the five fields of the transaction and what happened', async () => {
    const charge = await api.charge({ customer: 'status:200', metadata: { order: '7' } })
    const delivery = await deliveryOf(charge, settled)
    const [webhook, ...more] = received(delivery.id)
    assert.ok(webhook)
    assert.deepEqual(more, [])
    assert.equal(webhook.headers['content-type'], 'application/json')
    assert.equal(webhook.headers['x-webhook-event'], 'payment.succeeded')
    const event = (await eventsAfter(api)).find(({ data }) => data.id === charge.id)
    assert.deepEqual(JSON.parse(webhook.body), {
      ...{ id: charge.id, amount: 2500, currency: 'usd', customer: 'status:200', status: 'succeeded' },
      ...{ type: 'payment.succeeded', event_id: event?.id, sequence: event?.sequence, epoch: event?.epoch },
      created_at: event?.created_at,
      ...{ amount_captured: 2500, amount_refunded: 0, amount_disputed: 0 },
      ...{ metadata: { order: '7' }, idempotency_key: charge.idempotency_key },
    })
  })

  test('the webhook of a partial capture has the captured amount', async () => {
    const customer = 'status:200'
    const held = await api.charge({ customer, capture: false })
    await api.capture(held.id, { amount: 700 })
    const told = () =>
      receiver.received.filter(({ headers, body }) => {
        return headers['x-webhook-event'] === 'payment.succeeded' && body.includes(held.id)
      })
    const [webhook] = await until(
      async () => told(),
      (found) => found.length > 0,
    )
    const body = JSON.parse(webhook?.body ?? '')
    assert.deepEqual([body.amount, body.amount_captured, body.status], [2500, 700, 'succeeded'])
  })

  test('a refund has a webhook too, with its id and its amount', async () => {
    const charge = await api.charge({ customer: 'status:200' })
    const refund = await api.refund(charge.id, { amount: 500 }, 'refund-key')
    const told = () =>
      receiver.received.filter(({ headers }) => headers['x-webhook-event'] === 'payment.refunded')
    const [webhook] = await until(
      async () => told(),
      (found) => found.length > 0,
    )
    const body = JSON.parse(webhook?.body ?? '')
    assert.deepEqual(
      { ...body, event_id: '', sequence: 0, epoch: '', created_at: '' },
      {
        ...{ id: charge.id, amount: 2500, currency: 'usd', customer: 'status:200' },
        ...{ status: 'partially_refunded', type: 'payment.refunded' },
        ...{ event_id: '', sequence: 0, epoch: '', created_at: '' },
        ...{ amount_captured: 2500, amount_refunded: 500, amount_disputed: 0, metadata: {} },
        ...{ idempotency_key: charge.idempotency_key, refund_id: refund.refund_id, refund_amount: 500 },
        ...{ refund_status: 'partially_refunded', refund_idempotency_key: 'refund-key' },
      },
    )
  })

  test('a webhook is signed, and the library of Standard Webhooks verifies it', async () => {
    const charge = await api.charge({ customer: 'status:200' })
    const delivery = await deliveryOf(charge, settled)
    const webhook = received(delivery.id)[0] as ReceivedWebhook
    const verified = new Webhook(SECRET).verify(webhook.body, webhook.headers as Record<string, string>)
    assert.deepEqual(verified, JSON.parse(webhook.body))
    assert.throws(() =>
      new Webhook(SECRET).verify(`${webhook.body} `, webhook.headers as Record<string, string>),
    )
  })

  test('2xx is delivered: no other attempt is due', async () => {
    for (const status of [200, 201, 204, 299]) {
      const delivery = await deliveryOf(await api.charge({ customer: `status:${status}` }), settled)
      assert.deepEqual(
        [delivery.status, delivery.attempts, delivery.last_status, delivery.next_attempt_at],
        ['delivered', 1, status, null],
      )
    }
  })

  test('3xx is not followed, and other 4xx than 408, 425 and 429 are not retried: they fail at the first attempt', async () => {
    for (const status of [302, 400, 401, 403, 404, 410, 413, 422, 451, 499]) {
      const delivery = await deliveryOf(await api.charge({ customer: `status:${status}` }), settled)
      assert.deepEqual(
        [delivery.status, delivery.attempts, delivery.last_status, delivery.next_attempt_at],
        ['failed', 1, status, null],
      )
      assert.equal(received(delivery.id).length, 1)
    }
  })

  test('a failed delivery is not lost: it is listed, and can be sent again', async () => {
    const customer = 'hold:retry'
    const charge = await api.charge({ customer })
    await heldBy(customer, 1)
    held.get(customer)?.[0]?.writeHead(404).end()
    const failed = await deliveryOf(charge, settled)
    const list = await api.get<Page<Delivery>>('/api/v1/webhook_deliveries?status=failed')
    assert.ok(list.body.data.some(({ id }) => id === failed.id))
    const again = await api.post<Delivery>(`/api/v1/webhook_deliveries/${failed.id}/retry`)
    assert.deepEqual([again.status, again.body.status, again.body.attempts], [200, 'pending', 0])
    await heldBy(customer, 2)
    held.get(customer)?.[1]?.end()
    assert.equal((await deliveryOf(charge, settled)).status, 'delivered')
    const late = await api.post<Delivery>(`/api/v1/webhook_deliveries/${failed.id}/retry`)
    assert.deepEqual([late.status, late.body.status], [200, 'pending'])
    await heldBy(customer, 3)
    held.get(customer)?.[2]?.end()
    assert.equal((await deliveryOf(charge, settled)).status, 'delivered')
    const none = await api.post<ErrorAnswer>('/api/v1/webhook_deliveries/dlv_none/retry')
    assert.deepEqual([none.status, none.body.code], [404, 'delivery_not_found'])
  })

  test('deliveries are paged, newest first', async () => {
    await api.charge({ customer: 'status:200' })
    const everything = (await deliveries()).map(({ id }) => id)
    const { body } = await api.get<Page<Delivery>>(
      `/api/v1/webhook_deliveries?limit=2&starting_after=${everything[0]}`,
    )
    assert.deepEqual(
      body.data.map(({ id }) => id),
      everything.slice(1, 3),
    )
  })
})

describe('a slow receiver', () => {
  test('no webhook is in flight twice at once, however often the worker looks for more', async () => {
    const customer = 'hold:slow'
    const first = await Promise.all(Array.from({ length: 10 }, () => api.charge({ customer })))
    await heldBy(customer, 10)
    // Each of these wakes the worker while the ten are unanswered.
    for (let i = 0; i < 20; i++) await deliveryOf(await api.charge({ customer: 'status:200' }), settled)
    assert.equal(held.get(customer)?.length, 10)
    for (const response of held.get(customer) ?? []) response.end()
    for (const charge of first) {
      const delivery = await deliveryOf(charge, settled)
      assert.deepEqual([delivery.status, received(delivery.id).length], ['delivered', 1])
    }
    assert.equal(mostFlying, 1)
  })
})

describe('the backoff', () => {
  let quiet: RunningServer

  // Its ten seconds run while the other tests do. On a server of its own, so that it holds up no other webhook.
  before(async () => {
    quiet = await startServer(`${dir.path}/quiet.db`, { WEBHOOK_TARGET: receiver.url })
    await client(quiet.url).charge({ customer: 'hold:silent' })
  })
  after(() => quiet?.stop())

  /** Lets the next attempt be due now: a test need not wait out the backoff to see the next one. */
  function hasten(id: string): void {
    const db = new Database(server.database)
    db.prepare('UPDATE webhook_deliveries SET due_at = 0 WHERE id = ? AND due_at IS NOT NULL').run(id)
    db.close()
  }

  /** A success between failures: after five in a row the circuit breaker would end the schedule's pace. */
  async function succeed(): Promise<void> {
    await deliveryOf(await api.charge({ customer: 'status:200' }), settled)
  }

  /** Follows a delivery through its attempts; answers the waits between them, at least and at most, in ms. */
  async function follow(charge: Charge): Promise<{ last: Delivery; waits: [number, number][] }> {
    const waits: [number, number][] = []
    let last = await deliveryOf(charge, (delivery) => delivery.attempts === 1)
    while (last.status === 'pending') {
      const due = Date.parse(last.next_attempt_at ?? '')
      const sent = received(last.id).at(-1)?.at ?? 0
      // The attempt ended after it was received and before it was seen as settled.
      waits.push([due - Date.now(), due - sent])
      await succeed()
      hasten(last.id)
      const { attempts } = last
      last = await deliveryOf(charge, (delivery) => delivery.attempts === attempts + 1)
    }
    return { last, waits }
  }

  test('5xx and a cut connection are retried after 1, 2, 4, 8 and 16 s, and fail after the 6th attempt', async () => {
    const was = (await api.get<MetricsAnswer>('/metrics')).body
    const [refused, cut] = await Promise.all(
      ['status:500', 'cut'].map(async (customer) => follow(await api.charge({ customer }))),
    )
    for (const followed of [refused, cut]) {
      assert.ok(followed)
      const { last, waits } = followed
      assert.deepEqual([last.status, last.attempts, last.next_attempt_at], ['failed', 6, null])
      assert.equal(received(last.id).length, 6)
      assert.equal(waits.length, 5)
      for (const [i, [atMost, atLeast]] of waits.entries()) {
        const wait = 1000 * 2 ** i
        assert.ok(atMost <= wait && wait <= atLeast, `wait ${i + 1} was between ${atMost} and ${atLeast} ms`)
      }
    }
    assert.deepEqual(
      [refused?.last.last_status, refused?.last.last_error],
      [500, 'the receiver responded with 500'],
    )
    assert.equal(cut?.last.last_status, null)
    assert.equal(typeof cut?.last.last_error, 'string')
    const is = (await api.get<MetricsAnswer>('/metrics')).body
    // The test of silence, which runs meanwhile, may add its first one.
    const retries = is.webhook_retries - was.webhook_retries
    assert.ok(retries === 10 || retries === 11, `${retries}`)
    assert.equal(is.failed_webhooks, was.failed_webhooks + 2)
  })

  test('408, 425 and 429 are retried, and not before the time of Retry-After', async () => {
    for (const [answered, atLeast] of [
      ['408', 1_000],
      ['425:0', 1_000],
      ['429:-7', 1_000],
      ['429:120', 120_000],
      ['503:120', 120_000],
      [`429:${'9'.repeat(30)}`, 3_600_000],
    ] as const) {
      await succeed()
      // After a success, no failure in a row holds up the next one.
      await deliveryOf(await api.charge({ customer: 'status:200' }), settled)
      const charge = await api.charge({ customer: `status:${answered}` })
      const delivery = await deliveryOf(charge, ({ attempts }) => attempts === 1)
      const due = Date.parse(delivery.next_attempt_at ?? '')
      const sent = received(delivery.id)[0]?.at ?? 0
      assert.deepEqual([delivery.status, delivery.last_status], ['pending', Number(answered.slice(0, 3))])
      assert.ok(due - sent >= atLeast && due - Date.now() <= atLeast, `${answered}: ${due - sent} ms`)
    }
  })

  test('a target that refuses connections is retried', async () => {
    const gone = await startReceiver()
    await gone.close()
    const own = await startServer(`${dir.path}/gone.db`, { WEBHOOK_TARGET: gone.url })
    await client(own.url).charge()
    const list = () => client(own.url).get<Page<Delivery>>('/api/v1/webhook_deliveries')
    const { body } = await until(list, (page) => (page.body.data[0]?.attempts ?? 0) > 0)
    await own.stop()
    assert.equal(body.data[0]?.status, 'pending')
    assert.equal(body.data[0]?.last_error, 'connection refused')
  })

  test('a target that is silent for 10 s is retried, and until then has the webhook just once', async () => {
    const list = () => client(quiet.url).get<Page<Delivery>>('/api/v1/webhook_deliveries')
    // On a busy machine more of them have ended by now.
    const { body } = await until(list, (page) => (page.body.data[0]?.attempts ?? 0) > 0)
    const delivery = body.data[0] as Delivery
    const due = Date.parse(delivery.next_attempt_at ?? '')
    assert.deepEqual(
      [delivery.status, delivery.last_status, delivery.last_error],
      ['pending', null, 'no response within 10 s'],
    )
    const all = received(delivery.id)
    const next = all[delivery.attempts]
    assert.ok(all.length >= delivery.attempts)
    assert.ok(next === undefined || next.at >= due)
  })
})

describe('the target', () => {
  test('the target is an http or https URL without credentials, and no link-local or unspecified address', async () => {
    for (const target of [
      'ftp://127.0.0.1/webhook',
      'nonsense',
      'http://user:secret@127.0.0.1/',
      'http://169.254.169.254/latest/meta-data',
      'http://0.0.0.0:8081/',
      'http://[fe80::1]/',
      'http://2852039166/',
    ]) {
      const { code, stderr } = await runCli(['serve'], { PORT: '0', WEBHOOK_TARGET: target })
      assert.equal(code, 2, target)
      assert.match(stderr, /^minipay: WEBHOOK_TARGET must .*\.\n$/)
      assert.doesNotMatch(stderr, /user:secret/)
    }
  })
})
