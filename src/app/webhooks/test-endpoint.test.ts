import assert from 'node:assert/strict'
import { test } from 'node:test'
import { webhookEndpointOf } from '../../../test/kit/webhooks.ts'
import { isRejection } from '../../domain/error.ts'
import type { DeliveryTry } from '../../domain/webhooks/delivery.ts'
import { KEYLESS_SCOPE, type Scope } from '../../ports/store.ts'
import type { WebhookContext } from './endpoints.ts'
import { testEndpoint } from './test-endpoint.ts'

const accountOf = (accountId: number, mode: Scope['mode'] = 'live'): Scope => ({ accountId, mode })

/** Endpoints whose receivers are silent until `respond`. */
function silentReceivers() {
  const waiting: ((fails: boolean) => void)[] = []
  const sendTest = () =>
    new Promise<DeliveryTry>((resolve, reject) => {
      waiting.push((fails) => (fails ? reject(new Error('broken')) : resolve({} as DeliveryTry)))
    })
  const webhooks = { sendTest, wake() {} }
  const webhookEndpoint = async (scope: Scope, id: string) =>
    id === 'we_none' ? undefined : webhookEndpointOf(scope, { id })
  const context = { webhooks, store: { webhookEndpoint } } as unknown as WebhookContext
  return {
    test: (scope: Scope, id = 'we_1') => testEndpoint(context, scope, id),
    running: () => waiting.length,
    respond: (fails = false) => waiting.splice(0).forEach((end) => void end(fails)),
  }
}

const codeOf = (outcome: Awaited<ReturnType<typeof testEndpoint>>) =>
  isRejection(outcome) ? outcome.code : 'sent'
const turn = () => new Promise(setImmediate)

test('an account with silent receivers runs four tests at once in both modes, and leaves places to others', async () => {
  const receivers = silentReceivers()
  const [one, other] = [accountOf(1), accountOf(2)]
  const many = Array.from({ length: 6 }, (_, i) => receivers.test(i % 2 ? one : accountOf(1, 'test')))
  await turn()
  assert.equal(receivers.running(), 4)
  const others = receivers.test(other)
  await turn()
  assert.equal(receivers.running(), 5)
  receivers.respond()
  assert.deepEqual((await Promise.all(many)).map(codeOf).sort(), [
    ...Array(2).fill('overloaded'),
    ...Array(4).fill('sent'),
  ])
  assert.equal(codeOf(await others), 'sent')
})

test('all accounts together run sixteen tests at once', async () => {
  const receivers = silentReceivers()
  const all = Array.from({ length: 24 }, (_, i) => receivers.test(accountOf(i % 8)))
  await turn()
  assert.equal(receivers.running(), 16)
  receivers.respond()
  assert.equal((await Promise.all(all)).map(codeOf).filter((code) => code === 'overloaded').length, 8)
})

test('a test that ended frees its place, also one that failed or found no endpoint', async () => {
  const receivers = silentReceivers()
  for (let round = 0; round < 3; round++) {
    assert.equal(codeOf(await receivers.test(KEYLESS_SCOPE, 'we_none')), 'webhook_endpoint_not_found')
    const four = Array.from({ length: 4 }, () => receivers.test(KEYLESS_SCOPE).catch(() => 'failed'))
    await turn()
    assert.equal(receivers.running(), 4)
    receivers.respond(round === 1)
    await Promise.all(four)
  }
})
