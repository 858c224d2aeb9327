import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Stripe } from 'stripe'
import { chargeCommit } from '../../../test/kit/commits.ts'
import { webhookBody } from '../../api/webhooks/body.ts'
import { encodeFacts } from '../../domain/snapshot.ts'
import type { SealedSecret, WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { StoredEvent } from '../../ports/store.ts'
import { secretContext } from '../../ports/vault.ts'
import { createVault } from '../../vault/vault.ts'
import { createMessages } from './message.ts'

const SCOPE = { accountId: 1, mode: 'test' } as const
const vault = createVault([randomBytes(32)])
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`
const sealed = (text: string, id = 'we_1') => vault.seal(text, secretContext(SCOPE, id))
const { charge } = chargeCommit({ scope: SCOPE })
const EVENT: StoredEvent = {
  ...{ sequence: 7, id: 'evt_01kasw5v8g001ne3r5yx2tb4qd', type: 'payment.succeeded', epoch: 'ep_1' },
  ...{ createdAt: 1_800_000_000_000, data: encodeFacts({ charge }) },
}
const NOW = Date.now()

function endpointOf(change: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  return {
    ...{ id: 'we_1', scope: SCOPE, url: 'https://shop.example/hook', description: null, metadata: {} },
    ...{ events: ['*'], headers: {}, rateLimit: null, schedule: null, format: 'minipay', ordered: false },
    ...{ secrets: [], disableAfterMs: null, status: 'enabled', disabledReason: null, version: 1 },
    ...{ createdAt: NOW, deletedAt: null },
    ...change,
  }
}

const current = (text: string, id?: string): SealedSecret => ({ sealed: sealed(text, id), until: null })

function messages(options: Partial<Parameters<typeof createMessages>[0]> = {}) {
  return createMessages({ vault, body: webhookBody, defaultKey: null, ...options })
}

test('a message has the event as the API shows it, and headers that name event and delivery', () => {
  const { headers, body } = messages()(endpointOf(), EVENT, 'dlv_1', NOW)
  const { id, type, sequence, data } = JSON.parse(String(body))
  assert.deepEqual([id, type, sequence, data.id], [EVENT.id, EVENT.type, 7, charge.id])
  assert.deepEqual(headers, {
    'content-type': 'application/json',
    'user-agent': 'MiniPay',
    'x-webhook-event': 'payment.succeeded',
    'x-webhook-delivery': 'dlv_1',
  })
})

test('every attempt has the same id and body, and a new time and signature', () => {
  const secret = newSecret()
  const of = messages()
  const endpoint = endpointOf({ secrets: [current(secret)] })
  const first = of(endpoint, EVENT, 'dlv_1', NOW - 10_000)
  const second = of(endpoint, EVENT, 'dlv_1', NOW)
  assert.equal(first.body, second.body)
  assert.equal(first.headers['webhook-id'], EVENT.id)
  assert.equal(second.headers['webhook-id'], EVENT.id)
  assert.equal(Number(second.headers['webhook-timestamp']) - Number(first.headers['webhook-timestamp']), 10)
  assert.notEqual(first.headers['webhook-signature'], second.headers['webhook-signature'])
  for (const { headers, body } of [first, second]) new Webhook(secret).verify(body, headers)
})

test('until its time ends, the former secret signs as well, and not from then on', () => {
  const [next, former] = [newSecret(), newSecret()]
  const endpoint = endpointOf({
    secrets: [current(next), { sealed: sealed(former), until: NOW + 60_000 }],
  })
  const of = messages()
  const during = of(endpoint, EVENT, 'dlv_1', NOW)
  for (const secret of [next, former]) new Webhook(secret).verify(during.body, during.headers)
  const after = of(endpoint, EVENT, 'dlv_1', NOW + 60_000)
  assert.equal(after.headers['webhook-signature']?.split(' ').length, 1)
  assert.equal(during.headers['webhook-signature']?.split(' ').length, 2)
})

test("a message of Stripe's format passes Stripe's verifier and that of Standard Webhooks, with one secret", () => {
  const secret = newSecret()
  const { headers, body } = messages()(
    endpointOf({ format: 'stripe', secrets: [current(secret)] }),
    EVENT,
    'dlv_1',
    NOW,
  )
  const event = new Stripe('sk_test_unused').webhooks.constructEvent(
    body,
    headers['stripe-signature'] ?? '',
    secret,
  )
  assert.equal(event.type, 'charge.succeeded')
  new Webhook(secret).verify(body, headers)
  const other = messages()(endpointOf({ secrets: [current(secret)] }), EVENT, 'dlv_1', NOW)
  assert.equal(other.headers['stripe-signature'], undefined)
})

test("an endpoint's own headers are sent, and override none of MiniPay's in any spelling", () => {
  const secret = newSecret()
  const own = {
    'X-Team': 'payments',
    'Webhook-Id': 'mine',
    'CONTENT-TYPE': 'text/plain',
    'User-Agent': 'mine',
  }
  const sealedOwn = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, sealed(value)]))
  const { headers, body } = messages()(
    endpointOf({ headers: sealedOwn, secrets: [current(secret)] }),
    EVENT,
    'dlv_1',
    NOW,
  )
  assert.deepEqual(
    [headers['x-team'], headers['content-type'], headers['user-agent'], headers['webhook-id']],
    ['payments', 'application/json', 'MiniPay', EVENT.id],
  )
  assert.ok(Object.keys(headers).every((name) => name === name.toLowerCase()))
  new Webhook(secret).verify(body, headers)
})

test('the configured secret signs for the endpoint of the setting, and for no other', () => {
  const secret = newSecret()
  const of = messages({ defaultKey: Buffer.from(secret.slice('whsec_'.length), 'base64') })
  const { headers, body } = of(endpointOf({ id: 'default', format: 'original' }), EVENT, 'dlv_1', NOW)
  new Webhook(secret).verify(body, headers)
  assert.equal(of(endpointOf(), EVENT, 'dlv_1', NOW).headers['webhook-signature'], undefined)
})

test('secrets are opened once a version of their endpoint, and a new version opens them anew', () => {
  const [one, two] = [newSecret(), newSecret()]
  let opened = 0
  const counted = {
    ...vault,
    open(text: string, context: string) {
      opened++
      return vault.open(text, context)
    },
  }
  const of = messages({ vault: counted })
  const endpoint = endpointOf({ secrets: [current(one)] })
  for (let i = 0; i < 3; i++) of(endpoint, EVENT, 'dlv_1', NOW)
  assert.equal(opened, 1)
  const { headers, body } = of({ ...endpoint, version: 2, secrets: [current(two)] }, EVENT, 'dlv_1', NOW)
  new Webhook(two).verify(body, headers)
  for (let i = 0; i < 1_500; i++) of(endpointOf({ id: `we_${i + 2}` }), EVENT, 'dlv_1', NOW)
  opened = 0
  of({ ...endpoint, version: 2, secrets: [current(two)] }, EVENT, 'dlv_1', NOW)
  assert.equal(opened, 1, 'only so many are kept')
})

test('without the key of the current secret there is no message; a former secret without its key is left out', () => {
  const [next, former] = [newSecret(), newSecret()]
  const lost = createVault([randomBytes(32)]).seal(former, secretContext(SCOPE, 'we_1'))
  assert.throws(
    () => messages()(endpointOf({ secrets: [{ sealed: lost, until: null }] }), EVENT, 'dlv_1', NOW),
    { name: 'VaultError', message: /lacks the key/ },
  )
  const secrets = [current(next), { sealed: lost, until: NOW + 60_000 }]
  const { headers, body } = messages()(endpointOf({ secrets }), EVENT, 'dlv_1', NOW)
  assert.equal(headers['webhook-signature']?.split(' ').length, 1)
  new Webhook(next).verify(body, headers)
})

test('ciphertexts that were swapped between two endpoints do not open', () => {
  const swapped = endpointOf({ secrets: [current(newSecret(), 'we_2')] })
  assert.throws(() => messages()(swapped, EVENT, 'dlv_1', NOW), { name: 'VaultError' })
})
