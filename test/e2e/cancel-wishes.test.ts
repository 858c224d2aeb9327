/**
 * A cancel request that comes before the outcome of the charge is known: stored, and carried out as a void or a refund.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type Charge, type DeclineAnswer, type Page, type Refund, until } from '../kit/client.ts'
import type { Answer } from '../kit/http.ts'
import { ruleTo, startWorld, type World } from '../kit/world.ts'

type Canceled = Charge & DeclineAnswer & { readonly charge?: Charge }

let world: World
before(async () => {
  world = await startWorld({
    banks: ['bank_a', 'bank_b'],
    providers: { novoid: { bank: 'bank_a', void: false } },
    env: { MINIPAY_PROVIDER_WAIT_MS: '50' },
    // The bank holds calls for as long as a test takes.
    deadlineMs: 20_000,
  })
  await world.route({
    rules: [ruleTo('novoid', ['novoid']), ruleTo('both', ['bank_a', 'bank_b'], ['processing_error'])],
    default: { providers: ['bank_a'], failover_on: [] },
  })
})
after(() => world?.close())

const bank = () => world.bank('bank_a')
const cancel = (id: string, key: string = randomUUID()): Promise<Answer<Canceled>> =>
  world.api.post(`/api/v1/charges/${id}/cancel`, {}, { 'idempotency-key': key })
const refundsOf = async (id: string) =>
  (await world.api.get<Page<Refund>>(`/api/v1/refunds?transaction_id=${id}`)).body.data
/** The answer of a key once what it asked for has ended. */
const ended = (again: () => Promise<Answer<Canceled>>) => until(again, ({ status }) => status !== 202)

/** A charge that the bank has and does not answer yet. */
async function held(
  fields: object = {},
): Promise<{ id: string; key: string; again(): Promise<Answer<Canceled>> }> {
  const key = randomUUID()
  const before = (await bank().calls()).received.authorize
  await bank().arm('authorize', 'hold_before')
  const { status, body } = await world.tryCharge(fields, key)
  assert.deepEqual([status, body.status], [202, 'processing'])
  await bank().waitFor('received', 'authorize', before + 1)
  return { id: body.id, key, again: () => world.tryCharge(fields, key) }
}

/** Requests its cancel, which MiniPay stores. */
async function wished(id: string): Promise<{ key: string; again(): Promise<Answer<Canceled>> }> {
  const key = randomUUID()
  const answer = await cancel(id, key)
  assert.deepEqual(
    [answer.status, answer.body.status, answer.body.cancel_requested],
    [202, 'processing', true],
  )
  return { key, again: () => cancel(id, key) }
}

const release = () => bank().control('POST', '/release')

