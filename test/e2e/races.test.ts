/** Concurrent requests on one charge: the first one wins, and the others get its result, in MiniPay and at the bank. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type Charge, type ErrorAnswer, until } from '../kit/client.ts'
import type { Answer } from '../kit/http.ts'
import { sendNotification, startWorld, type World } from '../kit/world.ts'

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i))
const codes = (answers: readonly Answer<object>[]) =>
  [
    ...new Set(answers.filter(({ status }) => status === 409).map(({ body }) => (body as ErrorAnswer).code)),
  ].sort()

const subjects = [
  {
    where: 'in process',
    provider: 'sandbox',
    options: { banks: [], providers: { sandbox: { kind: 'sandbox' } } },
  },
  { where: 'through a bank', provider: 'bank_a', options: { banks: ['bank_a'] } },
] as const

for (const { where, provider, options } of subjects)
  describe(where, () => {
    let world: World
    before(async () => {
      world = await startWorld(options)
    })
    after(() => world?.close())

    test('of 100 captures and 100 cancels at once one is begun, a cancel that comes while it is captured is kept, and all others are refused', async () => {
      const { id } = await world.api.charge({ capture: false })
      const post = (what: string) => world.api.post<Charge & ErrorAnswer>(`/api/v1/charges/${id}/${what}`, {})
      const answers = await Promise.all(times(200, (i) => post(i % 2 ? 'capture' : 'cancel')))
      const done = answers.filter(({ status }) => status === 200)
      assert.equal(done.length, 1)
      const kept = answers.filter(({ status }) => status === 202).length
      assert.equal(answers.filter(({ status }) => status === 409).length, 199 - kept)
      if (kept > 0) {
        assert.deepEqual([kept, done[0]?.body.status, done[0]?.body.cancel_requested], [1, 'succeeded', true])
        await until(
          () => world.retrieve(id),
          ({ status }) => status === 'refunded',
        )
        assert.deepEqual(await world.balances(), {})
        return
      }
      assert.deepEqual(codes(answers), ['charge_not_cancelable', 'charge_not_capturable'])
      const charge = await world.retrieve(id)
      assert.deepEqual(done[0]?.body, charge)
      const captured = charge.status === 'succeeded'
      assert.deepEqual(
        [charge.status, charge.amount_captured],
        captured ? ['succeeded', 2500] : ['canceled', 0],
      )
      const events = ['payment.authorized', captured ? 'payment.succeeded' : 'payment.canceled']
      assert.deepEqual(await world.eventsOf(id), events)
      assert.equal((await world.api.attempts(id)).length, 2)
      const left = captured ? { [`provider:${provider} usd`]: 2500, 'merchant usd': -2500 } : {}
      assert.deepEqual(await world.balances(), left)
      if (captured) await world.api.refund(id)
    })

    test('refunds at once that sum past the total never give back more than was captured', async () => {
      const { id } = await world.api.charge()
      const answers = await Promise.all(times(40, () => world.tryRefund(id, { amount: 300 })))
      assert.equal(answers.filter(({ status }) => status === 200).length, 8)
      assert.equal(answers.filter(({ status }) => status === 409).length, 32)
      assert.deepEqual(codes(answers), ['refund_exceeds_remaining'])
      const charge = await world.retrieve(id)
      assert.deepEqual([charge.amount_refunded, charge.amount_refund_pending], [2400, 0])
      assert.equal((await world.api.refund(id)).amount, 100)
    })

    test('full refunds at once: one gives everything back', async () => {
      const { id } = await world.api.charge()
      const answers = await Promise.all(times(20, () => world.tryRefund(id)))
      assert.equal(answers.filter(({ status }) => status === 200).length, 1)
      assert.deepEqual(codes(answers), ['already_refunded'])
    })
  })

describe('with a bank that responds later', () => {
  let world: World
  before(async () => {
    const patience = '30000'
    world = await startWorld({
      banks: ['bank_a'],
      deadlineMs: 30_000,
      env: { MINIPAY_PROVIDER_WAIT_MS: patience, MINIPAY_IDEMPOTENCY_WAIT_MS: patience },
    })
    await world.notify()
  })
  after(() => world?.close())

  const bank = () => world.bank('bank_a')
  const attemptOf = async (id: string, kind: string) =>
    (await world.api.attempts(id)).find((attempt) => attempt.kind === kind)?.id ?? ''
  const tell = async (attempt: string) => {
    const note = { id: randomUUID(), about: 'attempt', reference: attempt }
    assert.equal((await sendNotification(world, 'bank_a', note)).body.status, 'stored')
  }
  const newest = async () => (await world.api.get<{ data: Charge[] }>('/api/v1/charges?limit=1')).body.data[0]

  test('the same key sent 50 times at once makes one payment, and everybody gets the same charge', async () => {
    const before = await bank().calls()
    const key = randomUUID()
    const sent = times(50, () => world.tryCharge({ payment_method: 'tok_fault_hold_after' }, key))
    await bank().waitFor('done', 'authorize', before.done.authorize + 1)
    await bank().control('POST', '/release')
    const answers = await Promise.all(sent)
    assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(49).fill(200), 201])
    assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1)
    assert.equal((await bank().calls()).received.authorize, before.received.authorize + 1)
    const id = answers[0]?.body.id ?? ''
    assert.equal((await world.stated('bank_a', id)).length, 1)
    assert.deepEqual(await world.eventsOf(id), ['payment.succeeded'])
  })

  test('a notification that comes before the answer ends the request; the answer then changes nothing', async () => {
    const before = await bank().calls()
    const sent = world.tryCharge({ payment_method: 'tok_fault_hold_after' })
    await bank().waitFor('done', 'authorize', before.done.authorize + 1)
    const charge = await newest()
    await tell(await attemptOf(charge?.id ?? '', 'authorize'))
    const { status, body } = await sent
    assert.deepEqual([status, body.id, body.status], [201, charge?.id, 'succeeded'])
    assert.deepEqual(await bank().control('POST', '/release'), { released: 1 })
    const [attempt] = await world.api.attempts(body.id)
    assert.deepEqual([attempt?.status, attempt?.resolved_by], ['succeeded', 'notification'])
    await until(
      () => world.metric('minipay_provider_calls_in_flight{provider="bank_a"}'),
      (calls) => calls === 0,
    )
    assert.deepEqual(await world.eventsOf(body.id), ['payment.succeeded'])
    assert.deepEqual(await world.retrieve(body.id), body)
  })

  test('a notification about a refund that comes before the answer ends its request, and the refund is booked once', async () => {
    const { id } = await world.api.charge()
    const before = await bank().calls()
    await bank().arm('refund', 'hold_after')
    const sent = world.tryRefund(id, { amount: 1000 })
    await bank().waitFor('done', 'refund', before.done.refund + 1)
    assert.equal((await world.retrieve(id)).amount_refund_pending, 1000)
    await tell(await attemptOf(id, 'refund'))
    const { status, body } = await sent
    assert.deepEqual([status, body.status], [200, 'partially_refunded'])
    await bank().control('POST', '/release')
    await until(
      () => world.metric('minipay_provider_calls_in_flight{provider="bank_a"}'),
      (calls) => calls === 0,
    )
    assert.deepEqual(await world.eventsOf(id), ['payment.succeeded', 'payment.refunded'])
  })

  test('a refund that is requested while another is in progress gets only the remainder', async () => {
    const { id } = await world.api.charge()
    const before = await bank().calls()
    await bank().arm('refund', 'hold_before')
    const sent = world.tryRefund(id, { amount: 2000 })
    await bank().waitFor('received', 'refund', before.received.refund + 1)
    const { status, body } = await world.tryRefund(id, { amount: 501 })
    assert.deepEqual([status, body.code], [409, 'refund_exceeds_remaining'])
    assert.equal((await world.api.refund(id)).amount, 500)
    await bank().control('POST', '/release')
    assert.equal((await sent).status, 200)
    assert.deepEqual((await world.retrieve(id)).status, 'refunded')
  })

  test('charges that the bank ends in the moment it answers that it will have one end and one event', async () => {
    await bank().faults({ late_ms: 0 })
    const answers = await Promise.all(times(30, () => world.tryCharge({ payment_method: 'tok_fault_late' })))
    for (const { status, body } of answers) {
      assert.ok(status === 201 || status === 202, String(status))
      assert.equal((await world.settled(body.id)).status, 'succeeded')
    }
    for (const { body } of answers) {
      assert.deepEqual(await world.eventsOf(body.id), ['payment.succeeded'])
      assert.equal((await world.stated('bank_a', body.id)).length, 1)
    }
    await bank().faults({})
  })

  test('a cancel against the customer who approves: one of them, here as at the bank', async () => {
    const waiting = await Promise.all(
      times(12, (i) => world.tryCharge({ payment_method: 'tok_requires_action', capture: i % 2 === 0 })),
    )
    const form = { method: 'POST', body: new URLSearchParams({ approve: 'true' }) }
    await Promise.all(
      waiting.flatMap(({ body }, i) => {
        const both = [
          () => fetch(body.redirect_url ?? '', form),
          () => world.api.post(`/api/v1/charges/${body.id}/cancel`, {}),
        ]
        return (i % 3 ? both : both.reverse()).map((go) => go())
      }),
    )
    for (const { body } of waiting) {
      const { status } = await world.settled(body.id)
      const [payment] = await world.stated('bank_a', body.id)
      const expected = { captured: 'succeeded', authorized: 'authorized', canceled: 'canceled' }
      assert.equal(status, expected[payment?.status as keyof typeof expected], body.id)
    }
  })

  test('a capture against the end of its authorization: taken or gone, here as at the bank', async () => {
    const held = await Promise.all(times(12, () => world.api.charge({ capture: false })))
    const captures = held.map(async ({ id, provider_reference }, i) => {
      const expiry = fetch(`${bank().url}/payments/${provider_reference}/expire`, { method: 'POST' })
      if (i % 2) await expiry
      const answer = await world.api.post<Charge & ErrorAnswer>(`/api/v1/charges/${id}/capture`, {})
      await expiry
      return answer
    })
    for (const { status, body } of await Promise.all(captures))
      assert.ok([200, 402, 409].includes(status), `${status} ${JSON.stringify(body)}`)
    for (const { id } of held) {
      const charge = await until(
        () => world.retrieve(id),
        ({ status }) => status === 'succeeded' || status === 'canceled',
      )
      const [payment] = await world.stated('bank_a', id)
      assert.equal(charge.status, payment?.status === 'captured' ? 'succeeded' : 'canceled')
    }
    await until(
      () => world.metric('minipay_attempts{state="unknown"}'),
      (count) => count === 0,
    )
  })
})
