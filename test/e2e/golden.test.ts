/**
 * Every resource of the API, and every webhook, against its golden files in `test/golden/`: a change of the wire shows
 * as a change of a file. `npm run golden -- --write` makes the files anew.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { carries, webhookBody } from '../../src/api/webhooks/body.ts'
import { WEBHOOK_FORMATS } from '../../src/domain/webhooks/endpoint.ts'
import {
  type Alarm,
  type Charge,
  type Client,
  client,
  type Delivery,
  type Dispute,
  eventsAfter,
  type Page,
  until,
} from '../kit/client.ts'
import { DELIVERED_TYPES, deliveredEvent } from '../kit/delivered-events.ts'
import { tempDir } from '../kit/folders.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, serve, startServer } from '../kit/server.ts'
import { sendNotification, startWorld, type World } from '../kit/world.ts'
import { Names } from '../replay/names.ts'

const WRITE = process.argv.includes('--write')
const ORDER = { amount: 2500, currency: 'usd', customer: 'cus_42' }
const WORDS = { description: 'Two shirts', metadata: { order: '1234', 'gift wrap': 'yes' } }
const RULES = {
  rules: [
    {
      name: 'eu cards',
      when: "currency == 'eur' && amount < 100000",
      providers: ['bank_a', 'bank_b'],
      failover_on: ['do_not_honor'],
    },
  ],
  limits: [
    { name: 'card testing', per: 'payment_method', window_s: 3600, max_charges: 10 },
    { name: 'spending', per: 'customer', window_s: 86400, max_amount: { usd: 1_000_000, eur: 3_000 } },
  ],
  default: { split: [{ provider: 'bank_a', weight: 100 }], sticky: true },
}

const dir = tempDir()
/** With the sandbox in process. */
let shop: RunningServer
let receiver: Receiver
/** With two providers over the network. */
let world: World

before(async () => {
  receiver = await startReceiver(({ headers }, response) => {
    response.statusCode = headers['x-webhook-event'] === 'payment.refunded' ? 400 : 200
    response.end()
  })
  shop = await startServer(`${dir.path}/minipay.db`, { WEBHOOK_TARGET: receiver.url })
  world = await startWorld({
    banks: ['bank_a'],
    providers: { bank_b: { bank: 'bank_a' } },
    // A busy machine keeps it: no call of these tests hangs.
    deadlineMs: 30_000,
    env: { WEBHOOK_TARGET: receiver.url },
  })
  await world.notify()
})
after(async () => {
  await shop?.stop()
  await receiver?.close()
  await world?.close()
  dir.remove()
})

type Request = { readonly at?: Client; readonly body?: object; readonly key?: string }

/** Sends a request and compares it and its response with a golden file; returns the response's body. */
async function golden<T = Charge>(
  name: string,
  method: string,
  path: string,
  { at = client(shop.url), body, key }: Request = {},
): Promise<T> {
  const sent: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
  const response = await at.request<T>(method, path, body, sent)
  const headers = [...response.headers].filter(([header]) => !OF_THE_CONNECTION.has(header))
  same(name, {
    request: { method, path, headers: sent, body: body ?? null },
    response: { status: response.status, headers: Object.fromEntries(headers), body: response.body },
  })
  return response.body
}

const OF_THE_CONNECTION = new Set(['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding'])

/** Fails when the golden file has other bytes; with `--write`, makes it so. */
function same(name: string, value: object): void {
  const file = new URL(`../golden/${name}.json`, import.meta.url)
  const text = `${normalized(JSON.stringify(value, null, 2))}\n`
  if (WRITE) writeFileSync(file, text)
  assert.equal(text, readFileSync(file, 'utf8'), `test/golden/${name}.json differs; see CONTRIBUTING.md`)
}

/** Ids, times, durations and ports, which no request determines, by names. */
function normalized(text: string): string {
  return new Names()
    .in(text)
    .replace(/\breq_[0-9a-z]{26}/g, '<req>')
    .replace(/\bep_[0-9a-z]+/g, '<epoch>')
    .replace(/\bwhsec_[\w+/=]+/g, 'whsec_<secret>')
    .replace(/\b(mp_test_)(?:\w{39}|…\w{4})/g, '$1<secret>')
    .replace(/"[0-9a-f]{16}"/g, '"<fingerprint>"')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"<time>"')
    .replace(/"(duration_ms|latency_p\d+_ms|lookups|calls|declines|verified)": \d+/g, '"$1": "<number>"')
}

