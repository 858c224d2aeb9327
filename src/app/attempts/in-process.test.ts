import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attempt, Route } from '../../domain/attempt.ts'
import type { Provider } from '../../ports/provider.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'
import { createSandbox } from '../../providers/sandbox.ts'
import type { Context } from '../context.ts'
import type { RoutedCharge } from '../routing/available-provider.ts'
import { type ChosenProvider, chooseProvider } from '../routing/choose-provider.ts'
import { createProviderCalls } from '../routing/provider-calls.ts'
import { remoteProvider } from '../routing/serving.ts'

const BANK = { remote: true, name: 'bank', mode: 'test', deadlineMs: 1_000, concurrency: 1 } as Provider

const CHARGE: RoutedCharge = {
  ...{ id: 'txn_1', amount: 2500, currency: 'usd', customer: 'cus_42', capture: true },
  ...{ description: null, metadata: {}, idempotencyKey: 'order 1' },
  paymentMethod: 'pm_card_chargeDeclined',
}

/** Walks a route over two sandboxes and a bank, whose breaker may be open. */
function walked(
  next: string[],
  { failoverOn = ['generic_decline'], breaker = 'closed' } = {},
): ChosenProvider {
  const providers = [createSandbox('sandbox'), createSandbox('sandbox_2'), BANK]
  let ids = 0
  const context = {
    providers: new Map(providers.map((provider) => [provider.name, provider])),
    calls: createProviderCalls(),
    health: { peek: (name: string) => (name === 'bank' ? breaker : 'closed') },
    newId: () => `att_${++ids}`,
    now: () => 1_000,
  } as unknown as Context
  const route: Route = { ruleSetVersion: 1, rule: 'default', next, skipped: [], failoverOn, notes: [] }
  return chooseProvider(context, KEYLESS_SCOPE, CHARGE, route, new Set(), 'att_1')
}

const places = (attempts: readonly Attempt[]) => attempts.map(({ provider, state }) => `${provider} ${state}`)

test('a walk ends at the first provider whose calls go over the network, with an attempt to send', () => {
  const { ended, last, outcome } = walked(['bank', 'sandbox'])
  assert.deepEqual([places(ended), last.provider, outcome], [[], 'bank', null])
  assert.deepEqual(last.route?.next, ['sandbox'])
})

test('a decline in this process that the rule names fails over within the walk', () => {
  const { ended, last, outcome } = walked(['sandbox', 'sandbox_2', 'bank'])
  assert.deepEqual(places(ended), ['sandbox declined', 'sandbox_2 declined'])
  assert.deepEqual([last.provider, outcome], ['bank', null])
})

test('a decline in this process that the rule does not name ends the walk', () => {
  const { ended, last, outcome } = walked(['sandbox', 'bank'], { failoverOn: [] })
  assert.deepEqual([places(ended), last.provider, outcome?.kind], [[], 'sandbox', 'declined'])
})

test('a decline in this process is final when every later provider is skipped, and names the reasons', () => {
  const { last, outcome } = walked(['sandbox', 'bank', 'gone'], { breaker: 'open' })
  assert.equal(outcome?.kind, 'declined')
  assert.deepEqual(last.route?.next, [])
  assert.deepEqual(last.route?.skipped, [
    { provider: 'bank', reason: 'circuit breaker open' },
    { provider: 'gone', reason: 'not configured' },
  ])
})

test('a route without an available provider ends with an attempt that was not sent, and names the reasons', () => {
  const { last, outcome } = walked(['gone', 'bank'], { breaker: 'open' })
  assert.equal(
    outcome?.kind === 'not_sent' && outcome.reason,
    'gone: not configured; bank: circuit breaker open',
  )
  assert.deepEqual(last.route?.next, [])
})

test('a provider that decides in this process is no remote provider', () => {
  const providers = new Map<string, Provider>([
    ['sandbox', createSandbox('sandbox')],
    ['bank', BANK],
  ])
  assert.equal(remoteProvider({ providers }, KEYLESS_SCOPE, 'sandbox'), undefined)
  assert.equal(remoteProvider({ providers }, KEYLESS_SCOPE, 'gone'), undefined)
  assert.equal(remoteProvider({ providers }, KEYLESS_SCOPE, 'bank'), BANK)
})

test('a provider of the other mode is no provider of the charge, though it has the same name', () => {
  const live = { ...BANK, mode: 'live' } as Provider
  assert.equal(remoteProvider({ providers: new Map([['bank', live]]) }, KEYLESS_SCOPE, 'bank'), undefined)
})
