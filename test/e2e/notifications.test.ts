/**
 * Notifications of providers: verified, stored once, and handled by a lookup, because MiniPay does not trust their
 * content.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { ProviderView } from '../../src/api/minipay/provider-schemas.ts'
import { type Charge, type Page, type Refund, until } from '../kit/client.ts'
import { assertDocumented } from '../kit/documented.ts'
import { call } from '../kit/http.ts'
import { newSecret } from '../kit/simulator.ts'
import { sendNotification, startWorld, type World } from '../kit/world.ts'

let world: World
before(async () => {
  world = await startWorld({ banks: ['bank_a', 'bank_b'], providers: { sandbox: { kind: 'sandbox' } } })
  await world.notify()
})
after(() => world?.close())

type Note = { readonly id: string; readonly about: string; readonly reference: string }
const note = (about: string, reference: string): Note => ({ id: randomUUID(), about, reference })
const send = (body: Note, changes: { secret?: string; at?: Date; to?: string } = {}) =>
  sendNotification(world, 'bank_a', body, changes)
const counted = (result: string, provider = 'bank_a') =>
  world.metric(`minipay_provider_notifications_total{provider="${provider}",result="${result}"}`)
const notificationsOf = async (provider: string) => {
  const { body } = await world.api.get<Page<ProviderView>>('/api/v1/providers')
  return body.data.find(({ name }) => name === provider)?.notifications
}
const attemptId = async (id: string, kind = 'authorize') =>
  (await world.api.attempts(id)).find((attempt) => attempt.kind === kind)?.id ?? ''
/** Resolves when a notification that is sent now, and so all before it, were acted on. */
async function actedOn(): Promise<void> {
  const { id } = await world.api.charge()
  await world.bank('bank_a').faults({ late_ms: 600_000 })
  const { body } = await world.tryCharge({ payment_method: 'tok_fault_late' })
  await world.bank('bank_a').control('POST', '/finish')
  await world.settled(body.id)
  await world.api.refund(id)
}

describe('a notification that cannot be verified is refused, counted, and changes nothing', () => {
  const HOUR_MS = 3_600_000
  for (const [name, changes] of [
    ['signed with another secret', { secret: newSecret() }],
    ['an hour old', { at: new Date(Date.now() - HOUR_MS) }],
    ['of an hour from now', { at: new Date(Date.now() + HOUR_MS) }],
    ['of another provider', { to: 'bank_b' }],
  ] as const)
    test(`a notification ${name} is refused and counted`, async () => {
      const provider = 'to' in changes ? changes.to : 'bank_a'
      const before = await counted('refused', provider)
      const answer = await send(note('attempt', 'att_1'), changes)
      assertDocumented('POST', `/providers/${provider}/notifications`, answer)
      assert.deepEqual([answer.status, answer.body.code], [400, 'notification_unverified'])
      assert.equal(await counted('refused', provider), before + 1)
      assert.equal((await notificationsOf(provider))?.refused, before + 1)
    })

  test('a notification is refused without a signature, without a body, or changed on its way', async () => {
    const path = '/providers/bank_a/notifications'
    for (const body of [undefined, '', '{', note('attempt', 'att_1')]) {
      const { status } = await call(world.server.url, 'POST', path, body)
      assert.equal(status, 400)
    }
  })

  test('a notification that is signed, but of no form that we know, is refused', async () => {
    const { status, body } = await send({ id: '', about: 'attempt', reference: 'att_1' })
    assert.deepEqual([status, body.code], [400, 'notification_unverified'])
  })

  test('a provider that decides in this process has no notifications', async () => {
    assert.equal(await notificationsOf('sandbox'), null)
  })

  test('a notification is refused for a provider that there is not, or that decides in this process', async () => {
    for (const to of ['nobody', 'sandbox']) {
      const answer = await send(note('attempt', 'att_1'), { to })
      assertDocumented('POST', `/providers/${to}/notifications`, answer)
      assert.deepEqual([answer.status, answer.body.code], [404, 'provider_not_found'])
    }
  })
})