test('a charge has the golden form', async () => {
  const { id } = await golden('charge', 'POST', '/api/v1/charges', { body: ORDER, key: 'order-1' })
  await client(shop.url).refund(id, { amount: 500 }, 'refund-0')
  await golden('charge.refunded', 'GET', `/api/v1/charges/${id}`)
  const body = { ...ORDER, capture: false, ...WORDS }
  const hold = { ...body, payment_method: 'tok_visa' }
  await golden('charge.hold', 'POST', '/api/v1/charges', { at: world.api, body: hold, key: 'order-2' })
  const action = { ...body, payment_method: 'tok_requires_action' }
  await golden('charge.action', 'POST', '/api/v1/charges', { at: world.api, body: action, key: 'order-3' })
})

test('a replayed response has the golden form', async () => {
  await golden('charge.replayed', 'POST', '/api/v1/charges', { body: ORDER, key: 'order-1' })
})

test('a refund has the golden form', async () => {
  const { id } = await client(shop.url).charge({}, 'order-4')
  const body = { transaction_id: id }
  await golden('refund', 'POST', '/api/v1/refunds', { body: { ...body, amount: 1000 }, key: 'refund-1' })
  const full = { ...body, reason: 'requested_by_customer', ...WORDS }
  await golden('refund.full', 'POST', '/api/v1/refunds', { body: full, key: 'refund-2' })
})

test('an error has the golden form', async () => {
  const at = world.api
  await golden('error', 'GET', '/api/v1/charges/txn_00000000000000000000000000')
  await golden('error.problems', 'POST', '/api/v1/charges', {
    body: { amount: 0, currency: 'usd', amuont: 1 },
  })
  const body = { ...ORDER, payment_method: 'tok_chargeDeclinedInsufficientFunds' }
  await golden('error.declined', 'POST', '/api/v1/charges', { body, key: 'order-5' })
  const { id } = await at.charge({}, 'order-6')
  await world.bank('bank_a').arm('refund', 'decline')
  const refund = { transaction_id: id }
  await golden('error.refund', 'POST', '/api/v1/refunds', { at, body: refund, key: 'refund-3' })
})

test('an attempt has the golden form', async () => {
  const at = world.api
  const paid = await at.charge({}, 'order-7')
  await golden('attempt', 'GET', `/api/v1/charges/${paid.id}/attempts`, { at })
  await world.route(RULES)
  await world.bank('bank_a').arm('authorize', 'decline')
  const failedOver = await at.charge({ currency: 'eur' }, 'order-8')
  await golden('attempt.failed_over', 'GET', `/api/v1/charges/${failedOver.id}/attempts`, { at })
  await world.bank('bank_a').faults({ late_ms: 600_000 })
  await world.bank('bank_a').arm('authorize', 'late')
  const pending = await world.tryCharge({}, 'order-9')
  await golden('attempt.pending', 'GET', `/api/v1/charges/${pending.body.id}/attempts`, { at })
  await world.bank('bank_a').control('POST', '/finish')
  await world.settled(pending.body.id)
})

test('an alarm has the golden form', async () => {
  const at = world.api
  await world.tryCharge({ payment_method: 'tok_wrong_amount' }, 'order-10')
  // A lookup soon shows the right amount, and ends the doubt.
  const { body } = await until(
    () => at.get<Page<Alarm>>('/api/v1/alarms'),
    ({ body }) => body.data[0]?.in_doubt === false,
  )
  const path = `/api/v1/alarms/${body.data[0]?.id}`
  await golden('alarm', 'GET', path, { at })
  const reason = { reason: 'The bank corrected it.' }
  await golden('alarm.closed', 'POST', `${path}/close`, { at, body: reason, key: 'alarm-1' })
})

test('a dispute has the golden form', async () => {
  const at = world.api
  const { id, provider_reference: payment } = await at.charge({}, 'order-11')
  const { dispute } = await world.bank('bank_a').control('POST', '/disputes', { payment, amount: 1000 })
  const path = `/api/v1/disputes?transaction_id=${id}`
  const become = (status: Dispute['status']) =>
    until(
      () => at.get<Page<Dispute>>(path),
      ({ body }) => body.data[0]?.status === status,
    )
  await become('open')
  await golden('dispute', 'GET', path, { at })
  await world.bank('bank_a').control('POST', `/disputes/${dispute}`, { status: 'lost' })
  await become('lost')
  await golden('dispute.lost', 'GET', path, { at })
  await golden('charge.disputed', 'GET', `/api/v1/charges/${id}`, { at })
})

