/** The Stripe provider by the provider contract, by its settings, and before a mock that others made. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createServer, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import Stripe from 'stripe'
import { createEgress } from '../../../src/net/egress.ts'
import type { AuthorizeCall, RemoteProvider } from '../../../src/ports/provider.ts'
import { fieldsOf } from '../../../src/providers/fields.ts'
import { create } from '../../../src/providers/stripe.ts'
import { type Listening, onLoopback } from '../../kit/sockets.ts'
import { followUp, lookupCall, patience, succeeded } from './calls.ts'
import { providerContract } from './contract.ts'
import { connect, open } from './stripe-open.ts'
import { API_KEY, NOTIFICATION_SECRET } from './stripe-peer.ts'

providerContract('Stripe', open)

describe('the settings of a Stripe account', () => {
  const settings = { api_key: API_KEY, notification_secret: NOTIFICATION_SECRET }
  const made = async (values: object) =>
    create('stripe_eu', fieldsOf('providers.json: stripe_eu', { ...values }), {
      now: Date.now,
      egress: createEgress(),
    })

  test('two keys are enough, and each account has its own name', async () => {
    const provider = (await made({ kind: 'stripe', ...settings })) as RemoteProvider
    assert.deepEqual([provider.name, provider.kind, provider.remote], ['stripe_eu', 'stripe', true])
    assert.deepEqual([provider.deadlineMs, provider.concurrency], [30_000, 64])
    await provider.close()
  })

  test('the prefix of the key gives the mode', async () => {
    for (const mode of ['test', 'live'] as const)
      for (const kind of ['sk', 'rk']) {
        const key = { api_key: [kind, mode, '1'].join('_') }
        const provider = (await made({ ...settings, ...key })) as RemoteProvider
        const repeated = (await made({ ...settings, ...key, mode })) as RemoteProvider
        assert.deepEqual([provider.mode, repeated.mode], [mode, mode])
        await Promise.all([provider.close(), repeated.close()])
      }
  })

  test('a mode that contradicts the key stops the start, and the sentence names both', async () => {
    for (const [mode, other] of [
      ['test', 'live'],
      ['live', 'test'],
    ])
      for (const kind of ['sk', 'rk'])
        await assert.rejects(made({ ...settings, api_key: [kind, mode, '1'].join('_'), mode: other }), {
          message: `providers.json: stripe_eu: mode is ${other}, but api_key is a key of Stripe's ${mode} mode.`,
        })
  })

  test('a key that does not show its mode needs the setting', async () => {
    const api_key = 'sk_org_1'
    await assert.rejects(made({ ...settings, api_key }), {
      message: 'providers.json: stripe_eu: mode is missing: it must be one of test, live.',
    })
    const provider = (await made({ ...settings, api_key, mode: 'live' })) as RemoteProvider
    assert.equal(provider.mode, 'live')
    await provider.close()
  })

  test('a missing, wrong or unknown setting is named, and no value is shown', async () => {
    for (const [values, field] of [
      [{ api_key: API_KEY }, 'notification_secret'],
      [{ ...settings, protocol: 'gopher' }, 'protocol'],
      [{ ...settings, port: 0 }, 'port'],
      [{ ...settings, return_url: 'ftp://shop.example' }, 'return_url'],
      [{ ...settings, apikey: 1 }, 'apikey'],
    ] as const)
      await assert.rejects(made(values), (error: Error) => {
        assert.match(error.message, new RegExp(`providers.json: stripe_eu: ${field} `))
        return !error.message.includes(API_KEY)
      })
  })

  test('the SDK is loaded with the first account, not before', async () => {
    const program = `
      import { createRequire } from 'node:module'
      import { KINDS } from './src/providers/index.ts'
      import { createEgress } from './src/net/egress.ts'
      import { fieldsOf } from './src/providers/fields.ts'
      await import('./src/providers/stripe.ts')
      const isLoaded = () =>
        Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('node_modules/stripe/'))
      const before = isLoaded()
      const provider = await KINDS.stripe('eu', fieldsOf('eu', { api_key: 'sk_test_1', notification_secret: 'whsec_1' }), { now: Date.now, egress: createEgress() })
      console.log(before, isLoaded())
      await provider.close()`
    const cwd = new URL('../../..', import.meta.url)
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd,
    })
    assert.equal(stdout.trim(), 'false true')
  })
})

/** A call of which only the currency matters. */
const authorizeCallOf = (currency: string): AuthorizeCall => ({
  attemptId: 'att_1',
  chargeId: 'txn_1',
  amount: 400,
  currency,
  customer: 'cus_1',
  paymentMethod: null,
  description: null,
  metadata: {},
  capture: true,
})

/** Of our calls the mock has those about refunds and disputes of charges; it knows no payment intents. */
describe('before a mock of Stripe that others made', () => {
  const { createExpressApp } = createRequire(import.meta.url)('stripe-stateful-mock') as {
    createExpressApp(): RequestListener
  }
  const server = createServer(createExpressApp())
  let mock: Listening
  before(async () => {
    mock = await onLoopback(server)
  })
  after(() => mock.close())
  const direct = () =>
    new Stripe(API_KEY, { protocol: 'http', host: '127.0.0.1', port: mock.port, maxNetworkRetries: 0 })

  test('a refund is found by its reference, with its amount and currency', async () => {
    const charge = await direct().charges.create({ amount: 900, currency: 'jpy', source: 'tok_visa' })
    const refund = await direct().refunds.create({ charge: charge.id, amount: 400 })
    const provider = connect(mock.port)
    const call = followUp(authorizeCallOf('jpy'), 'pi_1')
    const found = succeeded(await provider.lookup(lookupCall('refund', call, refund.id), patience()))
    assert.deepEqual([found.reference, found.amount, found.currency], [refund.id, 400, 'jpy'])
    const missing = await provider.lookup(lookupCall('refund', call, 're_nobody_knows'), patience())
    assert.deepEqual(missing, { kind: 'not_found' })
    await provider.close()
  })

  test('a dispute of a charge without a payment intent is none of ours', async () => {
    const charge = await direct().charges.create({
      amount: 900,
      currency: 'usd',
      source: 'tok_createDispute',
    })
    const provider = connect(mock.port)
    const disputed = await direct().charges.retrieve(charge.id)
    const dispute = (disputed as { dispute?: unknown }).dispute
    assert.ok(typeof dispute === 'string')
    assert.deepEqual(await provider.dispute(dispute, patience()), { kind: 'not_found' })
    await provider.close()
  })

  test('a key that Stripe does not take is surely not a refund', async () => {
    const provider = connect(mock.port, { apiKey: 'nobodys0key' })
    const outcome = await provider.refund(followUp(authorizeCallOf('usd'), 'pi_1'), patience())
    assert.equal(outcome.kind, 'not_sent')
    assert.doesNotMatch(JSON.stringify(outcome), /nobodys0key/)
    await provider.close()
  })
})