describe('a charge that was to be canceled while it was authorized', () => {
  test('a charge whose cancel came during its authorization is refunded when it was taken, and both keys answer so', async () => {
    const charge = await held()
    const wish = await wished(charge.id)
    await release()
    const done = await ended(wish.again)
    assert.deepEqual(
      [done.status, done.headers.get('idempotent-replayed'), done.body.status, done.body.amount_refunded],
      [200, 'true', 'refunded', 2500],
    )
    assert.deepEqual(done.body, await world.retrieve(charge.id))
    assert.equal(done.body.cancel_requested, true)
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.succeeded', 'payment.refunded'])
    const [refund, ...others] = await refundsOf(charge.id)
    assert.deepEqual(
      [refund?.amount, refund?.reason, refund?.idempotency_key, others],
      [2500, 'cancel_requested', wish.key, []],
    )
    assert.equal((await charge.again()).status, 200)
  })

  test('a charge whose cancel came during its authorization is canceled when it is held: nothing is taken', async () => {
    const charge = await held({ capture: false })
    const wish = await wished(charge.id)
    await release()
    const done = await ended(wish.again)
    assert.deepEqual([done.status, done.body.status, done.body.amount_captured], [200, 'canceled', 0])
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.authorized', 'payment.canceled'])
    assert.deepEqual(await refundsOf(charge.id), [])
  })

  test('a charge whose cancel came during its authorization stays failed when it was declined, and the wish has nothing to do', async () => {
    const charge = await held({ payment_method: 'tok_chargeDeclined' })
    const wish = await wished(charge.id)
    await release()
    const done = await ended(wish.again)
    assert.deepEqual([done.status, done.body.status], [200, 'failed'])
    assert.equal((await charge.again()).status, 402)
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.failed'])
    assert.equal((await world.api.attempts(charge.id)).length, 1)
  })

  test('a charge whose cancel came during its authorization is canceled when its customer would have had to act', async () => {
    await bank().faults({ latency_ms: 300 })
    const fields = { payment_method: 'tok_requires_action' }
    const key = randomUUID()
    const { body } = await world.tryCharge(fields, key)
    assert.equal(body.status, 'processing')
    const wish = await wished(body.id)
    const done = await ended(wish.again)
    await bank().faults({})
    assert.deepEqual([done.status, done.body.status], [200, 'canceled'])
    assert.deepEqual(await world.eventsOf(body.id), ['payment.requires_action', 'payment.canceled'])
    const made = await world.tryCharge(fields, key)
    assert.deepEqual([made.status, made.body.status], [200, 'canceled'])
  })

  test('a charge whose cancel came during its authorization stays authorized at a provider that cannot void, with an event; then it can be captured', async () => {
    const charge = await held({ capture: false, metadata: { to: 'novoid' } })
    const wish = await wished(charge.id)
    await release()
    const refused = await ended(wish.again)
    assert.deepEqual(
      [refused.status, refused.body.code, refused.body.charge?.status],
      [402, 'provider_declined', 'authorized'],
    )
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.authorized', 'payment.cancel_failed'])
    assert.equal((await world.retrieve(charge.id)).cancel_requested, false)
    const captured = await world.api.post<Charge>(`/api/v1/charges/${charge.id}/capture`, {})
    assert.ok([200, 202].includes(captured.status))
    assert.equal((await world.settled(charge.id)).status, 'succeeded')
  })

  test('a charge whose cancel came during its authorization is sent to no other provider', async () => {
    await bank().arm('lookup', 'hold_before')
    await bank().arm('authorize', 'cut_before')
    const before = (await bank().calls()).received.lookup
    const made = await world.tryCharge({ metadata: { to: 'both' } })
    assert.equal(made.status, 202)
    await bank().waitFor('received', 'lookup', before + 1)
    const wish = await wished(made.body.id)
    await release()
    const done = await ended(wish.again)
    assert.deepEqual([done.status, done.body.status], [200, 'failed'])
    assert.deepEqual(
      (await world.api.attempts(made.body.id)).map(({ provider, status }) => [provider, status]),
      [['bank_a', 'not_sent']],
    )
  })

  test('a charge whose cancel came during its authorization stays captured when the provider declines the refund, with an event', async () => {
    const charge = await held()
    const wish = await wished(charge.id)
    await bank().arm('refund', 'decline')
    await release()
    const refused = await ended(wish.again)
    assert.deepEqual(
      [refused.status, refused.body.decline_code, refused.body.charge?.status],
      [402, 'do_not_honor', 'succeeded'],
    )
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.succeeded', 'refund.failed'])
    assert.equal((await world.retrieve(charge.id)).cancel_requested, false)
    await world.tryRefund(charge.id)
    await until(
      () => world.retrieve(charge.id),
      ({ status }) => status === 'refunded',
    )
  })

  for (const [what, capture, status] of [
    ['cancel', false, 'canceled'],
    ['refund', true, 'refunded'],
  ] as const)
    test(`a charge whose cancel came during its authorization has its ${what} called again when the first call surely did not come`, async () => {
      const charge = await held({ capture })
      const wish = await wished(charge.id)
      await bank().arm(what, 'cut_before')
      await release()
      const done = await ended(wish.again)
      assert.deepEqual([done.status, done.body.status], [200, status])
      const calls = (await world.api.attempts(charge.id)).filter(({ kind }) => kind === what)
      assert.deepEqual(
        calls.map((each) => each.status),
        ['not_sent', 'succeeded'],
      )
    })
})