test('an event has the golden form', async () => {
  await golden('event', 'GET', '/api/v1/events?limit=1')
  await golden('event.refund', 'GET', '/api/v1/events?limit=1&type=payment.refunded')
  for (const type of ['dispute.opened', 'alarm.closed'])
    await golden(`event.${type.split('.')[0]}`, 'GET', `/api/v1/events?limit=1&type=${type}`, {
      at: world.api,
    })
})

test('a webhook has the golden form', async () => {
  const first = (type: string) =>
    until(
      async () => receiver.received.find(({ headers }) => headers['x-webhook-event'] === type),
      (webhook) => webhook !== undefined,
    )
  for (const [name, type] of [
    ['webhook', 'payment.succeeded'],
    ['webhook.refund', 'payment.refunded'],
    ['webhook.dispute', 'dispute.lost'],
    ['webhook.alarm', 'alarm.closed'],
  ] as const) {
    const { headers, body } = (await first(type)) ?? assert.fail()
    const kept = Object.entries(headers).filter(([header]) => !OF_THE_CONNECTION.has(header))
    same(name, { headers: Object.fromEntries(kept), body: JSON.parse(body) })
  }
})

for (const format of WEBHOOK_FORMATS)
  test(`the bodies of webhooks in the format ${format} have the golden form`, () => {
    const types = DELIVERED_TYPES.filter((type) => carries(format, type))
    const bodies = types.map((type) => [type, JSON.parse(webhookBody(format, deliveredEvent(type), 'test'))])
    same(`webhook.format.${format}`, Object.fromEntries(bodies))
  })

test('a webhook delivery has the golden form', async () => {
  const at = client(shop.url)
  // The charge with one refund: its first event was delivered, its second one failed.
  const { id } = await at.charge({}, 'order-12')
  await at.refund(id, { amount: 1 }, 'refund-4')
  const path = '/api/v1/webhook_deliveries?limit=2'
  // A delivery is in the list once its first attempt has ended.
  const last = (await eventsAfter(at)).at(-1)?.sequence ?? 0
  await until(
    () => at.get<Page<Delivery>>(path),
    ({ body }) =>
      body.data.every(({ status, event_sequence: at }) => status !== 'pending' && at >= last - 1) &&
      body.data.length === 2,
  )
  const page = await golden<Page<Delivery>>('delivery', 'GET', path)
  await golden('delivery.attempts', 'GET', `/api/v1/webhook_deliveries/${page.data[0]?.id}`)
  const body = { event_type: 'payment.refunded', last_status: 400, dry_run: true }
  await golden('delivery.retried', 'POST', '/api/v1/webhook_deliveries/retry', { body })
})

test('webhook endpoints and replays have the golden form', async (t) => {
  const at = client((await serve(t, join(dir.path, 'endpoints.db'))).url)
  const heard = await startReceiver()
  t.after(heard.close)
  const path = '/api/v1/webhook_endpoints'
  const body = { url: heard.url, events: ['payment.*'], headers: { 'X-Shop': 'lisbon' }, rate_limit: 10 }
  const { id } = await golden('webhook_endpoint.created', 'POST', path, { at, body })
  await golden('webhook_endpoint.page', 'GET', path, { at })
  await golden('webhook_endpoint.updated', 'PATCH', `${path}/${id}`, { at, body: { ordered: true } })
  await golden('webhook_endpoint.tested', 'POST', `${path}/${id}/test`, { at, body: {} })
  const overlap = { overlap_seconds: 60 }
  await golden('webhook_endpoint.rotated', 'POST', `${path}/${id}/rotate_secret`, { at, body: overlap })
  await golden('webhook_endpoint.disabled', 'POST', `${path}/${id}/disable`, { at, body: {} })
  await golden('audit.webhook_endpoint', 'GET', '/api/v1/audit?action=webhook_endpoint.disabled', { at })
  const past = { kind: 'past' }
  const replay = await golden('webhook_replay', 'POST', `${path}/${id}/replays`, { at, body: past })
  await golden('webhook_replay.retrieved', 'GET', `/api/v1/webhook_replays/${replay.id}`, { at })
  await golden('webhook_endpoint.deleted', 'DELETE', `${path}/${id}`, { at })
})

