/** Opens the Stripe provider at the stand-in for the tests. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import type { RemoteProvider } from '../../../src/ports/provider.ts'
import { createStripe, type StripeSettings } from '../../../src/providers/stripe.ts'
import { freePort } from '../../kit/sockets.ts'
import type { Opened } from './contract.ts'
import { API_KEY, NOTIFICATION_SECRET, type StripePeer, stripePeer } from './stripe-peer.ts'

export function connect(
  port: number,
  changes: Partial<StripeSettings> = {},
  now?: () => number,
): RemoteProvider {
  const settings = {
    apiKey: API_KEY,
    mode: 'test',
    notificationSecret: NOTIFICATION_SECRET,
    apiVersion: null,
    protocol: 'http',
    host: '127.0.0.1',
    port,
    returnUrl: 'https://shop.example/back',
    sendCustomer: false,
    deadlineMs: 20_000,
    concurrency: 8,
  } as const
  return createStripe('stripe_eu', { ...settings, ...changes }, now)
}

export async function open(): Promise<Opened & { readonly peer: StripePeer }> {
  const peer = await stripePeer()
  const provider = connect(peer.port)
  return {
    provider,
    peer,
    unreachable: async () => connect(await freePort()),
    async close() {
      await provider.close()
      await peer.close()
    },
  }
}

/** Opens provider and stand-in before the tests of a `describe`, and closes them after. */
export function openedStripe(): { readonly at: Awaited<ReturnType<typeof open>> } {
  let value: Awaited<ReturnType<typeof open>> | undefined
  before(async () => {
    value = await open()
  })
  after(() => value?.close())
  return {
    get at() {
      assert.ok(value, 'the provider was not opened')
      return value
    },
  }
}
