/** Endpoints of every format get real webhooks, which the libraries of their receivers verify, also while a secret is rotated. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Stripe } from 'stripe'
import { type Client, client } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type ReceivedWebhook, type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, startServer } from '../kit/server.ts'
import { ENDPOINTS_PATH, type EndpointAnswer, makeEndpoint } from '../kit/webhook-endpoints.ts'

const KEY = Buffer.alloc(32, 7).toString('base64')
const { webhooks } = new Stripe('sk_test_unused')

let dir: TempDir
let receiver: Receiver
let server: RunningServer
let api: Client

before(async () => {
  dir = tempDir()
  receiver = await startReceiver()
  server = await startServer(join(dir.path, 'minipay.db'), { MINIPAY_SECRETS_KEY: KEY })
  api = client(server.url)
})
after(async () => {
  await server?.stop()
  await receiver?.close()
  dir?.remove()
})

/** An endpoint whose webhooks are recognized by their path. */
const endpointAt = (path: string, fields: object = {}) =>
  makeEndpoint(api, { url: `${receiver.url}/${path}`, headers: { 'x-path': path }, ...fields })

/** The next webhook at a path; fails unless Standard Webhooks' library verifies it with each of the secrets. */
async function nextAt(path: string, secrets: readonly string[]): Promise<ReceivedWebhook> {
  const isThere = ({ headers }: ReceivedWebhook) => headers['x-path'] === path
  for (let count = receiver.received.length; !receiver.received.some(isThere); count++)
    await receiver.waitForRequests(count + 1)
  const [found = assert.fail()] = receiver.received.splice(receiver.received.findIndex(isThere), 1)
  for (const secret of secrets)
    new Webhook(secret).verify(found.body, found.headers as Record<string, string>)
  return found
}

test('an endpoint gets the events as the API shows them, signed, with its own headers', async () => {
  const { secret } = await endpointAt('minipay', { events: ['payment.succeeded'] })
  const { id } = await api.charge({}, 'order-1')
  const { body, headers } = await nextAt('minipay', [secret])
  const event: { id: string; data: { id: string } } = JSON.parse(body)
  const { body: page } = await api.get<{ data: unknown[] }>('/api/v1/events?limit=1')
  assert.equal(JSON.stringify(event), JSON.stringify(page.data[0]))
  assert.deepEqual([event.data.id, headers['webhook-id']], [id, event.id])
})

test("an endpoint of Stripe's format gets Stripe's events, which its library verifies", async () => {
  const { secret } = await endpointAt('stripe', { format: 'stripe' })
  const charge = await api.charge({}, 'order-3')
  await api.refund(charge.id, { amount: 100 }, 'refund-3')
  const seen = [await nextAt('stripe', [secret]), await nextAt('stripe', [secret])].map(({ body, headers }) =>
    webhooks.constructEvent(body, String(headers['stripe-signature']), secret),
  )
  assert.deepEqual(seen.map(({ type }) => type).sort(), ['charge.refunded', 'charge.succeeded'])
  for (const { data } of seen)
    assert.deepEqual((data.object as unknown as { minipay: object }).minipay, {
      transaction: charge.id,
      provider: 'sandbox',
      provider_reference: charge.provider_reference,
    })
})

test('an endpoint of the original format gets the bodies that WEBHOOK_TARGET gets', async () => {
  const { secret } = await endpointAt('original', { format: 'original' })
  const { id, amount, currency, customer, status } = await api.charge({}, 'order-4')
  const { body } = await nextAt('original', [secret])
  assert.deepEqual(
    Object.entries(JSON.parse(body)).slice(0, 5),
    Object.entries({ id, amount, currency, customer, status }),
  )
})

test('after a rotation the former secret and the new one sign; without an overlap only the new one', async () => {
  const made = await endpointAt('rotated', { events: ['payment.*'] })
  const path = `${ENDPOINTS_PATH}/${made.id}/rotate_secret`
  const next = await api.post<EndpointAnswer>(path, {})
  await api.charge({}, 'order-5')
  await nextAt('rotated', [made.secret, next.body.secret])
  const last = await api.post<EndpointAnswer>(path, { overlap_seconds: 0 })
  await api.charge({}, 'order-6')
  const { body, headers } = await nextAt('rotated', [last.body.secret])
  for (const former of [made.secret, next.body.secret])
    assert.throws(() => new Webhook(former).verify(body, headers as Record<string, string>))
})