test('the ledger has the golden form', async () => {
  const at = client(shop.url)
  const { id } = await at.charge({ capture: false }, 'order-13')
  await golden('ledger_entry.hold', 'GET', `/api/v1/ledger/entries?transaction_id=${id}`)
  await at.capture(id, { amount: 2000 }, 'capture-1')
  await golden('ledger_entry', 'GET', `/api/v1/ledger/entries?transaction_id=${id}`)
  await golden('ledger_account', 'GET', '/api/v1/ledger/accounts')
  await golden('ledger_account.disputes', 'GET', '/api/v1/ledger/accounts', { at: world.api })
})

test('a balance has the golden form', async () => {
  await golden('balance', 'GET', '/api/v1/balance')
  await golden('balance.currencies', 'GET', '/api/v1/balance', { at: world.api })
})

test('a provider has the golden form', async () => {
  await golden('provider', 'GET', '/api/v1/providers')
  await golden('provider.http', 'GET', '/api/v1/providers', { at: world.api })
})

test('routing has the golden form', async () => {
  const at = world.api
  await golden('routing', 'GET', '/api/v1/routing')
  const body = { document: RULES, version: 1 }
  await golden('routing.replaced', 'PUT', '/api/v1/routing', { at, body })
  const charge = { amount: 2500, currency: 'eur', customer: 'cus_42' }
  await golden('routing.simulated', 'POST', '/api/v1/routing/simulate', { at, body: { charge, last: 1 } })
  const above = { amount: 3001, currency: 'eur', customer: 'cus_42' }
  await golden('error.limited', 'POST', '/api/v1/charges', { at, body: above, key: 'order-limited' })
  const wrong = { rules: [{ name: 'eu', when: 'amout > 1', providers: ['bank_c'] }], default: {} }
  await golden('routing.problems', 'PUT', '/api/v1/routing', { at, body: { document: wrong } })
})

test('the audit log has the golden form', async () => {
  await golden('audit', 'GET', '/api/v1/audit?action=alarm.closed', { at: world.api })
  await golden('audit.routing', 'GET', '/api/v1/audit?action=routing.replaced&limit=1', { at: world.api })
})

test('API keys, accounts and the refusal of a key have the golden form', async (t) => {
  const file = join(dir.path, 'keys.db')
  const { secret } = await inDatabase(file, ({ key }) => key({ mode: 'live' }))
  const { url } = await serve(t, file)
  const at = client(url, bearer(secret))
  const wanted = { name: 'Support desk', role: 'support', mode: 'test' }
  const made = await golden<{ id: string; secret: string }>('key.created', 'POST', '/api/v1/keys', {
    at,
    body: wanted,
  })
  await golden('key', 'GET', `/api/v1/keys/${made.id}`, { at })
  const rolled = await golden<{ id: string }>('key.rolled', 'POST', `/api/v1/keys/${made.id}/roll`, {
    at,
    body: {},
  })
  await golden('key.revoked', 'POST', `/api/v1/keys/${rolled.id}/revoke`, { at })
  await golden('key.page', 'GET', '/api/v1/keys?mode=test', { at })
  const { id } = await golden<{ id: string }>('account', 'POST', '/api/v1/accounts', {
    at,
    body: { name: 'Lisbon' },
  })
  await golden('account.closed', 'POST', `/api/v1/accounts/${id}/close`, { at })
  await golden('error.unauthenticated', 'GET', '/api/v1/balance', { at: client(url) })
  const support = client(url, bearer(made.secret))
  await golden('error.permission', 'DELETE', '/api/v1/routing', { at: support })
})

test('the responses to operators and providers have the golden form', async () => {
  await golden('me', 'GET', '/api/v1/me')
  await golden('metrics', 'GET', '/metrics')
  await golden('health', 'GET', '/health')
  await golden('ready', 'GET', '/ready')
  const { body, status } = await sendNotification(world, 'bank_a', {
    ...{ id: 'notification-1', about: 'payment', reference: 'unknown' },
  })
  same('notification', { status, body })
})