describe('a charge that was to be canceled while it was captured', () => {
  async function capturing(fault: string, amount?: number): Promise<string> {
    const made = await world.tryCharge({ capture: false })
    const { id } = await world.settled(made.body.id)
    const before = (await bank().calls()).received.capture
    await bank().arm('capture', fault)
    const { status } = await world.api.post(`/api/v1/charges/${id}/capture`, { amount })
    if (fault === 'hold_before') {
      assert.equal(status, 202)
      await bank().waitFor('received', 'capture', before + 1)
    }
    return id
  }

  test('a charge whose cancel came during its capture has what was captured refunded', async () => {
    const id = await capturing('hold_before', 700)
    const wish = await wished(id)
    await release()
    const done = await ended(wish.again)
    assert.deepEqual(
      [done.status, done.body.status, done.body.amount_captured, done.body.amount_refunded],
      [200, 'refunded', 700, 700],
    )
    assert.deepEqual(await world.eventsOf(id), [
      'payment.authorized',
      'payment.succeeded',
      'payment.refunded',
    ])
  })

  test('a charge whose cancel came during its capture is canceled when the capture failed', async () => {
    await bank().arm('lookup', 'hold_before')
    const before = (await bank().calls()).received.lookup
    const id = await capturing('cut_before')
    await bank().waitFor('received', 'lookup', before + 1)
    const wish = await wished(id)
    await release()
    const done = await ended(wish.again)
    assert.deepEqual([done.status, done.body.status], [200, 'canceled'])
    assert.deepEqual(await world.eventsOf(id), [
      'payment.authorized',
      'payment.capture_failed',
      'payment.canceled',
    ])
  })
})

describe('of two cancels', () => {
  test('the second of two cancels is refused, and a repetition of the first returns the current charge', async () => {
    const charge = await held()
    const wish = await wished(charge.id)
    const second = await cancel(charge.id)
    assert.deepEqual([second.status, second.body.code], [409, 'charge_not_cancelable'])
    const again = await wish.again()
    assert.deepEqual([again.status, again.headers.get('idempotent-replayed')], [202, 'true'])
    assert.deepEqual(again.body, await world.retrieve(charge.id))
    await release()
    assert.equal((await ended(wish.again)).body.status, 'refunded')
    assert.equal((await refundsOf(charge.id)).length, 1)
  })

  test('of a hundred cancels at once one is kept', async () => {
    const charge = await held({ capture: false })
    const answers = await Promise.all(Array.from({ length: 100 }, () => cancel(charge.id)))
    assert.equal(answers.filter(({ status }) => status === 202).length, 1)
    assert.equal(answers.filter(({ status }) => status === 409).length, 99)
    await release()
    assert.equal((await world.settled(charge.id)).status, 'canceled')
  })
})

test('a cancel against the outcome: whichever is first, nothing stays taken, and nothing is given back twice', async () => {
  const stories = Array.from({ length: 40 }, async (_, i) => {
    const capture = i % 2 === 0
    const made = await world.tryCharge({ capture, payment_method: 'tok_visa' })
    const answer = await cancel(made.body.id)
    assert.ok([200, 202, 409].includes(answer.status), JSON.stringify(answer.body))
    // Too late for a charge that was taken: that is refunded.
    if (answer.status === 409) {
      assert.equal(answer.body.code, 'charge_not_cancelable')
      await world.tryRefund(made.body.id)
    }
    return until(
      () => world.retrieve(made.body.id),
      ({ status }) => status === (capture ? 'refunded' : 'canceled'),
    )
  })
  for (const charge of await Promise.all(stories))
    assert.equal((await refundsOf(charge.id)).length, charge.capture ? 1 : 0)
})