describe('a notification that is verified', () => {
  test('a verified notification is answered at once, and stored once however often it comes', async () => {
    const one = note('attempt', 'att_nobody')
    const [stored, duplicate] = [await counted('stored'), await counted('duplicate')]
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(one)))
    assert.deepEqual(answers.map(({ body }) => body.status).sort(), [...Array(9).fill('duplicate'), 'stored'])
    assert.equal((await send(one)).body.status, 'duplicate')
    assert.deepEqual([await counted('stored'), await counted('duplicate')], [stored + 1, duplicate + 10])
  })

  test('a verified notification is not relied on: MiniPay looks the payment up, and the result counts', async () => {
    await world.bank('bank_a').faults({ late_ms: 600_000 })
    const { status, body } = await world.tryCharge({ payment_method: 'tok_fault_late' })
    assert.deepEqual([status, body.status], [202, 'processing'])
    const lookups = (await world.bank('bank_a').calls()).received.lookup
    await send(note('attempt', await attemptId(body.id)))
    await world.bank('bank_a').waitFor('done', 'lookup', lookups + 1)
    assert.equal((await world.retrieve(body.id)).status, 'processing')
    await world.bank('bank_a').control('POST', '/finish')
    assert.equal((await world.settled(body.id)).status, 'succeeded')
    assert.deepEqual(await world.eventsOf(body.id), ['payment.succeeded'])
  })

  test('a verified notification about a payment that has moved on since, in any order, changes nothing', async () => {
    const held = await world.api.charge({ capture: false })
    await world.api.capture(held.id, { amount: 2000 })
    await world.api.refund(held.id, { amount: 500 })
    const before = [await world.retrieve(held.id), await world.eventsOf(held.id), await world.balances()]
    const lookups = (await world.bank('bank_a').calls()).received.lookup
    const [refund] = (await world.api.attempts(held.id)).filter(({ kind }) => kind === 'refund')
    await send(note('refund', refund?.provider_reference ?? ''))
    await send(note('attempt', refund?.id ?? ''))
    await send(note('attempt', await attemptId(held.id, 'capture')))
    await send(note('payment', held.provider_reference ?? ''))
    await send(note('attempt', await attemptId(held.id)))
    await world.bank('bank_a').waitFor('done', 'lookup', lookups + 5)
    await until(
      () => world.metric('minipay_provider_calls_in_flight{provider="bank_a"}'),
      (calls) => calls === 0,
    )
    const after = [await world.retrieve(held.id), await world.eventsOf(held.id), await world.balances()]
    assert.deepEqual(after, before)
  })

  test("a verified notification about what is another provider's, not ours, or nothing we know, changes nothing", async () => {
    const { id, provider_reference } = await world.api.charge()
    const lookups = (await world.bank('bank_b').calls()).received.lookup
    for (const body of [note('attempt', await attemptId(id)), note('payment', provider_reference ?? '')])
      assert.equal((await sendNotification(world, 'bank_b', body)).body.status, 'stored')
    assert.equal((await send(note('payment', 'pay_nobody'))).body.status, 'stored')
    assert.equal((await send(note('weather', 'rain'))).body.status, 'stored')
    await actedOn()
    assert.equal((await world.bank('bank_b').calls()).received.lookup, lookups)
    assert.equal((await world.retrieve(id)).status, 'succeeded')
  })
})

describe("a refund's key while the bank still has the refund", () => {
  const late = async () => {
    const { id } = await world.api.charge()
    await world.bank('bank_a').faults({ late_ms: 600_000 })
    await world.bank('bank_a').arm('refund', 'late')
    const key = randomUUID()
    const first = await world.tryRefund(id, {}, key)
    assert.deepEqual([first.status, first.body.status], [202, 'processing'])
    return { id, key, first }
  }

  test("a refund's key answers that it is processing, then that it is done", async () => {
    const { id, key, first } = await late()
    const waiting = await world.tryRefund(id, {}, key)
    assert.deepEqual([waiting.status, waiting.body], [202, first.body])
    await world.bank('bank_a').control('POST', '/finish')
    await until(
      () => world.retrieve(id),
      ({ status }) => status === 'refunded',
    )
    const done = await world.tryRefund(id, {}, key)
    assert.deepEqual([done.status, done.body.status], [200, 'refunded'])
  })
})

describe('a refund that the bank fails after it was done', () => {
  const refundOf = async ({ refund_id }: Refund) =>
    (await world.api.get<Refund>(`/api/v1/refunds/${refund_id}`)).body
  async function failed(refund: Refund): Promise<Refund> {
    await world.bank('bank_a').control('POST', `/refunds/${refund.provider_reference}/fail`)
    return until(
      () => refundOf(refund),
      ({ status }) => status === 'failed',
    )
  }

  test('a refund that the bank fails gives the money back, with its event, and can be refunded again', async () => {
    const { id } = await world.api.charge()
    const before = await world.balances()
    const refund = await failed(await world.api.refund(id))
    assert.deepEqual(
      [refund.decline_code, refund.failure_message],
      ['processing_error', 'The refund failed later.'],
    )
    const charge = await world.retrieve(id)
    assert.deepEqual([charge.status, charge.amount_refunded], ['succeeded', 0])
    assert.deepEqual(await world.balances(), before)
    assert.equal((await world.api.refund(id)).status, 'refunded')
    assert.deepEqual(await world.eventsOf(id), [
      'payment.succeeded',
      'payment.refunded',
      'refund.failed',
      'payment.refunded',
    ])
  })

  test('a refund that the bank fails is visible to a repeated request: the key returns the latest result of the refund', async () => {
    const { id } = await world.api.charge()
    const key = randomUUID()
    const refund = await world.api.refund(id, { amount: 700 }, key)
    const undone = await failed(refund)
    const again = await world.tryRefund(id, { amount: 700 }, key)
    assert.deepEqual(
      [again.status, again.headers.get('idempotent-replayed'), again.body.code, again.body.decline_code],
      [402, 'true', 'provider_declined', 'processing_error'],
    )
    assert.deepEqual((again.body as { refund?: Refund }).refund, undone)
    assert.equal((await world.retrieve(id)).amount_refunded, 0)
  })

  test('a refund that the bank fails leaves what other refunds gave back', async () => {
    const { id } = await world.api.charge()
    const first = await world.api.refund(id, { amount: 1000 })
    await world.api.refund(id)
    await failed(first)
    const charge: Charge = await world.retrieve(id)
    assert.deepEqual([charge.status, charge.amount_refunded], ['partially_refunded', 1500])
  })

  test('a refund that the bank fails has one event, however often the bank reports it', async () => {
    const { id } = await world.api.charge()
    const refund = await failed(await world.api.refund(id))
    for (const _ of [1, 2]) await send(note('refund', refund.provider_reference ?? ''))
    await actedOn()
    const told = (await world.eventsOf(id)).filter((type) => type === 'refund.failed')
    assert.equal(told.length, 1)
  })
})
